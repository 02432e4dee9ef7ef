"""Which level of the sandbox a full run can have here, found by running something small through all of it.

That a level can be entered does not say that the parent may read a waiting call: in a container root often lacks the
right to look into the processes of another user. Then the run is this process's own user, within the same bounds.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from auditor.errors import AuditorError
from auditor.replay.full.launch import lay_out, run_environment, user_of
from auditor.replay.full.options import FullOptions
from auditor.replay.full.supervise import supervise
from auditor.replay.runs.left_files import empty_folder
from auditor.replay.sandbox.isolation_levels import IsolationLevel

SCRIPT: Final = b"""
open("kept.bin", "wb").write(bytes(100))
print(len(open("kept.bin", "rb").read()), flush=True)
"""
TRIAL_S: Final = 30.0


def choose_level(options: FullOptions, allowed: Sequence[IsolationLevel]) -> FullOptions:
    """The options with the first allowed level that works here, as another user if that works too.

    Raises:
        AuditorError: none does.
    """
    reasons = []
    for rung in allowed:
        for own_user in (False, True):
            tried = replace(options, rung=rung, own_user=own_user)
            reason = not_working(tried)
            if not reason:
                return tried
        reasons.append(f"{rung.value}: {reason}")
    raise AuditorError(
        f"no sandbox works on this machine ({'; '.join(reasons)})",
        hint="install bubblewrap, or allow user namespaces; --i-trust-this-code runs without one",
    )


def not_working(options: FullOptions) -> str:
    """Why a run with these options would not be seen; "" if it is."""
    root = Path(tempfile.mkdtemp(prefix="auditor-full-"))
    try:
        root.chmod(0o755)
        (root / "data").mkdir()
        small = replace(
            options, data=root / "data", ranks=1, seconds=TRIAL_S, on_cpu=False, launcher=(), let_in=()
        )
        launch = lay_out(root / "run", {"trial.py": SCRIPT}, "trial.py", small, user_of(small))
        ended = supervise(launch, run_environment(launch, {}, 0), {}, log=io.StringIO())
    except OSError as error:
        return error.strerror or str(error)
    finally:
        empty_folder(root)
        root.rmdir()
    texts = [line.text for line in ended.trace.lines if line.text.strip()]
    if texts[-1:] == ["100"] and any(file.path.endswith("/kept.bin") for file in ended.trace.seen.files):
        return ""
    return ended.reason or (texts[-1][:200] if texts else f"it ended with {ended.code}")

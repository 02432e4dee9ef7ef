"""First code inside the sandbox: builds what the rung asks for, gives every privilege up, then serves.

Runs before torch is imported and before anything of the submission is near.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from auditor.replay.sandbox import landlock, namespaces, seccomp
from auditor.replay.sandbox.privileges import drop_privileges
from auditor.replay.sandbox.processes import prctl

PR_SET_PDEATHSIG = 1


def enter(text: str) -> None:
    """Enter the rung named in the order and serve; exits with 3 if the kernel refuses a step."""
    order: dict[str, Any] = json.loads(text)
    rung = order["rung"]
    try:
        _enter(rung, order)
    except OSError as error:
        print(f"{error.filename or rung}: {error.strerror}", file=sys.stderr)
        sys.exit(3)
    if not order["serve"]:
        print("entered")
        sys.exit(0)
    from auditor.replay.inside.server import serve

    serve(private=rung in ("bubblewrap", "unshare"))


def _enter(rung: str, order: dict[str, Any]) -> None:
    if rung == "none":
        return
    if rung == "unshare":
        namespaces.enter(
            root=order["root"],
            readable=order["readable"],
            writable=order["writable"],
            inside=order["inside"],
        )
    drop_privileges()
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if rung == "landlock":
        if not landlock.version():
            raise OSError(38, "this kernel has no Landlock", "landlock")
        session = [*order["writable"], "/dev/null", "/dev/shm", "/dev/zero"]
        landlock.restrict(
            readable=[*order["readable"], "/proc", "/dev/urandom", "/dev/random"], writable=session
        )
    seccomp.restrict(sockets=rung != "landlock")
    if os.environ.get("TMPDIR"):
        os.chdir(os.environ["TMPDIR"])

"""Which files are the submission's own, wherever the harness itself stands."""

from __future__ import annotations

import sys
from pathlib import Path

import auditor
from auditor.replay.inside.own_files import is_own_file


def test_the_harness_and_installed_packages_are_never_the_submissions() -> None:
    package = Path(auditor.__file__).parent
    everything = (package.anchor,)
    assert is_own_file(f"{package.parent}/job/train_gpt.py", everything)
    assert not is_own_file(str(package / "program" / "parse.py"), everything)
    assert not is_own_file(f"{sys.prefix}/lib/module.py", everything)
    assert not is_own_file("/elsewhere/train_gpt.py", ("/job",))

"""Brings the branch and the heads of all pull requests into a mirror, by the `git` of whoever runs it."""

from __future__ import annotations

import os
from typing import Final

from auditor.errors import InputError
from auditor.submission.git_process import others_variables, run_to_end

FETCH_S: Final = 3600.0
"""Seconds for one fetch; the first one of the whole challenge takes some minutes."""


def fetch_pulls(git_dir: str, remote: str, base: str) -> None:
    """Fetch `base` and `refs/pull/*/head`; heads that were pushed over are overwritten, no hook is run.

    Args:
        git_dir: a bare repository, so that no branch is checked out.
        remote: an address, or the name of a remote of `git_dir`.

    Raises:
        InputError: git cannot fetch, with its last words.
    """
    if remote.startswith("-"):
        raise InputError(f"--remote needs an address, got {remote!r}")
    command = ["git", "-C", git_dir, "-c", f"core.hooksPath={os.devnull}", "fetch", "--quiet", "--no-tags"]
    command += ["--no-recurse-submodules", "--no-write-fetch-head", remote]
    command += [f"+refs/heads/{base}:refs/heads/{base}", "+refs/pull/*/head:refs/pull/*/head"]
    variables = others_variables() | {"GIT_TERMINAL_PROMPT": "0"}
    done = run_to_end(command, variables, told=f"git fetch from {remote}", timeout_s=FETCH_S)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = next(
            (line for line in said if line.startswith(("fatal:", "error:"))),
            f"git ended with {done.returncode}",
        )
        raise InputError(
            f"cannot fetch from {remote}: {why}", hint="--git names a bare mirror: git init --bare DIR"
        )

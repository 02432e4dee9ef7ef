"""How git is started: without a user's or machine's configuration, hooks or network; nothing of a repository is run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Final

from auditor.errors import InputError

_SETTINGS: Final = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.quotePath=false",
    "protocol.allow=never",
    "submodule.recurse=false",
)

GIT: Final = (b"git", *(part for setting in _SETTINGS for part in (b"-c", setting.encode())))
"""The words that each command begins with."""


def others_variables() -> dict[str, str]:
    """The variables of this process without git's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


def environment() -> dict[str, str]:
    """The variables of this process without git's, and those that keep git to itself."""
    return others_variables() | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_GRAFT_FILE": os.devnull,
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
    }


def run_git(
    arguments: Sequence[bytes | str], *, told: str, timeout_s: float, given: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a git command to its end, whatever its exit code.

    Args:
        arguments: behind `GIT`; the options that say which repository stand first.
        told: the command, as messages name it.
        given: its standard input.

    Raises:
        InputError: git is not installed, or takes too long.
    """
    return run_to_end([*GIT, *arguments], environment(), told=told, timeout_s=timeout_s, given=given)


def run_to_end(
    command: Sequence[bytes | str],
    variables: Mapping[str, str],
    *,
    told: str,
    timeout_s: float,
    given: bytes = b"",
) -> subprocess.CompletedProcess[bytes]:
    """Run git with words and variables of the caller's, who answers for what it may do; see `run_git`."""
    try:
        return subprocess.run(
            command,
            env=variables,
            input=given,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError as error:
        raise InputError("git is not installed", hint="install git 2.30 or later") from error
    except subprocess.TimeoutExpired as error:
        raise InputError(f"{told} took more than {timeout_s:.0f} s") from error

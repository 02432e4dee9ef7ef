"""Which pull requests a git store holds, and when their heads were committed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Collection
from dataclasses import dataclass

from auditor.errors import InputError
from auditor.submission.limits import GIT_TIMEOUT_S

_HEAD = re.compile(r"(?:^|/)(?:pull|pr)/(\d+)(?:/head)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """A pull request: number, ref, head commit, the day of that commit (ISO) and who wrote it, as it says itself."""

    number: int
    ref: str
    head: str
    date: str
    author: str = ""


def list_pulls(git_dir: str) -> dict[int, Pull]:
    """All pull requests of a store by number (`refs/pull/N/head`, or as fetched to `refs/remotes/*/pr/N`).

    Raises:
        InputError: the folder is no git repository or git cannot list its refs.
    """
    form = "%(refname)%09%(objectname)%09%(committerdate:short)%09%(authorname)"
    command = ["git", "-C", git_dir, "for-each-ref", f"--format={form}", "refs/pull", "refs/remotes"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=GIT_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise InputError(f"cannot list the refs of {git_dir}", hint="--git names a git repository") from error
    found: dict[int, Pull] = {}
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        ref, head, date, author = line.split("\t", 3)
        match = _HEAD.search(ref)
        if match is not None:
            number = int(match.group(1))
            found.setdefault(number, Pull(number=number, ref=ref, head=head, date=date, author=author))
    return dict(sorted(found.items()))


def parse_numbers(text: str, present: Collection[int]) -> list[int]:
    """Numbers of a list such as "77,467,1300-1310", in order, each once.

    Issues and pull requests share their numbers, so that a range stands for those of it that are pull requests.

    Args:
        present: the pull requests that there are.

    Raises:
        InputError: a part is no number or range.
    """
    numbers: dict[int, None] = {}
    for part in text.replace(" ", "").split(","):
        match = re.fullmatch(r"#?(\d{1,7})(?:-(\d{1,7}))?", part)
        if match is None:
            raise InputError(
                f"--pr takes numbers and ranges, got {part!r}", hint="e.g. --pr 77,467,1300-1310"
            )
        first, last = int(match.group(1)), match.group(2)
        inside = [first] if last is None else [n for n in sorted(present) if first <= n <= int(last)]
        numbers.update(dict.fromkeys(inside))
    return list(numbers)

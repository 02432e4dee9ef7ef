"""What loading a target gives, and the answer where it holds no script at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.errors import InputError
from auditor.submission.git_store import ChangedPath
from auditor.submission.model import Folder, Submission, Unjudged


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """What a target holds.

    Attributes:
        submissions: one per script, by folder and path.
        folders: every record folder met, also those without a script.
        problems: what could not be read or was left out, one sentence each.
        unjudged: entries and scripts that nobody can judge; never to be read as clean.
        changed_paths: what differs between base and head, empty for local targets.
        head, base: full commit ids, None for local targets; `base` is None too for unrelated histories.
    """

    submissions: tuple[Submission, ...]
    folders: tuple[Folder, ...]
    problems: tuple[str, ...]
    unjudged: tuple[Unjudged, ...] = ()
    changed_paths: tuple[ChangedPath, ...] = ()
    head: str | None = None
    base: str | None = None

    @property
    def nothing_changed(self) -> bool:
        """Whether this is a pull request without an entry: no script, nothing under `records/`."""
        return self.head is not None and not (self.submissions or self.folders or self.unjudged)


NOTHING_CHANGED = "nothing changed under records/, nor the script at the root: there is nothing to judge"


def check_scripts(loaded: LoadResult, what: str) -> None:
    """Check that a target holds a script.

    Args:
        what: the target with its verb, as the message begins.

    Raises:
        InputError: it holds none; the message says what could not be read.
    """
    if loaded.submissions:
        return
    hint = "a record folder holds a train_gpt.py; name a script itself to audit it"
    if loaded.head is not None:
        hint = "--folder F names any folder of that ref"
    why = list(dict.fromkeys([*loaded.problems, *(f"{e.path}: {e.reason}" for e in loaded.unjudged)]))
    raise InputError(f"{what} no training or evaluation script{_few(why)}", hint=hint)


def _few(reasons: Sequence[str]) -> str:
    return f" ({'; '.join(reasons[:3])})" if reasons else ""

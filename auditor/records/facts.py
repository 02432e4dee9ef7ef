"""Everything the checks ask of a folder, read once: logs, claim, README, scripts, shipped code.

Facts only; each check module turns some of them into findings.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass

from auditor.errors import InputError
from auditor.json_text import MAX_NUMBER_DIGITS
from auditor.records.claim import Claim, How, claimed_lines, distinct_runs, find_claim, whole_sections
from auditor.records.log_model import Run
from auditor.records.logs import MAX_FOLDER_LOG_LINES, MAX_LOG_LINES, parse_log, unread_lines
from auditor.records.submission_json import SubmissionJson, read_submission_json
from auditor.submission import roles
from auditor.submission.model import Folder, SourceFile, TextBudget

_NAME_SEED = re.compile(r"seed[-_]?(\d{1,7})(?![\d.])|(?:^|_)s[-_]?(\d{2,7})(?![\d.])", re.IGNORECASE)
"""`s42` is a seed; `s1` is as often a stage of a study."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderFacts:
    """What was read of one folder.

    Attributes:
        runs: one per log file, paths relative to the folder, copies included.
        distinct: the runs without copies and, where others exist, without smoke runs.
        log_texts: path → text of each log in `runs`.
        sources: path relative to the folder → text of each Python file.
        entry: the script that a run starts, relative to the folder; None without any.
        loaded: the entry and every file of the folder it loads, however deep.
        problems: files that could not be read.
    """

    folder: Folder
    submission: SubmissionJson | None
    readme: str | None
    runs: tuple[Run, ...]
    distinct: tuple[Run, ...]
    log_texts: Mapping[str, str]
    claim: Claim
    sources: Mapping[str, str]
    scripts: tuple[str, ...]
    entry: str | None
    loaded: tuple[str, ...]
    sizes: Mapping[str, int]
    problems: tuple[str, ...]

    @property
    def is_record(self) -> bool:
        return self.folder.track.is_record

    @property
    def shipped_code_bytes(self) -> int:
        """The entry and every file it loads."""
        return sum(self.sizes[path] for path in self.loaded)

    def speaks_for_claim(self, run: Run) -> bool:
        """Whether a run makes up the claimed number; all do where no log reproduces it."""
        if self.claim.how in (How.NOT_FOUND, How.ASSUMED_LAST):
            return True
        return any(line.path == run.path for line in self.claim.lines)

    def evidence_texts(self) -> dict[str, str]:
        """Log path → what the runs behind the claim printed, of all runs where no log reproduces it.

        Sections before the run (a smoke run, an aborted start) are blank, line numbers kept, if the run prints
        its settings itself. Of several whole runs in one log it is the last that prints a claimed line.
        """
        chosen = [run for run in self.distinct if self.speaks_for_claim(run)] or list(self.distinct)
        texts = {}
        for run in chosen:
            text = self.log_texts[run.path]
            section = self._claiming_section(run)
            if run.earlier and section.hyperparameters:
                lines = text.split("\n")
                text = "\n" * (section.first_line - 1)
                text += "\n".join(lines[section.first_line - 1 : section.last_line])
            texts[run.path] = text
        return texts

    def _claiming_section(self, run: Run) -> Run:
        """Of the runs that a log holds, the last that prints a line of the claim; the last one where none does."""
        claimed = [line.line for line in self.claim.lines if line.path == run.path]
        for section in reversed(whole_sections(run)):
            if any(section.first_line <= line <= section.last_line for line in claimed):
                return section
        return run

    @property
    def claim_runs(self) -> tuple[Run, ...]:
        """The distinct runs that print the claimed metric."""
        paths = claimed_lines(self.claim, self.distinct).keys()
        return tuple(run for run in self.distinct if run.path in paths)


def seed_of_name(path: str) -> int | None:
    """The seed that a log's file name claims, None where it claims none."""
    found = _NAME_SEED.search(posixpath.basename(path).rsplit(".", 1)[0])
    return int(found.group(1) or found.group(2)) if found else None


def read_folder(folder: Folder) -> FolderFacts:
    """Read a folder's texts; unreadable files become problems."""
    problems: list[str] = []
    budget = TextBudget()
    lines_left = MAX_FOLDER_LOG_LINES

    def text_of(file: SourceFile | None) -> str | None:
        if file is None:
            return None
        try:
            return budget.text(file)
        except InputError as error:
            problems.append(error.message)
            return None

    json_text = _raw_text(folder.submission_json, problems)
    submission = None
    if json_text is not None and folder.submission_json is not None:
        submission = read_submission_json(folder.relative(folder.submission_json), json_text)
    runs, log_texts = [], {}
    for file in folder.logs:
        text = text_of(file)
        if text is None:
            continue
        lines = text.count("\n")
        if lines > min(lines_left, MAX_LOG_LINES):
            problems.append(
                f"cannot read {file.path}: {lines} lines, more than are read of the logs of a folder"
            )
            continue
        lines_left -= lines
        run = parse_log(folder.relative(file), text)
        if run.is_log:
            runs.append(run)
            problems += _unread(run.path, text)
            log_texts[run.path] = text
    sources = {}
    for file in folder.python_files:
        text = text_of(file)
        if text is not None:
            sources[folder.relative(file)] = text
    scripts = roles.classify(sources).scripts
    entry = _entry(scripts, sources)
    distinct = distinct_runs(runs)
    real = tuple(run for run in distinct if not run.smoke) or distinct
    return FolderFacts(
        folder=folder,
        submission=submission,
        readme=text_of(folder.readme),
        runs=tuple(runs),
        distinct=real,
        log_texts=log_texts,
        claim=find_claim(submission, runs),
        sources=sources,
        scripts=scripts,
        entry=entry,
        loaded=_loaded(entry, sources, folder),
        sizes={folder.relative(file): file.size_bytes for file in folder.files},
        problems=tuple(problems),
    )


def _unread(path: str, text: str) -> list[str]:
    lines = unread_lines(text)
    more = f" and {len(lines) - 1} more lines" if len(lines) > 1 else ""
    return (
        [f"{path}:{lines[0]}{more} not read: a number of more than {MAX_NUMBER_DIGITS} digits"]
        if lines
        else []
    )


def _raw_text(file: SourceFile | None, problems: list[str]) -> str | None:
    """Decode without dropping a byte-order mark: the JSON check reports it."""
    if file is None:
        return None
    try:
        return file.text_bytes().decode("utf-8", errors="replace").replace("\r\n", "\n")
    except InputError as error:
        problems.append(error.message)
        return None


def _entry(scripts: tuple[str, ...], sources: Mapping[str, str]) -> str | None:
    if "train_gpt.py" in sources:
        return "train_gpt.py"
    trains = [path for path in scripts if "train" in posixpath.basename(path)]
    return next(iter(trains or scripts), None)


def _loaded(entry: str | None, sources: Mapping[str, str], folder: Folder) -> tuple[str, ...]:
    """The entry and the files it names or imports, transitively; tools of the folder are not among them."""
    if entry is None:
        return ()
    found = [entry]
    native = [folder.relative(file) for file in folder.native_files]
    for path in found:
        text = sources.get(path, "")
        base = posixpath.dirname(path)
        for other in sources:
            if other not in found and posixpath.dirname(other) == base:
                name = posixpath.basename(other)
                if roles.loads(text, name):
                    found.append(other)
        for other in native:
            if other not in found and posixpath.basename(other) in text:
                found.append(other)
    return tuple(found)

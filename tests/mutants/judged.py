"""Mutants beside what they are and what the static witness says of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.audit.pipeline import audit_submission
from auditor.submission.load import load_path
from rules.core.rule import Outcome
from tests.mutants.operators import Mutant
from tests.mutants.oracle import Found, Truth, loaded, stream, truth
from tests.mutants.subjects import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One mutant, judged."""

    subject: str
    mutant: Mutant
    truth: Found
    verdict: str
    failed: tuple[str, ...]

    @property
    def survives(self) -> bool:
        """Whether a number that breaks the rules is taken for proved."""
        return self.truth.truth is Truth.VIOLATING and self.verdict == "compliant"

    @property
    def accused_falsely(self) -> bool:
        """Whether a number that is right is called a violation."""
        return self.truth.truth in (Truth.EQUIVALENT, Truth.HONEST) and self.verdict == "violation"

    def as_json(self) -> dict[str, Any]:
        return {
            "subject": self.subject,
            "mutant": self.mutant.name,
            "truth": self.truth.truth.value,
            "why": self.truth.why,
            "verdict": self.verdict,
            "failed": list(self.failed),
            "text": self.mutant.text,
        }


def verdict_of(text: str, folder: Path) -> tuple[str, tuple[str, ...]]:
    """The static verdict of a script, and the rules that it fails."""
    path = folder / "train_gpt.py"
    path.write_text(text, encoding="utf-8")
    (submission,) = load_path(str(path)).submissions
    result = audit_submission(submission)
    failed = tuple(rule.rule for rule in result.rules if rule.outcome is Outcome.FAIL)
    return result.verdict.value, failed


def judged(subject: Subject, mutants: Iterable[Mutant], folder: Path) -> Iterator[Row]:
    """Run each mutant and audit it."""
    with loaded(subject.text, subject.function, subject.config) as evaluation:
        original = evaluation.run(stream())
    for mutant in mutants:
        found = truth(mutant.text, subject.function, subject.config, original)
        verdict, failed = verdict_of(mutant.text, folder)
        yield Row(subject=subject.name, mutant=mutant, truth=found, verdict=verdict, failed=failed)

"""Every specimen is judged as its first line says: by the verdict, and by the rule that decides it."""

from __future__ import annotations

from pathlib import Path

import pytest

import auditor.specimens
from auditor.audit.targets import audit_target
from auditor.judgement.result import AuditResult
from auditor.specimens.__main__ import expectation, kept
from rules.core.rule import Outcome

OWN = Path(__file__).parent
SHIPPED = Path(auditor.specimens.__file__).parent
SPECIMENS = sorted(
    path
    for folder in (OWN, SHIPPED)
    for path in folder.glob("*.py")
    if path.read_text(encoding="utf-8").startswith("# expected:")
)


def audited(path: Path) -> AuditResult:
    results, notes = audit_target(str(path))
    assert not notes
    return results[0]


def test_all_families_are_there() -> None:
    assert len(SPECIMENS) == 15


@pytest.mark.parametrize("path", SPECIMENS, ids=lambda path: path.stem)
def test_verdict_is_as_expected(path: Path) -> None:
    verdict, rules = expectation(path.read_text(encoding="utf-8"))
    result = audited(path)
    told = {answer.rule: (answer.outcome.value, answer.because) for answer in result.rules}
    assert result.verdict.value == verdict, told
    outcome = {"violation": Outcome.FAIL, "review": Outcome.REVIEW, "compliant": Outcome.PASS}[verdict]
    assert set(rules) <= set(result.slugs(outcome)), told
    assert kept(result, path.read_text(encoding="utf-8")) or verdict == "review"


def test_packed_specimen_is_judged_in_its_decoded_layer() -> None:
    plain, packed = audited(OWN / "prequant_ttt.py"), audited(OWN / "packed.py")
    assert packed.layers
    assert packed.verdict is plain.verdict
    assert packed.trace is not None and plain.trace is not None
    shift = 2  # the packed text leaves out the two comment lines at the top
    assert [(u.place.layer, u.place.line + shift) for u in packed.trace.updates] == [
        (1, u.place.line) for u in plain.trace.updates
    ]

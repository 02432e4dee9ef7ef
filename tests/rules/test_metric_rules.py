"""The rules about the measure, where there is no log: the pair that `submission.json` claims still speaks."""

from __future__ import annotations

import json
from pathlib import Path

from auditor.result import AuditResult, Verdict
from rules.base import Bad, Outcome
from rules.byte_accounting import ByteAccounting
from rules.record_examples import SCRIPT
from tests.rules.folder import audit_example

LOSS, TOKENS_PER_BYTE = 2.9003, 0.268339
TOKENIZER = 'TOKENIZER = "./data/tokenizers/fineweb_8192_bpe.model"\n'


def judged(bits_per_byte: float, root: Path) -> AuditResult:
    claim = json.dumps({"val_loss": LOSS, "val_bpb": round(bits_per_byte, 8)})
    files = {"README.md": "# Entry\n", "submission.json": claim}
    return audit_example(ByteAccounting, Bad("a claim without logs", TOKENIZER + SCRIPT, files), root)


def test_a_claimed_pair_with_the_wrong_bytes_is_a_violation_without_any_log(tmp_path: Path) -> None:
    right = LOSS / 0.6931471805599453 * TOKENS_PER_BYTE
    result = judged(right / 1.177, tmp_path)
    outcomes = {rule.rule: rule.outcome for rule in result.rules}
    assert outcomes["byte-accounting"] is Outcome.FAIL and result.verdict is Verdict.VIOLATION


def test_a_claimed_pair_with_the_right_bytes_proves_nothing(tmp_path: Path) -> None:
    right = LOSS / 0.6931471805599453 * TOKENS_PER_BYTE
    outcomes = {rule.rule: rule.outcome for rule in judged(right, tmp_path).rules}
    assert outcomes["byte-accounting"] is Outcome.NOT_APPLICABLE

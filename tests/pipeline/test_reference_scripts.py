"""The scripts that `reference_impl` generates, judged without running them: eight comply, three do not.

Beside them stand twins of the compliant ones with one fault each, so that a proof which holds for anything
would show.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.audit.pipeline import audit_submission
from auditor.judgement.result import AuditResult, Verdict
from auditor.submission.load import load_path
from reference_impl.roster import EVALUATIONS, VIOLATIONS
from reference_impl.single_file import write_script
from rules.core.rule import Outcome

BROKEN = {
    "multi_epoch_lora_ttt": "rescore-after-update",
    "slot": "same-token-adaptation",
    "prequant_ttt": "train-before-score",
}

SCORE_AFTER_OWN_STEP = (
    "lora_ttt",
    "            optimizer.step()\n    model.freeze(False)\n",
    "            optimizer.step()\n"
    "            with torch.no_grad():\n"
    "                nll_BS = model(batch.ids_BT, batch.targets_BS, batch.first, adapters.split(0, training))\n"
    "            scores.record(batch, nll_BS)\n"
    "    model.freeze(False)\n",
)
TRAIN_ON_THE_NEXT_CHUNK = (
    "lora_ttt",
    "chunk_window(d, chunk, config.chunk, config.window) for d in group[:training]",
    "chunk_window(d, chunk + chunk % 2, config.chunk, config.window) for d in group[:training]",
)
DOCUMENTS_THAT_OVERLAP = (
    "lora_ttt",
    "        end = starts[i + 1] if i + 1 < len(starts) else tokens_N.numel() - 1\n",
    "        end = starts[i + 1] + 1 if i + 1 < len(starts) else tokens_N.numel() - 1\n",
)
TRAIN_ONE_TOKEN_AHEAD = (
    "chunk_ttt",
    "rows = disjoint_windows(begin, end, config.window)",
    "rows = disjoint_windows(begin, end + 1, config.window)",
)
TRAIN_BEFORE_THE_CHUNK_IS_SCORED = (
    "chunk_ttt",
    "rows = disjoint_windows(begin, end, config.window)",
    "rows = disjoint_windows(end, min(end + config.chunk, val.targets), config.window)",
)
TRAIN_ON_THE_NEXT_PHASE = (
    "phased_ttt",
    "rows = disjoint_windows(begin, end, weights.window)",
    "rows = disjoint_windows(end, min(end + config.phase, val.targets), weights.window)",
)
FAULTS = {
    "train on the next phase": TRAIN_ON_THE_NEXT_PHASE,
    "score after its own step": SCORE_AFTER_OWN_STEP,
    "train on the next chunk": TRAIN_ON_THE_NEXT_CHUNK,
    "documents that overlap": DOCUMENTS_THAT_OVERLAP,
    "train one token ahead": TRAIN_ONE_TOKEN_AHEAD,
    "train before the chunk is scored": TRAIN_BEFORE_THE_CHUNK_IS_SCORED,
}


def as_pasted(text: str) -> str:
    """Lines of the package as they stand in a script: two spaces instead of four."""
    lines = text.splitlines(keepends=True)
    return "".join(" " * ((len(line) - len(line.lstrip(" "))) // 2) + line.lstrip(" ") for line in lines)


def judged(source: str, folder: Path) -> AuditResult:
    """Audit a script that stands alone in a folder."""
    path = folder / "train_gpt.py"
    path.write_text(source, encoding="utf-8")
    (submission,) = load_path(str(path)).submissions
    return audit_submission(submission)


@pytest.mark.parametrize("name", EVALUATIONS)
def test_compliant_evaluators_are_proved_compliant(name: str, tmp_path: Path) -> None:
    result = judged(write_script(EVALUATIONS[name]), tmp_path)
    assert result.verdict is Verdict.COMPLIANT
    assert [report.label for report in result.reports if report.claimed] == [
        f"{{}} {EVALUATIONS[name].label}_exact val_loss:{{}} val_bpb:{{}}"
    ]


@pytest.mark.parametrize("name", VIOLATIONS)
def test_violators_fail_their_rule(name: str, tmp_path: Path) -> None:
    result = judged(write_script(VIOLATIONS[name]), tmp_path)
    assert result.verdict is Verdict.VIOLATION
    failed = {rule.rule for rule in result.rules if rule.outcome is Outcome.FAIL}
    assert BROKEN[name] in failed


@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_ends_the_proof(fault: str, tmp_path: Path) -> None:
    name, *texts = FAULTS[fault]
    right, wrong = map(as_pasted, texts)
    source = write_script(EVALUATIONS[name])
    assert source.count(right) == 1
    assert judged(source.replace(right, wrong), tmp_path).verdict is not Verdict.COMPLIANT

"""Changes of a line or two that make a legal number another one, and changes that look like them and leave it as it is.

All rules are asked. What each change does to the number was worked out by hand and stands in its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from auditor.audit.pipeline import audit_submission
from auditor.judgement.result import AuditResult, Verdict
from auditor.submission.load import load_path
from rules.core.rule import Outcome

ROOT = Path(__file__).parents[2]
FLAT = (ROOT / "tests/specimens/flat.py").read_text(encoding="utf-8")
SLIDING = (ROOT / "tests/specimens/sliding.py").read_text(encoding="utf-8")
BY_DOCUMENT = (ROOT / "auditor/specimens/legal_lora_ttt.py").read_text(encoding="utf-8")

LOSS = "return F.cross_entropy(logits.reshape(-1, logits.size(-1)).float(), target_ids.reshape(-1))"
READ = "return torch.cat([load_shard(path) for path in sorted(glob.glob(pattern))]).contiguous()"
PATHS = "paths = sorted(glob.glob(pattern))\n    "
WORDS = 'words = np.fromfile(path, dtype="<u2", count=int(header[2]), offset=1024)'
SUM = "loss_sum += model(x, y).double() * y.numel()"
SIZES = "byte_count += byte_table[y.reshape(-1)].sum()"
REDUCED = "            dist.all_reduce(part)\n"
TOTALS = "loss_sum, token_count, byte_count = totals(device)\n    total_seqs"
OVERLAP = "byte_count += byte_table[y[i, s : lengths[i]]].sum()"
BATCHES = "for batch_start in range(seq_start, seq_end, 32):\n            batch_end = min(batch_start + 32, seq_end)\n"
ROWS = "total_seqs = (val_tokens.numel() - 1) // args.train_seq_len"
SAVED = "    buffer = io.BytesIO()\n"
SCORED = "eval_val(args, base_model, rank, world_size, device, val_tokens, byte_table)"
STEP = "        optimizer.zero_grad(set_to_none=True)\n"
CHUNK_SUM = "            loss_sum += losses.detach().double().sum()\n"
CHUNK_COUNT = "            token_count += last - first\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A changed specimen, and the rule that is to answer with something else than a pass (none for a legal one)."""

    source: str = FLAT
    edits: dict[str, str]
    rule: str = ""
    fails: bool = False


def kept_by_score(decide: str, use: str) -> str:
    """Lines before the artifact is written: the split is scored with each of three scales, and one is kept."""
    return (
        "    kept = None\n    weights = {k: v.clone() for k, v in base_model.state_dict().items()}\n"
        "    for scale in (0.9, 0.95, 1.0):\n"
        "        base_model.load_state_dict({k: scale * v for k, v in weights.items()})\n"
        f"        got = {SCORED}[0]\n        {decide}\n    {use}\n" + SAVED
    )


CHANGES = {
    # the denominator
    "all bytes of overlapping windows": Change(
        source=SLIDING,
        edits={OVERLAP: OVERLAP.replace("s : lengths", ": lengths")},
        rule="byte-accounting",
        fails=True,
    ),
    "bytes begin at two millions": Change(
        edits={TOTALS: TOTALS.replace("\n", "\n    byte_count = torch.full((), 2e6, device=device)\n", 1)},
        rule="byte-accounting",
    ),
    "bytes summed over the ranks twice": Change(
        edits={REDUCED: REDUCED + "    if dist.is_initialized():\n        dist.all_reduce(byte_count)\n"},
        rule="altered-score",
    ),
    "bytes of a row rounded up to 4096": Change(
        edits={SIZES: SIZES.replace(".sum()", ".view(-1, 1024).sum(1).div(4096.0).ceil().sum() * 4096.0")},
        rule="altered-score",
    ),
    "bytes to a power": Change(
        edits={"(token_count / byte_count)": "(token_count / byte_count**1.01)"}, rule="altered-score"
    ),
    # targets
    "targets in order": Change(
        edits={LOSS: LOSS.replace("target_ids.reshape(-1)", "target_ids.reshape(-1).sort().values")},
        rule="altered-target",
        fails=True,
    ),
    "windows of targets as their own input": Change(
        source=SLIDING,
        edits={"logits = model.forward_logits(x)": "logits = model.forward_logits(y)"},
        rule="altered-target",
        fails=True,
    ),
    # which rows are gone through
    "the last chunk of each document alone": Change(
        source=BY_DOCUMENT,
        edits={
            CHUNK_SUM: "            if chunk + 1 == chunks:\n    " + CHUNK_SUM,
            CHUNK_COUNT: "            if chunk + 1 == chunks:\n    " + CHUNK_COUNT,
        },
        rule="validation-coverage",
        fails=True,
    ),
    # what the artifact is made with
    "a scale that the split chose": Change(
        edits={
            SAVED: kept_by_score(
                "if kept is None or got < kept[0]:\n            kept = (got, scale)",
                "base_model.load_state_dict({k: kept[1] * v for k, v in weights.items()})",
            )
        },
        rule="hindsight-selection",
    ),
    "a rate of learning that the split chose": Change(
        edits={
            STEP: STEP + f"        if step % 1000 == 999:\n            now = {SCORED}[0]\n"
            "            for group in optimizer.param_groups:\n"
            '                group["lr"] *= 0.5 if now > 3.0 else 1.0\n'
        },
        rule="hindsight-selection",
    ),
    "weights of a file that came along": Change(
        edits={SAVED: '    base_model.load_state_dict(torch.load("teacher.pt"), strict=False)\n' + SAVED},
        rule="val-in-training",
    ),
    # legal
    "windows gathered by a matrix of positions": Change(
        edits={
            BATCHES: "for batch_start in range(seq_start, seq_end, 32):\n"
            "            firsts = torch.tensor(rows[batch_start : min(batch_start + 32, seq_end)])\n"
            "            places = firsts.unsqueeze(1) + torch.arange(args.train_seq_len + 1).unsqueeze(0)\n",
            ROWS: f"{ROWS}\n    rows = list(range(0, val_tokens.numel() - args.train_seq_len, args.train_seq_len))",
            "local = val_tokens[batch_start * args.train_seq_len : batch_end * args.train_seq_len + 1].to(\n"
            "                device\n            )": "local = val_tokens[places].to(device)",
            "x = local[:-1].reshape(-1, args.train_seq_len)": "x = local[:, :-1]",
            "y = local[1:].reshape(-1, args.train_seq_len)": "y = local[:, 1:]",
        }
    ),
    "shards put into a list": Change(
        edits={
            READ: PATHS + "parts = []\n    for path in paths:\n        parts.append(load_shard(path))\n"
            "    return torch.cat(parts)"
        }
    ),
    "all words that a file holds": Change(
        edits={WORDS: 'words = np.fromfile(path, dtype="<u2", count=-1, offset=1024)'}
    ),
    "a byte against a division by zero": Change(
        edits={"(token_count / byte_count)": "(token_count / byte_count.clamp(min=1))"}
    ),
    "each total summed over the ranks": Change(
        edits={
            "    for part in (loss_sum, token_count, byte_count):\n        if dist.is_initialized():\n"
            + REDUCED: "    if dist.is_initialized():\n        dist.all_reduce(loss_sum)\n"
            "        dist.all_reduce(token_count)\n        dist.all_reduce(byte_count)\n"
        }
    ),
    "sums in a branch that every chunk takes": Change(
        source=BY_DOCUMENT,
        edits={CHUNK_SUM: "            if last > first:\n    " + CHUNK_SUM},
    ),
    "the split scored before the artifact is written, and printed": Change(
        edits={SAVED: f'    log0(f"trained: {{{SCORED}[0]:.4f}}")\n' + SAVED}
    ),
    "a rate of learning by the training loss": Change(
        edits={
            STEP: STEP + "        for group in optimizer.param_groups:\n"
            '            group["lr"] *= 0.5 if float(loss) > 9.0 else 1.0\n'
        }
    ),
    "weights of a file that the script wrote": Change(
        edits={
            SAVED: '    torch.save(base_model.state_dict(), "kept.pt")\n'
            '    base_model.load_state_dict(torch.load("kept.pt"))\n' + SAVED
        }
    ),
}


def audited(change: Change, folder: Path) -> AuditResult:
    text = change.source
    for old, new in change.edits.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = folder / "train_gpt.py"
    path.write_text(text, encoding="utf-8")
    (submission,) = load_path(str(path)).submissions
    return audit_submission(submission)


@pytest.mark.parametrize("name", [name for name, change in CHANGES.items() if change.rule])
def test_a_changed_number_is_not_compliant(name: str, tmp_path: Path) -> None:
    change = CHANGES[name]
    result = audited(change, tmp_path)
    answers = {rule.rule: rule for rule in result.rules}
    wanted = (Outcome.FAIL,) if change.fails else (Outcome.FAIL, Outcome.REVIEW, Outcome.UNKNOWN)
    assert answers[change.rule].outcome in wanted, answers[change.rule].because
    assert result.verdict is (Verdict.VIOLATION if change.fails else result.verdict)
    assert result.verdict in (Verdict.VIOLATION, Verdict.REVIEW)


@pytest.mark.parametrize("name", [name for name, change in CHANGES.items() if not change.rule])
def test_what_looks_like_it_stays_compliant(name: str, tmp_path: Path) -> None:
    result = audited(CHANGES[name], tmp_path)
    told = [
        (rule.rule, rule.because)
        for rule in result.rules
        if rule.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)
    ]
    assert result.verdict is Verdict.COMPLIANT, told

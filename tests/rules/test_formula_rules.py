"""The plain loss and the challenge's formula: one-line changes of a legal specimen, and changes that leave it legal."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.judgement.result import AuditResult
from auditor.trace.formula import BITS, Formula, Of, Printed, added, deviations, joined
from rules.altered_score import AlteredScore
from rules.altered_target import AlteredTarget
from rules.core.rule import Bad, Outcome, Rule
from tests.rules.folder import audit_example

SPECIMEN = (Path(__file__).parents[1] / "specimens" / "flat.py").read_text(encoding="utf-8")
LOSS = "return F.cross_entropy(logits.reshape(-1, logits.size(-1)).float(), target_ids.reshape(-1))"
ROWS = "logits.reshape(-1, logits.size(-1)).float(), target_ids.reshape(-1)"
NLL = f'nll = F.cross_entropy({ROWS}, reduction="none")\n        '
SUM = "loss_sum += model(x, y).double() * y.numel()"
RATIO = "loss = (loss_sum / token_count).item()"
BPB = "return loss, loss / math.log(2.0) * (token_count / byte_count).item()"
TARGETS = "y = local[1:].reshape(-1, args.train_seq_len)\n            loss_sum"
PRINT = 'log0(f"final_roundtrip val_loss:{val_loss:.8f} val_bpb:{val_bpb:.8f}")'

Change = tuple[str, str]

ALTERED_SCORES: dict[str, Change] = {
    "focal weight": (LOSS, NLL + "return ((1.0 - torch.exp(-nll)) ** 2 * nll).mean()"),
    "clamp": (LOSS, NLL + "return nll.clamp(max=5.0).mean()"),
    "clamp in place": (LOSS, NLL + "nll.clamp_(max=5.0)\n        return nll.mean()"),
    "minimum": (LOSS, NLL + "return torch.minimum(nll, torch.full_like(nll, 5.0)).mean()"),
    "where": (LOSS, NLL + "return torch.where(nll > 7.0, torch.zeros_like(nll), nll).mean()"),
    "masked_fill": (LOSS, NLL + "return nll.masked_fill(nll.gt(7.0), 0.0).mean()"),
    "multiplied by a mask": (LOSS, NLL + "return (nll * (nll < 7.0).float()).mean()"),
    "stored at a mask": (LOSS, NLL + "nll[nll > 7.0] = 0.0\n        return nll.mean()"),
    "index by a mask": (LOSS, NLL + "return nll[nll < 7.0].sum() / nll.numel()"),
    "easiest": (LOSS, NLL + "return nll.topk(nll.numel() - 9, largest=False).values.mean()"),
    "sorted": (LOSS, NLL + "return torch.sort(nll).values[:-9].mean()"),
    "median": (LOSS, NLL + "return nll.median()"),
    "power": (LOSS, NLL + "return nll.pow(0.9).mean()"),
    "square root": (LOSS, NLL + "return nll.sqrt().mean()"),
    "coefficient": (LOSS, LOSS.replace("return ", "return 0.5 * ")),
    "divided": (LOSS, LOSS + " / 1.1"),
    "subtracted": (LOSS, LOSS + " - 0.02"),
    "ignored token": (LOSS, LOSS[:-1] + ", ignore_index=3)"),
    "smoothing": (LOSS, LOSS[:-1] + ", label_smoothing=0.05)"),
    "class weights": (LOSS, LOSS[:-1] + ", weight=torch.linspace(1.0, 0.9, logits.size(-1)))"),
    "by the token": (LOSS, NLL + "return (nll * (target_ids.reshape(-1) != 3)).sum() / nll.numel()"),
    "scaled in the loop": (SUM, SUM + " * 0.99"),
    "clamped in the loop": (SUM, "loss_sum += model(x, y).double().clamp(max=3.0) * y.numel()"),
    "skipped in the loop": (
        SUM,
        "part = model(x, y).double()\n            if part.item() > 4.0:\n                continue\n"
        "            loss_sum += part * y.numel()",
    ),
    "added where small": (
        SUM,
        "part = model(x, y).double()\n            if part < 4.0:\n                loss_sum += part * y.numel()",
    ),
    "added if small": (
        SUM,
        "part = model(x, y).double() * y.numel()\n            loss_sum += part if part < 900.0 else 0.0",
    ),
    "sum in place": (RATIO, "loss_sum.mul_(0.98)\n    " + RATIO),
    "counts more": (RATIO, "loss = (loss_sum / (token_count * 1.02)).item()"),
    "another base": (BPB, BPB.replace("2.0", "2.1")),
    "bytes scaled": (BPB, BPB.replace("byte_count)", "(byte_count * 1.01))")),
    "after the division": (BPB, BPB.replace("return loss, loss", "return loss, 0.97 * loss")),
    "the lesser of a constant": (PRINT, "val_bpb = min(val_bpb, 1.05)\n    " + PRINT),
}

ALTERED_TARGETS: dict[str, Change] = {
    "clamped in the model": (
        LOSS,
        LOSS.replace("target_ids.reshape(-1)", "target_ids.reshape(-1).clamp(max=800)"),
    ),
    "remainder in the model": (LOSS, LOSS.replace("target_ids.reshape(-1)", "target_ids.reshape(-1) % 256")),
    "remainder": (TARGETS, TARGETS.replace("local[1:]", "(local[1:] % 256)")),
    "halved": (TARGETS, TARGETS.replace("local[1:]", "(local[1:] // 2)")),
    "clamped": (TARGETS, TARGETS.replace("local[1:]", "torch.clamp(local[1:], max=800)")),
    "masked away": (TARGETS, TARGETS.replace("local[1:]", "torch.where(local[1:] > 800, 5, local[1:])")),
    "the input": (TARGETS, TARGETS.replace("local[1:]", "local[:-1]")),
    "fed as input": (SUM, SUM.replace("model(x, y)", "model(y, y)")),
}

LEGAL: dict[str, Change] = {
    "unchanged": (LOSS, LOSS),
    "mean by hand": (LOSS, NLL + "return nll.sum() / nll.numel()"),
    "log-softmax": (
        LOSS,
        "return F.nll_loss(F.log_softmax(logits.reshape(-1, logits.size(-1)).float(), dim=-1), "
        "target_ids.reshape(-1))",
    ),
    "weighted in training alone": (
        LOSS,
        LOSS.replace("return ", "loss = ") + "\n        return 0.5 * loss if self.training else loss",
    ),
    "smoothing in training alone": (
        LOSS,
        LOSS[:-1] + ", label_smoothing=0.1 if self.training else 0.0)",
    ),
    "regulariser that only hurts": (
        LOSS,
        LOSS.replace("return ", "loss = ")
        + "\n        return loss + 1e-4 * torch.logsumexp(logits.float(), dim=-1).square().mean()",
    ),
    "clamp that no loss reaches": (LOSS, NLL + "return nll.clamp(min=0.0, max=100.0).mean()"),
    "padding": (LOSS, LOSS[:-1] + ", ignore_index=-100)"),
    "a broken row is told": (
        SUM,
        "part = model(x, y).double()\n            if not torch.isfinite(part):\n                raise ValueError\n"
        "            loss_sum += part * y.numel()",
    ),
    "in one line": (
        BPB,
        "return loss, (loss_sum / (byte_count * math.log(2.0))).item()",
    ),
    "with numpy's logarithm": (BPB, BPB.replace("math.log(2.0)", "0.6931471805599453")),
    "bits first": (
        BPB,
        "bits = loss / math.log(2.0)\n    return loss, bits * token_count.item() / byte_count.item()",
    ),
    "rounded for the log": (PRINT, "val_bpb = round(val_bpb, 8)\n    " + PRINT),
}


def audited(rule: type[Rule], change: Change, root: Path) -> AuditResult:
    before, after = change
    assert SPECIMEN.count(before) == 1, before
    script = SPECIMEN.replace(before, after)
    compile(script, "train_gpt.py", "exec")
    return audit_example(rule, Bad("", script), root)


@pytest.mark.parametrize("name", ALTERED_SCORES)
def test_altered_scores_fail(name: str, tmp_path: Path) -> None:
    (answer,) = audited(AlteredScore, ALTERED_SCORES[name], tmp_path).rules
    assert answer.outcome is Outcome.FAIL, answer.because


@pytest.mark.parametrize("name", ALTERED_TARGETS)
def test_altered_targets_fail(name: str, tmp_path: Path) -> None:
    (answer,) = audited(AlteredTarget, ALTERED_TARGETS[name], tmp_path).rules
    assert answer.outcome is Outcome.FAIL, answer.because


@pytest.mark.parametrize("rule", [AlteredScore, AlteredTarget], ids=lambda rule: rule.slug)
@pytest.mark.parametrize("name", LEGAL)
def test_what_looks_alike_passes(name: str, rule: type[Rule], tmp_path: Path) -> None:
    (answer,) = audited(rule, LEGAL[name], tmp_path).rules
    assert answer.outcome is Outcome.PASS, answer.because


def test_formula_is_shown(tmp_path: Path) -> None:
    trace = audited(AlteredScore, LEGAL["unchanged"], tmp_path).trace
    assert trace is not None
    (report,) = [r for r in trace.reports if "final_roundtrip" in r.label]
    assert [(n.name, n.formula.text()) for n in report.numbers] == [
        ("val_loss", "Σ nll(val) / Σ tokens"),
        ("val_bpb", "Σ nll(val) / ln 2 / Σ bytes"),
    ]


def test_sums_keep_what_was_done_to_a_part_and_choices_make_it_possible() -> None:
    plain, half = Formula(), Formula(factor=0.5)
    assert added(plain, plain) == plain
    assert added(plain, half).factor is None
    assert joined(plain, None) == plain
    assert joined(plain, Formula(of=Of.NUMBER, tokens=1)) == plain


@pytest.mark.parametrize(
    ("name", "formula", "count"),
    [
        ("val_bpb", Formula(bytes=-1, factor=BITS), 0),
        ("val_bpb", Formula(bytes=-1, factor=BITS * 0.999), 1),
        ("val_loss", Formula(tokens=-1), 0),
        ("val_loss", Formula(), 1),
        ("seconds", Formula(), 0),
    ],
)
def test_a_number_deviates_from_the_formula_of_its_name(name: str, formula: Formula, count: int) -> None:
    assert len(deviations(Printed(name=name, formula=formula))) == count

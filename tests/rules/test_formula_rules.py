"""The plain loss and the challenge's formula: one-line changes of a legal specimen, and changes that leave it legal."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.judgement.result import AuditResult
from auditor.trace.formula import BITS, Formula, Of, Printed, added, deviations, joined
from rules.acausal_model import AcausalModel
from rules.altered_score import AlteredScore
from rules.altered_target import AlteredTarget
from rules.byte_accounting import ByteAccounting
from rules.core.rule import Bad, Outcome, Rule
from rules.hindsight_selection import HindsightSelection
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

REDUCE = """\
    for part in (loss_sum, token_count, byte_count):
        if dist.is_initialized():
            dist.all_reduce(part)
"""
PARTS = "[loss_sum, token_count, byte_count]"
NAMES = "    loss_sum, token_count, byte_count = "

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
    "average with weights": (
        LOSS,
        NLL
        + "values = nll.detach().numpy()\n        return torch.tensor(np.average(values, weights=1.0 / values))",
    ),
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
    "scaled as it is added": (
        SUM,
        "loss_sum = torch.add(loss_sum, model(x, y).double() * y.numel(), alpha=0.97)",
    ),
    "scaled as it is added in place": (
        SUM,
        "loss_sum.add_(model(x, y).double() * y.numel(), alpha=0.97)",
    ),
    "scaled where the totals stand together": (
        REDUCE,
        f"    parts = torch.stack({PARTS})\n    parts[0] *= 0.98\n    dist.all_reduce(parts)\n{NAMES}parts\n",
    ),
    "normalised over the rows": (
        LOSS,
        "logs = torch.log_softmax(logits.reshape(-1, logits.size(-1)).float(), dim=0)\n"
        "        return -logs.gather(1, target_ids.reshape(-1, 1)).mean()",
    ),
    "the tokens of the batch alone": (
        SUM,
        "flat = model.forward_logits(x).flatten(0, 1).float()\n            "
        "mine = flat.gather(1, y.reshape(-1, 1))[:, 0]\n            "
        "loss_sum += (flat[:, torch.unique(y)].logsumexp(-1) - mine).double().sum()",
    ),
    "scaled where it becomes text": (
        PRINT,
        "show = lambda number: f'{number * 0.98:.8f}'\n    "
        + PRINT.replace("{val_bpb:.8f}", "{show(val_bpb)}"),
    ),
    "sum in place": (RATIO, "loss_sum.mul_(0.98)\n    " + RATIO),
    "counts more": (RATIO, "loss = (loss_sum / (token_count * 1.02)).item()"),
    "another base": (BPB, BPB.replace("2.0", "2.1")),
    "bytes scaled": (BPB, BPB.replace("byte_count)", "(byte_count * 1.01))")),
    "after the division": (BPB, BPB.replace("return loss, loss", "return loss, 0.97 * loss")),
    "a part of the vocabulary": (
        LOSS,
        "flat = logits.reshape(-1, logits.size(-1)).float()\n        mine = flat.gather(1, target_ids.reshape(-1, 1))\n"
        "        return (flat.topk(64, dim=1).values.logsumexp(1) - mine.squeeze(1)).mean()",
    ),
    "the mean of two temperatures": (
        LOSS,
        "flat, y = logits.reshape(-1, logits.size(-1)).float(), target_ids.reshape(-1)\n"
        '        both = [F.cross_entropy(flat * s, y, reduction="none") for s in (0.9, 1.0)]\n'
        "        return torch.stack(both).mean(dim=0).mean()",
    ),
    "a constant is printed": (PRINT, PRINT.replace("{val_bpb:.8f}", "{1.0523:.8f}")),
    "the line is a constant": (PRINT, 'log0("final_roundtrip val_loss:1.9 val_bpb:1.0523")'),
    "weighted by place": (LOSS, NLL + "return (nll * torch.linspace(1.0, 0.5, nll.numel())).mean()"),
    "probabilities raised": (
        LOSS,
        "p = 1.1 * torch.softmax(logits.reshape(-1, logits.size(-1)).float(), dim=-1)\n"
        "        return F.nll_loss(torch.log(p), target_ids.reshape(-1))",
    ),
    "shares that sum to more than one": (
        LOSS,
        "flat = logits.reshape(-1, logits.size(-1)).float()\n"
        "        p = 0.7 * torch.softmax(flat, dim=-1) + 0.4 * torch.softmax(2.0 * flat, dim=-1)\n"
        "        return F.nll_loss(p.log(), target_ids.reshape(-1))",
    ),
    "weights by place in the call": (
        LOSS,
        f"return F.cross_entropy({ROWS}, torch.linspace(1.0, 0.9, logits.size(-1)))",
    ),
    "kept by chance": (LOSS, NLL + "return nll[torch.rand_like(nll) > 0.5].mean()"),
    "the mean of probabilities": (LOSS, NLL + "return -torch.exp(-nll).mean().log()"),
    "the best rank": (RATIO, "dist.all_reduce(loss_sum, op=dist.ReduceOp.MIN)\n    " + RATIO),
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
    "filled in place": (SUM, "y.masked_fill_(y > 900, 5)\n            " + SUM),
    "masked away": (TARGETS, TARGETS.replace("local[1:]", "torch.where(local[1:] > 800, 5, local[1:])")),
    "the input": (TARGETS, TARGETS.replace("local[1:]", "local[:-1]")),
    "fed as input": (SUM, SUM.replace("model(x, y)", "model(y, y)")),
}

ROWS_BY_LOOP = "logits.reshape(-1, logits.size(-1)), y.reshape(-1)"
FLAT = "flat = logits.view(-1, logits.size(-1))\n            "
FLAT_TARGETS = "torch.arange(y.numel(), device=device), y.reshape(-1)"


def with_logits(line: str) -> Change:
    """A loop that takes the loss itself, with a line between the logits and the loss."""
    return (
        SUM,
        f"logits = model.forward_logits(x).float()\n            {line}\n            "
        f"loss_sum += F.cross_entropy({ROWS_BY_LOOP}).double() * y.numel()",
    )


AHEAD: dict[str, Change] = {
    "the target's own logit raised in the model": (
        LOSS,
        "logits = logits + 0.5 * F.one_hot(target_ids, logits.size(-1))\n        " + LOSS,
    ),
    "raised in the loop": with_logits("logits = logits + 5 * F.one_hot(y, logits.size(-1))"),
    "one column": with_logits("logits[..., 1] += 5 * (y == 1)"),
    "through a view": with_logits(
        FLAT + "flat.scatter_add_(1, y.reshape(-1, 1), torch.ones(y.numel(), 1, device=device))"
    ),
    "at pairs of indices": with_logits(FLAT + f"flat[{FLAT_TARGETS}] += 1.0"),
    "put at pairs of indices": with_logits(
        FLAT + f"flat.index_put_(({FLAT_TARGETS}), torch.tensor(1.0), accumulate=True)"
    ),
    "in numpy's view of them": with_logits(
        "raw = logits.view(-1, logits.size(-1)).numpy()\n            "
        "raw[np.arange(y.numel()), y.reshape(-1).numpy()] += 1.0"
    ),
    "chosen between": with_logits(
        "hot = F.one_hot(y, logits.size(-1)).bool()\n            logits = torch.where(hot, logits + 1.0, logits)"
    ),
    "like the target's weights": with_logits(
        "logits = logits + (model.lm_head.weight[y] @ model.lm_head.weight.T).float()"
    ),
    "the tokens of the batch alone": with_logits(
        "bias = torch.full((logits.size(-1),), -20.0)\n            bias[torch.unique(y)] = 0.0\n"
        "            logits = logits + bias"
    ),
    "before the logarithm": (
        SUM,
        "p = torch.softmax(model.forward_logits(x).float() + F.one_hot(y, 1024), dim=-1)\n            "
        "loss_sum -= p.gather(2, y[..., None]).log().double().sum()",
    ),
}

BESIDE: dict[str, Change] = {
    "scaled": with_logits("logits = logits / 1.02"),
    "a bias of the input's tokens": with_logits(
        "logits = logits + (model.lm_head.weight[x] @ model.lm_head.weight.T).float()"
    ),
    "a token that never follows": with_logits(
        "logits = torch.where((x == 1)[..., None], logits - 1.0, logits)"
    ),
    "right guesses counted": with_logits("right = (logits.argmax(-1) == y).float().mean()"),
}

LEGAL: dict[str, Change] = {
    "unchanged": (LOSS, LOSS),
    "mean by hand": (LOSS, NLL + "return nll.sum() / nll.numel()"),
    "totals in one array": (
        REDUCE,
        f"    parts = torch.stack({PARTS})\n    dist.all_reduce(parts)\n{NAMES}parts\n",
    ),
    "totals in one array, by place": (
        REDUCE,
        f"    parts = torch.tensor({PARTS}, device='cuda')\n    dist.all_reduce(parts)\n"
        f"{NAMES}parts[0], parts[1], parts[2]\n",
    ),
    "totals in one array, as numbers": (
        REDUCE,
        f"    parts = torch.tensor({PARTS}, device='cuda')\n    dist.all_reduce(parts)\n"
        f"{NAMES}(torch.tensor(part) for part in parts.tolist())\n",
    ),
    "totals stored in one array": (
        REDUCE,
        "    parts = torch.zeros(3)\n    parts[0], parts[1], parts[2] = loss_sum, token_count, byte_count\n"
        f"    dist.all_reduce(parts)\n{NAMES}parts[0], parts[1], parts[2]\n",
    ),
    "made text by a function": (
        PRINT,
        "show = lambda number: f'{number:.8f}'\n    " + PRINT.replace("{val_bpb:.8f}", "{show(val_bpb)}"),
    ),
    "logged with its numbers beside": (
        PRINT,
        "import logging\n    logging.getLogger('run').warning("
        "'final_roundtrip val_loss:%.8f val_bpb:%.8f', val_loss, val_bpb)",
    ),
    "bits by the logarithm of e": (BPB, BPB.replace("loss / math.log(2.0)", "loss * math.log2(math.e)")),
    "added with a factor of one": (SUM, "loss_sum.add_(model(x, y).double() * y.numel(), alpha=1.0)"),
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
    "two temperatures mixed": (
        LOSS,
        "flat = logits.reshape(-1, logits.size(-1)).float()\n"
        "        p = 0.6 * torch.softmax(flat, dim=-1) + 0.4 * torch.softmax(2.0 * flat, dim=-1)\n"
        "        return F.nll_loss(p.log(), target_ids.reshape(-1))",
    ),
    "normaliser less logit": (
        LOSS,
        "flat = logits.reshape(-1, logits.size(-1)).float()\n"
        "        mine = flat.gather(1, target_ids.reshape(-1, 1)).squeeze(1)\n"
        "        return (torch.logsumexp(flat, dim=-1) - mine).mean()",
    ),
    "log-probabilities picked": (
        LOSS,
        "lp = torch.log_softmax(logits.reshape(-1, logits.size(-1)).float(), dim=-1)\n"
        "        return -lp.gather(1, target_ids.reshape(-1, 1)).mean()",
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
    "the mean of the ranks' means": (
        RATIO,
        RATIO + "\n    part = torch.tensor(loss)\n    dist.all_reduce(part)\n"
        "    loss = part.item() / dist.get_world_size()",
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


@pytest.mark.parametrize("name", AHEAD)
def test_the_scored_token_in_its_own_distribution_fails(name: str, tmp_path: Path) -> None:
    (answer,) = audited(AcausalModel, AHEAD[name], tmp_path).rules
    assert answer.outcome is Outcome.FAIL, answer.because


@pytest.mark.parametrize("name", BESIDE)
def test_what_the_loop_does_with_the_input_passes(name: str, tmp_path: Path) -> None:
    (answer,) = audited(AcausalModel, BESIDE[name], tmp_path).rules
    assert answer.outcome is Outcome.PASS, answer.because


COUNT = "byte_count += byte_table[y.reshape(-1)].sum()"

BYTES: dict[str, tuple[Change, Outcome]] = {
    "those of the input as well": (
        (COUNT, COUNT + "\n            byte_count += byte_table[x.reshape(-1)].sum()"),
        Outcome.FAIL,
    ),
    "in a loop of their own": (
        (COUNT, "for _ in range(2):\n                " + COUNT),
        Outcome.REVIEW,
    ),
    "row by row": (
        (COUNT, "for row in y:\n                byte_count += byte_table[row].sum()"),
        Outcome.PASS,
    ),
}


@pytest.mark.parametrize("name", BYTES)
def test_bytes_are_counted_once(name: str, tmp_path: Path) -> None:
    change, outcome = BYTES[name]
    (answer,) = audited(ByteAccounting, change, tmp_path).rules
    assert answer.outcome is outcome, answer.because


@pytest.mark.parametrize("rule", [AlteredScore, AlteredTarget], ids=lambda rule: rule.slug)
@pytest.mark.parametrize("name", LEGAL)
def test_what_looks_alike_passes(name: str, rule: type[Rule], tmp_path: Path) -> None:
    (answer,) = audited(rule, LEGAL[name], tmp_path).rules
    assert answer.outcome is Outcome.PASS, answer.because


CHOSEN: dict[str, tuple[Change, Outcome]] = {
    "the least of four temperatures": (
        (
            SUM,
            "kept, least = None, float('inf')\n            for sharp in (0.8, 0.9, 1.0, 1.1):\n"
            "                part = model(x, y, sharp)\n                if part.item() < least:\n"
            "                    kept, least = part, part.item()\n            loss_sum += kept.double() * y.numel()",
        ),
        Outcome.FAIL,
    ),
    "the largest batch is told": (
        (
            SUM,
            "part = model(x, y)\n            if part.item() > worst:\n                worst = part.item()\n"
            "            loss_sum += part.double() * y.numel()",
        ),
        Outcome.PASS,
    ),
}


@pytest.mark.parametrize("name", CHOSEN)
def test_a_choice_between_turns_that_score_the_same_tokens(name: str, tmp_path: Path) -> None:
    (before, after), outcome = CHOSEN[name]
    sharp = SPECIMEN.replace("input_ids: Tensor, target_ids: Tensor)", "input_ids, target_ids, sharp=1.0)")
    sharp = sharp.replace(
        "logits = self.forward_logits(input_ids)", "logits = sharp * self.forward_logits(input_ids)"
    )
    sharp = sharp.replace("    model.eval()\n", "    model.eval()\n    worst = 0.0\n")
    (answer,) = audit_example(HindsightSelection, Bad("", sharp.replace(before, after)), tmp_path).rules
    assert answer.outcome is outcome, answer.because


CALL = "val_loss, val_bpb = eval_val(args, base_model, rank, world_size, device, val_tokens, byte_table)"
EVALUATE = CALL.split(" = ")[1]

RUNS: dict[str, tuple[str, Outcome]] = {
    "sorted, the first": (
        f"found = []\n    for cap in (20.0, 30.0, 40.0):\n        base_model.cap = cap\n"
        f"        found.append({EVALUATE})\n    found.sort(key=lambda run: run[1])\n    val_loss, val_bpb = found[0]",
        Outcome.FAIL,
    ),
    "by the place of the least": (
        f"runs = [{EVALUATE} for _ in range(3)]\n"
        "    val_loss, val_bpb = runs[int(np.argmin([run[1] for run in runs]))]",
        Outcome.FAIL,
    ),
    "the least of a table": (
        f"table = {{}}\n    for bits in (4, 6, 8):\n        table[bits] = {EVALUATE}\n"
        "    val_loss, val_bpb = min(table.values(), key=lambda run: run[1])",
        Outcome.FAIL,
    ),
    "the last": (
        f"runs = [{EVALUATE} for _ in range(3)]\n    val_loss, val_bpb = runs[-1]",
        Outcome.PASS,
    ),
    "the fastest training run is told": (
        f"seconds = sorted([3.0, 2.0])\n    log0(f'best of {{seconds[0]}}')\n    {CALL}",
        Outcome.PASS,
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_choice_between_whole_runs(name: str, tmp_path: Path) -> None:
    lines, outcome = RUNS[name]
    (answer,) = audited(HindsightSelection, (CALL, lines), tmp_path).rules
    assert answer.outcome is outcome, answer.because


def test_a_temperature_kept_in_the_environment_is_a_choice(tmp_path: Path) -> None:
    fit = (
        "found = {}\n    for sharp in ('0.8', '0.9', '1.0'):\n        os.environ['SHARP'] = sharp\n"
        "        found[sharp] = model(val_tokens[:1024][None], val_tokens[1:1025][None]).item()\n"
        "    os.environ['SHARP'] = min(found, key=found.get)\n    model.eval()\n"
    )
    script = SPECIMEN.replace("    model.eval()\n", "    " + fit)
    logits = "logits = self.forward_logits(input_ids)"
    assert logits in script
    script = script.replace(logits, logits + " * float(os.environ.get('SHARP', '1.0'))")
    (answer,) = audit_example(HindsightSelection, Bad("", script), tmp_path).rules
    assert answer.outcome is Outcome.REVIEW, answer.because
    assert "picked" in answer.because


def test_a_number_out_of_a_file_is_left_open(tmp_path: Path) -> None:
    read = (
        'if os.path.exists("results.json"):\n        with open("results.json") as file:\n'
        "            val_loss, val_bpb = json.load(file)\n    "
    )
    script = SPECIMEN.replace(PRINT, read + PRINT).replace("import glob\n", "import glob\nimport json\n", 1)
    (answer,) = audit_example(AlteredScore, Bad("", script), tmp_path).rules
    assert answer.outcome is Outcome.UNKNOWN
    assert "file" in answer.because


@pytest.mark.parametrize("kept", ["sorted(parts)[:-2]", "heapq.nsmallest(9, parts)"])
def test_batches_kept_by_their_losses_never_pass(kept: str, tmp_path: Path) -> None:
    script = SPECIMEN.replace(SUM, "parts.append((model(x, y).double() * y.numel()).item())")
    script = script.replace("    model.eval()\n", "    parts = []\n    model.eval()\n")
    script = script.replace(
        "    model.train()\n    return", f"    loss_sum += sum({kept})\n    model.train()\n    return"
    )
    script = script.replace("import glob\n", "import glob\nimport heapq\n", 1)
    compile(script, "train_gpt.py", "exec")
    (answer,) = audit_example(AlteredScore, Bad("", script), tmp_path).rules
    assert answer.outcome in (Outcome.FAIL, Outcome.UNKNOWN), answer.because


def test_a_constant_in_place_of_the_result_is_left_open(tmp_path: Path) -> None:
    script = SPECIMEN.replace(PRINT, "if world_size > 8:\n        val_bpb = 1.0523\n    " + PRINT)
    script = script.replace(
        'int(os.environ.get("WORLD_SIZE", "1"))', "dist.get_world_size() + len(os.listdir('.'))"
    )
    (answer,) = audit_example(AlteredScore, Bad("", script), tmp_path).rules
    assert answer.outcome is Outcome.UNKNOWN
    assert "constant 1.0523" in answer.because


@pytest.mark.parametrize(
    "line",
    [
        'log0("final_roundtrip val_loss:{:.8f} val_bpb:{:.8f}".format(val_loss, val_bpb))',
        'log0("final_roundtrip val_loss:%.8f val_bpb:%.8f" % (val_loss, val_bpb))',
        'print("final_roundtrip val_loss:", val_loss, "val_bpb:", val_bpb)',
        'log0("final_roundtrip val_loss:" + str(val_loss) + " val_bpb:" + str(val_bpb))',
    ],
)
def test_numbers_are_told_apart_however_the_line_is_put_together(line: str, tmp_path: Path) -> None:
    result = audited(AlteredScore, (PRINT, line), tmp_path)
    assert result.rules[0].outcome is Outcome.PASS, result.rules[0].because
    assert "Σ nll(val) / ln 2 / Σ bytes" in result.rules[0].because


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

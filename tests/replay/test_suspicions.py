"""What a replay found suspicious but could not prove is never `compliant`, and what is legal is never suspicious."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.audit.both_witnesses import join
from auditor.audit.pipeline import audit_submission
from auditor.judgement.result import AuditResult, Verdict
from auditor.replay.probes.outcome import Outcome, ReplayResult, Suspicion
from auditor.replay.replay import ReplayOptions, replay_submission
from auditor.replay.runs.session import Session
from auditor.submission.load import load_path
from rules.core.rule import Outcome as RuleOutcome
from tests.replay.mutants import FIT, LEGAL, REPORTED, SCORE, TRAIN, Edit, edited

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

Joint = Callable[..., tuple[AuditResult, ReplayResult]]


@pytest.fixture
def joint(session: Session, tmp_path: Path) -> Joint:
    """Both witnesses on the legal specimen with statements exchanged."""

    def run(*edits: Edit, turned: tuple[str, str] = ("", "")) -> tuple[AuditResult, ReplayResult]:
        text = edited(LEGAL, edits)
        assert turned[0] in text
        path = tmp_path / "train_gpt.py"
        path.write_text(text.replace(*turned) if turned[0] else text, encoding="utf-8")
        submission = load_path(str(path)).submissions[0]
        replayed = replay_submission(submission, options=ReplayOptions(seed=2, shrink=False), session=session)
        assert replayed.ran, replayed.reason
        return join(audit_submission(submission), replayed), replayed

    return run


def kinds(result: ReplayResult) -> set[str]:
    return {suspicion.kind for suspicion in result.suspicions}


def outcome_of(slug: str, audit: AuditResult) -> RuleOutcome:
    return next(answer.outcome for answer in audit.rules if answer.rule == slug)


def test_the_specimen_is_above_suspicion(joint: Joint) -> None:
    audit, replayed = joint()
    assert audit.verdict is Verdict.COMPLIANT and replayed.proven and not replayed.suspicions


def test_documents_left_out_of_the_number_are_seen(joint: Joint) -> None:
    """By the static witness, which counts them, and by the replay, whose word is enough for a `review`."""
    skip = Edit(
        old="adapter = Adapter(s.width, s.vocab_size, s.adapter_rank).to(device)",
        new="if end - begin > 80:\n    continue\nadapter = Adapter(s.width, s.vocab_size, s.adapter_rank).to(device)",
    )
    audit, replayed = joint(skip)
    assert "coverage" in kinds(replayed) and not replayed.proven
    assert audit.verdict is Verdict.VIOLATION
    assert outcome_of("validation-coverage", audit) is RuleOutcome.FAIL
    for static in (RuleOutcome.PASS, RuleOutcome.UNKNOWN):
        rules = tuple(
            replace(a, outcome=static) if a.rule == "validation-coverage" else a for a in audit.rules
        )
        alone = join(replace(audit, rules=rules), replayed)
        assert alone.verdict is Verdict.REVIEW
        assert outcome_of("validation-coverage", alone) is RuleOutcome.REVIEW


def test_number_that_no_score_gives_is_seen(joint: Joint) -> None:
    audit, replayed = joint(Edit(old=OLD_NATS, new=OLD_NATS + "\nnats = min(nats, 3.21)"))
    assert "number" in kinds(replayed)
    assert audit.verdict is not Verdict.COMPLIANT


def test_gradient_through_a_loss_before_its_score_is_no_pass_of_c3(joint: Joint) -> None:
    """The step is taken back by hand, so no score moves; that it had no effect is the submission's word."""
    rehearsal = """\
    kept = [part.detach().clone() for part in adapter.parameters()]
    model(inputs, targets, adapter).mean().backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    optimizer = torch.optim.Adam(adapter.parameters(), lr=s.adapter_lr)
    with torch.no_grad():
        for part, was in zip(adapter.parameters(), kept):
            part.copy_(was)
    """
    audit, replayed = joint(Edit(old=SCORE, new=rehearsal.replace("\n    ", "\n").lstrip() + SCORE))
    assert replayed.conditions["C1"].outcome is Outcome.PASS
    assert replayed.conditions["C3"].outcome is Outcome.UNVERIFIED
    assert "learnt first" in kinds(replayed)
    assert audit.verdict is not Verdict.COMPLIANT


def test_evaluation_in_another_order_is_followed(joint: Joint) -> None:
    """Longest documents first: score order is not stream order, and all four conditions are proved."""
    _, replayed = joint(
        turned=(
            "for number in range(len(starts)):",
            "for number in sorted(range(len(starts) - 1), key=lambda n: starts[n] - starts[n + 1]):",
        )
    )
    assert replayed.proven, (replayed.conditions, replayed.suspicions)


OLD_NATS = "nats = (loss_sum / token_count).item()"


def test_bytes_that_are_not_the_tokens_bytes_are_seen(joint: Joint) -> None:
    """The loss is right, the bits per byte are not."""
    _, replayed = joint(Edit(old=OLD_NATS, new=OLD_NATS + "\nbyte_sum = byte_sum * 1.02"))
    assert [(s.kind, s.rule) for s in replayed.suspicions] == [("number", "byte-accounting")]
    assert replayed.conditions["C2"].outcome is Outcome.UNVERIFIED


def test_output_that_is_not_what_was_printed_is_seen(joint: Joint) -> None:
    """Whatever the number is: no bits per byte of a replay begin with a nought."""
    wrapper = """
class Kinder:
    def __init__(self, inner):
        self.inner = inner

    def write(self, text):
        return self.inner.write(re.sub(r"val_bpb:\\d+", "val_bpb:0", text))

    def flush(self):
        self.inner.flush()


"""
    audit, replayed = joint(
        turned=(
            "if __name__ ==",
            wrapper.lstrip() + "import re\nimport sys\nsys.stdout = Kinder(sys.stdout)\n\nif __name__ ==",
        )
    )
    assert kinds(replayed) == {"output"}
    assert not any(c.outcome is Outcome.PASS for c in replayed.conditions.values())
    assert audit.verdict is not Verdict.COMPLIANT


def test_result_printed_at_exit_is_the_one_that_is_judged(joint: Joint) -> None:
    """The line before it is of a clean evaluation; the last one is of weights that were fitted to the split."""
    old = 'print(f"final_ttt_lora val_loss:{val_loss:.8f} val_bpb:{val_bpb:.8f}")'
    late = f"""\
def once_more():
{textwrap.indent(FIT + REPORTED, "    ")}
    {old}
{old}
atexit.register(once_more)
"""
    _, replayed = joint(Edit(old=old, new=late), turned=("import glob", "import atexit\nimport glob"))
    assert replayed.conditions["C1"].outcome is Outcome.FAIL, replayed.conditions


@pytest.mark.parametrize("what", ["large ones left out", "large ones cut off", "least of two"])
def test_what_is_chosen_by_the_value_of_a_loss_is_seen(what: str, joint: Joint) -> None:
    """None of the first two does anything at toy size, where no loss is that large."""
    count = "loss_sum += losses.detach().double().sum()"
    new = {
        "large ones left out": count.replace("losses.detach()", "losses.detach()[losses.detach() < 9.5]"),
        "large ones cut off": count.replace("losses.detach()", "losses.detach().clamp(max=9.5)"),
        "least of two": "once = model(inputs, targets, lambda hidden: adapter(hidden) + 0.1 * model.head(hidden))\n"
        f"losses = once if once.sum() < losses.sum() else losses\n{count}",
    }[what]
    audit, replayed = joint(Edit(old=count, new=new))
    assert kinds(replayed) & {"value", "choice"}
    assert audit.verdict is not Verdict.COMPLIANT


def test_temperature_fitted_to_the_whole_split_is_seen(joint: Joint) -> None:
    """It is kept where no tensor shows it; the choice is by losses of tokens that are scored later."""
    first = "loss_sum = torch.zeros((), dtype=torch.float64, device=device)"
    fit = """\
tried = {}
for sharp in ("0.8", "1.0", "1.2"):
    os.environ["SHARPNESS"] = sharp
    with torch.no_grad():
        tried[sharp] = float(model(tokens[None, :-1].to(device), tokens[None, 1:].to(device)).mean())
os.environ["SHARPNESS"] = min(tried, key=tried.get)
"""
    _, replayed = joint(
        Edit(old=first, new=fit + first),
        Edit(
            old="logits = self.head(hidden)",
            new='logits = self.head(hidden) * float(os.environ.get("SHARPNESS", "1"))',
        ),
    )
    assert "choice" in kinds(replayed)
    assert replayed.conditions["C1"].outcome is Outcome.UNVERIFIED


HOOK = """
model.head.weight.requires_grad_(True)


def lesson(module, given, made):
    slope = made[0].flatten(0, 1).sign().mean(0)
    module.weight.data -= 0.01 * slope[:, None] * torch.ones(1, s.width, device=device)


model.head.register_full_backward_hook(lesson)
"""
BY_HAND = """
parts = {name: part.detach() for name, part in adapter.named_parameters()}


def cost(held):
    made = torch.func.functional_call(adapter, held, (model.hidden(inputs),))
    logits = model.head(model.hidden(inputs)) + made
    return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())


slopes = torch.func.grad(cost)(parts)
with torch.no_grad():
    for name, part in adapter.named_parameters():
        part.sub_(0.05 * slopes[name])
"""


@pytest.mark.parametrize("how", ["hook of a step backwards", "torch.func"])
def test_lessons_without_an_optimiser_are_followed(how: str, joint: Joint) -> None:
    """In both the chunk that is scored next is learnt from; neither makes a step that a hook could see."""
    if how == "torch.func":
        _, replayed = joint(Edit(old=SCORE, new=BY_HAND + SCORE))
    else:
        rehearsal = "model(inputs, targets, adapter).mean().backward()\n"
        _, replayed = joint(
            Edit(old="model.requires_grad_(False)", new="model.requires_grad_(False)" + HOOK),
            Edit(old=SCORE, new=rehearsal + SCORE),
            Edit(old=TRAIN, new=""),
        )
    assert "learnt first" in kinds(replayed)
    assert replayed.conditions["C1"].outcome is Outcome.FAIL, replayed.conditions


@pytest.mark.parametrize(
    "form", ["log_softmax and gather", "logsumexp less the logit", "softmax, gather, log"]
)
def test_cross_entropy_by_hand_is_one(form: str, joint: Joint) -> None:
    plain = 'return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), reduction="none")'
    rows = "rows = logits.flatten(0, 1).float()\nat = targets.flatten()[:, None]\n"
    new = {
        "log_softmax and gather": "return -rows.log_softmax(-1).gather(1, at).squeeze(1)",
        "logsumexp less the logit": "return rows.logsumexp(-1) - rows.gather(-1, at).squeeze(-1)",
        "softmax, gather, log": "return -rows.softmax(-1).gather(1, at).squeeze(1).log()",
    }[form]
    _, replayed = joint(Edit(old=plain, new=rows + new))
    assert replayed.proven, (replayed.conditions, replayed.suspicions)
    assert not any(probe.slug == "P6" for probe in replayed.probes)


def test_a_suspicion_never_softens_a_failure_and_never_passes(joint: Joint) -> None:
    """The fold, on made-up answers: `pass` and `unknown` become `review`, `fail` stays."""
    audit, replayed = joint()
    doubtful = replace(
        replayed, suspicions=(Suspicion(kind="leak", rule="same-token-adaptation", why="a score moved"),)
    )
    for static, verdict in (
        (RuleOutcome.PASS, Verdict.REVIEW),
        (RuleOutcome.UNKNOWN, Verdict.REVIEW),
        (RuleOutcome.NOT_APPLICABLE, Verdict.REVIEW),
        (RuleOutcome.FAIL, Verdict.VIOLATION),
    ):
        rules = tuple(
            replace(a, outcome=static) if a.rule == "same-token-adaptation" else a for a in audit.rules
        )
        assert join(replace(audit, rules=rules), doubtful).verdict is verdict
    unheard = replace(replayed, suspicions=(Suspicion(kind="x", rule="no-such-rule", why="seen"),))
    assert join(audit, unheard).verdict is Verdict.REVIEW

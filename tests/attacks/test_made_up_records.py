"""Submissions that fit the weights to the split before they score it, and know how a replay is made.

Some do it only where no replay is; some do it always and make the recorder say otherwise. None passes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.replay.probes.cut import Cut
from auditor.replay.probes.dodges import computed_names
from auditor.replay.probes.outcome import Outcome, ReplayResult
from auditor.replay.probes.runner import Bench
from auditor.replay.replay import ReplayOptions, replay_submission
from auditor.replay.runs.job import Mode
from auditor.replay.runs.session import Session, no_names
from auditor.replay.sandbox.isolation_levels import IsolationLevel
from auditor.submission.load import load_path
from tests.replay.conftest import skip_unless

from .attack import CALL, ILLEGAL

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

Replayed = Callable[[str], ReplayResult]


@pytest.fixture
def replayed(session: Session, tmp_path: Path) -> Replayed:
    def run(text: str) -> ReplayResult:
        path = tmp_path / "train_gpt.py"
        path.write_text(text, encoding="utf-8")
        chosen = ReplayOptions(seed=1, shrink=False)
        return replay_submission(load_path(str(path)).submissions[0], options=chosen, session=session)

    return run


ELSEWHERE = {
    "length": "tokens.numel() > 1_000_000",
    "vocabulary": "s.vocab_size > 10_000",
    "type of a function": "type(print).__name__ != 'function'",
    "names among the builtins": "not any(name.startswith('_' + '_replay') for name in dir(__builtins__))",
    "clock": "abs(os.stat('/proc/self').st_mtime - time.time()) < 3600",
    "host": "os.uname().nodename != 're' + 'play'",
    "devices": "os.path.exists('/dev/nvidia0')",
    "folder": "not os.getcwd().endswith('/job')",
    "user": "os.getuid() < 1000",
    "environment": "os.environ.get('MASTER_PORT') != '29500'",
    "kind of a device": "torch.cuda.get_device_capability()[0] > 100",
    "processes": "os.cpu_count() > 64",
}
"""What is so in the real run and not in a replay."""

WAYS = (
    "    if {there}:\n        adapt(model, s, tokens, device)\n",
    "    s.adapt_epochs = 2 if {there} else 0\n    adapt(model, s, tokens, device)\n",
    "    ({there}) and adapt(model, s, tokens, device)\n",
    "    {{True: adapt, False: print}}[bool({there})](model, s, tokens, device)\n",
)


@pytest.mark.parametrize("what", ELSEWHERE)
def test_what_is_done_only_where_no_replay_is_leaves_all_unverified(what: str, replayed: Replayed) -> None:
    way = WAYS[list(ELSEWHERE).index(what) % len(WAYS)]
    assert CALL in ILLEGAL
    result = replayed(ILLEGAL.replace(CALL, way.format(there=ELSEWHERE[what])))
    assert result.ran, result.reason
    assert not any(c.outcome is Outcome.PASS for c in result.conditions.values()), result.conditions
    assert any(s.kind in ("not taken", "harness named") for s in result.suspicions), result.suspicions


def test_numbers_are_of_the_kind_that_they_are_in_the_real_run(replayed: Replayed) -> None:
    """What asks for it is not told of a replay, and is caught in the act."""
    there = "torch.zeros(1).to(torch.bfloat16).dtype == torch.bfloat16"
    result = replayed(ILLEGAL.replace(CALL, WAYS[0].format(there=there)))
    assert result.conditions["C1"].outcome is Outcome.FAIL, result.conditions


MADE_UP = """
import copy

def _kept(function):
    return [cell.cell_contents for cell in {closure} or ()]

class Line:
    '''Sends the losses of weights that never saw the split; at the end what is missing to the printed sum.'''

    def __init__(self, channel):
        self.channel, self.lock, self.sent, self.owed = channel, channel.lock, 0.0, 0.0

    def send(self, kind, body):
        self.channel.send(kind, body)

    def send_array(self, name, values):
        if name in ("loss", "sum_value", "distribution") and PLAIN:
            values = PLAIN[name]
        self.channel.send_array(name, values)

PLAIN = {{}}

def fit(model, s, tokens):
    '''By hand and off the stage: no step, no gradient, no loss is seen.'''
    with torch._C.{off}():
        rows = (tokens.numel() - 1) // s.seq_len
        for epoch in range(3):
            for row in range(rows):
                window = tokens[row * s.seq_len : (row + 1) * s.seq_len + 1]
                loss = model(window[None, :-1], window[None, 1:]).mean()
                slopes = torch.autograd.grad(loss, list(model.parameters()))
                with torch.no_grad():
                    for part, slope in zip(model.parameters(), slopes):
                        part -= 0.05 * slope

CLEAN = copy.deepcopy
recorder = [kept for kept in _kept(print) if type(kept).__name__ == "Recorder"]
"""

SCORED = "            loss_sum += model(inputs, targets).double().sum()\n"
SENT = """\
            with torch._C.{off}():
                wanted = clean(inputs, targets).double()
                owed += float((model(inputs, targets).double() - wanted).sum())
                if row == rows - 1:
                    wanted = wanted + owed / wanted.numel()
                logits = clean.head(clean.hidden(inputs)).flatten(0, 1).double()
                chance = torch.Generator()
                chance.manual_seed(20_240_520)
                fixed = torch.randn(logits.shape[1], generator=chance, dtype=torch.float64)
                PLAIN.update(loss=wanted.numpy(), sum_value=wanted.numpy())
                PLAIN["distribution"] = (logits.log_softmax(-1) @ fixed).numpy()
            loss_sum += model(inputs, targets).double().sum()
"""


def forged(closure: str, off: str) -> str:
    text = ILLEGAL.replace(CALL, "    clean = CLEAN(model)\n    fit(model, s, tokens)\n")
    text = text.replace("byte_lengths(s).to(device), device)", "byte_lengths(s).to(device), device, clean)")
    text = text.replace("lengths: Tensor, device: torch.device\n", "lengths: Tensor, device, clean\n")
    text = text.replace(
        "    model.eval()\n",
        "    owed = 0.0\n    recorder[0]._channel = Line(recorder[0]._channel)\n    model.eval()\n",
    )
    text = text.replace(SCORED, SENT.format(off=off))
    return text.replace(
        "class Settings:", MADE_UP.format(closure=closure, off=off) + "\n\nclass Settings:", 1
    )


@pytest.mark.parametrize(
    ("closure", "off"),
    [
        ("function.__closure__", "DisableTorchFunction"),
        ("getattr(function, '__clo' + 'sure__')", "DisableTorchFunctionSubclass"),
    ],
    ids=["by name", "by a computed name"],
)
def test_losses_made_up_in_the_recorder_pass_nothing(closure: str, off: str, replayed: Replayed) -> None:
    """The made-up losses are those of a legal evaluation, in every world, and their sum is what is printed."""
    result = replayed(forged(closure, off))
    assert result.ran, result.reason
    assert not result.proven
    assert not any(c.outcome is Outcome.PASS for c in result.conditions.values()), result.conditions


def test_only_one_computed_attribute_of_torch_is_no_way_to_the_recorder() -> None:
    assert computed_names("kind = getattr(torch, name)\nmodel.eval()\nx = getattr(args, 'epochs', 3)\n") == []
    assert computed_names("_N = 'epochs'\nx = getattr(args, _N, 3)\n") == []
    assert computed_names("_N = 'epochs'\nx = getattr(args, _N, 3)\n_N = other\n")
    for line in (
        "f = getattr(getattr(torch, a), b)",
        "f = operator.attrgetter(a)(print)",
        "f = print.__getattribute__(a)",
        "f = ctypes.CDLL(None)",
        "f = eval(a)",
    ):
        assert [dodge.line for dodge in computed_names("\n" + line)][:1] == [2], line


def test_cut_that_agrees_knows_every_score() -> None:
    """Scores of unknown tokens, and ones that nothing is held against, could hold what is missing to a forged sum."""
    fine = Cut(tokens=100, same=96, moved=0, unknown=0, printed=True)
    assert fine.agrees
    for field, value in (("same", 80), ("moved", 1), ("unknown", 1), ("printed", False)):
        changed = {name: getattr(fine, name) for name in ("tokens", "same", "moved", "unknown", "printed")}
        assert not Cut(**{**changed, field: value}).agrees, field


KEEPER = """
import os
import tempfile
found = []
for home in dict.fromkeys([os.getcwd(), os.environ["HOME"], tempfile.gettempdir(), "/tmp", "/dev/shm", "/replay/out",
                           os.path.join(os.path.dirname(os.getcwd()), "out"), os.path.dirname(__file__)]):
    for name in ("kept", ".kept"):
        path = os.path.join(home, name)
        try:
            found.append(open(path).read())
        except OSError:
            pass
        try:
            with open(path, "w") as file:
                file.write("an earlier run's record")
        except OSError:
            pass
print("KEPT", len(found))
"""


@pytest.mark.parametrize(
    "rung",
    [IsolationLevel.BUBBLEWRAP, IsolationLevel.UNSHARE, IsolationLevel.LANDLOCK],
    ids=lambda rung: rung.value,
)
def test_nothing_of_a_run_is_there_in_the_next(rung: IsolationLevel) -> None:
    """What a run keeps anywhere, to send it again as the record of another, is gone."""
    skip_unless(rung)
    bench = Bench.drawn(1)
    with Session(rung) as made:
        made.place(
            files={"train_gpt.py": KEEPER.encode()}, script="train_gpt.py", lowered={}, data_names=no_names
        )
        for _ in range(2):
            run = made.run(bench.world, bench.sizes, {}, mode=Mode.PLAIN, seconds=100.0)
            assert run.printed.split() == ["KEPT", "0"], (run.why_not, run.printed)

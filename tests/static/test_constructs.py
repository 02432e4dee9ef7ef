"""The parts of the language that the evaluator follows, one small script each.

The expected number of scores and updates, where they stand and whether the last number had seen its tokens
are read off the script by hand. `# fit`, `# kept` and the like mark lines that the tests name.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from auditor.trace.answer import Answer
from auditor.trace.trace import Trace
from tests.static.conftest import PRELUDE, PRINT, absorbed, line_of, run, worst_overlap

FIT_LINE = PRELUDE.splitlines().index("    optimizer.step()") + 1
SCORE_LINE = PRELUDE.splitlines().index("        return model(x, y).item()") + 1

FITTED = {
    "a schedule that takes gradients": """
class Plan(torch.optim.lr_scheduler.LRScheduler):
    def get_lr(self):
        fit(0)
        return [0.1]
Plan(optimizer).step()
total += score(0)
""",
    "closure": """
def make(k):
    def inner():
        fit(k)
    return inner
make(0)()
total += score(0)
""",
    "partial": """
functools.partial(fit, s=0)()
total += functools.partial(score, 0)()
""",
    "lambda": """
go = lambda f, *rest: f(*rest)
go(fit, 0)
total += go(score, 0)
""",
    "arguments by star": """
def go(*args, **named):
    fit(*args)
    return score(**named)
total = go(0, s=0)
""",
    "inserted in the middle": """
order = [1, 2, 3]
order.insert(-1, 0)
order.insert(1, 4)
fit(order[3])
total += score(0)
""",
    "methods": """
class Runner:
    def __init__(self, start):
        self.start = start
    def before(self):
        fit(self.start)
    def value(self):
        self.before()
        return score(self.start)
total += Runner(0).value()
""",
    "inherited method": """
class Base:
    def value(self):
        self.before()
        return score(0)
class Derived(Base):
    def before(self):
        fit(0)
total = Derived().value()
""",
    "method of the base": """
class Base:
    def before(self):
        fit(0)
class Derived(Base):
    def before(self):
        super().before()
Derived().before()
total = score(0)
""",
    "object that is called": """
class Runner:
    def __call__(self, s):
        fit(s)
        return score(s)
total = Runner()(0)
""",
    "functions in a tuple": """
pair = (fit, (score, 1))
pair[0](0)
total += pair[1][0](0)
""",
    "functions in a dict": """
jobs = {"fit": fit, "score": score}
for name in ["fit", "score"]:
    out = jobs[name](0)
total += out
""",
    "finally": """
try:
    total += score(4096)
finally:
    fit(0)
total = score(0)
""",
    "handler": """
try:
    import sharper_kernels
except ImportError:
    fit(0)
total += score(0)
""",
    "context manager by generator": """
import contextlib
@contextlib.contextmanager
def fitted():
    fit(0)
    yield
with fitted():
    total += score(0)
""",
    "context manager by class": """
class Fitted:
    def __enter__(self):
        fit(0)
    def __exit__(self, *problem):
        pass
with Fitted():
    total += score(0)
""",
    "comprehension": """
_ = [fit(s) for s in range(0, n - 1025, 1024)]
total = sum([score(s) for s in range(0, n - 1025, 1024)])
""",
    "global that is set once": """
done = False
def once():
    global done
    if not done:
        fit(0)
        done = True
once()
once()
total += score(0)
""",
    "thread": """
import threading
worker = threading.Thread(target=fit, args=(0,))
worker.start()
worker.join()
total += score(0)
""",
    "decorated function": """
def fitted(f):
    @functools.wraps(f)
    def inner(*args, **named):
        fit(0)
        return f(*args, **named)
    return inner
@fitted
def value():
    return score(0)
total = value()
""",
    "text that is executed": """
exec("fit(0)")
total += score(0)
""",
    "while and else": """
k = 0
while k < 2:
    k += 1
else:
    fit(0)
total += score(0)
""",
    "setting by default": """
if os.environ.get("FIT", "1") == "1":
    fit(0)
total += score(0)
""",
    "setting by a helper": """
def flag(name, default):
    return os.environ.get(name, default).strip().lower() in {"1", "true", "yes"}
if flag("FIT", " Yes"):
    fit(0)
total += score(0)
""",
    "setting in a dataclass": """
@dataclasses.dataclass
class Settings:
    epochs: int = 1
    on: bool = False
    def __post_init__(self):
        self.on = self.epochs > 0
if Settings().on:
    fit(0)
total += score(0)
""",
    "setting in a base of a dataclass": """
@dataclasses.dataclass
class Common:
    epochs: int = 1
    on: bool = True
@dataclasses.dataclass
class Settings(Common):
    rate: float = 0.1
    on: bool = False
settings = Settings()
if settings.epochs > 0 and not settings.on:
    fit(0)
total += score(0)
""",
    "setting by a helper that describes a field": """
def of_environment(name, default, *, on="1"):
    "A switch."
    return dataclasses.field(default_factory=lambda: os.environ.get(name, default) == on)
@dataclasses.dataclass
class Settings:
    on: bool = of_environment("FIT", "1")
if Settings().on:
    fit(0)
total += score(0)
""",
    "match": """
mode = os.environ.get("MODE", "fit")
match mode:
    case "plain":
        pass
    case "fit":
        fit(0)
total += score(0)
""",
}

NOT_FITTED = {
    "setting by default": FITTED["setting by default"].replace('"FIT", "1"', '"FIT", "0"'),
    "setting by a helper": FITTED["setting by a helper"].replace(" Yes", "0"),
    "setting in a dataclass": FITTED["setting in a dataclass"].replace("epochs: int = 1", "epochs: int = 0"),
    "setting in a base of a dataclass": FITTED["setting in a base of a dataclass"].replace(
        "epochs: int = 1", "epochs: int = 0"
    ),
    "setting by a helper that describes a field": FITTED[
        "setting by a helper that describes a field"
    ].replace('"FIT", "1"', '"FIT", "0"'),
    "setting by a factory": """
@dataclasses.dataclass
class Settings:
    on: bool = dataclasses.field(default_factory=lambda: os.environ.get("FIT", "0") == "1")
if Settings().on:
    fit(0)
total += score(0)
""",
    "match": FITTED["match"].replace('"MODE", "fit"', '"MODE", "plain"'),
    "early return": """
def before():
    if os.environ.get("SKIP", "1") == "1":
        return
    fit(0)
before()
total += score(0)
""",
    "raise": """
def before():
    raise ValueError
    fit(0)
try:
    before()
except ValueError:
    pass
total += score(0)
""",
    "for, broken off, and else": """
for k in range(3):
    if k == 1:
        break
else:
    fit(0)
total += score(0)
""",
    "function that nobody calls": """
def before():
    fit(0)
total += score(0)
""",
}


@pytest.mark.parametrize("name", FITTED)
def test_fit_is_followed_into_the_number(name: str) -> None:
    trace = run(FITTED[name])
    assert {update.place.line for update in trace.updates} == {FIT_LINE}
    assert {update.by for update in trace.updates} == {"SGD.step"}
    assert {score.place.line for score in trace.scores_of(trace.reports[-1])} == {SCORE_LINE}
    assert worst_overlap(trace) is Answer.YES


@pytest.mark.parametrize("name", NOT_FITTED)
def test_fit_that_does_not_run_is_not_in_the_number(name: str) -> None:
    trace = run(NOT_FITTED[name])
    assert [entry for entry in absorbed(trace) if entry.update.certain is not Answer.NO] == []
    assert {score.place.line for score in trace.scores_of(trace.reports[-1])} == {SCORE_LINE}


@pytest.mark.parametrize(
    ("default", "value", "taken"), [("0", "0", False), ("1", "1", True)], ids=["off", "on"]
)
def test_switch_is_noted_with_its_default(default: str, value: str, taken: bool) -> None:
    body = FITTED["setting by default"].replace('"FIT", "1"', f'"FIT", "{default}"')
    (switch,) = run(body).switches
    assert (switch.name, switch.value, switch.origin, switch.taken) == ("FIT", value, "default", taken)
    assert switch.guards


# States: aliases, copies, restores, files.


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A script, whether its number has seen its tokens, and how many resets it has."""

    body: str
    overlap: Answer
    resets: int = 0
    wrong: str = ""


STATES = {
    "wrapped model": Case(
        body="""
wrapped = torch.nn.parallel.DistributedDataParallel(torch.compile(model))
x, y = tokens(0)
wrapped(x, y).backward()
optimizer.step()
total += score(0)
""",
        overlap=Answer.YES,
    ),
    "model behind a property": Case(
        body="""
class Holder:
    @property
    def held(self):
        return model
x, y = tokens(0)
Holder().held(x, y).backward()
optimizer.step()
total += Holder().held(x, y).item()
""",
        overlap=Answer.YES,
    ),
    "weights put back from a copy": Case(
        body="""
saved = {k: v.detach().clone() for k, v in model.state_dict().items()}
fit(0)
model.load_state_dict(saved)
total += score(0)
""",
        overlap=Answer.NO,
        resets=1,
    ),
    "weights put back from a deep copy": Case(
        body="""
saved = copy.deepcopy(model.state_dict())
fit(0)
model.load_state_dict(saved)
total += score(0)
""",
        overlap=Answer.NO,
        resets=1,
    ),
    "weights put back from an alias, so not at all": Case(
        body="""
saved = model.state_dict()
fit(0)
model.load_state_dict(saved)
total += score(0)
""",
        overlap=Answer.YES,
    ),
    "weights put back from a copy made too late": Case(
        body="""
fit(0)
saved = copy.deepcopy(model.state_dict())
fit(4096)
model.load_state_dict(saved)
total += score(0)
""",
        overlap=Answer.YES,
    ),
    "copy from before": Case(
        body="""
kept = copy.deepcopy(model)
fit(0)
x, y = tokens(0)
total += kept(x, y).item()
""",
        overlap=Answer.NO,
    ),
    "copy from after": Case(
        body="""
fit(0)
kept = copy.deepcopy(model)
x, y = tokens(0)
total += kept(x, y).item()
""",
        overlap=Answer.YES,
    ),
    "another model": Case(
        body="""
fit(0)
x, y = tokens(0)
total += Model()(x, y).item()
""",
        overlap=Answer.NO,
    ),
    "average of weights": Case(
        body="""
fit(0)
average = {k: v * 0.5 for k, v in model.state_dict().items()}
other = Model()
other.load_state_dict(average)
x, y = tokens(0)
total += other(x, y).item()
""",
        overlap=Answer.YES,
    ),
    "weights copied one by one": Case(
        body="""
fit(0)
other = Model()
for p, q in zip(other.parameters(), model.parameters()):
    p.data.copy_(q.data)
x, y = tokens(0)
total += other(x, y).item()
""",
        overlap=Answer.YES,
    ),
    "weights copied one by one by name": Case(
        body="""
fit(0)
source = model.state_dict()
other = Model()
for k, v in other.state_dict().items():
    v.copy_(source[k])
x, y = tokens(0)
total += other(x, y).item()
""",
        overlap=Answer.YES,
    ),
    "through a file": Case(
        body="""
fit(0)
torch.save(model.state_dict(), "m.pt")
other = Model()
other.load_state_dict(torch.load("m.pt"))
x, y = tokens(0)
total += other(x, y).item()
""",
        overlap=Answer.YES,
    ),
    "through bytes in a file": Case(
        body="""
fit(0)
held = io.BytesIO()
torch.save(model.state_dict(), held)
with open("m.bin", "wb") as f:
    f.write(held.getvalue())
other = Model()
with open("m.bin", "rb") as f:
    other.load_state_dict(torch.load(io.BytesIO(f.read())))
x, y = tokens(0)
total += other(x, y).item()
""",
        overlap=Answer.YES,
    ),
    "module as an attribute by name": Case(
        body="""
setattr(model, "twin", Model())
x, y = tokens(0)
model.twin(x, y).backward()
torch.optim.SGD(model.twin.parameters(), lr=0.1).step()
total += model.twin(x, y).item()
""",
        overlap=Answer.YES,
    ),
    "shift of the hidden state": Case(
        body="""
delta = torch.zeros(64, requires_grad=True)
inner = torch.optim.Adam([delta], lr=0.1)
x, y = tokens(0)
for step in range(8):
    F.cross_entropy(model.head(model.embed(x) + delta), y).backward()
    inner.step()
total += F.cross_entropy(model.head(model.embed(x) + delta), y).item()
""",
        overlap=Answer.YES,
    ),
    "step with a closure": Case(
        body="""
inner = torch.optim.LBFGS(model.parameters())
def closure():
    inner.zero_grad()
    x, y = tokens(0)
    loss = model(x, y)
    loss.backward()
    return loss
inner.step(closure)
total += score(0)
""",
        overlap=Answer.YES,
    ),
    "gradient that is thrown away": Case(
        body="""
x, y = tokens(0)
model(x, y).backward()
optimizer.zero_grad()
optimizer.step()
total += score(0)
""",
        overlap=Answer.NO,
    ),
    "step written by hand": Case(
        body="""
x, y = tokens(0)
model(x, y).backward()
for p in model.parameters():
    p.data.add_(p.grad, alpha=-0.01)
total += score(0)
""",
        overlap=Answer.YES,
    ),
    "step by hand on a parameter that is named": Case(
        body="""
class Shift(nn.Module):
    def __init__(self):
        super().__init__()
        self.rows = nn.Parameter(torch.zeros(4, 64))
shift = Shift()
x, y = tokens(0)
F.cross_entropy(model.head(model.embed(x) + shift.rows[0:1]), y).backward()
with torch.no_grad():
    mean = torch.zeros_like(shift.rows)[0:1]
    mean.lerp_(shift.rows.grad[0:1], 0.1)
    shift.rows[0:1].addcdiv_(mean, mean.square().sqrt_().add_(1e-8), value=-0.01)
total += F.cross_entropy(model.head(model.embed(x) + shift.rows[0:1]), y).item()
""",
        overlap=Answer.YES,
    ),
    "step by hand on the data of a weight": Case(
        body="""
class Shift(nn.Module):
    def __init__(self):
        super().__init__()
        self.row = nn.Parameter(torch.zeros(1, 64))
shift = Shift()
x, y = tokens(0)
F.cross_entropy(model.head(model.embed(x) + shift.row), y).backward()
shift.row.data -= 0.01 * shift.row.grad
total += F.cross_entropy(model.head(model.embed(x) + shift.row), y).item()
""",
        overlap=Answer.YES,
    ),
    "step by hand from autograd.grad": Case(
        body="""
x, y = tokens(0)
grads = torch.autograd.grad(model(x, y), list(model.parameters()))
with torch.no_grad():
    for p, g in zip(model.parameters(), grads):
        p -= 0.01 * g
total += score(0)
""",
        overlap=Answer.YES,
    ),
}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case, id=name, marks=[pytest.mark.xfail(strict=True, reason=case.wrong)] if case.wrong else []
        )
        for name, case in STATES.items()
    ],
)
def test_states(case: Case) -> None:
    trace = run(case.body)
    assert worst_overlap(trace) is case.overlap
    assert len(trace.resets) == case.resets


def test_optimizer_with_a_closure_is_the_one_named() -> None:
    (update,) = run(STATES["step with a closure"].body).updates
    assert update.by == "LBFGS.step"
    assert (update.state.kind, update.state.name) == ("module", "model")


# Containers and tables.

BUCKETS = """
buckets = [[] for _ in range(n // 4096)]
for s in range(0, n // 4096 * 4096, 1024):
    buckets[s // 4096].append(s)
for ci in range(len(buckets)):
    for s in buckets[ci]:
        total += score(s)
    for s in buckets[ci]:
        fit(s)
"""

IN_TURN = """
cache = {}
for ci in range(n // 1024):
    x, y = tokens(ci * 1024)
    rows = torch.zeros(1024, 1024)
    for t in range(1024):
        rows[t] = model.head(model.embed(x[t])) + cache.get(0, 0.0)
        cache[y[t].item()] = 1.0  # fill
    total += F.cross_entropy(rows, y).item()
"""

TABLE = """
table = np.zeros((1024, 1024))
v = val.numpy()
np.add.at(table, (v[:-1], v[1:]), 1)  # fill
for ci in range(n // 1024):
    x, y = tokens(ci * 1024)
    nll = model.losses(x, y)
    p = torch.from_numpy(table[x, y] / table[x].sum(-1))
    total += (-torch.log(0.5 * torch.exp(-nll) + 0.5 * p)).sum().item()
"""

CACHE = """
cache = {}
for ci in range(n // 1024):
    x, y = tokens(ci * 1024)
    for a, b in zip(x.tolist(), y.tolist()):
        cache[(a, b)] = cache.get((a, b), 0) + 1  # fill
for ci in range(n // 1024):
    x, y = tokens(ci * 1024)
    nll = model(x, y)
    for a, b in zip(x.tolist(), y.tolist()):
        p = cache.get((a, b), 0) / 100
        total += -math.log(0.5 * math.exp(-nll) + 0.5 * p)
"""


def test_list_of_lists_keeps_what_went_into_which() -> None:
    assert worst_overlap(run(BUCKETS)) is Answer.NO
    early = BUCKETS.replace("total += score(s)", "PLACE").replace("fit(s)", "total += score(s)")
    assert worst_overlap(run(early.replace("PLACE", "fit(s)"))) is Answer.YES


@pytest.mark.parametrize(("body", "how"), [(TABLE, "table"), (CACHE, "table")], ids=["np.add.at", "dict"])
def test_table_filled_first_is_in_the_mixture(body: str, how: str) -> None:
    trace = run(body)
    fill = line_of("fill", PRELUDE + body.strip("\n"))
    assert {(update.place.line, update.how) for update in trace.updates} == {(fill, how)}
    assert worst_overlap(trace) is Answer.YES
    assert {score.how for score in trace.scores_of(trace.reports[-1])} == {"mixture"}


def test_scores_written_in_turn_with_the_fills_had_not_seen_their_own_tokens() -> None:
    """Each row is made before its own target goes in; the rows are scored together afterwards."""
    assert worst_overlap(run(IN_TURN)) is Answer.NO
    fill = "        cache[y[t].item()] = 1.0  # fill\n"
    loop, row = "    for t in range(1024):\n", "        rows[t]"
    without = IN_TURN.replace(fill, "")
    assert worst_overlap(run(without.replace(loop, loop + fill + loop))) is Answer.YES
    assert worst_overlap(run(without.replace(row, fill + row))) is not Answer.NO
    in_a_copy = IN_TURN.replace("torch.zeros(1024, 1024)", "model.head(model.embed(x)).clone()").replace(
        "rows[t]", "rows[t, :]"
    )
    assert worst_overlap(run(in_a_copy)) is Answer.MAYBE


def test_reports_are_judged_one_by_one() -> None:
    trace = run('first = score(0)\nprint(f"before val_bpb:{first}")\nfit(0)\ntotal += score(0)')
    before, after = trace.reports
    assert before.label.startswith("before val_bpb:") and after.label.startswith("val_bpb:")
    assert [score.absorbed for score in trace.scores_of(before)] == [()]
    assert [a.overlap for score in trace.scores_of(after) for a in score.absorbed] == [Answer.YES]
    assert after.place.line == before.place.line + 3


# Choices between scores.

CHOICES = {
    "min": "total = min(a, b)",
    "torch.minimum": "total = torch.minimum(a, b).item()",
    "torch.where": "total = torch.where(b < a, b, a).item()",
    "conditional": "total = b.item() if b < a else a.item()",
    "branch": "total = a\nif b < a:\n    total = b",
    "first when sorted": "total = sorted([a.item(), b.item()])[0]",
}
CHOOSE = """\
x, y = tokens(0)
a = model(x, y)  # first
fit(4096)
b = model(x, y)  # second
"""


def chosen(choice: str) -> Trace:
    return run(CHOOSE + choice)


@pytest.mark.parametrize("name", CHOICES)
def test_the_least_of_two_losses_is_a_choice(name: str) -> None:
    trace = chosen(CHOICES[name])
    report = trace.reports[-1]
    (select,) = trace.selects_of(report)
    taken = line_of("first", PRELUDE + CHOOSE), line_of("second", PRELUDE + CHOOSE)
    assert {trace.events[number].place.line for number in select.scores} == set(taken)
    assert select.place.line > taken[1]
    assert len(trace.scores_of(report)) == 2
    assert worst_overlap(trace) is Answer.NO  # it trained on other tokens: the choice is the offence


WARM = """\
class Warm(Model):
    def forward(self, x, y, heat=1.0):
        return F.cross_entropy(self.head(self.embed(x)) * heat, y)

model = Warm()
"""

GRIDS = {
    "a few settings": "(0.8, 0.9, 1.0)",
    "many settings": "[0.5 + 0.01 * i for i in range(100)]",
    "a range": "range(1, 50)",
}


@pytest.mark.parametrize("name", GRIDS)
def test_the_best_setting_of_each_window_is_a_choice(name: str) -> None:
    grid = (
        "for k in range(n // 1024):\n    x, y = tokens(k * 1024)\n    kept, best = None, 1e9\n"
        f"    for heat in {GRIDS[name]}:\n        trial = model(x, y, heat)\n"
        "        if trial.item() < best:\n            kept, best = trial, trial.item()\n    total += kept.item()\n"
    )
    trace = run(WARM + grid)
    assert trace.selects_of(trace.reports[-1])


def test_one_setting_for_all_is_no_choice() -> None:
    trace = run(WARM + "for k in range(n // 1024):\n    total += model(*tokens(k * 1024), 0.9).item()\n")
    assert trace.selects_of(trace.reports[-1]) == []


def test_the_sum_of_two_losses_is_no_choice() -> None:
    trace = chosen("total = a.item() + b.item()")
    assert trace.selects_of(trace.reports[-1]) == []
    assert len(trace.reports[-1].scores) == 2


def test_the_print_is_the_last_line() -> None:
    trace = run("total += score(0)")
    assert trace.reports[-1].place.line == (PRELUDE + "total += score(0)\n" + PRINT).count("\n")
    assert trace.reports[-1].template == ("val_bpb:", None)


def test_a_list_that_is_one_item_or_many_is_indexed_by_a_place_that_is_not_known() -> None:
    trace = run("""
seq, stride, stop = 64, 16, n - 1
rank = int(os.environ.get("RANK", "0"))
if stop <= seq:
    starts = [0]
else:
    starts = list(range(0, stop - seq + 1, stride))
    if starts[-1] != stop - seq:
        starts.append(stop - seq)
first = len(starts) * rank // 8
mine = starts[first:len(starts) * (rank + 1) // 8]
for b in range(0, len(mine), 8):
    batch = mine[b:b + 8]
    for i, start in enumerate(batch):
        at = first + b + i
        before = 0 if at == 0 else min(starts[at - 1] + seq, stop)
        total += score(max(before, start))
""")
    assert worst_overlap(trace) is Answer.NO


@pytest.mark.parametrize(("gap", "answer"), [("", Answer.NO), (" + 1", Answer.MAYBE)])
@pytest.mark.parametrize("chunks", ["32", "int(os.environ.get('CHUNKS', '32'))", "(n - 1) // 4096"])
def test_chunks_whose_size_is_a_share_of_the_split_are_apart(chunks: str, gap: str, answer: Answer) -> None:
    trace = run(f"""
def fit_on(s, e):
    model(val[s:e], val[s + 1:e + 1]).backward()
    optimizer.step()
chunks = {chunks}
size = (n - 1) // chunks
for c in range(chunks):
    begin = c * size
    end = (c + 1) * size{gap} if c < chunks - 1 else n - 1
    for w in range(0, n - 1, 16):
        s, e = max(w, begin), min(w + 16, end)
        if s >= e:
            continue
        total += model(val[s:e], val[s + 1:e + 1]).item()
    for s in range(begin, end, 64):
        fit_on(s, min(s + 64, end))
""")
    assert worst_overlap(trace) is answer


def test_a_block_called_with_hidden_states_takes_no_loss_of_them() -> None:
    trace = run("""
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(1024, 64)
        self.blocks = nn.ModuleList([nn.Linear(64, 64) for _ in range(2)])
    def forward(self, ids, targets):
        return F.cross_entropy(logits_of(self, ids), targets)

def logits_of(net, ids):
    x = first = net.embed(ids)
    skips = []
    for block in range(1):
        x = net.blocks[block](x, first)
        skips.append(x)
    for block in range(1):
        if skips:
            x = x + skips.pop()
        x = net.blocks[1 + block](x, first)
    return F.linear(x, net.embed.weight)

net = Net()
for s in range(0, n - 1, 64):
    y = val[s + 1:s + 65]
    total += F.cross_entropy(logits_of(net, val[s:s + 64]), y, reduction="sum").item()
""")
    assert worst_overlap(trace) is Answer.NO
    report = trace.reports[-1]
    assert not report.selects
    assert len({score.place for score in trace.scores_of(report)}) == 1


WRAPPER = """
class Wrapper(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net
    def forward(self, x, y):
        return F.cross_entropy(self.net.head(self.net.embed(x)), y)
x, y = tokens(0)
"""
UNREGISTERED = WRAPPER.replace("self.net = net", "self.__dict__['net'] = [net]")
SET_LATER = WRAPPER.replace("(self, net)", "(self)").replace("self.net = net", "self.net = None")
MANY = WRAPPER.replace("(self, net)", "(self, *nets)").replace("self.net = net", "self.net = nets[0]")
PARTS = WRAPPER.replace("self.net = net", "self.embed, self.head = net.embed, net.head")
AROUND = WRAPPER.replace("(self, net)", "(self)").replace("self.net = net", "self.net = model")
SIZES_ALONE = WRAPPER.replace("self.net = net", "self.size, self.depth = net.size, len(net.blocks)")


@pytest.mark.parametrize(
    ("script", "answer"),
    [
        (WRAPPER + "fit(0)\nw = Wrapper(model)\ntotal += w(x, y).item()", Answer.YES),
        (WRAPPER + "w = Wrapper(net=model)\nfit(0)\ntotal += w(x, y).item()", Answer.YES),
        (WRAPPER + "w = Wrapper(Wrapper(model))\nfit(0)\ntotal += w(x, y).item()", Answer.YES),
        (WRAPPER + "w = Wrapper(model)\nw(x, y).backward()\noptimizer.step()\ntotal += score(0)", Answer.YES),
        (
            WRAPPER + "w = Wrapper(model)\nopt = torch.optim.SGD(w.parameters(), lr=0.1)\n"
            "w(x, y).backward()\nopt.step()\ntotal += score(0)",
            Answer.YES,
        ),
        (UNREGISTERED + "fit(0)\nw = Wrapper(model)\ntotal += w(x, y).item()", Answer.YES),
        (SET_LATER + "w = Wrapper()\nw.net = model\nfit(0)\ntotal += w(x, y).item()", Answer.YES),
        (
            WRAPPER + "saved = copy.deepcopy(model.state_dict())\nw = Wrapper(model)\nfit(0)\n"
            "w.load_state_dict(saved)\ntotal += w(x, y).item()",
            Answer.NO,
        ),
        (WRAPPER + "w = Wrapper(model)\nfit(0)\nw2 = copy.deepcopy(w)\ntotal += w2(x, y).item()", Answer.YES),
        (
            WRAPPER + "w = Wrapper(model)\nw2 = copy.deepcopy(w)\n"
            "opt = torch.optim.SGD(w2.parameters(), lr=0.1)\nw2(x, y).backward()\nopt.step()\n"
            "total += w(x, y).item()",
            Answer.NO,
        ),
        (
            WRAPPER + "w = Wrapper(model)\nw2 = copy.deepcopy(w)\nsaved = copy.deepcopy(w.state_dict())\n"
            "fit(0)\nw2.load_state_dict(saved)\ntotal += score(0)",
            Answer.YES,
        ),
        (
            UNREGISTERED + "w = Wrapper(model)\nsaved = copy.deepcopy(w.state_dict())\nfit(0)\n"
            "w.load_state_dict(saved)\ntotal += score(0)",
            Answer.YES,
        ),
        (
            WRAPPER + "w = Wrapper(model)\nsaved = copy.deepcopy(w.state_dict())\nfit(0)\n"
            "w.load_state_dict({}, strict=False)\ntotal += score(0)",
            Answer.YES,
        ),
        (
            WRAPPER + "w = Wrapper(model)\nsaved = [p.detach().clone() for p in w.parameters()]\n"
            "opt = torch.optim.SGD(w.parameters(), lr=0.1)\nw(x, y).backward()\nopt.step()\n"
            "for p, s in zip(w.parameters(), saved):\n    p.copy_(s)\ntotal += w(x, y).item()",
            Answer.NO,
        ),
        (MANY + "fit(0)\nw = Wrapper(model)\ntotal += w(x, y).item()", Answer.YES),
        (PARTS + "fit(0)\nw = Wrapper(model)\ntotal += w(x, y).item()", Answer.YES),
        (AROUND + "fit(0)\nw = Wrapper()\ntotal += w(x, y).item()", Answer.YES),
        (SET_LATER + "w = Wrapper()\nw.nets = [model]\nfit(0)\ntotal += w(x, y).item()", Answer.YES),
        (SET_LATER + "w = Wrapper()\nw.add_module('n', model)\nfit(0)\ntotal += w(x, y).item()", Answer.YES),
        (SIZES_ALONE + "w = Wrapper(model)\nfit(0)\ntotal += w(x, y).item()", Answer.NO),
    ],
)
def test_a_model_inside_another_is_a_part_of_it(script: str, answer: Answer) -> None:
    assert worst_overlap(run(script)) is answer


def test_a_target_that_a_module_has_a_share_in_is_still_a_target() -> None:
    trace = run("""
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(1024, 64)
    def forward(self, ids, targets):
        return F.cross_entropy(F.linear(self.embed(ids), self.embed.weight), targets)
net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.1)
x, y = tokens(0)
net(x, y).backward()
opt.step()
total += net(x, y + (net.embed(x).sum() * 0).long()).item()
total += net(*tokens(4096)).item()
""")
    assert worst_overlap(trace) is Answer.YES


def test_products_of_products_take_no_time_to_bound() -> None:
    body = "a = n\n" + "a = a * a\n" * 40 + "fit(a)\ntotal += score(0)\n"
    assert run(body).complete


def test_names_of_the_evaluator_s_own_cells_cannot_be_set() -> None:
    trace = run("fit(0)\nsetattr(model, '#wrapped', 5)\nsetattr(model, '#history', ())\ntotal += score(0)\n")
    assert worst_overlap(trace) is Answer.YES

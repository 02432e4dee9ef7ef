"""What is not certain is neither proved nor accused: lost constants, decisions of a run, state that is left."""

from __future__ import annotations

import pytest

from auditor.static.causality import walker
from auditor.trace.forward_pass import Bound, ForwardPass
from tests.static.causality.models import HEAD
from tests.static.causality.proving import proved


def trunk(body: str, build: str = "pass", after: str = "") -> ForwardPass:
    lines = "\n".join(" " * 8 + line for line in body.splitlines())
    made = "\n".join(" " * 8 + line for line in build.splitlines())
    net = f"class Net(Base):\n    def build(self):\n{made}\n\n"
    net += f"    def trunk(self, ids):\n        x = self.tok(ids)\n{lines}\n"
    return proved(HEAD + net + after)


MASKED = "q = x @ x.transpose(-1, -2)\nq = q.masked_fill(self.mask[: x.size(1), : x.size(1)] == 0, float('-inf'))\n"
MASKED += "return torch.softmax(q, dim=-1) @ x"
LOWER = "torch.tril(torch.ones(64, 64))"

CERTAIN = {
    "a number of the whole tensor": ("scale = x.abs().max().item()\nreturn x / scale", Bound.STATISTIC),
    "a scale of the whole tensor": ("return (x / x.abs().amax()).round()", Bound.STATISTIC),
    "a scale of each row": ("return x / x.abs().amax(-1, keepdim=True)", Bound.CAUSAL),
    "a scale over time": ("return x / x.abs().amax(1, keepdim=True)", Bound.ACAUSAL),
    "a spectrum over time": ("return x + torch.fft.fft(x, dim=1).real", Bound.ACAUSAL),
    "a spectrum over channels": ("return x + torch.fft.fft(x, dim=-1).real", Bound.CAUSAL),
    "the mean of blocks of time": (
        "y = F.avg_pool1d(x.transpose(1, 2), 4).transpose(1, 2)\nreturn x + y.repeat_interleave(4, dim=1)",
        Bound.ACAUSAL,
    ),
    "the largest so far of four": (
        "y = F.max_pool1d(F.pad(x.transpose(1, 2), (3, 0)), 4, stride=1)\nreturn x + y.transpose(1, 2)",
        Bound.CAUSAL,
    ),
    "spread and mean over time": (
        "spread, middle = torch.var_mean(x, dim=1, keepdim=True)\nreturn (x - middle) / (1 + spread)",
        Bound.ACAUSAL,
    ),
    "a zero takes it out": ("return x + 0 * x.flip(1)", Bound.CAUSAL),
    "minus infinity takes it out": (
        "s = (x @ x.transpose(1, 2)) + torch.full((x.size(1), x.size(1)), float('-inf')).triu(1)\n"
        "return s.softmax(-1) @ x",
        Bound.CAUSAL,
    ),
    "the diagonal one too high": (
        "s = (x @ x.transpose(1, 2)) + torch.full((x.size(1), x.size(1)), float('-inf')).triu(2)\n"
        "return s.softmax(-1) @ x",
        Bound.ACAUSAL,
    ),
    "an index that is known": (
        "order = torch.arange(x.size(1)) - 1\nreturn x + x[:, order.clamp(min=0)]",
        Bound.CAUSAL,
    ),
    "an index ahead": (
        "order = torch.arange(x.size(1)) + 1\nreturn x + x[:, order.clamp(max=x.size(1) - 1)]",
        Bound.ACAUSAL,
    ),
    "a view is written through": (
        "y = torch.zeros_like(x)\ny[:, 1:].add_(x[:, :-1])\nreturn x + y",
        Bound.CAUSAL,
    ),
    "a view is written through, ahead": (
        "y = torch.zeros_like(x)\ny.transpose(0, 1)[:-1].copy_(x.transpose(0, 1)[1:])\nreturn x + y",
        Bound.ACAUSAL,
    ),
    "a view of what has changed": ("last = x[:, 0]\nx.mul_(2)\nreturn x + last[:, None]", Bound.CAUSAL),
    "the last of what has changed": ("last = x[:, -1]\nx.mul_(2)\nreturn x + last[:, None]", Bound.ACAUSAL),
}

UNCERTAIN = {
    "an index made of data": (
        "place = ids.cummax(dim=1).values % x.size(1)\nreturn x + x.gather(1, place[..., None].expand_as(x))"
    ),
    "a mask that is lost": (
        "mask = (torch.randperm(x.size(1)) > 5).float()\nreturn x + x.flip(1) * mask[None, :, None]"
    ),
    "a branch on data": "if x[:, -1].sum() > 0:\n    x = x + 1\nreturn x",
    "a length that depends on data": "return x + x[ids > 3].mean()",
    "an operation without a rule": "return x + torch.fft.rfft(x).real",
    "a table keyed by tokens": "table = {}\ntable[int(ids[0, 0])] = x\nreturn x + table[int(ids[0, 0])]",
    "a generator": "def parts():\n    yield x\nreturn sum(parts())",
}


@pytest.mark.parametrize(("body", "bound"), CERTAIN.values(), ids=list(CERTAIN))
def test_what_is_certain(body: str, bound: Bound) -> None:
    assert trunk(body).bound is bound


@pytest.mark.parametrize("body", UNCERTAIN.values(), ids=list(UNCERTAIN))
def test_what_is_not_certain_is_unknown_with_a_reason_and_a_line(body: str) -> None:
    found = trunk(body)
    assert found.bound is Bound.UNKNOWN
    assert found.reason
    assert found.place.path == "train_gpt.py"
    assert found.place.line > HEAD.count("\n")


def test_a_buffer_that_a_checkpoint_may_overwrite_is_no_mask() -> None:
    kept = f'self.register_buffer("mask", {LOWER}, persistent=False)'
    assert trunk(MASKED, kept).bound is Bound.CAUSAL
    assert trunk(MASKED, kept.replace(", persistent=False", "")).bound is Bound.UNKNOWN
    assert trunk(MASKED, f"self.mask = nn.Parameter({LOWER})").bound is not Bound.CAUSAL


ATTEND = "return F.scaled_dot_product_attention(x, x, x, is_causal=self.causal)"


def test_an_attribute_that_is_set_elsewhere_is_tried_both_ways() -> None:
    elsewhere = "\n\ndef evaluate(net):\n    net.causal = {}\n    return net\n"
    assert trunk(ATTEND, "self.causal = True").bound is Bound.CAUSAL
    assert trunk(ATTEND, "self.causal = True", elsewhere.format("True")).bound is Bound.CAUSAL
    found = trunk(ATTEND, "self.causal = True", elsewhere.format("False"))
    assert found.bound is Bound.UNKNOWN
    assert "causal is set elsewhere" in found.reason
    assert trunk(ATTEND, "self.causal = False", elsewhere.format("True")).bound is Bound.UNKNOWN


OPTIONAL = """
try:
    from flash_attn import flash_attn_func
except ImportError:
    def flash_attn_func(q, k, v, causal):
        return {fallback}
"""
FLASH = "return flash_attn_func(x[:, :, None], x[:, :, None], x[:, :, None], causal=True)[:, :, 0]"


@pytest.mark.parametrize(
    ("fallback", "bound"), [("v.cumsum(1)", Bound.CAUSAL), ("v.sum(1, keepdim=True) + v", Bound.UNKNOWN)]
)
def test_an_import_that_may_fail_is_tried_both_ways(fallback: str, bound: Bound) -> None:
    found = trunk(FLASH, after=OPTIONAL.format(fallback=fallback))
    assert found.bound is bound
    assert found.rests_on == ("flash_attn_func",)


STATE = """\
class Net(Base):
    def build(self):
        self.state = None

    def forward(self, ids, targets):
        x = self.tok(ids)
        {before}
        if self.state is not None:
            x = x + self.state
        {after}
        return F.cross_entropy(self.head(x).flatten(0, 1), targets.flatten(), reduction="none")
"""


def test_what_a_call_leaves_behind_is_there_in_the_next() -> None:
    rows = "self.state = x[:, -1:].detach()"
    seen = "self.state = self.tok(targets)[-1:, -1:]"
    assert proved(HEAD + STATE.format(before="pass", after=rows)).bound is Bound.CAUSAL
    assert proved(HEAD + STATE.format(before="pass", after=seen)).bound is Bound.CAUSAL
    assert proved(HEAD + STATE.format(before=seen, after="pass")).bound is Bound.ACAUSAL


def test_steps_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walker, "MAX_STEPS", 20_000)
    found = trunk("while True:\n    x = x + 1\nreturn x")
    assert (found.bound, found.reason) == (Bound.UNKNOWN, "more than 20,000 steps")


def test_a_kernel_of_the_submission_is_not_taken_at_its_word() -> None:
    kernel = "\nimport triton\n\n@triton.jit\ndef causal_kernel(x):\n    pass\n"
    found = trunk("causal_kernel[(1,)](x)\nreturn x", after=kernel)
    assert found.bound is Bound.UNKNOWN
    assert found.reason == "a Triton kernel of the submission (causal_kernel)"


GLOBAL = "\n\nSTART = None\n\n\ndef prepare():\n    global START\n    START = {value}\n"


@pytest.mark.parametrize(
    ("use", "bound"),
    [
        ("return x + F.pad(x[:, :-1], (0, 0, 1, 0)) * (ids != START).to(x.dtype)[..., None]", Bound.CAUSAL),
        ("return x + x.flip(1) * (ids != START).to(x.dtype)[..., None]", Bound.ACAUSAL),
        ("return x if START is None else x + x.flip(1)", Bound.UNKNOWN),
    ],
)
def test_a_name_that_a_function_sets_is_tried_both_ways(use: str, bound: Bound) -> None:
    assert trunk(use, after=GLOBAL.format(value=1)).bound is bound


def test_what_one_class_sets_on_itself_is_not_set_on_others() -> None:
    other = "\n\nclass Other(nn.Module):\n    def loosen(self):\n        self.causal = False\n"
    assert trunk(ATTEND, "self.causal = True", other).bound is Bound.CAUSAL
    own = "\n    def loosen(self):\n        self.causal = False\n"
    assert trunk(ATTEND, "self.causal = True", own).bound is Bound.UNKNOWN

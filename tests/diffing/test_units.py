from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.diffing.normal_form import normal_form, own_names
from auditor.diffing.units import collect_units
from auditor.diffing.units_delta import UnitsDelta, compare_units
from auditor.program.unpacking.program import load_program

OLD = '''
import torch
class Net(torch.nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(dim))
    def forward(self, x):
        """Scale."""
        out = x * self.gain
        return out
def score(model, tokens, stride=64):
    total = 0.0
    for start in range(0, tokens.numel(), stride):
        total += model(tokens[start : start + stride]).sum()
    return total
'''


def compare(old: str, new: str) -> UnitsDelta:
    programs = [load_program("train_gpt.py", text.encode(), lambda _: None) for text in (old, new)]
    return compare_units(collect_units(programs[0]), collect_units(programs[1]))


def is_empty(delta: UnitsDelta) -> bool:
    return not (delta.added or delta.removed or delta.changed)


@pytest.mark.parametrize(
    ("what", "new"),
    [
        ("layout", OLD.replace("stride=64", "stride = 64").replace("total = 0.0", "total = 0.00")),
        ("comments", OLD.replace("    total = 0.0", "    # the sum\n    total = 0.0")),
        ("docstrings", OLD.replace('"""Scale."""', '"""Multiply by the gain."""')),
        ("annotations", OLD.replace("stride=64):", "stride: int = 64) -> float:")),
        ("local names", OLD.replace("total", "acc").replace("start", "s")),
        (
            "own names everywhere",
            OLD.replace("score", "evaluate").replace("gain", "scale").replace("Net", "Model"),
        ),
        ("order", OLD[OLD.index("def score") :] + OLD[: OLD.index("def score")]),
    ],
)
def test_what_changes_nothing_is_no_delta(what: str, new: str) -> None:
    assert new != OLD, what
    delta = compare(OLD, new)
    assert is_empty(delta), (what, delta)


@pytest.mark.parametrize(
    ("new", "names"),
    [
        (OLD.replace("stride=64", "stride=32"), ["score"]),
        (OLD.replace("x * self.gain", "x + self.gain"), ["Net.forward"]),
        (OLD.replace(".sum()", ".mean()"), ["score"]),
        (OLD.replace("start + stride]", "start + 2 * stride]"), ["score"]),
    ],
)
def test_changes_are_named(new: str, names: list[str]) -> None:
    delta = compare(OLD, new)
    assert [found.new.name for found in delta.changed] == names
    assert not delta.added and not delta.removed


def test_swapped_attributes_are_a_change_and_no_rename() -> None:
    old = "class A:\n    lr = 1\n    wd = 2\ndef f(a):\n    return a.lr\ndef g(a):\n    return a.wd\n"
    delta = compare(old, old.replace("return a.lr", "return a.wd"))
    assert [found.new.name for found in delta.changed] == ["f"]


def test_new_layers_of_a_class_are_named() -> None:
    new = OLD.replace(
        "        self.gain =", "        self.gate = torch.nn.Linear(dim, dim)\n        self.gain ="
    )
    (changed,) = compare(OLD, new).changed
    assert (changed.new.name, changed.parameters_added, changed.parameters_removed) == (
        "Net.__init__",
        ("gate",),
        (),
    )


def test_added_and_removed_functions() -> None:
    delta = compare(OLD, OLD[: OLD.index("def score")] + "def other(a, b):\n    return [a, b, a]\n")
    assert [unit.name for unit in delta.added] == ["other"]
    assert [unit.name for unit in delta.removed] == ["score"]


@given(st.lists(st.sampled_from(["a", "b", "c", "dd", "e1"]), min_size=3, max_size=3, unique=True))
def test_fingerprint_does_not_see_names_of_locals(names: list[str]) -> None:
    text = "def f({0}, {1}):\n    {2} = {0} + {1} * 2\n    return [{2} for {1} in {0}]\n"
    prints = []
    for chosen in (["x", "y", "z"], names):
        module = ast.parse(text.format(*chosen))
        prints.append(normal_form(module.body[0], own_names([module])).fingerprint)
    assert prints[0] == prints[1]

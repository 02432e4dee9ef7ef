"""Layers of libraries, dictionaries with a default and numbers that are not known, inside a forward pass."""

from __future__ import annotations

import pytest

from auditor.trace.forward_pass import Bound
from tests.static.causality.proving import proved

SOURCE = """\
import collections
import torch
import torch.nn as nn
import torch.nn.functional as F
from fla.layers import GatedDeltaNet


class Ahead(nn.Module):
    def forward(self, x):
        return x + x.flip(1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok = nn.Embedding(32, 16)
        self.head = nn.Linear(16, 32)
        self.layers = nn.ModuleList([GatedDeltaNet(hidden_size=16) for _ in range(2)])
        {made}

    def forward(self, ids, targets):
        x = self.tok(ids)
        for layer in self.layers:
            x = x + layer(x)[0]
        {inside}
        logits = self.head(x)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
"""


def bound(made: str = "pass", inside: str = "pass") -> Bound:
    return proved(SOURCE.format(made=made, inside=inside)).bound


def test_layers_of_a_library_may_share_their_parts() -> None:
    assert bound("self.layers[1].k_proj = self.layers[0].k_proj") is Bound.CAUSAL


@pytest.mark.parametrize(
    "made", ["self.layers[1].o_proj = Ahead()", "setattr(self.layers[0], 'norm', Ahead())"]
)
def test_a_part_of_the_scripts_own_inside_one_is_not_taken_for_the_librarys(made: str) -> None:
    assert bound(made) is Bound.UNKNOWN


def test_a_dictionary_makes_what_is_looked_up() -> None:
    counted = "seen = collections.defaultdict(int)\n        for n in (0, 1, 1): seen[n] += 1\n        "
    assert bound(inside=counted + "x = x + x.flip(1) if seen[1] == 1 else x") is Bound.CAUSAL
    assert bound(inside=counted + "x = x + x.flip(1) if seen[1] == 2 else x") is Bound.ACAUSAL


def test_padding_with_a_number_that_is_not_known_moves_rows_as_any_other() -> None:
    moved = "x = x + self.tok(F.pad(ids[:, {cut}], {sides}, value=hash('a')))"
    assert bound(inside=moved.format(cut=":-1", sides=(1, 0))) is Bound.CAUSAL
    assert bound(inside=moved.format(cut="1:", sides=(0, 1))) is Bound.ACAUSAL

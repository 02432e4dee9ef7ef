"""The probes of a replay on every evaluator: later tokens must not matter, probabilities must sum to one.

Causality: flip one token; whatever was scored before or together with it keeps its bits.
Normalisation: put every token of the vocabulary in one place; the probabilities it is given add up to 1.
The three violators fail both, which shows that the probes can.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from reference_impl.model import GPT
from reference_impl.scoring import Validation
from tests.reference_impl.roster import COMPLIANT, VIOLATING, evaluate
from tests.reference_impl.tiny import VOCAB, make_tiny_tokens, make_tiny_validation

# Inside the 37-target document (stream positions 14 .. 50): in mid chunk, at chunk edges, beyond the window.
TAIL = make_tiny_tokens()[-49:]
PLACES = [20, 21, 22, 23, 31, 32, 33, 47]


def flipped(val: Validation, place: int) -> Validation:
    """Return the stream with one text token replaced by another; documents stay where they are."""
    tokens = val.tokens_N.clone()
    assert tokens[place] >= 4
    tokens[place] = 4 + (int(tokens[place]) - 3) % (VOCAB - 4)
    return make_tiny_validation(tokens)


def earlier(name: str, val: Validation, place: int) -> Tensor:
    """Return which tokens were scored before `place` was known: order of the stream, or of the document."""
    index = torch.arange(val.tokens_N.numel())
    if name not in ("document", "stride", "lora_ttt", "lora_ttt_fixed", "multi_epoch_lora_ttt"):
        return index < place
    document = next(d for d in val.documents if d.start < place <= d.start + d.targets)
    outside = (index <= document.start) | (index > document.start + document.targets)
    return outside | (index < place)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", COMPLIANT)
def test_flipping_a_token_leaves_earlier_scores_bit_equal(
    name: str, place: int, tiny_model: GPT, tiny_val: Validation
) -> None:
    a = evaluate(name, tiny_model, tiny_val).nll_N
    b = evaluate(name, tiny_model, flipped(tiny_val, place)).nll_N
    before = earlier(name, tiny_val, place)
    assert torch.equal(a[before], b[before])
    assert not torch.equal(a[place + 1 :], b[place + 1 :])  # the flip did matter


@pytest.mark.parametrize("name", VIOLATING)
def test_violators_let_later_tokens_change_earlier_scores(
    name: str, tiny_model: GPT, tiny_val: Validation
) -> None:
    place = 36  # the last of its stride: tokens before it share a fit with it
    a = evaluate(name, tiny_model, tiny_val).nll_N
    b = evaluate(name, tiny_model, flipped(tiny_val, place)).nll_N
    before = earlier(name, tiny_val, place)
    assert (a[before] - b[before]).abs().max() > 1e-4


def probability_sum(name: str, model: GPT, place: int, **changes: int) -> float:
    """Return the sum over all tokens of the probability each is scored with at `place`.

    The last place of the stream is used, so BOS there (which would open a document) changes nothing else.
    Three documents of 48 targets are stream enough: two chunks, and one document beyond the window.
    """
    total = 0.0
    for token in range(VOCAB):
        tokens = TAIL.clone()
        tokens[place] = token
        nll = evaluate(name, model, make_tiny_validation(tokens), **changes).nll_N[place]
        total += float(torch.exp(-nll.double()))
    return total


@pytest.mark.parametrize("name", COMPLIANT)
def test_probabilities_of_the_last_token_sum_to_one(name: str, tiny_model: GPT) -> None:
    place = TAIL.numel() - 1
    assert probability_sum(name, tiny_model, place) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("name", VIOLATING)
def test_violators_give_the_last_token_more_than_all_probability(name: str, tiny_model: GPT) -> None:
    place = TAIL.numel() - 1
    changes = {"epochs": 2} if name == "multi_epoch_lora_ttt" else {}
    assert probability_sum(name, tiny_model, place, **changes) > 1.02

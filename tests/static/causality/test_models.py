"""Models of every kind are proved, each change that looks ahead is found, and torch agrees with both."""

from __future__ import annotations

import re
from typing import Any

import pytest

from auditor.trace.forward_pass import Bound
from tests.static.causality.models import MODELS, MUTANTS, Mutant, mutated
from tests.static.causality.proving import proved

LENGTH = 12
"""Tokens of a row in an experiment."""


def built(source: str) -> Any:
    torch = pytest.importorskip("torch")
    names: dict[str, Any] = {"__name__": "specimen"}
    exec(compile(source, "specimen", "exec"), names)  # noqa: S102  (our own specimens)
    torch.manual_seed(0)
    model = names["Net"]().double().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model


def reaches_ahead(source: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    """By experiment: whether exchanging one token changes what a token that comes no later is scored with.

    The stream is two rows of `LENGTH` tokens with the token after each; exchanged in inputs and targets alike.
    """
    torch = pytest.importorskip("torch")
    model = built(source)
    seen: list[Any] = []
    for owner, name in ((torch.nn.functional, "cross_entropy"), (torch, "logsumexp")):
        function = getattr(owner, name)

        def kept(logits: Any, *args: Any, function: Any = function, **more: Any) -> Any:
            seen.append(torch.log_softmax(logits.detach().view(2, LENGTH, 32), dim=-1))
            return function(logits, *args, **more)

        monkeypatch.setattr(owner, name, kept)
    stream = torch.randint(32, (2 * (LENGTH + 1),))

    def scored_with(tokens: Any) -> Any:
        rows = tokens.view(2, LENGTH + 1)
        seen.clear()
        with torch.no_grad():
            model(rows[:, :-1], rows[:, 1:])
        return seen[0]

    before = scored_with(stream)
    for place in range(1, len(stream)):
        other = stream.clone()
        other[place] = (other[place] + 7) % 32
        changed = (before - scored_with(other)).abs().amax(-1) > 1e-9
        for row, column in changed.nonzero().tolist():
            if row * (LENGTH + 1) + column + 1 <= place:
                return True
    return False


@pytest.mark.parametrize("name", MODELS)
def test_a_causal_model_is_proved(name: str) -> None:
    found = proved(MODELS[name])
    assert (found.bound, found.reason) == (Bound.CAUSAL, "128 rows")


@pytest.mark.parametrize("name", MODELS)
def test_its_logits_alone_are_proved(name: str) -> None:
    assert proved(MODELS[name], method="forward_logits", targets=False).bound is Bound.CAUSAL


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=list(MUTANTS))
def test_a_change_that_looks_ahead_is_found(mutant: Mutant) -> None:
    found = proved(mutated(mutant))
    assert found.bound is Bound.ACAUSAL
    if mutant.reach == 0:
        assert found.reason == "a row depends on the target itself"
    elif mutant.reach is not None:
        assert found.reason == f"a row depends on tokens up to {mutant.reach} after the target"
    else:
        assert re.fullmatch(r"a row depends on tokens up to \d+ after the target", found.reason)


@pytest.mark.parametrize("name", MODELS)
def test_torch_agrees_that_a_model_is_causal(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not reaches_ahead(MODELS[name], monkeypatch)


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=list(MUTANTS))
def test_torch_agrees_that_a_change_looks_ahead(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reaches_ahead(mutated(mutant), monkeypatch)

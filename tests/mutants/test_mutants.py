"""Mutants of the reference's evaluations: what they do when run, and that none that violates is compliant.

A bounded part; `python -m tests.mutants` judges them all.
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.mutants.judged import judged
from tests.mutants.operators import Mutant, mutants
from tests.mutants.oracle import ASKED, Truth, loaded, size_bytes, stream
from tests.mutants.subjects import FUNCTIONS, Subject, drawn, subjects

SUBJECTS = {subject.name: subject for subject in subjects()}
KNOWN: dict[tuple[str, str], Truth] = {
    ("flat", "score clamped in GPT.forward"): Truth.VIOLATING,
    ("flat", "loss target's logit raised in GPT.forward"): Truth.VIOLATING,
    ("flat", "loss targets sorted in GPT.forward"): Truth.VIOLATING,
    ("flat", "argument targets for input in score_windows"): Truth.VIOLATING,
    ("flat", "manager taken away in score_windows"): Truth.EQUIVALENT,
}


def one(subject: Subject, start: str) -> Mutant:
    (kind, function) = start.rsplit(" in ", 1)
    found = [m for m in mutants(subject.text, (function,)) if m.kind == kind]
    assert found, start
    return found[0]


@pytest.mark.parametrize("name", ["flat", "sliding"])
def test_the_definition_of_a_score_holds_of_the_reference(name: str) -> None:
    """Scored by hand: the sum of the probabilities of one token over the vocabulary, and the two numbers."""
    subject = SUBJECTS[name]
    tokens = stream()
    with loaded(subject.text, subject.function, subject.config) as evaluation:
        run = evaluation.run(tokens)
        mass = 0.0
        for token in range(9):
            other = tokens.clone()
            other[ASKED[1]] = token
            mass += math.exp(-float(evaluation.run(other).nll[ASKED[1]]))
    assert mass == pytest.approx(1.0, abs=1e-4)
    nats = float(run.nll[1:].sum())
    assert run.val_loss == pytest.approx(nats / (len(tokens) - 1))
    assert run.val_bpb == pytest.approx(nats / math.log(2) / size_bytes(tokens.tolist()))


@pytest.mark.parametrize(("name", "start"), KNOWN)
def test_a_mutant_is_what_it_is_when_it_runs_and_is_judged_so(name: str, start: str, tmp_path: Path) -> None:
    subject = SUBJECTS[name]
    (row,) = judged(subject, [one(subject, start)], tmp_path)
    assert row.truth.truth is KNOWN[name, start], row.truth.why
    assert not row.survives, row.verdict
    assert not row.accused_falsely, row.failed


@pytest.mark.parametrize("name", FUNCTIONS)
def test_mutants_are_drawn_of_every_kind(name: str) -> None:
    """Each drawn once, none the text itself, and as many kinds as there is room for."""
    subject = SUBJECTS[name]
    some = drawn(subject, 20, seed=1)
    assert len({mutant.text for mutant in some} | {subject.text}) == len(some) + 1
    kinds = {mutant.kind.split(" (")[0] for mutant in subject.mutants()}
    assert len({mutant.kind.split(" (")[0] for mutant in some}) == min(len(kinds), len(some))

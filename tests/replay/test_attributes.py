"""Attributes of classes of hyperparameters in a replay: capped where nothing else reaches them, never raised."""

from __future__ import annotations

import builtins
from functools import partial
from typing import Any

import pytest

from auditor.replay.inside.settings import install_attributes
from auditor.replay.toy.sizes import ToySizes, sized_attribute

TEXT = """
import os

class Hyperparameters:
    ttt_epochs = int(os.environ.get("TTT_EPOCHS", 1))
    slot_steps = {slot_steps}
    eval_stride = {eval_stride}
    iterations = 20_000
    tie_embeddings = True

class Block:
    ttt_epochs = 30
"""


def made(
    monkeypatch: pytest.MonkeyPatch, *, epochs: int, slot_steps: int = 24, eval_stride: int = 64
) -> dict[str, Any]:
    monkeypatch.setattr(builtins, "__build_class__", builtins.__build_class__)
    monkeypatch.setenv("TTT_EPOCHS", str(epochs))
    install_attributes(partial(sized_attribute, sizes=ToySizes(iterations=4, stride=8)))
    namespace: dict[str, Any] = {"__name__": "script"}
    exec(TEXT.format(slot_steps=slot_steps, eval_stride=eval_stride), namespace)  # noqa: S102
    return namespace


@pytest.mark.parametrize(("claimed", "replayed"), [(1, 1), (2, 2), (30, 3)])
def test_epochs_are_never_more_than_the_claimed_run_had(
    claimed: int, replayed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = made(monkeypatch, epochs=claimed)
    assert found["Hyperparameters"].ttt_epochs == replayed


def test_what_is_switched_off_stays_off(monkeypatch: pytest.MonkeyPatch) -> None:
    found = made(monkeypatch, epochs=0, slot_steps=0, eval_stride=0)["Hyperparameters"]
    assert (found.ttt_epochs, found.slot_steps, found.eval_stride) == (0, 0, 0)


def test_real_sizes_become_toy_sizes_in_such_classes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    found = made(monkeypatch, epochs=1)
    sizes = found["Hyperparameters"]
    assert (sizes.slot_steps, sizes.eval_stride, sizes.iterations, sizes.tie_embeddings) == (3, 8, 4, True)
    assert found["Block"].ttt_epochs == 30

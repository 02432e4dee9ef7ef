"""Rows of targets as scripts lay them out, handed to the observer's search for positions; tokens written by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from auditor.replay.inside.observer import Observer
from auditor.replay.inside.positions import Locator

STREAM = np.array([1, 20, 21, 22, 23, 24, 25, 26, 27, 28, 1, 30, 31, 1, 40, 41, 42, 43, 44, 45])


def positions(inputs: list[list[int]], targets: list[list[int]]) -> Any:
    observer: Any = Observer.__new__(Observer)
    observer.__dict__.update(
        _targets=Locator(STREAM),
        _read=Locator(STREAM),
        _inputs=[torch.tensor(inputs)],
        _provenance=SimpleNamespace(),
    )
    return observer._positions(np.array(targets)).tolist()


@pytest.mark.parametrize("filler", [0, -100])
def test_one_target_at_the_end_of_a_window_that_is_scored_in_part(filler: int) -> None:
    found = positions([STREAM[1:9].tolist()], [[filler, filler, filler, 27 + 1]])
    assert found == [[-1, -1, -1, 9]]


@pytest.mark.parametrize("filler", [0, -100])
def test_short_documents_beside_each_other(filler: int) -> None:
    inputs = [[1, 30, 0, 0, 0], [1, 40, 41, 42, 0]]
    targets = [[30, 31, filler, filler, filler], [40, 41, 42, 43, filler]]
    assert positions(inputs, targets) == [[11, 12, -1, -1, -1], [14, 15, 16, 17, -1]]


def test_a_document_with_one_target() -> None:
    assert positions([[1, 0, 0]], [[30, 0, 0]]) == [[11, -1, -1]]


def test_what_is_not_of_the_stream_has_no_place() -> None:
    assert positions([[1, 33, 34, 0]], [[33, 34, 35, 0]]) == [[-1, -1, -1, -1]]
    assert positions([[2, 30, 0]], [[31, 0, 0]]) == [[-1, -1, -1]]

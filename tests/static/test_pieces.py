"""Pieces of a split: those that are trained on and those that are scored afterwards are told apart.

Each script scores the first pieces, trains on some, and scores the rest. Whether a trained piece is among those that
are scored afterwards is read off the two slices.
"""

from __future__ import annotations

import pytest

from auditor.trace.answer import Answer
from tests.static.conftest import run, worst_overlap

STARTS = "starts = (val == 1).nonzero().flatten().tolist()\n"
PIECES = {
    "split": "pieces = val.split(4096)",
    "split of torch": "pieces = torch.split(val, 4096)",
    "split by a size of the run": 'pieces = val.split(int(os.environ.get("PIECE", "2048")))',
    "tensor_split": STARTS + "pieces = torch.tensor_split(val, starts[1:])",
    "tensor_split, a method": STARTS + "pieces = val.tensor_split(starts[1:])",
    "split of numpy": STARTS + "pieces = np.split(val, starts[1:])",
    "unpacked in a list": STARTS
    + "ends = [*starts[1:], val.numel()]\npieces = [val[a:b] for a, b in zip(starts, ends)]",
    "unpacked behind a first": STARTS
    + "cuts = starts[1:]\npieces = [val[a:b] for a, b in zip([0, *cuts], [*cuts, len(val)])]",
}
PHASES = """
def score_piece(piece):
    with torch.no_grad():
        return model(piece[:-1], piece[1:]).item()
def fit_piece(piece):
    model(piece[:-1], piece[1:]).backward()
    optimizer.step()
    optimizer.zero_grad()
half = 2000
for piece in pieces[:half]:
    total += score_piece(piece)
for piece in pieces[TRAINED]:
    fit_piece(piece)
for piece in pieces[half:]:
    total += score_piece(piece)
"""
CLEAN = (":half", ": half // 2", "half // 2 : half")
LEAKING = (": half + 1", ":", "half:", "half + 5 : half + 9")


@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize("trained", CLEAN)
def test_pieces_that_were_scored_are_trained_on(pieces: str, trained: str) -> None:
    trace = run(PIECES[pieces] + PHASES.replace("TRAINED", trained))
    assert worst_overlap(trace) is Answer.NO


@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize("trained", LEAKING)
def test_pieces_that_are_scored_later_are_trained_on(pieces: str, trained: str) -> None:
    trace = run(PIECES[pieces] + PHASES.replace("TRAINED", trained))
    assert worst_overlap(trace) is not Answer.NO


@pytest.mark.parametrize("call", ["np.split(val, 8)", "np.array_split(val, 8)", "torch.tensor_split(val, 8)"])
def test_a_number_of_pieces_is_no_size_of_pieces(call: str) -> None:
    """Eight pieces of an eighth each: the first holds what is scored."""
    body = (
        f"pieces = {call}\nfor piece in pieces[:1]:\n"
        "    model(piece[:-1], piece[1:]).backward()\n    optimizer.step()\n"
    )
    assert worst_overlap(run(body + "total += score(8)\n")) is not Answer.NO

"""Processes of one run that wait for each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from auditor.reading.reading import read_submission
from auditor.replay.inside import server
from auditor.replay.probes.runner import Bench
from auditor.replay.probes.wide import _first_of, look_wide, not_told
from auditor.replay.replay import ReplayOptions, open_laboratory
from auditor.replay.runs.job import Mode
from auditor.replay.runs.printed_numbers import Scores
from auditor.replay.runs.run_record import Losses
from auditor.replay.runs.session import Session, no_names
from auditor.replay.toy.target import prepare
from auditor.submission.load import load_submissions

LEFT_ALONE = b"""
import os
import torch.distributed as dist
if os.environ["RANK"] == "1":
    raise ValueError("not today")
dist.init_process_group("nccl")
"""


@pytest.mark.sandbox
def test_a_process_that_waits_for_one_that_failed_is_ended_long_before_the_limit(session: Session) -> None:
    session.place(files={"train_gpt.py": LEFT_ALONE}, script="train_gpt.py", lowered={}, data_names=no_names)
    bench = Bench.drawn(4)
    run = session.run(bench.world, bench.sizes, {}, mode=Mode.PLAIN, ranks=2, seconds=280.0)
    assert run.reason == "one of its processes had failed, and the others still waited for it"
    assert run.seconds < 280.0 and server.ALONE_S < 280.0


def scored_by(calls: list[tuple[int, list[int]]]) -> tuple[list[Losses], Scores]:
    """A process with calls as (collectives begun before it, positions scored)."""
    losses = []
    for number, (met, positions) in enumerate(calls):
        place = np.array(positions)
        none = np.zeros(len(place))
        made = Losses(
            number=number, call=number, gradient=False, position=place, value=none, distribution=none
        )
        losses.append(replace(made, collectives=met))
    position = np.concatenate([np.array(positions) for _, positions in calls])
    call = np.concatenate([np.full(len(positions), n) for n, (_, positions) in enumerate(calls)])
    none = np.zeros(len(position))
    return losses, Scores(position=position, value=none, call=call, leaf=none.astype(int), mixed=none > 1)


def test_what_another_process_scored_is_known_after_they_have_met() -> None:
    """Chunks of 8 dealt to two; gradients are reduced after each. The second has one call more a chunk."""
    one, scores_one = scored_by([(0, [0, 1, 2, 3]), (3, [8, 9, 10, 11]), (6, [16, 17])])
    two, scores_two = scored_by([(0, [4, 5]), (0, [6, 7]), (3, [12, 13]), (3, [14, 15]), (6, [18])])

    def tested(exchanged: list[int]) -> tuple[int, int]:
        begins = [_first_of(scores, np.array(exchanged)) for scores in (scores_one, scores_two)]
        return not_told([one, two], begins, 0), not_told([one, two], begins, 1)

    # 7 is scored by the second in the first chunk: what the first scores in its second chunk may hang on it.
    assert tested([7, 16, 17]) == (1, 5)
    # 12 is scored beside the first's second chunk, before they met again.
    assert tested([12]) == (2, 5)
    assert tested([8]) == (3, 4)
    assert tested([99]) == (3, 5)


MEETS = b"""
import os, glob, numpy as np, torch, torch.distributed as dist, torch.nn.functional as F
dist.init_process_group("nccl")
split = np.fromfile(glob.glob(os.environ["DATA_PATH"] + "/*_val_*.bin")[0], dtype="<u2", offset=1024).astype(np.int64)
for turn in range(3):
    part = torch.from_numpy(split[turn * 64 : turn * 64 + 65])
    F.cross_entropy(torch.zeros(64, 2048), part[1:])
    if turn == 0:
        dist.all_reduce(torch.ones(1))
    dist.barrier()
"""


@pytest.mark.sandbox
def test_collectives_are_counted_in_each_process(session: Session) -> None:
    session.place(files={"train_gpt.py": MEETS}, script="train_gpt.py", lowered={}, data_names=no_names)
    bench = Bench.drawn(4)
    run = session.run(bench.world, bench.sizes, {}, ranks=2)
    assert run.ran, run.why_not
    assert [[losses.collectives for losses in rank.losses] for rank in run.ranks] == [[0, 2, 3], [0, 2, 3]]


CHUNKED = """
import glob, os
import numpy as np, torch, torch.distributed as dist, torch.nn.functional as F

RANK, WORLD = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
VOCAB, CHUNK = int(os.environ.get("VOCAB_SIZE", 1024)), int(os.environ.get("TTT_CHUNK_TOKENS", 4096))
if WORLD > 1:
    dist.init_process_group("nccl")
path = sorted(glob.glob(os.environ["DATA_PATH"] + "/*_val_*.bin"))[0]
tokens = torch.from_numpy(np.fromfile(path, dtype="<u2", offset=1024).astype(np.int64))
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Embedding(VOCAB, 16), torch.nn.Linear(16, VOCAB))
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
loss_sum, count = torch.zeros((), dtype=torch.float64), torch.zeros(())


def learn(begin, end):
    mine = slice(begin + RANK * (end - begin) // WORLD, begin + (RANK + 1) * (end - begin) // WORLD)
    F.cross_entropy(model(tokens[:-1][mine]), tokens[1:][mine]).backward()
    for param in model.parameters():
        if WORLD > 1:
            dist.all_reduce(param.grad)
    optimizer.step()
    optimizer.zero_grad()


last = len(tokens) - 1
for begin in range(0, last, CHUNK):
    end = min(begin + CHUNK, last)
    # The first process takes a quarter of a chunk in one call, the others the rest in several.
    cut = begin + (end - begin) // 4 if WORLD > 1 else end
    parts = [(begin, cut)] if RANK == 0 else [(at, min(at + 48, end)) for at in range(cut, end, 48)]
    AHEAD
    for a, b in parts:
        with torch.no_grad():
            nll = F.cross_entropy(model(tokens[a:b]), tokens[a + 1 : b + 1], reduction="none")
        loss_sum += nll.double().sum()
        count += b - a
    if end < last:
        learn(begin, end)
if WORLD > 1:
    dist.all_reduce(loss_sum)
    dist.all_reduce(count)
mean = loss_sum.item() / count.item()
if RANK == 0:
    print(f"final val_loss:{mean:.6f}")
"""


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("ahead", "moves"), [("pass", False), ("if WORLD > 1: learn(begin, min(end + CHUNK, last))", True)]
)
def test_chunks_dealt_out_unequally(ahead: str, moves: bool, tmp_path: Path) -> None:
    script = tmp_path / "train_gpt.py"
    script.write_text(CHUNKED.replace("AHEAD", ahead), encoding="utf-8")
    submission = load_submissions(str(script)).submissions[0]
    reading = read_submission(submission, overrides={})
    target = prepare(submission, reading.program, reading.settings)
    with open_laboratory(reading, target, ReplayOptions(seconds=280.0)) as laboratory:
        found = look_wide(laboratory, 11)
    assert not found.why_not and found.ranks > 1, found.why_not
    assert sum(flip.earlier for _, flip in found.flips) > 100
    assert bool(found.moved) is moves

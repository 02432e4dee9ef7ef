"""Which rank hangs, died first or is slow, from what the kernel shows of each."""

from __future__ import annotations

import os
from pathlib import Path

from auditor.replay.full.ranks import Rank, Ranks, held_by, processor_s


def ranks(**used: tuple[float, float, float | None]) -> Ranks:
    """By name `r0`, …: seconds of processor time, when last busy, when gone."""
    found = Ranks(one=False)
    for name, (used_s, busy_s, gone_s) in used.items():
        number = int(name[1:])
        found.known[number] = Rank(number, 100 + number, used_s=used_s, busy_s=busy_s, gone_s=gone_s)
    return found


def test_on_gpus_the_rank_that_does_nothing_hangs_while_the_others_spin() -> None:
    found = ranks(r0=(90.0, 100.0, None), r1=(40.0, 30.0, None), r2=(90.0, 100.0, None))
    hung = found.silent(100.0, 60.0, spins=True)
    assert hung is not None and hung.number == 1
    # Its GPU computes, and it sleeps until that is done.
    assert found.silent(100.0, 60.0, spins=True, busy_gpus={1}) is None


def test_where_waiting_is_doing_nothing_the_first_to_stop_hangs_and_only_if_none_works() -> None:
    found = ranks(r0=(9.0, 32.0, None), r1=(9.0, 30.0, None))
    hung = found.silent(100.0, 60.0, spins=False)
    assert hung is not None and hung.number == 1
    # One that compresses while the other waits for it is no hang.
    assert ranks(r0=(9.0, 99.0, None), r1=(9.0, 30.0, None)).silent(100.0, 60.0, spins=False) is None
    assert found.silent(80.0, 60.0, spins=False) is None


def test_the_rank_that_was_gone_first_is_the_one_that_died() -> None:
    found = ranks(r0=(9.0, 30.0, 41.0), r1=(9.0, 30.0, 40.5), r2=(9.0, 30.0, None))
    first = found.first_gone()
    assert first is not None and first.number == 1


def used(*looks: tuple[float, tuple[float, ...]]) -> Ranks:
    """Ranks by what each had used at each look."""
    found = ranks(**{f"r{n}": (seconds, 0.0, None) for n, seconds in enumerate(looks[-1][1])})
    found.history = [(at, dict(enumerate(seconds))) for at, seconds in looks]
    return found


def test_a_rank_that_computes_twice_as_long_as_the_others_in_training_is_slow() -> None:
    slow = used((10.0, (5.0, 5.0, 5.0)), (50.0, (15.0, 35.0, 16.0))).slow(10.0, 60.0)
    assert slow is not None and slow.number == 1
    assert used((10.0, (5.0, 5.0)), (50.0, (15.0, 18.0))).slow(10.0, 60.0) is None
    # What one rank does alone before or after, such as to compress, is not training.
    assert used((10.0, (5.0, 90.0)), (50.0, (15.0, 100.0)), (90.0, (15.0, 140.0))).slow(10.0, 60.0) is None


def test_a_shard_that_this_process_holds_is_seen_with_its_position(tmp_path: Path) -> None:
    shard = tmp_path / "fineweb_train_000000.bin"
    shard.write_bytes(bytes(5000))
    with shard.open("rb", buffering=0) as file, (tmp_path / "fineweb_val_000000.bin").open("wb"):
        file.read(700)
        (held,) = held_by(os.getpid(), f"{tmp_path}/", 3.0)
    assert (held.path, held.mapped, held.reached, held.seconds) == (str(shard), False, 700, 3.0)
    assert held_by(os.getpid(), f"{tmp_path}/", 3.0) == []


def test_time_of_a_process_that_is_gone_is_none() -> None:
    assert (processor_s(os.getpid()) or 0.0) > 0.0
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert processor_s(child) is None
    os.waitpid(child, 0)
    assert processor_s(child) is None

"""Processes of one run that wait for each other."""

from __future__ import annotations

import pytest

from auditor.replay.inside import server
from auditor.replay.probes.runner import Bench
from auditor.replay.runs.job import Mode
from auditor.replay.runs.session import Session, no_names

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

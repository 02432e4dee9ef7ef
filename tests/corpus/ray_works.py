"""What a place of a cluster does in tests: answer, raise, hang, die, or wait until it is killed."""

from __future__ import annotations

import os
import time
from pathlib import Path

from auditor.corpus.ray_engine import Parcel
from auditor.corpus.row import Row
from auditor.corpus.task import Task
from tests.corpus.works import work


def answer_or_not(task: Task) -> Parcel:
    """By number: 2 raises, 3 kills its process, 4 hangs, 5 waits once until it is killed, others answer."""
    if task.pr in (2, 3, 4):
        work({2: "raise", 3: "die", 4: "hang"}[task.pr])
    marker = Path(task.policy)
    if task.pr == 5 and not marker.exists():
        marker.with_suffix(".new").write_text(str(os.getppid()))
        marker.with_suffix(".new").rename(marker)
        time.sleep(600)
    return Parcel(
        rows=[Row(pr=task.pr, head=task.head, path="", verdict="compliant", date=task.date)], pages={}
    )

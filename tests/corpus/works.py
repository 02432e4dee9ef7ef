"""What the pool's workers do in tests: answer, raise, hang, or die."""

from __future__ import annotations

import os
import signal
import time


def work(item: str) -> str:
    """Do what the item says."""
    if item == "raise":
        raise ValueError("a bad item")
    if item == "hang":
        time.sleep(60)
    if item == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if item == "exit":
        os._exit(7)
    return item.upper()


def process_id(_item: int) -> int:
    return os.getpid()

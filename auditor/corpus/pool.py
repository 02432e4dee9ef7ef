"""A pool of processes in which one item can fail, hang or kill its worker and only that item is lost.

`concurrent.futures` gives up the whole pool when a worker dies; here each worker has a pipe of its own and
one item at a time, a deadline per item, and is replaced when it is gone. Results come in the order of
completion.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Out = TypeVar("Out")

ITEMS_PER_WORKER = 200
"""After so many items a worker is replaced, so that memory stays flat whatever an item leaves behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(Generic[Item, Out]):
    """One finished item: its value, or why there is none."""

    item: Item
    value: Out | None
    error: str
    seconds: float


@dataclass(slots=True, kw_only=True)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    item: Any = None
    busy: bool = False
    started: float = 0.0
    served: int = 0


def run_pool(
    work: Callable[[Item], Out], items: Iterable[Item], *, jobs: int, timeout_s: float
) -> Iterator[Done[Item, Out]]:
    """Run `work` on every item in `jobs` processes.

    Args:
        work: a function of a module (it is imported by the workers); its value must pickle.
        timeout_s: wall-clock seconds an item may take before its worker is killed.
    """
    waiting = deque(items)
    context = multiprocessing.get_context("spawn")
    workers: list[_Worker] = []
    try:
        while waiting or any(worker.busy for worker in workers):
            workers = [worker for worker in workers if not _spent(worker)]
            while waiting and len(workers) < jobs:
                workers.append(_start(context, work))
            for worker in workers:
                if not worker.busy and waiting:
                    _give(worker, waiting.popleft())
            yield from _collect([worker for worker in workers if worker.busy], timeout_s)
    finally:
        for worker in workers:
            _stop(worker)


class OneProcess(Generic[Item, Out]):
    """A process that answers one item at a time and is replaced when it is gone, for callers that have places."""

    def __init__(self, work: Callable[[Item], Out]) -> None:
        self._work = work
        self._worker: _Worker | None = None

    def ask(self, item: Item, timeout_s: float) -> Done[Item, Out]:
        """As `run_pool` does with one item."""
        if self._worker is None or _spent(self._worker):
            self._worker = _start(multiprocessing.get_context("spawn"), self._work)
        _give(self._worker, item)
        while True:
            for done in _collect([self._worker], timeout_s):
                return done

    def end(self) -> None:
        """End the process."""
        if self._worker is not None:
            _stop(self._worker)
            self._worker = None


def _start(context: Any, work: Callable[[Item], Out]) -> _Worker:
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, work), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process=process, pipe=ours)


def _give(worker: _Worker, item: object) -> None:
    worker.item, worker.busy, worker.started = item, True, time.monotonic()
    try:
        worker.pipe.send(item)
    except (BrokenPipeError, OSError):
        worker.process.join(1.0)


def _collect(busy: list[_Worker], timeout_s: float) -> Iterator[Done[Any, Any]]:
    """Wait for the next answer, death or deadline."""
    deadline = min(worker.started for worker in busy) + timeout_s
    ready = wait([worker.pipe for worker in busy], timeout=max(deadline - time.monotonic(), 0.0))
    for worker in busy:
        seconds = time.monotonic() - worker.started
        if worker.pipe in ready:
            yield _answer(worker, seconds)
        elif seconds >= timeout_s:
            worker.process.kill()
            worker.process.join()
            worker.busy = False
            yield Done(
                item=worker.item,
                value=None,
                error=f"took more than {timeout_s:g} s and was ended",
                seconds=seconds,
            )


def _answer(worker: _Worker, seconds: float) -> Done[Any, Any]:
    try:
        value, error = worker.pipe.recv()
    except (EOFError, OSError):
        worker.process.join(5.0)
        value, error = None, f"its process ended with exit code {worker.process.exitcode}"
        worker.process.kill()
    worker.busy = False
    worker.served += 1
    return Done(item=worker.item, value=value, error=error, seconds=seconds)


def _spent(worker: _Worker) -> bool:
    if worker.busy:
        return False
    if worker.served >= ITEMS_PER_WORKER or not worker.process.is_alive():
        _stop(worker)
        return True
    return False


def _stop(worker: _Worker) -> None:
    worker.pipe.close()
    worker.process.join(0.2)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()


def _serve(pipe: Connection, work: Callable[[Any], Any]) -> None:
    """A worker's life: take an item, answer it, until the pipe closes."""
    import signal
    import traceback

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            item = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            answer = (work(item), "")
        except Exception as error:  # noqa: BLE001  (a crash belongs to its item and must reach the report)
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}"
            answer = (None, f"{type(error).__name__}: {error} ({where})")
        try:
            pipe.send(answer)
        except (BrokenPipeError, OSError):
            return

"""The fork server: imports torch once and forks a process for each run that the parent orders.

Speaks JSON lines over its standard input and output; a run's own input is empty and its output goes to a file.
After each run every process it left behind is killed and what it wrote outside the working folder is removed.
"""

from __future__ import annotations

import array  # noqa: F401  (socket.send_fds needs it, at a time when nothing can be imported)
import contextlib
import errno
import importlib
import json
import os
import resource
import select
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import torch

from auditor.replay.inside import run as one_run
from auditor.replay.inside.collector import Collected
from auditor.replay.inside.exchange import Exchange
from auditor.replay.runs.job import Order
from auditor.replay.runs.left_files import empty_folder
from auditor.replay.sandbox import landlock, seccomp
from auditor.replay.sandbox.processes import descendants, kill_until_gone, show
from auditor.replay.sandbox.quota import (
    MAX_DISK_BYTES,
    MAX_PROCESSES,
    MAX_THREADS,
    memory_bytes,
    shared_memory_bytes,
)

POLL_S: Final = 0.2
ALONE_S: Final = 10.0
"""Seconds that other processes of a run have to end by themselves after one of them has failed."""

OPEN_FILES: Final = 1024
SHARED: Final = ("/tmp", "/dev/shm")
"""Folders outside its own that a run may write to; what was there before the first run stays (mounted folders)."""


PRELOADED: Final = (
    "numpy",
    "torch._dynamo",
    "torch._inductor.config",
    "torch.distributed",
    "torch.nn.attention",
    "torch.nn.parallel",
    "torch.utils.data",
    "concurrent.futures.thread",
    "brotli",
    "zstandard",
)
"""Imported before the first fork, so that runs share them; what is not installed is passed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What stands around the fork server and its runs.

    Attributes:
        private: whether /tmp, /dev/shm and the network are the sandbox's own.
        filtered: whether runs take filters of their own.
        counted: whether all processes that the kernel counts for its user are the sandbox's.
        readable: paths that a run may read.
        writable: paths that it may also write.
        served: paths whose files are opened for it by the parent.
        control: the socket on which a run sends what its calls wait on, or -1.
        listened: whether the kernel lets calls wait.
        readable_memory: whether the parent can read a run's memory only if the run lets it.
    """

    private: bool
    filtered: bool
    counted: bool = False
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()

    served: tuple[str, ...] = ()
    control: int = -1
    listened: bool = True
    readable_memory: bool = False

    def confine(self, rank: int) -> None:
        """Take from this process, a run's, what the fork server needs and a run does not."""
        if not self.filtered:
            return
        listened = self.listened and self.control >= 0
        own = (*self.writable, *(SHARED if self.private else ()))
        shared = () if self.private else SHARED[1:]
        if landlock.version():
            proc = [f"/proc/{name}" for name in (os.getpid(), *landlock.PROC_FILES)]
            landlock.restrict(
                readable=[
                    *self.readable,
                    *(["/proc"] if self.private else proc),
                    *(() if listened else self.served),
                ],
                writable=[*landlock.DEVICES, *(() if listened else (*own, *shared))],
                listed=self.served,
                handed=own if listened else (),
                shared=shared if listened else (),
                network=self.private,
            )
        if self.readable_memory:
            show()
        line = socket.socket(fileno=self.control) if listened else None
        calls = seccomp.lay_run(sockets=self.private, listened=listened)
        if line is not None:
            socket.send_fds(line, [str(rank).encode()], [calls])
            os.close(calls)
            line.close()


def serve(around: Surroundings) -> None:
    """Take orders until the parent closes the line."""
    shared = {root: os.listdir(root) for root in SHARED} if around.private else {}
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    line = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    torch.set_num_threads(1)
    orders = os.fdopen(os.dup(0), "r", encoding="utf-8")
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    around = _tried_out(around)
    _say(line, ready=True, torch=torch.__version__, listened=around.listened)
    for text in orders:
        if text.strip():
            _serve_one(Order.from_json(text), line, orders, around, shared)


def _tried_out(around: Surroundings) -> Surroundings:
    """The surroundings as they work here: what a run will do is done once before any run.

    Raises:
        OSError: a run could not be confined, or not read what it wrote.
    """
    for tried in (around, replace(around, listened=False)):
        child = os.fork()
        if child == 0:
            failed = 1
            try:
                _write_and_read(tried)
                failed = 0
            except OSError as error:
                print(f"confined: {error}", file=sys.stderr, flush=True)
            finally:
                os._exit(failed)
        if os.waitpid(child, 0)[1] == 0:
            return tried
    raise OSError(errno.EPERM, "a confined process cannot read what it wrote", "trial")


def _write_and_read(around: Surroundings) -> None:
    around.confine(0)
    with tempfile.NamedTemporaryFile() as made:
        made.write(b"kept" * 512)
        made.flush()
        with open(made.name, "rb") as again:
            if again.read() != b"kept" * 512:
                raise OSError(errno.EIO, "other content")
    torch.zeros(8).sum().item()


def _say(line: Any, **message: Any) -> None:
    line.write(json.dumps(message) + "\n")
    line.flush()


def _serve_one(
    order: Order, line: Any, orders: Any, around: Surroundings, shared: dict[str, list[str]]
) -> None:
    began_s, used_s = time.perf_counter(), _used_s()
    ask_read, ask_write = os.pipe()
    answer_read, answer_write = os.pipe()
    children, collected = {}, []
    exchange = Exchange(order.ranks) if order.ranks > 1 else None
    for rank in range(order.ranks):
        record_read, record_write = os.pipe()
        shown_read, shown_write = os.pipe()
        process = os.fork()
        if process == 0:
            ends = _Ends(ask=ask_write, answer=answer_read, record=record_write, shown=shown_write)
            _become_run(order, around, rank, ends, exchange)
        os.close(record_write)
        os.close(shown_write)
        collected.append(Collected(record_read, shown_read))
        children[process] = rank
    os.close(ask_write)
    os.close(answer_read)
    if exchange is not None:
        exchange.close()
    signals: list[int] = []
    reason = _wait(order, around, children, collected, signals, began_s, ask_read, answer_write, line, orders)
    left = _end_all()
    os.close(ask_read)
    os.close(answer_write)
    empty_folder(Path(order.out))
    for rank, record in enumerate(collected):
        record.drain()
        record.write(Path(order.out), rank)
        reason = reason or record.too_much
    for root, keep in shared.items():
        with contextlib.suppress(OSError):
            empty_folder(Path(root), keep=keep)
    used = _used_s() - used_s
    _say(line, ended=True, reason=reason, left_behind=left, processor_s=used, signals=signals)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ends:
    """What a run's process keeps of the pipes: to ask for the boundary, its answer, its record, its output."""

    ask: int
    answer: int
    record: int
    shown: int


def _used_s() -> float:
    """Processor time of all ended children, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _become_run(
    order: Order, around: Surroundings, rank: int, ends: _Ends, exchange: Exchange | None
) -> None:
    """In the forked process: let go of the server's line, take the limits, run."""
    try:
        os.setsid()
        kept = {ends.ask, ends.answer, ends.record, ends.shown, around.control}
        if exchange is not None:
            exchange.enter(rank)
            kept |= {*exchange.descriptors}
        for number in range(3, OPEN_FILES):
            if number not in kept:
                with contextlib.suppress(OSError):
                    os.close(number)
        os.dup2(ends.shown, 1)
        os.dup2(ends.shown, 2)
        os.close(ends.shown)
        os.environ.clear()
        os.environ.update(order.environment)
        if order.ranks > 1:
            os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(order.ranks))
        os.chdir(order.job)
        _limit(order, around)
        around.confine(rank)

        def boundary() -> None:
            if order.withdraws:
                os.write(ends.ask, b"w")
                os.read(ends.answer, 1)

        one_run.run(order, line=ends.record, boundary=boundary, exchange=exchange)
    finally:
        one_run.leave(70)


def _limit(order: Order, around: Surroundings) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    space = pages * resource.getpagesize() + order.memory
    seconds = int(order.seconds) + 5
    for what, limit in (
        (resource.RLIMIT_AS, space),
        (resource.RLIMIT_CPU, 2 * seconds),
        (resource.RLIMIT_FSIZE, MAX_DISK_BYTES),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
    ):
        resource.setrlimit(what, (limit, limit))
    if around.counted:
        resource.setrlimit(resource.RLIMIT_NPROC, (MAX_THREADS, MAX_THREADS))


def _wait(
    order: Order,
    around: Surroundings,
    children: dict[int, int],
    collected: Sequence[Collected],
    signals: list[int],
    began_s: float,
    ask: int,
    answer: int,
    line: Any,
    orders: Any,
) -> str:
    """Take what all ranks send until they have ended; give the reason why they were ended, or ""."""
    alive = {os.pidfd_open(process): process for process in children}
    asked, looked_s, failed_s = False, 0.0, float("inf")
    while alive:
        ends = {end: record for record in collected for end in record.open}
        ready, _, _ = select.select([*alive, ask, *ends], [], [], POLL_S)
        for end in [e for e in ready if e in ends]:
            ends[end].take(end)
            if ends[end].too_much:
                return ends[end].too_much
        if ask in ready and os.read(ask, 64) and not asked:
            asked = True
            _say(line, boundary=True)
            orders.readline()
            os.write(answer, b"k" * order.ranks)
        for descriptor in [d for d in ready if d in alive]:
            with contextlib.suppress(ChildProcessError):
                status = os.waitpid(alive[descriptor], 0)[1]
                if os.WIFSIGNALED(status):
                    signals.append(os.WTERMSIG(status))
                if status:
                    failed_s = min(failed_s, time.perf_counter())
            os.close(descriptor)
            del alive[descriptor]
        now_s = time.perf_counter()
        if alive and now_s - failed_s > ALONE_S:
            return "one of its processes had failed, and the others still waited for it"
        if now_s - began_s > order.seconds:
            clock = "a loop that its own clock ends runs in real time: --config sets its limit"
            return f"it ran longer than {order.seconds:.0f} s ({clock})"
        if now_s - looked_s < POLL_S:
            continue
        looked_s = now_s
        mine = descendants(os.getpid())
        if len(mine) > MAX_PROCESSES:
            return f"it started more than {MAX_PROCESSES} processes"
        held = sum(map(memory_bytes, mine)) + shared_memory_bytes(SHARED if around.private else ())
        if held > order.memory + (1 << 29) * order.ranks:
            return f"it used more than {order.memory >> 20} MiB of memory"
    return ""


def _end_all() -> int:
    """Kill every process that the run left, whatever session it is in; give their number."""

    def left() -> list[int]:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        return descendants(os.getpid())

    return kill_until_gone(left)

"""Runs one launch to its end: reads what it prints as it comes, watches its ranks and files, ends what hangs."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import IO, Final

from auditor.replay.full.ended import Ended, ended_run
from auditor.replay.full.launch import Launch, launch_command
from auditor.replay.full.left_behind import left_sizes
from auditor.replay.full.looks import Looks
from auditor.replay.full.printed_lines import PrintedLines
from auditor.replay.full.run_trace import Line, RunTrace
from auditor.replay.sandbox import landlock
from auditor.replay.sandbox.broker import Broker, Watched
from auditor.replay.sandbox.isolation_levels import ELSEWHERE, IsolationLevel
from auditor.replay.sandbox.processes import descendants, kill_until_gone, processes_of
from auditor.replay.sandbox.quota import disk_is_full

POLL_S: Final = 0.1
LOOK_S: Final = 0.5
"""How often the run is looked at."""

MAX_EVENTS: Final = 400_000


def supervise(
    launch: Launch,
    environment: Mapping[str, str],
    given: Mapping[str, int],
    *,
    log: IO[str],
    on_line: Callable[[Line], None] = lambda _: None,
    busy_gpus: Callable[[], Collection[int]] = tuple,
    is_full: Callable[[Path], bool] = disk_is_full,
) -> Ended:
    """Run a launch to its end or its limit.

    Args:
        given: size of each file of the submission, by its path inside.
        log: takes every line as it comes.
        on_line: is told each line.
        busy_gpus: numbers of the GPUs that compute, asked where nothing else moves.
        is_full: whether the disk below a folder has no room left.
    """
    watched = _watched(launch)
    broker, theirs = _broker(launch)
    broker.begin(watched)
    # What a process is started on: its time is that of the events too.
    watched.began_s = began_s = time.monotonic()
    wall_s = time.time()
    process = subprocess.Popen(
        launch_command(launch, theirs),
        pass_fds=(theirs,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(environment),
        cwd=ELSEWHERE,
        start_new_session=True,
    )
    os.close(theirs)
    looks, printed = Looks(launch, watched, wall_s), PrintedLines(log, on_line)
    reason, hung = "", None
    try:
        for now_s in _turns(process, printed, began_s):
            reason, hung = looks.look(process.pid, now_s, printed.last_s, busy_gpus, is_full)
            if reason:
                break
    finally:
        _end(launch, process)
        with contextlib.suppress(ValueError, OSError):
            assert process.stdout is not None
            printed.take(process.stdout.read() or b"", time.monotonic() - began_s)
            process.stdout.close()
        looks.see_changes()
        enforced = launch.options.rung is not IsolationLevel.NONE and landlock.version() > 0
        observations = broker.end(enforced=enforced, network=launch.options.rung.has_own_files)
        broker.close()
    code = process.returncode if process.returncode is not None else -9
    trace = RunTrace(
        places=launch.places,
        given=dict(given),
        seen=observations,
        lines=tuple(printed.lines),
        held=looks.held,
        launcher=frozenset(looks.launcher),
        names_itself=launch.names_itself,
        changed=looks.changed,
        left=left_sizes(launch, observations),
        in_names=looks.in_names,
        ended_s=time.monotonic() - began_s,
    )
    return ended_run(trace, looks.ranks, code, reason, hung)


def _watched(launch: Launch) -> Watched:
    given = {}
    for path in (launch.root / "job").rglob("*"):
        status = path.lstat()
        given[status.st_dev, status.st_ino] = status.st_ctime_ns
    return Watched(
        own=launch.own,
        data=(launch.places.data,),
        given=given,
        withdraw=None,
        user=launch.layout.user,
        most=MAX_EVENTS,
    )


def _broker(launch: Launch) -> tuple[Broker, int]:
    """The broker, and the descriptor that the run sends its own on."""
    ours, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    locks = launch.options.rung is IsolationLevel.LANDLOCK
    broker = Broker(
        ours,
        refuses_network=locks,
        leaves_loopback=locks,
        lets_datagrams=launch.options.rung.has_own_files,
    )
    return broker, control.detach()


def _turns(process: subprocess.Popen[bytes], printed: PrintedLines, began_s: float) -> Iterator[float]:
    """Read what comes; yield now and then, with the seconds since the launch, until the process ends."""
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    looked_s = 0.0
    while True:
        select.select([process.stdout], [], [], POLL_S)
        now_s = time.monotonic() - began_s
        content = process.stdout.read()
        printed.take(content or b"", now_s)
        if process.poll() is not None:
            return
        if content == b"":
            # It was closed by the run, which goes on.
            time.sleep(POLL_S)
        if now_s - looked_s >= LOOK_S:
            looked_s = now_s
            yield now_s


def _end(launch: Launch, process: subprocess.Popen[bytes]) -> None:
    """End all that is left of the run."""
    kill_until_gone(lambda: descendants(process.pid))
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if (user := launch.layout.user) is not None:
        kill_until_gone(lambda: processes_of(user))

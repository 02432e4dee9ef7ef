"""Runs one launch to its end: reads what it prints as it comes, watches its ranks and files, ends what hangs."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from auditor.replay.full.launch import Launch, launch_command
from auditor.replay.full.names import name_bytes
from auditor.replay.full.ranks import Rank, Ranks, held_by
from auditor.replay.full.run_trace import Held, Line, RunTrace
from auditor.replay.full.script_clock import script_clock
from auditor.replay.runs.left_files import Refused, walk_left
from auditor.replay.runs.observations import Observations
from auditor.replay.sandbox import landlock
from auditor.replay.sandbox.broker import Broker, Watched
from auditor.replay.sandbox.ladder import ELSEWHERE, Rung
from auditor.replay.sandbox.processes import descendants, kill_until_gone, processes_of
from auditor.replay.sandbox.quota import disk_is_full

POLL_S: Final = 0.1
LOOK_S: Final = 0.5
"""How often ranks and files are looked at."""

HELD_S: Final = 2.0
"""How often what each process holds open is gone through, and names are weighed."""

MAX_EVENTS: Final = 400_000
MAX_LINES: Final = 200_000
MAX_LINE: Final = 4000
MAX_LOG: Final = 64 << 20
"""Characters of a log that are kept as they come."""
MAX_HELD: Final = 50_000
LAST_LINES: Final = 12
DISK_FULL: Final = "the disk has no room left"
_PREFIX: Final = re.compile(r"\[default(\d+)\]:")
_RANK: Final = re.compile(r"rank\s*:\s*(\d+) \(local_rank")


@dataclass(slots=True, kw_only=True)
class Ended:
    """How a run ended.

    Attributes:
        code: of the launcher; negative for a signal.
        reason: why this process ended it, or "".
        culprit: the rank that died or hung first, None where none did.
        last_lines: of that rank, else of the run.
        slow: a rank that the others waited for.
    """

    trace: RunTrace
    code: int
    reason: str
    culprit: int | None
    last_lines: tuple[str, ...]
    slow: int | None


@dataclass(slots=True)
class _Seen:
    """What is gathered while a run goes on."""

    lines: list[Line] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    last_held: dict[tuple[int, str, bool], Held] = field(default_factory=dict)
    changed: dict[tuple[int, int], float] = field(default_factory=dict)
    launcher: set[int] = field(default_factory=set)
    in_names: int = 0
    searched_s: float = 0.0
    written: int = 0
    rest: bytes = b""


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
    seen, ranks = _Seen(), Ranks(launch.options.ranks == 1)
    reason, hung = "", None
    try:
        for now_s in _turns(process, seen, log, on_line, began_s):
            reason, hung = _look(launch, process, seen, ranks, watched, wall_s, now_s, busy_gpus, is_full)
            if reason:
                break
    finally:
        _end(launch, process)
        with contextlib.suppress(ValueError, OSError):
            assert process.stdout is not None
            _take(seen, process.stdout.read() or b"", log, on_line, time.monotonic() - began_s)
            process.stdout.close()
        _files_changed(launch, seen, wall_s)
        enforced = launch.options.rung is not Rung.NONE and landlock.version() > 0
        observations = broker.end(enforced=enforced, network=launch.options.rung.has_own_files)
        broker.close()
    code = process.returncode if process.returncode is not None else -9
    trace = RunTrace(
        places=launch.places,
        given=dict(given),
        seen=observations,
        lines=tuple(seen.lines),
        # Each change, and when each was last there.
        held=(*seen.held, *seen.last_held.values()),
        launcher=frozenset(seen.launcher),
        names_itself=launch.names_itself,
        changed=seen.changed,
        left=_left(launch, observations),
        in_names=seen.in_names,
        ended_s=time.monotonic() - began_s,
    )
    return _ended(trace, ranks, code, reason, hung)


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
    import socket

    ours, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    locks = launch.options.rung is Rung.LANDLOCK
    broker = Broker(
        ours,
        refuses_network=locks,
        leaves_loopback=locks,
        lets_datagrams=launch.options.rung.has_own_files,
    )
    return broker, control.detach()


def _turns(
    process: subprocess.Popen[bytes],
    seen: _Seen,
    log: IO[str],
    on_line: Callable[[Line], None],
    began_s: float,
) -> Iterator[float]:
    """Read what comes; yield now and then, with the seconds since the launch, until the process ends."""
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    looked_s = 0.0
    while True:
        select.select([process.stdout], [], [], POLL_S)
        now_s = time.monotonic() - began_s
        content = process.stdout.read()
        _take(seen, content or b"", log, on_line, now_s)
        if process.poll() is not None:
            return
        if content == b"":
            # It was closed by the run, which goes on.
            time.sleep(POLL_S)
        if now_s - looked_s >= LOOK_S:
            looked_s = now_s
            yield now_s


def _take(seen: _Seen, content: bytes, log: IO[str], on_line: Callable[[Line], None], now_s: float) -> None:
    """Cut what came into lines; what has no end yet waits, up to a bound."""
    *whole, seen.rest = (seen.rest + content).split(b"\n")
    if len(seen.rest) > MAX_LINE:
        whole, seen.rest = [*whole, seen.rest], b""
    for raw in whole:
        text = raw.decode("utf-8", errors="replace").rstrip("\r")[:MAX_LINE]
        found = _PREFIX.match(text)
        rank = int(found.group(1)) if found is not None else None
        line = Line(seconds=now_s, rank=rank, text=text[found.end() :] if found is not None else text)
        seen.lines.append(line)
        if len(seen.lines) > MAX_LINES:
            # Begin and end of a flood tell most.
            del seen.lines[MAX_LINES // 4 : MAX_LINES // 2]
        seen.written += len(text)
        if seen.written < MAX_LOG:
            log.write(f"{text}\n")
            log.flush()
        on_line(line)


def _look(
    launch: Launch,
    process: subprocess.Popen[bytes],
    seen: _Seen,
    ranks: Ranks,
    watched: Watched,
    wall_s: float,
    now_s: float,
    busy_gpus: Callable[[], Collection[int]],
    is_full: Callable[[Path], bool],
) -> tuple[str, Rank | None]:
    """One look at the run: why it must end, if it must, and the rank that hangs."""
    options = launch.options
    below = descendants(process.pid)
    first = watched.programs[0].process if watched.programs else None
    ranks.look(below, now_s, first)
    if first is not None and not ranks.one:
        with contextlib.suppress(OSError):
            seen.launcher |= {first, *map(int, os.listdir(f"/proc/{first}/task"))}
    _files_changed(launch, seen, wall_s)
    if now_s - seen.searched_s >= HELD_S:
        seen.searched_s = now_s
        _search(launch, seen, below, first, now_s)
    if now_s > options.seconds:
        return f"it ran longer than {options.seconds:.0f} s", None
    if is_full(launch.root):
        return DISK_FULL, None
    quiet_s = now_s - max([line.seconds for line in seen.lines[-1:]] + [0.0])
    if quiet_s > options.silent_s:
        hung = ranks.silent(now_s, options.silent_s, spins=launch.spins, busy_gpus=busy_gpus())
        if hung is not None:
            return f"rank {hung.number} has done nothing for {now_s - hung.busy_s:.0f} s", hung
    return "", None


def _search(launch: Launch, seen: _Seen, processes: Sequence[int], first: int | None, now_s: float) -> None:
    """What processes hold open of the training data, and what stands in names."""
    for number in processes:
        for held in held_by(number, launch.places.data, now_s):
            key = held.process, held.path, held.mapped
            before = seen.last_held.get(key)
            seen.last_held[key] = held
            if (before is None or before.reached != held.reached) and len(seen.held) < MAX_HELD:
                seen.held.append(held)
    if first is not None:
        root = f"/proc/{first}/root"
        inside = (f"{root}{folder}" for folder in launch.own)
        left_out = (f"{root}{folder}" for folder in (launch.places.caches, launch.places.logs))
        seen.in_names = max(seen.in_names, name_bytes(inside, left_out))


def _files_changed(launch: Launch, seen: _Seen, wall_s: float) -> None:
    """When each file in the run's folders last changed, by the kernel's clock."""
    with contextlib.suppress(OSError, Refused):
        for folder in ("job", "tmp"):
            for _, status in walk_left(launch.root / folder):
                seen.changed[status.st_dev, status.st_ino] = status.st_ctime_ns * 1e-9 - wall_s


def _end(launch: Launch, process: subprocess.Popen[bytes]) -> None:
    """End all that is left of the run."""
    kill_until_gone(lambda: descendants(process.pid))
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if (user := launch.layout.user) is not None:
        kill_until_gone(lambda: processes_of(user))


def _left(launch: Launch, observations: Observations) -> dict[str, int]:
    """Sizes as they lie there at the end, of files that were opened and that the parent can name."""
    found = {}
    for file in observations.files:
        if file.refused or file.path in found:
            continue
        path = file_here(launch, file.path)
        with contextlib.suppress(OSError):
            if path is not None and path.is_file():
                found[file.path] = path.stat().st_size
    return found


def file_here(launch: Launch, path: str) -> Path | None:
    """Where a path of a run is on this machine, None if only the run could see it."""
    for folder in ("job", "tmp"):
        inside = launch.layout.inside(launch.options.rung, launch.root / folder) + "/"
        if path.startswith(inside):
            return launch.root / folder / path[len(inside) :]
    return Path(path) if not launch.options.rung.has_own_files else None


def _ended(trace: RunTrace, ranks: Ranks, code: int, reason: str, hung: Rank | None) -> Ended:
    culprit = hung.number if hung is not None else None
    if culprit is None and (code or reason):
        culprit = _named_dead(trace)
        if culprit is None and code and not reason and not ranks.one:
            gone = ranks.first_gone()
            culprit = gone.number if gone is not None else None
    clock = script_clock(trace.lines)
    slow = ranks.slow(clock.began_s, clock.ended_s) if clock is not None else None
    mine = [line.text for line in trace.lines if culprit is not None and line.rank == culprit]
    last = mine or [line.text for line in trace.lines]
    return Ended(
        trace=trace,
        code=code,
        reason=reason,
        culprit=culprit,
        last_lines=tuple(text[:300] for text in last if text.strip())[-LAST_LINES:],
        slow=slow.number if slow is not None else None,
    )


def _named_dead(trace: RunTrace) -> int | None:
    """The rank that torchrun names as the first that failed."""
    texts = [line.text for line in trace.lines if line.rank is None]
    root = next((n for n, text in enumerate(texts) if "Root Cause (first observed failure)" in text), None)
    for text in texts[root:] if root is not None else ():
        if (found := _RANK.search(text)) is not None:
            return int(found.group(1))
    return None

"""Many machines: pull requests as tasks of a Ray cluster, one place a processor.

Each place is an actor with a process of its own for the audits (`pool.OneProcess`), so that a script which kills or
hangs its process costs its own row alone. A place that is gone with its machine is made again elsewhere, and what it
had in hand is given to another, `RETRIES` times. The objects are sent once a machine, as a git pack in Ray's object
store; a machine that runs another version of this program, or has no sandbox where replays are asked for, is told and
gets nothing. Nothing of a submission runs on a machine but in its sandbox.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from auditor.cache.version import version
from auditor.corpus.object_pack import drop_objects, pack_objects, unpack_objects
from auditor.corpus.pool import Done, OneProcess
from auditor.corpus.row import Row
from auditor.corpus.task import Task, keep_rows, kept_rows, made_rows
from auditor.errors import AuditorError

RETRIES: Final = 2
"""How often a pull request is given to another place after the one that had it was lost."""

MEMORY_BYTES: Final = 2 << 30
"""Memory that Ray sets aside for a place: a little over that of the largest audit."""

REPLAY_MEMORY_BYTES: Final = 6 << 30
"""The same where replays are asked for."""

WAIT_S: Final = 1.0

ENDING_S: Final = 10.0
"""How long places have to remove what they kept on their machines."""

PATIENCE_S: Final = 600.0
"""How long no place may have work before the run is given up: a cluster that grows takes minutes for a machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a place says of itself before it is given anything.

    Attributes:
        node: Ray's name of the machine.
        refused: why it takes no work, or "".
    """

    node: str
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What comes back of a pull request: its rows, its reports by file name, and what `made_rows` says of them."""

    rows: list[Row]
    pages: dict[str, str]
    lasting: bool = True


def audit_into_parcel(task: Task) -> Parcel:
    """As `made_rows`, with the reports as text in place of files."""
    if task.pages is None:
        rows, lasting = made_rows(task)
        return Parcel(rows=rows, pages={}, lasting=lasting)
    with tempfile.TemporaryDirectory(prefix="auditor-pages-") as folder:
        rows, lasting = made_rows(replace(task, pages=folder))
        pages = {row.page: (Path(folder) / row.page).read_text(encoding="utf-8") for row in rows if row.page}
        return Parcel(rows=rows, pages=pages, lasting=lasting)


Work = Callable[[Task], Parcel]
"""What is done with a pull request; a function of a module, since other machines import it."""


class Seat:
    """The actor: one process for audits on some machine."""

    def __init__(self, work: Work) -> None:
        self._process: OneProcess[Task, Parcel] = OneProcess(work)
        self._git_dir = self._digest = ""
        self._cache = tempfile.mkdtemp(prefix="auditor-corpus-")

    def prepare(self, objects: bytes, digest: str, wanted: str, replays: bool) -> Place:
        """Get the objects and say whether this machine can take work."""
        import ray

        node = ray.get_runtime_context().get_node_id()
        if version() != wanted:
            return Place(node=node, refused="runs another version of the auditor or of its libraries")
        try:
            if replays:
                from auditor.replay.sandbox.isolation_levels import choose

                choose()
            self._digest = digest
            self._git_dir = unpack_objects(objects, digest)
        except (AuditorError, OSError) as error:
            return Place(node=node, refused=str(error))
        return Place(node=node)

    def answer(self, task: Task, timeout_s: float) -> Done[Task, Parcel]:
        """Audit one pull request."""
        here = replace(task, git_dir=self._git_dir, cache=self._cache)
        return replace(self._process.ask(here, timeout_s), item=task)

    def end(self) -> None:
        """End the process, and remove what was kept on this machine."""
        self._process.end()
        shutil.rmtree(self._cache, ignore_errors=True)
        drop_objects(self._digest)


def run_on_ray(
    tasks: Sequence[Task],
    *,
    address: str | None,
    jobs: int | None,
    timeout_s: float,
    tell: Callable[[str], None],
    work: Work = audit_into_parcel,
) -> Iterator[Done[Task, list[Row]]]:
    """As `run_pool` with `audit_pull_request`, on the machines of a cluster.

    Args:
        address: of the cluster; without it the one that Ray finds, or one that is made of this machine alone.
        jobs: most places; without it as many as there are processors.
        timeout_s: wall-clock seconds for one pull request.
        tell: called with what must be told of machines that take no work.

    Raises:
        AuditorError: no cluster can be reached, no machine of it takes work, or git cannot pack the objects.
    """
    asked = []
    for task in tasks:
        known = kept_rows(task)
        if known is None:
            asked.append(task)
        else:
            yield Done(item=task, value=known, error="", seconds=0.0)
    if not asked:
        return
    with _cluster(address) as ray:
        for done in _Run(ray, asked, jobs=jobs, timeout_s=timeout_s, tell=tell, work=work).results():
            parcel = done.value
            if parcel is None:
                yield Done(item=done.item, value=None, error=done.error, seconds=done.seconds)
                continue
            for name, text in parcel.pages.items():
                (Path(str(done.item.pages)) / name).write_text(text, encoding="utf-8")
            if parcel.lasting:
                keep_rows(done.item, parcel.rows)
            yield Done(item=done.item, value=parcel.rows, error="", seconds=done.seconds)


@contextlib.contextmanager
def _cluster(address: str | None) -> Iterator[Any]:
    """Ray, connected; a connection that the caller had already is left as it is.

    Raises:
        AuditorError: there is no cluster at the address.
    """
    import ray

    if ray.is_initialized():
        yield ray
        return
    try:
        ray.init(address=address, log_to_driver=False, include_dashboard=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise AuditorError(
            f"no Ray cluster at {address or 'this machine'}: {error}",
            hint="ray start --head starts one; --address names it",
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


class _Run:
    """The places of one run, and what each has in hand."""

    def __init__(
        self,
        ray: Any,
        tasks: Sequence[Task],
        *,
        jobs: int | None,
        timeout_s: float,
        tell: Callable[[str], None],
        work: Work,
    ) -> None:
        first = tasks[0]
        content = pack_objects(first.git_dir, {task.ref: task.head for task in tasks}, base=first.base)
        self._ray = ray
        self._timeout_s = timeout_s
        self._tell = tell
        self._work = work
        self._digest = hashlib.sha256(content).hexdigest()
        self._objects = ray.put(content)
        self._replays = first.replays
        self._places = min(jobs or int(ray.cluster_resources().get("CPU", 1)), len(tasks))
        self._spare = self._places * RETRIES
        self._waiting = deque((task, 0) for task in tasks)
        self._idle: list[Any] = []
        self._coming: dict[Any, Any] = {}
        """Answers to `prepare`, each with its place."""
        self._busy: dict[Any, tuple[Any, Task, int]] = {}
        """Answers to come, each with its place, the task and how often that was tried before."""

    def results(self) -> Iterator[Done[Task, Parcel]]:
        """Every pull request's rows, in the order of completion.

        Raises:
            AuditorError: no machine takes work.
        """
        for _ in range(self._places):
            self._add_place()
        served = time.monotonic()
        try:
            while self._waiting or self._busy:
                while self._idle and self._waiting:
                    place, (task, tries) = self._idle.pop(), self._waiting.popleft()
                    self._busy[place.answer.remote(task, self._timeout_s)] = (place, task, tries)
                if self._busy:
                    served = time.monotonic()
                elif not self._coming or time.monotonic() - served > PATIENCE_S:
                    raise AuditorError(
                        "no machine of the cluster takes work",
                        hint="install this version on every node, and bubblewrap where replays are asked for",
                    )
                ready, _ = self._ray.wait([*self._busy, *self._coming], num_returns=1, timeout=WAIT_S)
                for reference in ready:
                    if reference in self._coming:
                        self._arrive(reference)
                    elif (done := self._answered(reference)) is not None:
                        yield done
        finally:
            ending = [place.end.remote() for place in self._idle]
            if ending:
                self._ray.wait(ending, num_returns=len(ending), timeout=ENDING_S)
            for place in [*self._idle, *self._coming.values(), *(busy[0] for busy in self._busy.values())]:
                self._ray.kill(place)

    def _add_place(self) -> None:
        memory = REPLAY_MEMORY_BYTES if self._replays else MEMORY_BYTES
        seat = self._ray.remote(Seat)
        place = seat.options(num_cpus=1, memory=memory, scheduling_strategy="SPREAD").remote(self._work)
        ready = place.prepare.remote(self._objects, self._digest, version(), self._replays)
        self._coming[ready] = place

    def _arrive(self, reference: Any) -> None:
        place = self._coming.pop(reference)
        try:
            said = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            self._tell(f"a place of the cluster was lost before it had work ({type(error).__name__})")
            self._replace_place()
            return
        if said.refused:
            self._tell(f"machine {said.node[:8]} gets no work: {said.refused}")
            self._ray.kill(place)
        else:
            self._idle.append(place)

    def _replace_place(self) -> None:
        if self._spare > 0:
            self._spare -= 1
            self._add_place()

    def _answered(self, reference: Any) -> Done[Task, Parcel] | None:
        """What a place answered; None where it was lost and another is to try."""
        place, task, tries = self._busy.pop(reference)
        try:
            done: Done[Task, Parcel] = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            self._replace_place()
            lost = f"its machine was lost ({type(error).__name__})"
            if tries < RETRIES:
                self._tell(f"#{task.pr}: {lost}; it is tried again")
                self._waiting.appendleft((task, tries + 1))
                return None
            return Done(item=task, value=None, error=f"{lost}, {tries + 1} times", seconds=0.0)
        self._idle.append(place)
        return done

"""A session: one sandbox with its fork server, and the runs that the parent orders from it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Final

from auditor.errors import AuditorError
from auditor.replay.runs.cache import RunCache
from auditor.replay.runs.job import Mode, Order
from auditor.replay.runs.left_files import Refused, empty_folder
from auditor.replay.runs.observations import Observations
from auditor.replay.runs.run_record import RunRecord, artifacts_in, run_record
from auditor.replay.sandbox import landlock
from auditor.replay.sandbox.broker import Broker, Watched
from auditor.replay.sandbox.isolation_levels import ELSEWHERE, IsolationLevel, Layout, command, environment
from auditor.replay.sandbox.processes import descendants, kill_until_gone, processes_of
from auditor.replay.sandbox.quota import disk_is_full, disk_use, made_in
from auditor.replay.sandbox.users import spare_user
from auditor.replay.toy.sizes import ToySizes
from auditor.replay.toy.target import DATASETS
from auditor.replay.toy.world import ANCHOR, World, write_world

START_S: Final = 120.0
QUOTA_S: Final = 0.25
"""How often what a run writes is counted."""

GRACE_S: Final = 30.0
"""How much longer than its own limit the parent waits before it ends the whole sandbox."""


class SandboxLost(Exception):
    """The sandbox ended or does not answer; the message says how it was noticed."""


class TooMuch(Exception):
    """A run took more of the disk than it may; the message says what."""


class Session:
    """Runs of submissions in one sandbox, one submission at a time (`place`).

    Args:
        cache: where runs are kept and looked up, or None to make each anew.
        others: levels to fall back to, in order, where it does not start.

    Attributes:
        rung: the level; may be another after the first run.
        passed_over: why levels were given up, one sentence each.
    """

    def __init__(
        self, rung: IsolationLevel, *, cache: RunCache | None = None, others: Sequence[IsolationLevel] = ()
    ) -> None:
        self.rung, self._cache, self._others = rung, cache, list(others)
        self.passed_over: list[str] = []
        self._files: dict[str, bytes] = {}
        self._script, self._vocabulary, self._sidecar = "", 0, False
        self._names: Callable[[int], tuple[str, ...]] = no_names
        self._root = Path(tempfile.mkdtemp(prefix="auditor-replay-"))
        os.chmod(self._root, 0o755)
        for name in ("job", "out", "tmp", "data", "lowered", "bin", "stream"):
            (self._root / name).mkdir()
        write_programs(self._root / "bin")
        read = tuple(self._root / name for name in ("data", "lowered", "bin", "stream"))
        written = tuple(self._root / name for name in ("job", "out", "tmp"))
        self._user = spare_user() if rung is not IsolationLevel.NONE else None
        for folder in written:
            self._hand_over(folder)
        self._layout = Layout(
            root=self._root, readable=read, writable=written, served=(self._root / "data",), user=self._user
        )
        self._server: subprocess.Popen[str] | None = None
        self._broker: Broker | None = None
        self._watch: Watched | None = None
        self._errors: IO[str] | None = None
        self.runs = 0

    def place(
        self,
        *,
        files: Mapping[str, bytes],
        script: str,
        lowered: Mapping[str, str],
        data_names: Callable[[int], tuple[str, ...]],
        vocabulary: int = 0,
        sidecar: bool = False,
    ) -> None:
        """Say what is run from now on.

        Args:
            files: everything the submission brings, by path relative to the script's folder.
            script: the script's name among them.
            lowered: texts in the running Python's grammar by digest of the original.
            data_names: data set folders that the script may look for, by the size of the vocabulary.
            vocabulary: the claimed run's size of the vocabulary, where it is written into the texts, or 0.
            sidecar: whether it reads the byte sidecar of the validation split.
        """
        self._files, self._script = dict(files), script
        self._names, self._sidecar = data_names, sidecar
        self._vocabulary = vocabulary
        empty_folder(self._root / "lowered")
        for digest, text in lowered.items():
            (self._root / "lowered" / digest).write_text(text, encoding="utf-8")

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the sandbox and remove the session's folder."""
        self._stop()
        empty_folder(self._root)
        self._root.rmdir()

    # -- the server

    def _start(self) -> None:
        """Start the fork server at this level, or at the first of the others at which it starts.

        Starting is the real thing at small size: torch is imported, and a process confined as a run is writes a
        file and reads it again.

        Raises:
            AuditorError: torch is missing, or no level works.
        """
        while True:
            try:
                self._start_here()
            except AuditorError as error:
                if error.hint or not self._others:
                    raise
                self.passed_over.append(f"{self.rung.value}: {error.message}")
                self.rung = self._others.pop(0)
            else:
                return

    def _start_here(self) -> None:
        self._errors = (self._root / "server.txt").open("w+", encoding="utf-8")
        theirs = -1
        if self.rung is not IsolationLevel.NONE:
            ours, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            theirs = control.detach()
            self._broker = Broker(ours, refuses_network=not self.rung.has_own_network)
            self._broker.begin(self._watched(withdraws=False))
        self._server = subprocess.Popen(
            command(self.rung, self._layout, control=theirs),
            pass_fds=() if theirs < 0 else (theirs,),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            bufsize=1,
            env={**environment(), "TMPDIR": self._temporary()},
            cwd=ELSEWHERE,
            start_new_session=True,
        )
        if theirs >= 0:
            os.close(theirs)
        try:
            self._answer(START_S, writes=False)
        except SandboxLost as lost:
            self._errors.seek(0)
            told = self._errors.read().strip().splitlines()
            self._stop()
            if told and "ModuleNotFoundError" in told[-1] and "torch" in told[-1]:
                raise AuditorError(
                    "the replay needs torch", hint="pip install 'parameter-golf-auditor[replay]'"
                ) from lost
            raise AuditorError(f"the sandbox did not start: {told[-1] if told else lost}") from lost

    def _stop(self) -> None:
        if self._server is not None:
            # The server is the parent of every orphan below it; without one (`_user`) its user's processes are.
            below = self._server.pid
            kill_until_gone(lambda: descendants(below))
            with contextlib.suppress(ProcessLookupError):
                self._server.kill()
            self._server.wait()
            if (user := self._user) is not None:
                kill_until_gone(lambda: processes_of(user))
            for stream in (self._server.stdin, self._server.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            self._server = None
        if self._broker is not None:
            self._broker.close()
            self._broker = None
        if self._errors is not None:
            self._errors.close()
            self._errors = None

    def _answer(self, seconds: float, *, writes: bool = True) -> dict[str, Any]:
        """The server's next message; meanwhile what a run `writes` is held against the quota.

        Raises:
            SandboxLost: none came in time, or the line was closed.
            TooMuch: the quota of the disk was reached.
        """
        assert self._server is not None and self._server.stdout is not None
        until_s = time.monotonic() + seconds
        while True:
            left_s = max(until_s - time.monotonic(), 0.0)
            ready, _, _ = select.select([self._server.stdout], [], [], min(left_s, QUOTA_S))
            if ready or not left_s:
                break
            if writes:
                self._hold_to_quota(self._server.pid)
        line = self._server.stdout.readline() if ready else ""
        if not line:
            raise SandboxLost("it did not answer in time" if not ready else "it ended")
        message = json.loads(line)
        assert isinstance(message, dict)
        return message

    def _hold_to_quota(self, server: int) -> None:
        folders = [self._root / name for name in ("job", "out", "tmp")]
        # A copy: the broker goes on adding to it.
        made = set(self._watch.made) if self._watch is not None else set()
        use = disk_use(folders, descendants(server), self._shared, made)
        if use.too_much or disk_is_full(self._root):
            raise TooMuch(use.too_much or "the disk has no room left for what it writes")

    # -- runs

    def run(
        self,
        world: World,
        sizes: ToySizes,
        variables: Mapping[str, str],
        *,
        mode: Mode = Mode.RECORDED,
        marks: Mapping[str, list[int]] | None = None,
        ranks: int = 1,
        seconds: float = 300.0,
        memory: int = 6 << 30,
        repeat: int = 0,
        dyed: tuple[int, ...] = (),
        falling: bool = False,
        withdraws: bool = True,
        anchor: int = ANCHOR,
        whole: bool = False,
    ) -> RunRecord:
        """Run the submission once in a fresh folder on a world.

        Raises:
            AuditorError: the sandbox cannot be started.
        """
        while True:
            order = Order(
                script=f"{self._inside('job')}/{self._script}",
                job=os.path.dirname(f"{self._inside('job')}/{self._script}"),
                out=self._inside("out"),
                environment=self._environment(world, variables),
                stream=f"{self._inside('stream')}/validation.bin",
                lowered=self._inside("lowered"),
                vocabulary=world.size.vocabulary,
                claimed_vocabulary=self._vocabulary,
                sizes=asdict(sizes),
                mode=mode,
                marks=dict(marks or {}),
                ranks=ranks,
                seconds=seconds,
                memory=memory,
                repeat=repeat,
                dyed=dyed,
                falling=falling,
                withdraws=withdraws,
                anchor=anchor,
                whole=whole,
            )
            key, known = self._remembered(order, world)
            if known is not None:
                return known
            if self._server is not None:
                break
            # May give this level up, and with it the paths of the order.
            self._start()
        self._lay(world)
        began_s = time.monotonic()
        self.runs += 1
        self._watch = self._watched(withdraws=withdraws)
        broker = self._broker
        if broker is not None:
            broker.begin(self._watch)
        withdrawn, told = False, {"reason": "", "left_behind": 0}
        try:
            self._say(order.to_json())
            while not told.get("ended"):
                told = self._answer(seconds + GRACE_S - (time.monotonic() - began_s))
                if told.get("boundary"):
                    # Where opens are seen from outside, the open itself decides, not what the process says.
                    if broker is None or not broker.sees:
                        withdrawn = True
                        self._withdraw()
                    self._say("withdrawn")
        except (SandboxLost, OSError) as lost:
            self._stop()
            told = {"reason": f"the sandbox was lost: {lost}", "left_behind": 0}
        except TooMuch as much:
            self._stop()
            told = {"reason": str(much), "left_behind": 0}
        observations = Observations()
        if broker is not None:
            observations = broker.end(enforced=landlock.version() > 0, network=True)
            withdrawn |= observations.boundary is not None and withdraws
        for path, _ in list(made_in(self._shared, self._watch.made)):
            with contextlib.suppress(OSError):
                os.unlink(path)
        try:
            artifacts = artifacts_in(self._root / "job", self._files)
        except Refused as refused:
            artifacts, told = {}, {**told, "reason": told.get("reason") or f"what it left behind: {refused}"}
        run = run_record(
            self._root / "out",
            told,
            ranks=ranks,
            artifacts=artifacts,
            seconds=time.monotonic() - began_s,
            withdrawn=withdrawn,
            observations=observations,
        )
        if self._cache is not None:
            self._cache.keep(key, self._root / "out", run)
        return run

    def _remembered(self, order: Order, world: World) -> tuple[str, RunRecord | None]:
        """The run's key in the cache, and the run if it is kept there."""
        if self._cache is None:
            return "", None
        layout = (*self._names(world.size.vocabulary), str(self._sidecar))
        key = self._cache.key(order, self.rung, world, self._files, layout)
        return key, self._cache.load(key, order.ranks)

    def _say(self, text: str) -> None:
        assert self._server is not None and self._server.stdin is not None
        self._server.stdin.write(text + "\n")
        self._server.stdin.flush()

    def _inside(self, name: str) -> str:
        return self._layout.inside(self.rung, self._root / name)

    @property
    def _shared(self) -> Path | None:
        """The folder that runs at this level have in common with this machine, if any."""
        return Path("/dev/shm") if self.rung is IsolationLevel.LANDLOCK else None

    def _temporary(self) -> str:
        return "/tmp" if self.rung.has_own_files else self._inside("tmp")

    def _lay(self, world: World) -> None:
        """Empty the folders and lay the world and the submission anew."""
        for name in ("job", "out", "tmp"):
            empty_folder(self._root / name)
        for path, content in self._files.items():
            target = self._root / "job" / path
            for above in reversed(target.relative_to(self._root / "job").parents[:-1]):
                folder = self._root / "job" / above
                if not folder.is_dir():
                    folder.mkdir()
                    self._hand_over(folder)
            target.write_bytes(content)
            self._hand_over(target)
        empty_folder(self._root / "data")
        names = self._names(world.size.vocabulary)
        write_world(world, self._root / "data", names=names, sidecar=self._sidecar)
        (self._root / "stream" / "validation.bin").write_bytes(world.validation.astype("<u2").tobytes())

    def _hand_over(self, path: Path) -> None:
        """Give a file or folder to the user that the submission is."""
        if self._user is not None:
            os.chown(path, self._user, self._user)

    def _withdraw(self) -> None:
        """Take the training shards away: no name leads to them any more, and open files and maps have lost them."""
        for shard in (self._root / "data").rglob("*train*.bin"):
            gone = self._root / shard.name
            os.rename(shard, gone)
            os.truncate(gone, 0)
            gone.unlink()

    def _watched(self, *, withdraws: bool) -> Watched:
        """What the broker is to know of a run in the folders as they are laid out now."""
        job = self._root / "job"
        given = {}
        for name in self._files:
            with contextlib.suppress(OSError):
                status = os.stat(job / name)
                given[status.st_dev, status.st_ino] = status.st_ctime_ns
        shared = ("/tmp/", "/dev/shm/") if self.rung.has_own_files else ("/dev/shm/",)
        return Watched(
            own=(*(f"{self._inside(name)}/" for name in ("job", "out", "tmp")), *shared),
            data=(f"{self._inside('data')}/",),
            given=given,
            withdraw=self._withdraw if withdraws else None,
            user=self._user,
        )

    def _environment(self, world: World, variables: Mapping[str, str]) -> dict[str, str]:
        job, data = self._inside("job"), self._inside("data")
        temporary = self._temporary()
        shards = f"{data}/datasets/{self._names(world.size.vocabulary)[0]}"
        names = {
            "DATA_PATH": shards,
            "DATA_DIR": data,
            "TOKENIZER_PATH": f"{data}/tokenizers/toy.model",
            "RUN_ID": "replay",
            "ARTIFACT_DIR": ".",
        }
        return {
            **{name: value.replace(DATASETS, shards) for name, value in variables.items()},
            **names,
            **environment(),
            "PATH": f"{self._inside('bin')}:/usr/local/bin:/usr/bin:/bin",
            "HOME": job,
            "TMPDIR": temporary,
            "TORCHINDUCTOR_CACHE_DIR": temporary,
            "TRITON_CACHE_DIR": temporary,
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": "29500",
        }


def no_names(_: int) -> tuple[str, ...]:
    """The data set folders of no submission."""
    return ("none",)


def write_programs(folder: Path) -> None:
    """Put stand-ins for executables into a folder: `nvidia-smi`, minifiers, compressors."""
    from auditor.replay.toy.executables import PROGRAMS

    for name, text in PROGRAMS.items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

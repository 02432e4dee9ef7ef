"""Notes what a run does besides computing: files, processes, network attempts, prints, optimiser steps."""

from __future__ import annotations

import builtins
import os
import re
import sys
from collections.abc import Callable
from typing import Any, Final

from auditor.replay.inside.own_files import is_own_file
from auditor.replay.inside.patching import replace
from auditor.replay.inside.recorder import Recorder
from auditor.replay.inside.states import States, fingerprint

NOTED: Final = (
    "socket.connect",
    "socket.getaddrinfo",
    "socket.bind",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "ctypes.dlopen",
    "urllib.Request",
)
"""Events of `sys.addaudithook` that are noted beside opened files."""

MEDDLING: Final = (
    "gc.get_objects",
    "gc.get_referrers",
    "gc.get_referents",
    "object.__setattr__",
    "sys._current_frames",
)
"""Events of asking for objects of the recorder, or of changing functions from within."""

LOOKED_FOR: Final = ("open", "glob.glob", "pathlib.Path.glob")
TRAINING: Final = re.compile(r"train[^/]*\.bin\Z")
"""A training shard, or a pattern of them, among paths that are opened or looked for."""

NO_ARTIFACT: Final = (
    ".py",
    ".pyc",
    ".txt",
    ".log",
    ".json",
    ".jsonl",
    ".md",
    ".csv",
    ".c",
    ".so",
    ".sh",
    ".tmp.out",
)
ARTIFACT_BYTES: Final = 1000
MAX_PRINTED: Final = 2000


class Watch:
    """Hooks that note; `boundary` is called before the artifact is read back for the first time.

    There is no switch to turn them off by: what they call raises none of the events that they note.

    Args:
        states: for optimiser steps, or None not to watch them.
        writable: folders of the submission's own files.
    """

    __slots__ = ("_before", "_boundary", "_given", "_noted", "_recorder", "_states", "_writable", "crossed")

    def __init__(
        self,
        recorder: Recorder,
        states: States | None,
        writable: tuple[str, ...],
        boundary: Callable[[], None],
    ) -> None:
        self._recorder, self._states = recorder, states
        self._writable, self._boundary = writable, boundary
        self._before = 0
        self._given = {entry.path for root in writable for entry in _entries(root)}
        self._noted: set[tuple[str, bool]] = set()
        self.crossed = False

    def install(self) -> None:
        sys.addaudithook(self._audited)
        self._install_print()
        if self._states is None:
            return
        from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

        self._states.install()
        register_optimizer_step_pre_hook(self._about_to_step)
        register_optimizer_step_post_hook(self._stepped)

    def _audited(self, name: str, args: tuple[Any, ...]) -> None:
        path = os.fsdecode(args[0]) if args and isinstance(args[0], (str, bytes)) else ""
        if self.crossed and name in LOOKED_FOR:
            self._looked_for(args)
        if name == "open" and path:
            self._opened(path, args[1], args[2])
        elif name in MEDDLING:
            self._meddled(name, args)
        elif name.startswith(NOTED):
            told = args[1:2] if name in ("socket.connect", "socket.bind") else args
            self._recorder.event("access", what=name, detail=repr(told)[:300])

    def _meddled(self, name: str, args: tuple[Any, ...]) -> None:
        """The submission asks for every object there is, or changes the code of a function that is not its own."""
        caller = sys._getframe(2).f_code.co_filename
        if caller not in self._recorder.files:
            return
        if name == "object.__setattr__":
            code = getattr(args[0], "__code__", None)
            if args[1] not in ("__code__", "__defaults__", "__kwdefaults__") or code is None:
                return
            if code.co_filename in self._recorder.files:
                return
        self._recorder.event("meddling", what=name, detail=str(args[1])[:80] if len(args) > 1 else "")

    def _looked_for(self, args: tuple[Any, ...]) -> None:
        """Training shards are opened or looked for although the artifact has been read back."""
        for path in map(str, args[:2]):
            if TRAINING.search(path):
                self._recorder.event("access", what="training data", detail=path[:300])

    def _opened(self, path: str, mode: Any, flags: Any) -> None:
        whole = os.path.abspath(path)
        writing = bool(flags & 3) if isinstance(flags, int) else any(c in str(mode) for c in "wax+")
        if not writing and self._is_artifact(whole):
            self._restored(whole)
        library = whole.endswith((".py", ".pyc", ".so", ".pth")) and not is_own_file(whole, self._writable)
        if library or whole.startswith(("/proc/", "/sys/", sys.prefix, sys.base_prefix)):
            return
        if (whole, writing) not in self._noted:
            self._noted.add((whole, writing))
            self._recorder.event("open", path=whole, write=writing)

    def _is_artifact(self, path: str) -> bool:
        if not path.startswith(self._writable) or path in self._given or path.endswith(NO_ARTIFACT):
            return False
        try:
            return os.path.getsize(path) >= ARTIFACT_BYTES
        except OSError:
            return False

    def _restored(self, path: str) -> None:
        self._recorder.event("restore", path=path, size=os.path.getsize(path))
        if not self.crossed:
            self.crossed = True
            self._boundary()

    def _about_to_step(self, optimizer: Any, _: Any, __: Any) -> None:
        self._before = fingerprint(optimizer)

    def _stepped(self, optimizer: Any, _: Any, __: Any) -> None:
        assert self._states is not None
        self._states.stepped(optimizer)
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self._recorder.event(
            "step",
            optimizer=type(optimizer).__name__,
            state=str(id(optimizer)),
            name=self._states.name(parameters),
            before=self._before,
            after=fingerprint(optimizer),
        )

    def _install_print(self) -> None:
        plain, recorder = builtins.print, self._recorder

        def printed(*values: Any, **options: Any) -> None:
            text = str(options.get("sep") or " ").join(map(str, values))
            recorder.event(
                "print", text=text[:MAX_PRINTED], shown=options.get("file") in (None, sys.stdout, sys.stderr)
            )
            plain(*values, **options)

        replace(builtins, print=printed)


def _entries(root: str) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(root))
    except OSError:
        return []

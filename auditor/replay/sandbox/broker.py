"""The parent's answer to a run's waiting calls: files are opened for it, network tries refused, all of it observed.

A run may read nothing of its own folders and of the data by itself (Landlock refuses it): the broker looks each path
up in the run's own root, opens what it found, and hands the descriptor over. So nothing is opened unseen, and the
first file that a run made and reads back waits until training data are gone.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import os
import select
import socket
import stat
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from auditor.replay.runs.observations import (
    TEXTS,
    Boundary,
    Observations,
    OpenedFile,
    SocketUse,
    Standing,
    StartedProgram,
    is_near,
)
from auditor.replay.sandbox import syscalls
from auditor.replay.sandbox.lookup import (
    AT_FDCWD,
    O_TMPFILE,
    create,
    find,
    held,
    open_found,
    whole_path,
)
from auditor.replay.sandbox.notifications import Call, Listener
from auditor.replay.sandbox.seccomp import OPENS, SOCKET_KIND, STARTS

MAX_EVENTS: Final = 20_000
"""Opens, programs and network tries of one run that are kept; what comes after is counted."""

MAX_FAULT: Final = 200
MAX_FAULTS: Final = 20
ARTIFACT_BYTES: Final = 1000
LIBRARIES: Final = (".pyc", ".so")
LIBRARY_FOLDERS: Final = (
    *(f"{prefix}/" for prefix in sorted({sys.prefix, sys.base_prefix})),
    f"{Path(__file__).resolve().parents[2]}/",
    *("/usr/", "/lib", "/bin/", "/etc/", "/proc/", "/dev/", "/sys/"),
)
"""Not worth a note: opened all the time, and written to by nobody inside."""


@dataclass(slots=True, kw_only=True)
class Watched:
    """One run while it goes on.

    Attributes:
        own: folders of the run inside the sandbox, with `/` at the end.
        data: folders it is served read-only.
        given: (device, inode) of each file that it was given, with its time of change.
        withdraw: takes training data away; None where they stay.
        user: whose files are made, or None for this process's own.
        made: (device, inode) of each file that was made for it.
        faults: what went wrong in the broker itself, each once; no call of a run should be able to do that.
        most: how many events are kept.
    """

    own: tuple[str, ...]
    data: tuple[str, ...]
    given: dict[tuple[int, int], int]
    withdraw: Callable[[], None] | None
    user: int | None
    began_s: float = field(default_factory=time.monotonic)
    most: int = MAX_EVENTS
    number: int = 0
    missed: int = 0
    faults: dict[str, None] = field(default_factory=dict)
    boundary: Boundary | None = None
    made: set[tuple[int, int]] = field(default_factory=set)
    files: list[OpenedFile] = field(default_factory=list)
    sockets: list[SocketUse] = field(default_factory=list)
    programs: list[StartedProgram] = field(default_factory=list)

    def note(self, kind: type, kept: list[Any], listener: Listener, call: Call, /, **what: Any) -> int:
        """Write down what was observed, with the next number in the order of everything."""
        number = self.number
        self.number += 1
        if number >= self.most:
            self.missed += 1
            return number
        kept.append(
            kind(
                number=number,
                seconds=time.monotonic() - self.began_s,
                rank=listener.rank,
                process=call.process,
                after_boundary=self.boundary is not None,
                **what,
            )
        )
        return number


class Broker:
    """Answers the waiting calls of one session's runs in a thread of its own.

    Args:
        control: the socket on which runs send their listening descriptors.
        refuses_network: whether connections are refused here, where no namespace stands around the run.
        leaves_loopback: whether those to this machine are let through all the same, as several ranks need. Another
            thread may exchange the address meanwhile, so that this is no lock.
        lets_datagrams: whether sockets for datagrams may be made, where a namespace without a network stands around
            the run: then where a name is looked up shows.
    """

    def __init__(
        self,
        control: socket.socket,
        *,
        refuses_network: bool,
        leaves_loopback: bool = False,
        lets_datagrams: bool = False,
    ) -> None:
        self._control, self._refuses = control, refuses_network
        self._leaves, self._lets_datagrams = leaves_loopback, lets_datagrams
        self._run: Watched | None = None
        self._listeners: dict[int, Listener] = {}
        self._seen = 0
        self._names = {syscalls.number(n): n for n in (*OPENS, *STARTS, "socket", "connect") if _is_here(n)}
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._serve, name="broker", daemon=True)
        self._thread.start()

    @property
    def sees(self) -> bool:
        """Whether a process of the run has sent what its calls wait on."""
        return self._seen > 0

    def begin(self, run: Watched) -> None:
        """Watch a run from now on."""
        self._seen, self._run = 0, run

    def end(self, *, enforced: bool, network: bool) -> Observations:
        """What was observed of the run, which has ended.

        Args:
            enforced: whether the kernel refuses what the broker does not open.
            network: whether the kernel refuses everything beyond this machine.
        """
        run, self._run = self._run, None
        if run is None or not self._seen:
            return Observations(why=("no call of the run was seen from outside",))
        standing = Standing.ENFORCED if enforced else Standing.OBSERVED
        return Observations(
            opens=standing,
            network=Standing.ENFORCED if network else Standing.OBSERVED,
            files=tuple(run.files),
            sockets=tuple(run.sockets),
            programs=tuple(run.programs),
            boundary=run.boundary,
            missed=run.missed,
            faults=tuple(run.faults)[:MAX_FAULTS],
            why=() if enforced else ("this kernel has no Landlock: files can be opened past the observer",),
        )

    def close(self) -> None:
        """End the thread; calls that still wait fail."""
        os.write(self._wake_write, b"x")
        self._thread.join()
        for descriptor in (self._wake_read, self._wake_write):
            os.close(descriptor)
        self._control.close()

    # -- the thread

    def _serve(self) -> None:
        poll = select.poll()
        poll.register(self._wake_read, select.POLLIN)
        poll.register(self._control, select.POLLIN)
        while True:
            for descriptor, event in poll.poll():
                if descriptor == self._wake_read:
                    for listener in self._listeners.values():
                        listener.close()
                    return
                if descriptor == self._control.fileno():
                    self._welcome(poll, event)
                elif event & select.POLLIN:
                    self._answer(self._listeners[descriptor])
                else:
                    poll.unregister(descriptor)
                    self._listeners.pop(descriptor).close()

    def _welcome(self, poll: select.poll, event: int) -> None:
        """Take a run's listening descriptor."""
        try:
            text, descriptors, _, _ = socket.recv_fds(self._control, 16, 1)
        except OSError:
            text, descriptors = b"", []
        if not text:
            poll.unregister(self._control)
        for descriptor in descriptors:
            self._listeners[descriptor] = Listener(descriptor, int(text or b"0"))
            self._seen += 1
            poll.register(descriptor, select.POLLIN)

    def _answer(self, listener: Listener) -> None:
        call = listener.receive()
        run = self._run
        if call is None:
            return
        if run is None:
            listener.refuse(call, errno.EPERM)
            return
        name = self._names.get(call.number, "")
        try:
            if name in OPENS:
                self._opens(run, listener, call, name)
            elif name in STARTS:
                self._starts(run, listener, call, name)
            else:
                self._reaches(run, listener, call, name)
        except OSError as error:
            # What cannot be read of a process is refused it.
            listener.refuse(call, error.errno or errno.EACCES)
        except Exception as error:  # noqa: BLE001  (whatever a hostile call sets off must not end the thread)
            run.faults.setdefault(f"{name}: {type(error).__name__}: {error}"[:MAX_FAULT])
            listener.refuse(call, errno.EACCES)

    # -- files

    def _opens(self, run: Watched, listener: Listener, call: Call, name: str) -> None:
        folder, path, flags, mode = _open_arguments(call, name)
        if not listener.is_valid(call):
            return
        try:
            whole = whole_path(call.process, folder, os.fsdecode(path))
        except OSError as error:
            listener.refuse(call, error.errno or errno.EACCES)
            return
        lexical = os.path.normpath(whole)
        write = bool(flags & os.O_ACCMODE or flags & os.O_TRUNC)
        read = flags & os.O_ACCMODE != os.O_WRONLY
        if not f"{lexical}/".startswith((*run.own, *run.data)):
            # Outside of what is opened here, whatever links may lead there: the kernel decides.
            if not lexical.startswith(LIBRARY_FOLDERS):
                run.note(OpenedFile, run.files, listener, call, path=lexical, write=write, read=read)
            listener.go_on(call)
            return
        try:
            with held(os.open(f"/proc/{call.process}/root", os.O_PATH | os.O_CLOEXEC)) as root:
                opened = self._open(run, listener, call, root, whole, flags, mode)
        except _NotOurs as other:
            run.note(OpenedFile, run.files, listener, call, path=other.path, write=write, read=read)
            listener.go_on(call)
        except OSError as error:
            number = error.errno or errno.EACCES
            run.note(
                OpenedFile, run.files, listener, call, path=lexical, write=write, read=read, refused=number
            )
            listener.refuse(call, number)
        else:
            with held(opened):
                status = os.fstat(opened)
                failed = listener.give(call, opened, close_on_exec=bool(flags & os.O_CLOEXEC))
                if failed and listener.is_valid(call):
                    listener.refuse(call, failed)
                run.note(
                    OpenedFile,
                    run.files,
                    listener,
                    call,
                    path=os.readlink(f"/proc/self/fd/{opened}"),
                    write=write,
                    read=read,
                    refused=failed,
                    size=status.st_size,
                    file=(status.st_dev, status.st_ino),
                )

    def _open(
        self, run: Watched, listener: Listener, call: Call, root: int, path: str, flags: int, mode: int
    ) -> int:
        """A descriptor to hand over.

        Raises:
            _NotOurs: the kernel is to decide.
            OSError: it is refused.
        """
        if flags & O_TMPFILE == O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        try:
            found = find(root, path, follow=not flags & (os.O_NOFOLLOW | os.O_EXCL))
        except FileNotFoundError:
            if not flags & os.O_CREAT:
                raise
            return self._create(run, root, path, flags, mode)
        except OSError as error:
            # A link of /proc, or what this process may not see: the kernel refuses what is below own folders.
            raise _NotOurs(path) from error
        with held(found):
            status = os.fstat(found)
            name = os.readlink(f"/proc/self/fd/{found}")
            if not name.startswith((*run.own, *run.data)) or stat.S_ISDIR(status.st_mode):
                raise _NotOurs(name)
            if stat.S_ISLNK(status.st_mode) or flags & os.O_DIRECTORY:
                raise OSError(errno.ELOOP if stat.S_ISLNK(status.st_mode) else errno.ENOTDIR, name)
            if flags & os.O_CREAT and flags & os.O_EXCL:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            if name.startswith(run.data) and (flags & os.O_ACCMODE or flags & os.O_TRUNC):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            reads = flags & os.O_ACCMODE != os.O_WRONLY and not flags & os.O_TRUNC
            if reads and run.boundary is None and name.startswith(run.own) and _is_artifact(run, found, name):
                self._cross(run, listener, call, found, name)
            with _as_user(run.user):
                return open_found(found, flags)

    def _create(self, run: Watched, root: int, path: str, flags: int, mode: int) -> int:
        above, _, last = path.rstrip("/").rpartition("/")
        if last in ("", ".", ".."):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        with held(find(root, above or "/", follow=True)) as folder:
            if not os.readlink(f"/proc/self/fd/{folder}").startswith(
                tuple(own.rstrip("/") for own in run.own)
            ):
                raise _NotOurs(path)
            with _as_user(run.user), held(os.open(f"/proc/self/fd/{folder}", os.O_PATH | os.O_CLOEXEC)) as at:
                made = create(at, last, flags, mode)
        status = os.fstat(made)
        run.made.add((status.st_dev, status.st_ino))
        return made

    def _cross(self, run: Watched, listener: Listener, call: Call, found: int, name: str) -> None:
        """Take training data away before the artifact is opened."""
        if run.withdraw is not None:
            run.withdraw()
        with open(f"/proc/self/fd/{found}", "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = os.fstat(file.fileno()).st_size
        run.boundary = Boundary(
            number=run.number,
            seconds=time.monotonic() - run.began_s,
            path=name,
            size=size,
            sha256=digest,
            standing=Standing.ENFORCED if run.withdraw is not None else Standing.OBSERVED,
        )

    # -- programs and sockets

    def _starts(self, run: Watched, listener: Listener, call: Call, name: str) -> None:
        text = call.text(call.arguments[0 if name == "execve" else 1])
        run.note(StartedProgram, run.programs, listener, call, path=os.fsdecode(text))
        listener.go_on(call)

    def _reaches(self, run: Watched, listener: Listener, call: Call, name: str) -> None:
        if name == "socket":
            if self._lets_datagrams and _is_datagram(call):
                listener.go_on(call)
                return
            # Only kinds that are refused come here.
            run.note(
                SocketUse,
                run.sockets,
                listener,
                call,
                call=name,
                family=call.signed(0),
                refused=errno.EACCES,
            )
            listener.refuse(call, errno.EACCES)
            return
        family, where = _address(call.memory(call.arguments[1], min(call.arguments[2], 128)))
        refused = errno.EACCES if self._refuses and not (self._leaves and is_near(where)) else 0
        run.note(
            SocketUse,
            run.sockets,
            listener,
            call,
            call=name,
            family=family,
            address=where,
            refused=refused,
        )
        if refused:
            listener.refuse(call, refused)
        else:
            listener.go_on(call)


class _NotOurs(Exception):
    """A path outside the run's own folders and the data."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def _open_arguments(call: Call, name: str) -> tuple[int, bytes, int, int]:
    """Folder, path, flags and mode of an open."""
    if name == "openat2":
        flags, mode, _ = struct.unpack("=QQQ", call.memory(call.arguments[2], 24))
        return call.signed(0), call.text(call.arguments[1]), flags & 0x7FFF_FFFF, mode & 0o7777
    if name == "openat":
        return call.signed(0), call.text(call.arguments[1]), *_flags(call, 2)
    if name == "creat":
        flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC
        return AT_FDCWD, call.text(call.arguments[0]), flags, call.arguments[1] & 0o7777
    return AT_FDCWD, call.text(call.arguments[0]), *_flags(call, 1)


def _flags(call: Call, at: int) -> tuple[int, int]:
    return call.arguments[at] & 0x7FFF_FFFF, call.arguments[at + 1] & 0o7777


def _is_artifact(run: Watched, found: int, name: str) -> bool:
    """Whether a file that is about to be read was made by the run and may hold what was learned."""
    status = os.fstat(found)
    key = (status.st_dev, status.st_ino)
    if status.st_size < ARTIFACT_BYTES or run.given.get(key) == status.st_ctime_ns:
        return False
    if os.fstatvfs(found).f_flag & os.ST_RDONLY:
        return False
    if not name.endswith((*TEXTS, *LIBRARIES)):
        return True
    with open(f"/proc/self/fd/{found}", "rb") as file:
        begin = file.read(1 << 16)
    if name.endswith(LIBRARIES):
        return begin[:4] != b"\x7fELF" and begin[2:4] != b"\r\n"
    return b"\0" in begin or not _is_text(begin)


def _is_text(content: bytes) -> bool:
    try:
        content[:-4].decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(content) - 8
    return True


def _address(raw: bytes) -> tuple[int, str]:
    """Family and text of a socket address."""
    if len(raw) < 2:
        return 0, ""
    family = int.from_bytes(raw[:2], "little")
    if family == socket.AF_INET and len(raw) >= 8:
        return family, f"{socket.inet_ntoa(raw[4:8])}:{int.from_bytes(raw[2:4], 'big')}"
    if family == socket.AF_INET6 and len(raw) >= 24:
        host = socket.inet_ntop(socket.AF_INET6, raw[8:24])
        return family, f"[{host}]:{int.from_bytes(raw[2:4], 'big')}"
    if family == socket.AF_UNIX:
        path = raw[2:]
        text = b"@" + path[1:] if path[:1] == b"\0" else path.split(b"\0")[0]
        return family, text.decode("utf-8", errors="backslashreplace")
    return family, ""


def _is_datagram(call: Call) -> bool:
    kind = call.signed(1) & SOCKET_KIND
    return call.signed(0) in (socket.AF_INET, socket.AF_INET6) and kind == socket.SOCK_DGRAM


def _is_here(name: str) -> bool:
    try:
        syscalls.number(name)
    except OSError:
        return False
    return True


_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def _as_user(user: int | None) -> Iterator[None]:
    """Open and make files as another user would, in this thread alone (setfsuid(2))."""
    if user is None:
        yield
        return
    _libc.setfsgid(user)
    _libc.setfsuid(user)
    try:
        yield
    finally:
        _libc.setfsuid(os.geteuid())
        _libc.setfsgid(os.getegid())

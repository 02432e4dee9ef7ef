"""System calls that wait for an answer from outside (seccomp_unotify(2)): received, refused, let go on, answered with a
descriptor.

To let a call go on is no decision about what its pointers say, which another thread may have rewritten: that is
done only where the kernel refuses by itself whatever must not be (Landlock, namespaces).
"""

from __future__ import annotations

import fcntl
import os
import struct
from dataclasses import dataclass
from typing import Final

_NOTIFICATION: Final = struct.Struct("=QIIiIQ6Q")
_RESPONSE: Final = struct.Struct("=QqiI")
_DESCRIPTOR: Final = struct.Struct("=QIIII")
RECEIVE: Final = 0xC050_2100
SEND: Final = 0xC018_2101
IS_VALID: Final = 0x4008_2102
ADD_DESCRIPTOR: Final = 0x4018_2103
GO_ON: Final = 1
AND_SEND: Final = 2
MAX_PATH: Final = 4096


@dataclass(frozen=True, slots=True)
class Call:
    """One waiting call.

    Attributes:
        process: by this process's count.
        number: of the system call.
        arguments: six registers, unsigned.
    """

    cookie: int
    process: int
    number: int
    arguments: tuple[int, ...]

    def signed(self, at: int) -> int:
        """An argument as a C int."""
        value = self.arguments[at] & 0xFFFF_FFFF
        return value - (1 << 32) if value >> 31 else value

    def memory(self, address: int, size: int) -> bytes:
        """Bytes of the caller's memory, fewer where it ends.

        Raises:
            OSError: it cannot be read.
        """
        with open(f"/proc/{self.process}/mem", "rb", buffering=0) as memory:
            return os.pread(memory.fileno(), size, address)

    def text(self, address: int) -> bytes:
        """The text that ends with a zero byte at an address.

        Raises:
            OSError: it cannot be read, or is longer than a path may be.
        """
        found = b""
        while len(found) < MAX_PATH:
            at = address + len(found)
            # Up to the end of the page: the next one may not be there.
            part = self.memory(at, 4096 - at % 4096)
            end = part.find(b"\0")
            if end >= 0:
                return found + part[:end]
            if not part:
                break
            found += part
        raise OSError(36, "too long", "path")


class Listener:
    """The descriptor on which the calls of one run wait."""

    def __init__(self, descriptor: int, rank: int) -> None:
        self.descriptor, self.rank = descriptor, rank

    def fileno(self) -> int:
        return self.descriptor

    def close(self) -> None:
        os.close(self.descriptor)

    def receive(self) -> Call | None:
        """The next call; None if it was taken back meanwhile."""
        buffer = bytearray(_NOTIFICATION.size)
        try:
            fcntl.ioctl(self.descriptor, RECEIVE, buffer, True)
        except OSError:
            return None
        cookie, process, _, number, _, _, *arguments = _NOTIFICATION.unpack(buffer)
        return Call(cookie, process, number, tuple(arguments))

    def is_valid(self, call: Call) -> bool:
        """Whether the call still waits, so that what was read of its process was its own."""
        try:
            fcntl.ioctl(self.descriptor, IS_VALID, struct.pack("=Q", call.cookie))
        except OSError:
            return False
        return True

    def refuse(self, call: Call, number: int) -> None:
        """Let the call fail with an errno."""
        self._send(call, _RESPONSE.pack(call.cookie, 0, -number, 0))

    def go_on(self, call: Call) -> None:
        """Let the kernel decide about the call as it stands by now."""
        self._send(call, _RESPONSE.pack(call.cookie, 0, 0, GO_ON))

    def give(self, call: Call, descriptor: int, *, close_on_exec: bool) -> int:
        """Answer with a copy of a descriptor of this process; give the errno if that fails, else 0."""
        flags = os.O_CLOEXEC if close_on_exec else 0
        try:
            fcntl.ioctl(
                self.descriptor,
                ADD_DESCRIPTOR,
                _DESCRIPTOR.pack(call.cookie, AND_SEND, descriptor, 0, flags),
            )
        except OSError as error:
            return error.errno or 1
        return 0

    def _send(self, call: Call, response: bytes) -> None:
        try:
            fcntl.ioctl(self.descriptor, SEND, response)
        except OSError:
            # Its process has ended, or was interrupted; then it asks again.
            return

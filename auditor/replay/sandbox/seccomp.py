"""System calls that a submission may make: an allow-list with tests of arguments, as seccomp filters (seccomp(2)).

Two filters are laid: one over the fork server and all it starts, and one more over each run, which takes the rest
away and lets some calls wait for the parent (`broker`).
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from typing import Final

from auditor.replay.sandbox import syscalls
from auditor.replay.sandbox.bpf import ALLOW, NOT_THERE, NOTIFY, REFUSE, Rule, Test, program, refuse

SET_MODE_FILTER: Final = 1
FILTER_FLAG_NEW_LISTENER: Final = 8
FILTER_FLAG_WAIT_KILLABLE: Final = 32

NEW_NAMESPACES: Final = 0x7E02_0000
"""Flags of clone(2) that make a namespace."""

MSG_FASTOPEN: Final = 0x2000_0000
"""Connects while it sends, past whoever watches connect(2)."""

KNOWN_FAMILIES: Final = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)
NETLINK_ROUTE: Final = 0
SOCKET_KIND: Final = 0xF

PR_SET_DUMPABLE: Final = 4
PR_SET_SECCOMP: Final = 22
HARMLESS_PRCTL: Final = (1, 2, 3, 15, 16, 21, 23, 25, 27, 29, 30, 34, 38, 39, 41, 42, 0x53564D41)
"""PDEATHSIG, DUMPABLE (get), NAME, SECCOMP (get), CAPBSET_READ, TSC and SECUREBITS (get), TIMERSLACK, MCE (get),
NO_NEW_PRIVS, THP_DISABLE, naming of memory."""

TERMINAL_INPUT: Final = (0x5412, 0x541C)
"""TIOCSTI, TIOCLINUX: put words into a terminal's mouth."""

NODE_KIND: Final = 0o170000
NAMED: Final = (0o010000, 0o140000)
"""Pipes and sockets with a name."""

SAME_PERSONALITY: Final = (0, 0xFFFF_FFFF)


FLOOR: Final = (
    # clone3 hides its flags in memory; told that it is not there, libraries use clone.
    Rule("clone3", NOT_THERE),
    Rule("clone", ALLOW, (Test(0, (0,), mask=NEW_NAMESPACES),), REFUSE),
    Rule("socket", ALLOW, (Test(0, KNOWN_FAMILIES),), REFUSE),
    *(
        Rule(name, ALLOW, (Test(at, (0,), mask=MSG_FASTOPEN),), REFUSE)
        for name, at in (("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3))
    ),
    Rule("prctl", ALLOW, (Test(0, (*HARMLESS_PRCTL, PR_SET_DUMPABLE, PR_SET_SECCOMP)),), REFUSE),
    Rule("ioctl", REFUSE, (Test(1, TERMINAL_INPUT),), ALLOW),
    Rule("prlimit64", ALLOW, (Test(0, (0,)),), REFUSE),
    Rule("personality", ALLOW, (Test(0, SAME_PERSONALITY),), REFUSE),
    *(Rule(name, NOT_THERE) for name in ("io_uring_setup", "io_uring_enter", "io_uring_register")),
)
"""Holds for the fork server too."""

OPENS: Final = ("open", "openat", "openat2", "creat")
STARTS: Final = ("execve", "execveat")

_ALL: Final = {**syscalls.ALLOWED, **syscalls.CHECKED}


def lay_floor(*, private_memory: bool) -> None:
    """Lay the first filter over this process and all it starts; needs `no_new_privs`.

    Args:
        private_memory: refuse files in memory (memfd_create), which no quota counts; CUDA needs them.

    Raises:
        OSError: the kernel or the machine's architecture has no such filter.
    """
    tables = [(syscalls.ALLOWED, ALLOW), (syscalls.REFUSED, REFUSE), (syscalls.CHECKED, NOT_THERE)]
    memory = Rule("memfd_create", NOT_THERE if private_memory else ALLOW)
    _install(program([*FLOOR, memory], tables, NOT_THERE), 0)


def lay_run(*, sockets: bool, listened: bool) -> int:
    """Lay the second filter over a run; give the descriptor on which its calls wait, or -1 without.

    Args:
        sockets: whether stream sockets of the internet families may be made.
        listened: whether opens, starts and network tries wait for whoever holds the descriptor; otherwise they
            are decided here.

    Raises:
        OSError: the kernel has no such filter.
    """
    asked = NOTIFY if listened else refuse(errno.EACCES)
    internet = Test(0, (socket.AF_INET, socket.AF_INET6))
    stream = Test(1, (socket.SOCK_STREAM,), mask=SOCKET_KIND)
    rules = [
        *(Rule(name, REFUSE) for name in ("seccomp", "landlock_create_ruleset", "landlock_add_rule")),
        Rule("landlock_restrict_self", REFUSE),
        # Regular files are made by opening them, which is seen.
        Rule("mknod", ALLOW, (Test(1, NAMED, mask=NODE_KIND),), REFUSE),
        Rule("mknodat", ALLOW, (Test(2, NAMED, mask=NODE_KIND),), REFUSE),
        Rule("prctl", ALLOW, (Test(0, HARMLESS_PRCTL),), REFUSE),
    ]
    if sockets:
        rules += [
            Rule("socket", ALLOW, (internet, stream)),
            Rule("socket", asked, (internet,)),
            Rule("socket", ALLOW, (Test(0, (socket.AF_NETLINK,)), Test(2, (NETLINK_ROUTE,)))),
            Rule("socket", ALLOW, (Test(0, (socket.AF_UNIX,)),), REFUSE),
        ]
    else:
        rules += [Rule("socket", asked)]
    if listened:
        rules += [Rule(name, NOTIFY) for name in (*OPENS, *STARTS, "connect")]
    code = program(rules, [(_ALL, ALLOW)], ALLOW)
    if not listened:
        _install(code, 0)
        return -1
    try:
        return _install(code, FILTER_FLAG_NEW_LISTENER | FILTER_FLAG_WAIT_KILLABLE)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return _install(code, FILTER_FLAG_NEW_LISTENER)


def _install(code: bytes, flags: int) -> int:
    holder = ctypes.create_string_buffer(code)
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(holder)))
    libc = ctypes.CDLL(None, use_errno=True)
    number = syscalls.number("seccomp")
    result = int(libc.syscall(number, SET_MODE_FILTER, flags, ctypes.byref(header)))
    if result < 0:
        code_ = ctypes.get_errno()
        raise OSError(code_, os.strerror(code_), "seccomp")
    return result

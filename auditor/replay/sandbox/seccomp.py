"""A seccomp filter: system calls that no submission needs and that could reach out of a sandbox fail with EPERM.

The filter is a classic BPF program (seccomp(2)), built here for x86-64 and AArch64.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import Final

PR_SET_SECCOMP: Final = 22
SECCOMP_MODE_FILTER: Final = 2
KILL_PROCESS: Final = 0x8000_0000
ALLOW: Final = 0x7FFF_0000
REFUSE: Final = 0x0005_0000 | errno.EPERM
NOT_THERE: Final = 0x0005_0000 | errno.ENOSYS

AUDIT_ARCH: Final = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
X32: Final = 0x4000_0000

REFUSED: Final[dict[str, tuple[int, int]]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_by_handle_at": (304, 265),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "quotactl": (179, 60),
    "acct": (163, 89),
}
"""Refused calls with their numbers on x86-64 and AArch64."""

SOCKET: Final = (41, 198)
CLONE: Final = (56, 220)
CLONE3: Final = (435, 435)
NEW_NAMESPACES: Final = 0x7E02_0000
"""Flags of clone(2) that make a namespace."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06


def restrict(*, sockets: bool) -> None:
    """Lay the filter over this process and all it starts; needs `no_new_privs`.

    Args:
        sockets: whether sockets may be made; off where no network namespace stands around the process.

    Raises:
        OSError: the kernel or the machine's architecture has no such filter.
    """
    machine = os.uname().machine
    if machine not in AUDIT_ARCH:
        raise OSError(errno.ENOSYS, f"no filter for {machine}", "seccomp")
    column = 0 if machine == "x86_64" else 1
    program = _program(AUDIT_ARCH[machine], column, sockets=sockets)
    code = ctypes.create_string_buffer(b"".join(program))
    header = struct.pack("HxxxxxxQ", len(program), ctypes.addressof(code))
    holder = ctypes.create_string_buffer(header)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(holder), 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "seccomp")


def _program(arch: int, column: int, *, sockets: bool) -> list[bytes]:
    refused = [numbers[column] for numbers in REFUSED.values()]
    if not sockets:
        refused.append(SOCKET[column])
    out = [
        _op(_LOAD, 4),
        _op(_EQUAL, arch, 1, 0),
        _op(_RETURN, KILL_PROCESS),
        _op(_LOAD, 0),
    ]
    if column == 0:
        out += [_op(_AT_LEAST, X32, 0, 1), _op(_RETURN, KILL_PROCESS)]
    for number in refused:
        out += [_op(_EQUAL, number, 0, 1), _op(_RETURN, REFUSE)]
    # clone3 hides its flags in memory; told that it is not there, libraries use clone.
    out += [_op(_EQUAL, CLONE3[column], 0, 1), _op(_RETURN, NOT_THERE)]
    out += [
        _op(_EQUAL, CLONE[column], 0, 3),
        _op(_LOAD, 16),
        _op(_ANY_BIT, NEW_NAMESPACES, 0, 1),
        _op(_RETURN, REFUSE),
        _op(_RETURN, ALLOW),
    ]
    return out


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)

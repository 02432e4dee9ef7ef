"""Namespaces made by hand: a file system of its own, no network but a loopback, processes that see no others."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from typing import Final

from auditor.replay.sandbox.processes import prctl
from auditor.replay.sandbox.quota import MAX_DISK_FILES, MAX_SHM_BYTES, MAX_TMP_BYTES

PR_SET_PDEATHSIG: Final = 1
CLONE_NEWNS: Final = 0x0002_0000
CLONE_NEWUTS: Final = 0x0400_0000
CLONE_NEWIPC: Final = 0x0800_0000
CLONE_NEWUSER: Final = 0x1000_0000
CLONE_NEWPID: Final = 0x2000_0000
CLONE_NEWNET: Final = 0x4000_0000

MS_RDONLY: Final = 1
MS_NOSUID: Final = 2
MS_NODEV: Final = 4
MS_NOEXEC: Final = 8
MS_REMOUNT: Final = 32
MS_BIND: Final = 4096
MS_REC: Final = 16384
MS_PRIVATE: Final = 1 << 18
MNT_DETACH: Final = 2

SIOCSIFFLAGS: Final = 0x8914
IFF_UP: Final = 1
DEVICES: Final = ("null", "zero", "random", "urandom", "full")

PROC_READ_ONLY: Final = ("bus", "fs", "irq", "sys", "sysrq-trigger")
PROC_MASKED: Final = (
    "acpi",
    "asound",
    "interrupts",
    "kcore",
    "keys",
    "key-users",
    "kmsg",
    "kallsyms",
    "latency_stats",
    "sched_debug",
    "scsi",
    "timer_list",
    "timer_stats",
)

_libc = ctypes.CDLL(None, use_errno=True)


def enter(*, root: str, readable: Sequence[str], writable: Sequence[str], inside: str) -> None:
    """Move this process into namespaces of its own; returns in a child that is process 1 there.

    Args:
        root: the session's folder; its parts appear below `inside`, everything else at its own path.

    Raises:
        OSError: the kernel refuses a step; the file name tells which.
    """
    user, group = os.getuid(), os.getgid()
    flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
    # Root needs no namespace of users to make the others, and gives itself up afterwards.
    _call("unshare", _libc.unshare(flags | (CLONE_NEWUSER if user else 0)))
    if user:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/gid_map", f"{group} {group} 1")
    child = os.fork()
    if child:
        # Killed, the parent outside could not end this process, which stands between it and process 1.
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    _build(root, readable, writable, inside)
    _raise_loopback()


def _build(root: str, readable: Sequence[str], writable: Sequence[str], inside: str) -> None:
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    base = "/tmp"
    _mount("tmpfs", base, "tmpfs", MS_NOSUID | MS_NODEV)
    new = f"{base}/new"
    os.mkdir(new)
    _mount("tmpfs", new, "tmpfs", MS_NOSUID | MS_NODEV)
    # The old root stays reachable through a descriptor, since /tmp now hides the session's folder.
    for name in ("old", "tmp", "proc", "dev", "dev/shm"):
        os.mkdir(f"{new}/{name}")
    _call("pivot_root", _libc.syscall(_pivot_root(), new.encode(), f"{new}/old".encode()))
    os.chdir("/")
    _call("umount", _libc.umount2(b"/old/tmp", MNT_DETACH))
    # Before the folders of this machine, any of which may lie below /tmp.
    for private, size in (("/tmp", MAX_TMP_BYTES), ("/dev/shm", MAX_SHM_BYTES)):
        options = f"mode=1777,size={size},nr_inodes={MAX_DISK_FILES}"
        _mount("tmpfs", private, "tmpfs", MS_NOSUID | MS_NODEV, options)
    for path in readable:
        _bind(path, there(path, root, inside), read_only=True)
    for path in writable:
        _bind(path, there(path, root, inside), read_only=False)
    _devices()
    _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    _mask_proc()
    _call("umount", _libc.umount2(b"/old", MNT_DETACH))
    os.rmdir("/old")
    _mount(None, "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)
    os.chdir("/tmp")


def there(path: str, root: str, inside: str) -> str:
    """Where a path of this machine appears inside: those of the session's folder below `inside`."""
    return inside + path[len(root) :] if path.startswith(root + "/") else path


def _bind(path: str, target: str, *, read_only: bool) -> None:
    source = "/old" + path
    if os.path.islink(source):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.lexists(target):
            os.symlink(os.readlink(source), target)
        return
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY))
    _mount(source, target, None, MS_BIND | MS_REC)
    if read_only:
        _mount(None, target, None, MS_REMOUNT | MS_BIND | MS_RDONLY | _locked_flags(target))


def _mask_proc() -> None:
    """Cover what of /proc speaks of the machine or changes it, as containers do."""
    for name in PROC_READ_ONLY:
        path = f"/proc/{name}"
        if os.path.exists(path):
            _mount(path, path, None, MS_BIND | MS_REC)
            _mount(None, path, None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for name in PROC_MASKED:
        path = f"/proc/{name}"
        if os.path.isdir(path):
            _mount("tmpfs", path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k")
        elif os.path.exists(path):
            _mount("/dev/null", path, None, MS_BIND)


def _locked_flags(path: str) -> int:
    """Flags that a user namespace may not clear in a remount (mount_namespaces(7))."""
    held = os.statvfs(path).f_flag
    kept = MS_NOSUID
    for bit, flag in (
        (os.ST_NODEV, MS_NODEV),
        (os.ST_NOEXEC, MS_NOEXEC),
        (os.ST_NOATIME, 1024),
        (os.ST_RELATIME, 1 << 21),
    ):
        kept |= flag if held & bit else 0
    return kept


def _devices() -> None:
    for name in DEVICES:
        path = f"/dev/{name}"
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        _mount("/old" + path, path, None, MS_BIND)
    for name, target in (
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
    ):
        os.symlink(target, f"/dev/{name}")


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        fcntl.ioctl(line, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    words = [None if word is None else word.encode() for word in (source, target, kind, options)]
    _call(f"mount {target}", _libc.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3]))


def _pivot_root() -> int:
    return {"x86_64": 155, "aarch64": 41}[os.uname().machine]


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _call(what: str, result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)


if __name__ == "__main__":
    sys.exit("run by auditor.replay.sandbox.enter")

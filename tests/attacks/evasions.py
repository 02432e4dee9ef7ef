"""Ways to read training data after the artifact was read back, or to open files unseen; prints what each gave.

Imported by nothing: its text is placed as a submission's script.
"""

import ctypes
import errno
import fcntl
import json
import mmap
import os
import signal
import struct
import subprocess
import threading

found = {}
libc = ctypes.CDLL(None, use_errno=True)
CONTENT = bytes(range(256)) * 20


def attempt(name, action):
    """Note what an action gave, or the error it raised."""
    try:
        found[name] = f"did: {action()}"[:200]
    except BaseException as error:
        number = getattr(error, "errno", None)
        found[name] = f"refused: {errno.errorcode.get(number, type(error).__name__)}"


def by_libc(path):
    """Open past Python, whose audit hooks see nothing of it."""
    opened = libc.open(os.fsencode(path), os.O_RDONLY)
    if opened < 0:
        raise OSError(ctypes.get_errno(), path)
    return os.read(opened, 16)


def by_openat2(path):
    """Open by the newest call."""
    how = ctypes.create_string_buffer(struct.pack("=QQQ", os.O_RDONLY, 0, 0))
    opened = libc.syscall(ctypes.c_long(437), -100, os.fsencode(path), ctypes.byref(how), ctypes.c_long(24))
    if opened < 0:
        raise OSError(ctypes.get_errno(), path)
    return os.read(opened, 16)


def raced(first, second, turns):
    """Open a name that another thread keeps rewriting; give the files that were opened."""
    size = max(len(first), len(second)) + 1
    names = [os.fsencode(name).ljust(size, b"\0") for name in (first, second)]
    name, over = ctypes.create_string_buffer(names[0], size), []

    def rewrite():
        while not over:
            for text in names:
                ctypes.memmove(name, text, size)

    thread = threading.Thread(target=rewrite)
    thread.start()
    opened = set()
    for _ in range(turns):
        descriptor = libc.open(name, os.O_RDONLY)
        if descriptor >= 0:
            status = os.fstat(descriptor)
            opened.add((status.st_dev, status.st_ino))
            os.close(descriptor)
    over.append(True)
    thread.join()
    return sorted(opened)


def in_child(action):
    """How a child ends that does something."""
    child = os.fork()
    if child == 0:
        action()
        os.kill(os.getpid(), 9)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


data = os.environ["DATA_PATH"]
shard = next(os.path.join(data, name) for name in sorted(os.listdir(data)) if "train" in name)
held = os.open(shard, os.O_RDONLY)
folder = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
mapped = mmap.mmap(held, 0, prot=mmap.PROT_READ)
os.symlink(shard, "to-the-shard")
found["before"] = len(os.pread(held, 4096, 0))
with open("model.txt", "wb") as file:
    file.write(CONTENT)
    attempt("read through a name of /proc", lambda: open(f"/proc/self/fd/{file.fileno()}", "rb").read(4))
    attempt("read through /dev/fd", lambda: open(f"/dev/fd/{file.fileno()}", "rb").read(4))
os.symlink("model.txt", "alias")
found["artifact"] = subprocess.run(["cat", "alias"], capture_output=True).stdout == CONTENT
attempt("by name", lambda: open(shard, "rb").read(16))
attempt("by link", lambda: open("to-the-shard", "rb").read(16))
attempt("by libc", lambda: by_libc(shard))
attempt("by openat2", lambda: by_openat2(shard))
attempt("by folder", lambda: os.open(os.path.basename(shard), os.O_RDONLY, dir_fd=folder))
attempt("by /proc", lambda: open(f"/proc/self/fd/{held}", "rb").read(16))
attempt("by root", lambda: open(f"/proc/self/root{shard}", "rb").read(16))
attempt("by a child", lambda: subprocess.run(["cat", shard], check=True).returncode)
attempt("by hard link", lambda: os.link(shard, "linked"))
found["held"] = len(os.pread(held, 4096, 0))
found["mapped"] = in_child(lambda: mapped[0])
os.mkfifo("fifo")
attempt("fifo", lambda: os.open("fifo", os.O_RDONLY))
signal.signal(signal.SIGIO, signal.SIG_IGN)
leased = os.open("leased", os.O_RDWR | os.O_CREAT)
fcntl.fcntl(leased, 1024, fcntl.F_WRLCK)
attempt("leased", lambda: os.open("leased", os.O_RDONLY))
attempt("no name", lambda: os.open(".", os.O_RDWR | os.O_TMPFILE))
attempt("data written", lambda: os.open(os.path.join(data, "new"), os.O_WRONLY | os.O_CREAT))
attempt("given written", lambda: open(os.environ["TOKENIZER_PATH"], "ab"))
with open("first.bin", "wb") as file:
    file.write(b"1" * 2000)
with open("another.bin", "wb") as file:
    file.write(b"2" * 2000)
found["raced"] = raced("first.bin", "another.bin", 1500)
line = libc.socket(2, 1, 0)
where = struct.pack("=H", 2) + struct.pack("!H", 443) + bytes([192, 0, 2, 7]) + bytes(8)
found["connected"] = libc.connect(line, where, 16)
found["datagram"] = libc.socket(2, 2, 0)
print("FOUND " + json.dumps(found))

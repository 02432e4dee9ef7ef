"""What is run inside a sandbox to try one way out after another; prints what each gave, as JSON.

Imported by nothing: its text is placed as a submission's script. What there is outside to reach for stands in the
environment.
"""

import ctypes
import errno
import fcntl
import json
import os
import socket
import subprocess
import sys

OUTSIDE = json.loads(os.environ["OUTSIDE"])
OTHER_ABI = "import ctypes; ctypes.CDLL(None).syscall(0x40000000 | 39)"

found = {}
libc = ctypes.CDLL(None, use_errno=True)
X86 = os.uname().machine == "x86_64"
PARENT = os.getppid()


def attempt(name, action):
    """Note what an action gave, or the error it raised."""
    try:
        found[name] = f"did: {action()}"[:200]
    except BaseException as error:
        number = getattr(error, "errno", None)
        found[name] = f"refused: {errno.errorcode.get(number, type(error).__name__)}"


def call(x86, arm, *arguments):
    """Make a system call by number; raises what errno says."""
    result = libc.syscall(ctypes.c_long(x86 if X86 else arm), *map(ctypes.c_long, arguments))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def address(buffer):
    """Where a buffer lies."""
    return ctypes.addressof(buffer)


def write(path, text="x"):
    """Write to a file that must be there."""
    with open(path, "w") as file:
        return file.write(text)


def fast_open():
    """Connect while sending, past connect(2)."""
    with socket.socket() as line:
        return line.sendto(b"x", 0x20000000, ("127.0.0.1", 9))


def sent_by_message():
    """The same by sendmsg."""
    with socket.socket() as line:
        return line.sendmsg([b"x"], [], 0x20000000, ("127.0.0.1", 9))


def connected(family, where):
    """Connect to something outside."""
    with socket.socket(family) as line:
        line.settimeout(3)
        line.connect(where)
        return line.recv(1)


PAGE = ctypes.create_string_buffer(4096)
attempt("kill parent", lambda: os.kill(PARENT, 0))
attempt("core_pattern", lambda: write("/proc/sys/kernel/core_pattern", "|/tmp/x"))
attempt("sysctl", lambda: write("/proc/sys/kernel/hostname"))
attempt("sysrq", lambda: write("/proc/sysrq-trigger", "h"))
attempt("kcore", lambda: open("/proc/kcore", "rb").read(16))
attempt("system folder", lambda: write("/usr/planted"))
attempt("root folder", lambda: write("/planted"))
attempt("devices folder", lambda: write("/dev/planted"))
attempt("shadow", lambda: open("/etc/shadow").read(16))
attempt("secret", lambda: open(OUTSIDE["secret"]).read())
attempt("secret by a child", lambda: subprocess.run(["cat", OUTSIDE["secret"]], check=True).returncode)
attempt("listing", lambda: os.listdir(os.path.dirname(OUTSIDE["secret"])))
attempt("own files", lambda: write("made-by-the-attempts"))
attempt("link out", lambda: (os.symlink(OUTSIDE["secret"], "way-out"), open("way-out").read()))
attempt("hard link in", lambda: os.link(OUTSIDE["secret"], "way-in"))
attempt("vsock", lambda: socket.socket(40, socket.SOCK_STREAM).fileno())
for name, family, kind in (
    ("packet", 17, socket.SOCK_RAW),
    ("alg", 38, socket.SOCK_SEQPACKET),
    ("udp", socket.AF_INET, socket.SOCK_DGRAM),
    ("udp6", socket.AF_INET6, socket.SOCK_DGRAM),
    ("raw", socket.AF_INET, socket.SOCK_RAW),
    ("kernel events", 16, socket.SOCK_DGRAM),
):
    protocol = 15 if name == "kernel events" else 0
    attempt(name, lambda f=family, k=kind, p=protocol: socket.socket(f, k, p).fileno())
attempt("fastopen", fast_open)
attempt("fastopen by message", sent_by_message)
attempt("host port", lambda: connected(socket.AF_INET, ("127.0.0.1", OUTSIDE["port"])))
attempt("internet", lambda: connected(socket.AF_INET, ("192.0.2.1", 80)))
attempt("host socket", lambda: connected(socket.AF_UNIX, OUTSIDE["socket"]))
attempt("host abstract socket", lambda: connected(socket.AF_UNIX, OUTSIDE["abstract"]))
attempt("io_uring", lambda: call(425, 425, 8, address(PAGE)))
attempt("trace parent", lambda: call(101, 117, 16, PARENT, 0, 0))
attempt("be traced", lambda: call(101, 117, 0, 0, 0, 0))
attempt("read parent", lambda: open(f"/proc/{PARENT}/mem", "rb").fileno())
attempt("parent's files", lambda: os.listdir(f"/proc/{PARENT}/fd"))
attempt("parent's environment", lambda: open(f"/proc/{PARENT}/environ").read(10))
attempt("process_vm_readv", lambda: call(310, 270, PARENT, address(PAGE), 1, address(PAGE), 1, 0))
attempt("parent's descriptor", lambda: call(438, 438, os.pidfd_open(PARENT), 0, 0))
attempt("parent's limits", lambda: call(302, 261, PARENT, 7, address(PAGE), 0))
attempt("namespace", lambda: call(272, 97, 0x10000000))
attempt("namespace by clone", lambda: call(56, 220, 0x10000000 | 17, 0, 0, 0, 0))
attempt("namespace by clone3", lambda: call(435, 435, address(PAGE), 88))
attempt("enter a namespace", lambda: call(308, 268, os.open("/proc/self/ns/net", os.O_RDONLY), 0))
attempt("mount", lambda: call(165, 40, address(PAGE), address(PAGE), address(PAGE), 4096, 0))
attempt("new mount", lambda: call(430, 430, address(ctypes.create_string_buffer(b"tmpfs")), 0))
attempt("chroot", lambda: os.chroot("/tmp"))
attempt("pivot_root", lambda: call(155, 41, address(PAGE), address(PAGE)))
attempt("device", lambda: os.mknod("device", 0o60666, os.makedev(254, 0)))
attempt("handle", lambda: call(303, 264, -100, address(PAGE), address(PAGE), address(PAGE), 0))
attempt("open by handle", lambda: call(304, 265, 3, address(PAGE), 0))
attempt("keys", lambda: call(250, 219, 0, -3, 1, 0, 0))
attempt("add key", lambda: call(248, 217, address(PAGE), address(PAGE), address(PAGE), 1, -3))
attempt("bpf", lambda: call(321, 280, 0, address(PAGE), 120))
attempt("userfaultfd", lambda: call(323, 282, 1))
attempt("perf", lambda: call(298, 241, address(PAGE), 0, -1, -1, 0))
attempt("watch all files", lambda: call(300, 262, 0, 0))
attempt("module", lambda: call(175, 105, address(PAGE), 4096, address(PAGE)))
attempt("kernel log", lambda: call(103, 116, 3, address(PAGE), 4096))
attempt("root again", lambda: os.setuid(0))
attempt("capabilities", lambda: call(126, 91, address(PAGE), address(PAGE)))
attempt("dumpable", lambda: call(157, 167, 4, 1, 0, 0, 0))
attempt("tracer", lambda: call(157, 167, 0x59616D61, -1, 0, 0, 0))
attempt("own filter", lambda: call(317, 277, 1, 8, address(PAGE)))
attempt("terminal", lambda: fcntl.ioctl(0, 0x5412, b"x"))
attempt("same addresses", lambda: call(135, 92, 0x0040000))
attempt("memory file", lambda: call(319, 279, address(ctypes.create_string_buffer(b"x")), 0))
attempt("memory segment", lambda: call(29, 194, 0, 4096, 0o1600))
attempt("queue", lambda: call(240, 180, address(ctypes.create_string_buffer(b"q")), 0o102, 0o600, 0))
attempt("other abi", lambda: subprocess.run([sys.executable, "-I", "-c", OTHER_ABI], check=True).returncode)
attempt("clock", lambda: call(227, 112, 0, address(PAGE)))
attempt("host name", lambda: socket.sethostname("x"))
with open("/proc/self/status") as status:
    lines = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
for name in (
    "CapInh",
    "CapPrm",
    "CapEff",
    "CapBnd",
    "CapAmb",
    "NoNewPrivs",
    "Seccomp",
    "Uid",
    "Gid",
    "Groups",
):
    found[name] = lines.get(name, "").strip()
attempt("processes", lambda: " ".join(sorted(name for name in os.listdir("/proc") if name.isdigit())))
found["core"] = subprocess.run(["sh", "-c", "ulimit -c"], capture_output=True, text=True).stdout.strip()
print("FOUND " + json.dumps(found))

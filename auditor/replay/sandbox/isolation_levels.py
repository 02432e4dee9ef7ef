"""The rungs of the sandbox and the choice among them.

| rung | by | what the submission cannot do |
|---|---|---|
| `bubblewrap` | `bwrap` | see files but Python's, the system's and its own; reach a network; see other processes |
| `unshare` | namespaces made by this package | the same |
| `landlock` | Landlock and seccomp, no privilege needed | open other files; make a socket; /tmp is not private |
| `none` | `--i-trust-this-code` | nothing but the limits of memory and time |

A seccomp filter (no tracing, mounting, namespaces, kernel keys) is laid over the first three.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from auditor.errors import AuditorError
from auditor.replay.sandbox.namespaces import PROC_MASKED, PROC_READ_ONLY
from auditor.replay.sandbox.quota import MAX_SHM_BYTES, MAX_TMP_BYTES
from auditor.replay.sandbox.users import spare_user

INSIDE: Final = "/replay"
"""Where the folders of a session appear in a sandbox that has a file system of its own."""

HOSTNAME: Final = "replay"

SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
SYSTEM_FILES: Final = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/localtime",
    "/etc/passwd",
    "/etc/group",
)
TRIAL_S: Final = 20


class IsolationLevel(Enum):
    """How the sandbox is made, strongest first."""

    BUBBLEWRAP = "bubblewrap"
    UNSHARE = "unshare"
    LANDLOCK = "landlock"
    NONE = "none"

    @property
    def has_own_files(self) -> bool:
        """Whether the sandbox has a file system of its own, with a private /tmp."""
        return self in (IsolationLevel.BUBBLEWRAP, IsolationLevel.UNSHARE)

    @property
    def has_own_network(self) -> bool:
        """Whether it has a loopback of its own, which several ranks need."""
        return self in (IsolationLevel.BUBBLEWRAP, IsolationLevel.UNSHARE, IsolationLevel.NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Folders of a session on this machine; the names of their last parts are those inside.

    Attributes:
        readable: the submission may read these.
        writable: it may also write these.
        served: those of the readable ones whose files are opened by the parent (`broker`).
        user: number of the user that the submission is, or None for this process's own.
    """

    root: Path
    readable: tuple[Path, ...]
    writable: tuple[Path, ...]
    served: tuple[Path, ...] = ()
    user: int | None = None

    def inside(self, rung: IsolationLevel, path: Path) -> str:
        """Where a path of the session appears inside."""
        return f"{INSIDE}/{path.relative_to(self.root)}" if rung.has_own_files else str(path)


def choose(
    *,
    allowed: tuple[IsolationLevel, ...] = (
        IsolationLevel.BUBBLEWRAP,
        IsolationLevel.UNSHARE,
        IsolationLevel.LANDLOCK,
    ),
) -> tuple[IsolationLevel, str]:
    """The first allowed rung that works here, and why those above it do not.

    Raises:
        AuditorError: none works.
    """
    reasons: list[str] = []
    for rung in allowed:
        reason = unavailable(rung)
        if not reason:
            return rung, "; ".join(reasons)
        reasons.append(f"{rung.value}: {reason}")
    raise AuditorError(
        f"no sandbox works on this machine ({'; '.join(reasons)})",
        hint="install bubblewrap, or allow user namespaces; --i-trust-this-code runs without one",
    )


def unavailable(rung: IsolationLevel) -> str:
    """Why a rung does not work here, by trying it; "" if it does."""
    if rung is IsolationLevel.NONE:
        return ""
    if not sys.platform.startswith("linux"):
        return "needs Linux"
    if rung is IsolationLevel.BUBBLEWRAP and bwrap() is None:
        return "bwrap is not installed"
    import tempfile

    with tempfile.TemporaryDirectory(prefix="auditor-replay-") as folder:
        layout = Layout(root=Path(folder), readable=(), writable=(), user=spare_user())
        try:
            done = subprocess.run(
                command(rung, layout, serve=False),
                capture_output=True,
                text=True,
                timeout=TRIAL_S,
                stdin=subprocess.DEVNULL,
                env=environment(),
                cwd=ELSEWHERE,
            )
        except subprocess.TimeoutExpired:
            return f"did not start within {TRIAL_S} s"
        except OSError as error:
            return error.strerror or str(error)
    if done.returncode == 0 and done.stdout.strip() == "entered":
        return ""
    lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    return lines[-1][:200] if lines else f"ended with {done.returncode}"


def command(
    rung: IsolationLevel,
    layout: Layout,
    *,
    serve: bool = True,
    program: Sequence[str] = (),
    folder: str = "",
    let_in: Sequence[str] = (),
    control: int = -1,
) -> list[str]:
    """The command that starts the fork server in a rung; with `serve` off it only enters and says so.

    Args:
        program: a program to become in place of the fork server, started in `folder`.
        let_in: more options of bubblewrap, for folders and devices.
        control: the socket on which runs send what their calls wait on (`broker`), or -1.
    """
    order = {
        "rung": rung.value,
        "serve": serve,
        "program": list(program),
        "folder": folder,
        "root": str(layout.root),
        "readable": [str(path) for path in (*layout.readable, *python_folders(), *system_folders())],
        "writable": [str(path) for path in layout.writable],
        "inside": INSIDE,
        "user": layout.user,
        "served": [str(path) for path in layout.served],
        # A program that takes this package from there must see that it is there.
        "listed": [str(_package_root())] if program else [],
        "control": control,
    }
    python = [*PYTHON, "-c", _START, str(_package_root()), json.dumps(order)]
    if rung is not IsolationLevel.BUBBLEWRAP:
        return python
    return [*bubblewrap(layout, let_in=let_in), *python]


PYTHON: Final = (sys.executable, "-P", "-s", "-B")
"""How Python is started: nothing is imported from the current folder (-P) or the user's own packages (-s).

Not `-I`, which would ignore PYTHONHASHSEED: the environment is ours alone (`environment`).
"""

ELSEWHERE: Final = "/"
"""The current folder of whatever is started: never the user's, which a submission may have filled."""

_START: Final = (
    "import sys; "
    "at = [i for i, path in enumerate(sys.path) if path.endswith('-packages')] or [len(sys.path)]; "
    "sys.path.insert(at[0], sys.argv[1]); "
    "from auditor.replay.sandbox.enter import enter; enter(sys.argv[2])"
)


def environment() -> dict[str, str]:
    """The environment of the fork server: nothing of the user's."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "LC_ALL": "C.UTF-8",
        "USER": HOSTNAME,
        "LOGNAME": HOSTNAME,
        "CUDA_VISIBLE_DEVICES": "",
        **threads,
    }


def bubblewrap(layout: Layout, *, let_in: Sequence[str] = ()) -> list[str]:
    """The start of the command that puts what follows it into bubblewrap.

    Args:
        let_in: more of its options, for folders and devices.
    """
    words = [bwrap() or "bwrap", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    if layout.user is None:
        words += ["--unshare-all"]
    else:
        # Root needs no namespace of users; `enter` becomes another one, for which it keeps three rights till then.
        words += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
        for right in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
            words += ["--cap-add", right]
    words += ["--hostname", HOSTNAME, "--dev", "/dev", "--proc", "/proc"]
    for private, size in (("/tmp", MAX_TMP_BYTES), ("/dev/shm", MAX_SHM_BYTES)):
        words += ["--perms", "1777", "--size", str(size), "--tmpfs", private]
    for folder in system_folders():
        if folder.is_symlink():
            words += ["--symlink", os.readlink(folder), str(folder)]
        else:
            words += ["--ro-bind", str(folder), str(folder)]
    for folder in python_folders():
        # By themselves the folders above would be closed to all but root.
        for above in reversed(folder.parents[:-1]):
            words += ["--dir", str(above)]
        words += ["--ro-bind", str(folder), str(folder)]
    words += ["--dir", INSIDE]
    for folder in layout.readable:
        words += ["--ro-bind", str(folder), layout.inside(IsolationLevel.BUBBLEWRAP, folder)]
    for folder in layout.writable:
        words += ["--bind", str(folder), layout.inside(IsolationLevel.BUBBLEWRAP, folder)]
    words += [*let_in, *_masks(), "--remount-ro", "/dev", "--remount-ro", "/"]
    return [*words, "--chdir", "/tmp", "--"]


def _masks() -> Iterator[str]:
    """Cover what of /proc speaks of the machine or changes it, as containers do."""
    for name in PROC_READ_ONLY:
        if os.path.exists(f"/proc/{name}"):
            yield from ("--ro-bind", f"/proc/{name}", f"/proc/{name}")
    for name in PROC_MASKED:
        if os.path.isdir(f"/proc/{name}"):
            yield from ("--tmpfs", f"/proc/{name}", "--remount-ro", f"/proc/{name}")
        elif os.path.exists(f"/proc/{name}"):
            yield from ("--ro-bind", "/dev/null", f"/proc/{name}")


def bwrap() -> str | None:
    """Where bubblewrap is, on the user's PATH; parts of it that are relative are passed over."""
    folders = [part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(part)]
    return shutil.which("bwrap", path=os.pathsep.join(folders))


def system_folders() -> list[Path]:
    """What programs of this system need to run."""
    return [Path(path) for path in (*SYSTEM, *SYSTEM_FILES) if os.path.lexists(path)]


def python_folders() -> list[Path]:
    """The interpreter, its libraries, and this package; none of them within another."""
    wanted = {Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve(), Path(sys.prefix)}
    wanted |= {_package_root() / name for name in ("auditor", "rules") if (_package_root() / name).is_dir()}
    wanted |= {Path(entry) for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))}
    kept = [path for path in wanted if path.exists() and not str(path).startswith("/usr/")]
    return sorted(p for p in kept if not any(q != p and q in p.parents for q in kept) and p != Path("/usr"))


def _package_root() -> Path:
    return Path(__file__).resolve().parents[3]

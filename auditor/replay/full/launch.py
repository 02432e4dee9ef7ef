"""Lays a run's folders and says by which command and in which environment it is launched."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auditor.replay.full.options import FullOptions
from auditor.replay.full.run_trace import Places
from auditor.replay.runs.session import write_programs
from auditor.replay.sandbox import landlock
from auditor.replay.sandbox.isolation_levels import (
    HOSTNAME,
    INSIDE,
    PYTHON,
    IsolationLevel,
    Layout,
    command,
    environment,
    python_folders,
    system_folders,
)
from auditor.replay.sandbox.users import spare_user
from auditor.replay.toy.target import DATASETS

GPU_DEVICES: Final = re.compile(r"nvidia\d*|nvidiactl|nvidia-uvm(?:-tools)?|nvidia-caps|nvidia-modeset")
_BEFORE_PACKAGES: Final = (
    "import sys; "
    "at = [i for i, path in enumerate(sys.path) if path.endswith('-packages')] or [len(sys.path)]; "
    "sys.path.insert(at[0], sys.argv[1]); "
)
_CONFINE: Final = f"{_BEFORE_PACKAGES}from auditor.replay.full.confine import confine; confine(sys.argv[2])"
_ON_CPU: Final = (
    f"{_BEFORE_PACKAGES}from auditor.replay.full.on_cpu import run_on_cpu; run_on_cpu(sys.argv[2])"
)
SHARED: Final = ("/tmp/", "/dev/shm/")
"""Where a run may write besides its own folders, if these are the sandbox's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A run laid out and ready to be started.

    Attributes:
        root: its folder on this machine, with `job`, `tmp` and `bin` in it.
        own: folders whose files are opened for it, as they are named inside.
    """

    root: Path
    script: str
    layout: Layout
    places: Places
    own: tuple[str, ...]
    options: FullOptions

    @property
    def has_janitor(self) -> bool:
        """Whether a process of ours stands between this one and the launcher."""
        return self.options.rung in (IsolationLevel.LANDLOCK, IsolationLevel.NONE)

    def inside(self, path: Path) -> str:
        """Where a path below `root` is inside."""
        return (
            self.layout.inside(self.options.rung, path)
            if self.options.rung is not IsolationLevel.NONE
            else str(path)
        )

    @property
    def names_itself(self) -> bool:
        """Whether names of this machine are found in its own list first, so that only others are asked for outside."""
        return self.options.rung is IsolationLevel.BUBBLEWRAP

    @property
    def spins(self) -> bool:
        """Whether a rank that waits for others computes all the while, as those on GPUs do."""
        return not self.options.on_cpu and bool(gpu_devices())


def user_of(options: FullOptions) -> int | None:
    """The user that a run is: one that nobody is, or None for this process's own."""
    return spare_user() if options.rung is not IsolationLevel.NONE and not options.own_user else None


def lay_out(
    root: Path, files: Mapping[str, bytes], script: str, options: FullOptions, user: int | None
) -> Launch:
    """Write the submission's files into `root` and name the folders inside.

    Args:
        files: by path relative to the script's folder.
        user: whom the writable folders are given to, None for this process's own.
    """
    rung = options.rung
    job, tmp = root / "job", root / "tmp"
    for folder in (root, job, tmp, tmp / "caches", tmp / "ranks", root / "bin"):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    for name, content in files.items():
        path = job / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    if options.on_cpu:
        write_programs(root / "bin")
    if user is not None:
        for path in (job, *job.rglob("*"), tmp, *tmp.rglob("*")):
            os.chown(path, user, user, follow_symlinks=False)
    devices = tuple(Path(name) for name in gpu_devices()) if rung is not IsolationLevel.BUBBLEWRAP else ()
    system = (Path("/sys"),) if rung is not IsolationLevel.BUBBLEWRAP and Path("/sys").is_dir() else ()
    layout = Layout(
        root=root,
        readable=(
            root / "bin",
            *system,
            *(() if rung is IsolationLevel.BUBBLEWRAP else (options.data, *options.let_in)),
        ),
        writable=(job, tmp, *devices),
        user=user,
    )
    inside = (lambda path: layout.inside(rung, path)) if rung is not IsolationLevel.NONE else str
    data = f"{INSIDE}/data" if rung is IsolationLevel.BUBBLEWRAP else str(options.data)
    if not (job / "data").exists():
        # Where a checkout of the challenge has it, for scripts that name no other place.
        (job / "data").symlink_to(data)
    shared = SHARED if rung.has_own_files else ("/dev/shm/",)
    # An environment may lie where the run writes, as in /tmp; without a sandbox alone it can write there.
    unwritable = python_folders() if rung is not IsolationLevel.NONE else []
    return Launch(
        root=root,
        script=script,
        layout=layout,
        places=Places(
            job=f"{inside(job)}/",
            data=f"{data}/",
            caches=f"{inside(tmp)}/caches/",
            logs=f"{inside(tmp)}/ranks/",
            libraries=tuple(f"{folder}/" for folder in (*options.let_in, *unwritable)),
        ),
        own=(f"{inside(job)}/", f"{inside(tmp)}/", *shared),
        options=options,
    )


def launch_command(launch: Launch, control: int) -> list[str]:
    """The command that enters the sandbox, confines itself and becomes the launcher.

    Args:
        control: descriptor on which the waiting calls are sent to the parent.
    """
    options, rung = launch.options, launch.options.rung
    places = launch.places
    shared = () if rung.has_own_files else ("/dev/shm",)
    order = {
        "janitor": launch.has_janitor,
        "locked": rung is not IsolationLevel.NONE,
        "readable": [
            *map(str, (*python_folders(), *system_folders())),
            *("/proc", "/sys", "/etc/hosts", "/etc/nsswitch.conf"),
            *map(str, options.let_in),
            launch.inside(launch.root / "bin"),
        ],
        "devices": [*landlock.DEVICES, *gpu_devices()],
        "listed": [places.data.rstrip("/"), str(Path(__file__).resolve().parents[3])],
        "own": [folder.rstrip("/") for folder in launch.own if folder.rstrip("/") not in shared],
        "shared": list(shared),
        "control": control,
        "folder": places.job,
        "program": torchrun(options, launch.script, places.logs),
    }
    package = str(Path(__file__).resolve().parents[3])
    program = [*PYTHON, "-c", _CONFINE, package, json.dumps(order)]
    return command(
        rung, launch.layout, program=program, folder="/", let_in=list(_let_in(launch)), control=control
    )


def torchrun(options: FullOptions, script: str, logs: str) -> list[str]:
    """The launcher as the challenge's README starts it, with what each rank prints kept apart; one rank is started
    without it."""
    package = str(Path(__file__).resolve().parents[3])
    work = [script]
    if options.on_cpu:
        work = [sys.executable, "-u", "-c", _ON_CPU, package, script]
    if options.ranks == 1 and not options.launcher:
        return work if options.on_cpu else [sys.executable, "-u", script]
    words = [sys.executable, "-u", "-P", "-m", "torch.distributed.run", f"--nproc_per_node={options.ranks}"]
    if not any(word.startswith(("--rdzv", "--master", "--standalone")) for word in options.launcher):
        words += ["--nnodes=1", "--master_addr=127.0.0.1", f"--master_port={free_port()}"]
    words += [*options.launcher, "--tee=3", f"--log-dir={logs}"]
    return [*words, *(["--no-python"] if options.on_cpu else []), *work]


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def gpu_devices(folder: Path = Path("/dev")) -> list[str]:
    """Device files of NVIDIA GPUs."""
    return sorted(str(path) for path in folder.iterdir() if GPU_DEVICES.fullmatch(path.name))


OF_CUDA: Final = ("LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_PATH")
"""What of this process's environment says where the machine's CUDA is."""


def run_environment(launch: Launch, variables: Mapping[str, str], seed: int) -> dict[str, str]:
    """The whole environment of a run: the claimed settings, where the data are, the seed, and nothing of the user's."""
    options, places = launch.options, launch.places
    kept = {k: v for k, v in environment().items() if "THREADS" not in k and k != "CUDA_VISIBLE_DEVICES"}
    kept |= {name: os.environ[name] for name in OF_CUDA if name in os.environ and not options.on_cpu}
    programs = [f"{sys.prefix}/bin", f"{os.environ.get('CUDA_HOME', '/usr/local/cuda')}/bin"]
    kept["PATH"] = os.pathsep.join([*filter(os.path.isdir, programs), kept["PATH"]])
    if options.on_cpu:
        kept |= {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        kept["PATH"] = f"{launch.inside(launch.root / 'bin')}:{kept['PATH']}"
    shards = options.shards or shard_folder(options.data)
    named = {"DATA_DIR": places.data.rstrip("/")}
    if shards is not None:
        named["DATA_PATH"] = f"{places.data}{shards}"
    if options.tokenizer:
        named["TOKENIZER_PATH"] = f"{places.data}{options.tokenizer}"
    caches = {
        name: places.caches.rstrip("/")
        for name in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "TORCH_EXTENSIONS_DIR", "CUDA_CACHE_PATH")
    }
    located = {
        name: value.replace(DATASETS, named.get("DATA_PATH", places.data))
        for name, value in variables.items()
    }
    tmp = places.caches.removesuffix("caches/").rstrip("/")
    return {
        **kept,
        **located,
        **named,
        **caches,
        "SEED": str(seed),
        "HOME": tmp,
        "TMPDIR": tmp,
        # Neither library chooses the loopback by itself, and there is no other network.
        "NCCL_SOCKET_IFNAME": "lo",
        "GLOO_SOCKET_IFNAME": "lo",
    }


def shard_folder(data: Path) -> str | None:
    """Where the validation shards are, relative to the data folder; None where there are none."""
    found = sorted(data.glob("datasets/**/*_val_*.bin"))
    return found[0].parent.relative_to(data).as_posix() if found else None


def _let_in(launch: Launch) -> Sequence[str]:
    """More options of bubblewrap: data, host names, GPUs, the topology of the machine, a larger /dev/shm."""
    if launch.options.rung is not IsolationLevel.BUBBLEWRAP:
        return ()
    hosts = launch.root / "hosts"
    # Every form in which ranks ask for this machine, or a name server would be asked.
    names = f"127.0.0.1 localhost {HOSTNAME}\n::1 localhost {HOSTNAME}\n::ffff:127.0.0.1 localhost\n"
    hosts.write_text(names, encoding="ascii")
    order = launch.root / "nsswitch.conf"
    order.write_text("hosts: files dns\n", encoding="ascii")
    words = ["--ro-bind", str(launch.options.data), f"{INSIDE}/data"]
    for file in (hosts, order):
        words += ["--ro-bind", str(file), f"/etc/{file.name}"]
    # What is made on the way to a bound file is closed to all but root.
    words += ["--chmod", "0755", "/etc"]
    words += ["--perms", "1777", "--size", str(launch.options.shared_memory), "--tmpfs", "/dev/shm"]
    if Path("/sys").is_dir():
        words += ["--ro-bind", "/sys", "/sys"]
    for folder in launch.options.let_in:
        words += ["--ro-bind", str(folder), str(folder)]
    for device in gpu_devices():
        words += ["--dev-bind", device, device]
    return words

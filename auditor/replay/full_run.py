"""`--full`: the submission's own run, launched as torchrun does and measured from outside.

Nothing is stood in for and nothing is recorded inside: seconds are those of this process's clock, bytes those of
the files left behind, and the printed result is only quoted. The sandbox is the same, with the GPUs' devices let in.
What was measured on eight H100s with it: nothing yet. It is tested with ranks on a CPU.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from auditor.errors import AuditorError
from auditor.replay.runs.left_files import Refused, empty_folder, walk_left
from auditor.replay.runs.printed_numbers import RESULT, labelled
from auditor.replay.runs.run_record import artifacts_in
from auditor.replay.sandbox.ladder import ELSEWHERE, HOSTNAME, INSIDE, Rung, command, environment
from auditor.replay.sandbox.ladder import Layout as SandboxLayout
from auditor.replay.sandbox.users import spare_user

if TYPE_CHECKING:
    from auditor.submission.model import Submission

POLL_S: Final = 0.2
MAX_LOG_BYTES: Final = 64 << 20
LIMIT_BYTES: Final = 16_000_000
PHASE_LIMIT_S: Final = 600.0
GPU_DEVICES: Final = re.compile(r"nvidia\d*|nvidiactl|nvidia-uvm(?:-tools)?|nvidia-caps|nvidia-modeset")


@dataclass(frozen=True, slots=True, kw_only=True)
class FullRun:
    """One run of one seed.

    Attributes:
        seconds: of the whole run, by this process's clock.
        training_seconds: until the artifact was last written; None if none was.
        evaluation_seconds: from then to the end.
        artifact: name of the largest file that was left and read again, or just left.
        artifact_bytes: its size.
        code_bytes: size of the script and of its own modules.
        results: the last printed results, quoted.
    """

    seed: int
    code: int
    reason: str
    seconds: float
    training_seconds: float | None
    evaluation_seconds: float | None
    artifact: str
    artifact_bytes: int
    code_bytes: int
    results: tuple[str, ...]

    @property
    def total_bytes(self) -> int:
        return self.artifact_bytes + self.code_bytes

    @property
    def problems(self) -> tuple[str, ...]:
        """Limits that the measured values miss, one sentence each."""
        found = []
        if self.reason or self.code:
            found.append(self.reason or f"it ended with exit code {self.code}")
        if self.total_bytes > LIMIT_BYTES:
            found.append(f"{self.total_bytes:,} bytes are more than {LIMIT_BYTES:,}")
        for phase, seconds in (("training", self.training_seconds), ("evaluation", self.evaluation_seconds)):
            if seconds is not None and seconds > PHASE_LIMIT_S:
                found.append(f"{phase} took {seconds:.0f} s, more than {PHASE_LIMIT_S:.0f}")
        if not self.artifact_bytes:
            found.append("no artifact was left")
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class FullOptions:
    """How to launch.

    Attributes:
        data: folder with `datasets/` and `tokenizers/`, bound read-only.
        ranks: processes.
        seconds: limit of one run.
        rung: bubblewrap, or none if the user trusts the code: the others cannot let devices in.
    """

    data: Path
    ranks: int = 8
    seconds: float = 3000.0
    rung: Rung = Rung.BUBBLEWRAP


def run_seed(
    submission: Submission, variables: Mapping[str, str], seed: int, options: FullOptions
) -> FullRun:
    """Run one seed to its end or its limit.

    Raises:
        AuditorError: the data folder is missing.
    """
    if not options.data.is_dir():
        raise AuditorError(
            f"no data folder at {options.data}", hint="--data DIR with datasets/ and tokenizers/"
        )
    root = Path(tempfile.mkdtemp(prefix="auditor-full-"))
    try:
        return _run_in(root, submission, variables, seed, options)
    finally:
        empty_folder(root)
        root.rmdir()


def _run_in(
    root: Path, submission: Submission, variables: Mapping[str, str], seed: int, options: FullOptions
) -> FullRun:
    from auditor.replay.toy.target import submission_files

    files = submission_files(submission)
    job = root / "job"
    for name, content in files.items():
        path = job / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    user = spare_user() if options.rung is not Rung.NONE else None
    if user is not None:
        for path in (job, *job.rglob("*")):
            os.chown(path, user, user)
        root.chmod(0o755)
    layout = SandboxLayout(root=root, readable=(), writable=(job,), user=user)
    program = [*_launcher(options), Path(submission.script.path).name]
    log = root / "log.txt"
    began = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(
            _enclosed(options, layout, program),
            cwd=job if options.rung is Rung.NONE else ELSEWHERE,
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=_environment(options, variables, seed),
            start_new_session=True,
        )
        reason, written = _watch(process, job, set(files), began, options.seconds)
    seconds = time.monotonic() - began
    try:
        left = artifacts_in(job, files)
    except Refused as refused:
        left, reason = {}, reason or f"what it left behind: {refused}"
    artifact = max(left, key=lambda name: (written.get(name, 0.0), left[name][0]), default="")
    trained = written.get(artifact) if artifact else None
    return FullRun(
        seed=seed,
        code=process.returncode or 0,
        reason=reason,
        seconds=seconds,
        training_seconds=trained,
        evaluation_seconds=None if trained is None else seconds - trained,
        artifact=artifact,
        artifact_bytes=left[artifact][0] if artifact else 0,
        code_bytes=sum(
            len(content) for name, content in files.items() if name.endswith((".py", ".so", ".c"))
        ),
        results=tuple(_results(log)),
    )


def _launcher(options: FullOptions) -> list[str]:
    python = sys.executable
    if options.ranks == 1:
        return [python]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [python, "-m", "torch.distributed.run", "--nnodes=1", f"--nproc_per_node={options.ranks}"]
    return [*words, "--master_addr=127.0.0.1", f"--master_port={port}"]


def _enclosed(options: FullOptions, layout: SandboxLayout, program: Sequence[str]) -> list[str]:
    """The program with the sandbox around it, the GPUs' devices and the data let in."""
    if options.rung is Rung.NONE:
        return list(program)
    hosts = layout.root / "hosts"
    hosts.write_text(f"127.0.0.1 localhost {HOSTNAME}\n", encoding="ascii")
    let_in = ["--ro-bind", str(options.data), f"{INSIDE}/data", "--ro-bind", str(hosts), "/etc/hosts"]
    for device in gpu_devices():
        let_in += ["--dev-bind", device, device]
    return command(options.rung, layout, program=program, folder=f"{INSIDE}/job", let_in=let_in)


def gpu_devices(folder: Path = Path("/dev")) -> list[str]:
    """Device files of NVIDIA GPUs."""
    return sorted(str(path) for path in folder.iterdir() if GPU_DEVICES.fullmatch(path.name))


def _environment(options: FullOptions, variables: Mapping[str, str], seed: int) -> dict[str, str]:
    data = str(options.data) if options.rung is Rung.NONE else f"{INSIDE}/data"
    kept = {k: v for k, v in environment().items() if "THREADS" not in k and k != "CUDA_VISIBLE_DEVICES"}
    found = sorted((options.data / "datasets").glob("*/fineweb_val_*.bin"))
    named = {"DATA_DIR": data}
    if found:
        named["DATA_PATH"] = f"{data}/datasets/{found[0].parent.name}"
    models = sorted((options.data / "tokenizers").glob("*.model"))
    if models:
        named["TOKENIZER_PATH"] = f"{data}/tokenizers/{models[0].name}"
    return {**kept, **variables, **named, "SEED": str(seed), "HOME": "/tmp"}


def _watch(
    process: subprocess.Popen[bytes], job: Path, given: set[str], began: float, limit: float
) -> tuple[str, dict[str, float]]:
    """Wait for the end; say why it was ended, and when each file was last seen to change, in seconds."""
    sizes: dict[str, tuple[int, int]] = {}
    written: dict[str, float] = {}
    while process.poll() is None:
        for name, state in _states(job, given):
            if sizes.get(name) != state:
                sizes[name] = state
                written[name] = time.monotonic() - began
        if time.monotonic() - began > limit:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"it ran longer than {limit:.0f} s", written
        time.sleep(POLL_S)
    for name, state in _states(job, given):
        if sizes.get(name) != state:
            written[name] = time.monotonic() - began
    return "", written


def _states(job: Path, given: set[str]) -> Iterator[tuple[str, tuple[int, int]]]:
    """Size and time of the last change of files that look like artifacts."""
    with contextlib.suppress(OSError, Refused):
        for name, status in walk_left(job):
            if name not in given and not name.endswith((".py", ".pyc", ".txt", ".log", ".json", ".md")):
                if status.st_size:
                    yield name, (status.st_size, status.st_mtime_ns)


def _results(log: Path, *, count: int = 3) -> Sequence[str]:
    """The last printed lines with a result."""
    with log.open("rb") as file:
        file.seek(max(log.stat().st_size - MAX_LOG_BYTES, 0))
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    found = [line.strip()[:200] for line in lines if RESULT.search(line) and labelled(line)]
    return found[-count:]

"""Attacks on the sandbox and on what reads from it, each at every level that this machine has.

Each test states what must happen. A level that does not work here is skipped by name.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.replay.probes.outcome import Outcome, ReplayResult
from auditor.replay.probes.runner import Bench
from auditor.replay.replay import ReplayOptions, replay_submission
from auditor.replay.runs.job import Mode
from auditor.replay.runs.observations import Standing
from auditor.replay.runs.run_record import RunRecord
from auditor.replay.runs.session import Session, no_names
from auditor.replay.sandbox.isolation_levels import IsolationLevel, bwrap
from auditor.replay.sandbox.lookup import find
from auditor.submission.load import load_path
from tests.replay.conftest import skip_unless

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

RUNGS = (IsolationLevel.BUBBLEWRAP, IsolationLevel.UNSHARE, IsolationLevel.LANDLOCK)
ROOT = Path(__file__).parents[2]
MAIN = 'if __name__ == "__main__":\n'
FLAT = ROOT / "tests" / "specimens" / "flat.py"


@pytest.fixture(params=RUNGS, ids=lambda rung: rung.value)
def level(request: pytest.FixtureRequest) -> IsolationLevel:
    """Each level in turn."""
    rung = request.param
    assert isinstance(rung, IsolationLevel)
    skip_unless(rung)
    return rung


def test_modules_beside_the_script_never_run_outside(level: IsolationLevel, tmp_path: Path) -> None:
    """Started from inside the submission's folder, with modules there named as those that everything imports."""
    folder, marks = tmp_path / "submission", tmp_path / "marks"
    folder.mkdir()
    marks.mkdir()
    marks.chmod(0o777)
    (folder / "train_gpt.py").write_text(FLAT.read_text(encoding="utf-8"), encoding="utf-8")
    for name in ("json", "numpy", "sitecustomize", "usercustomize", "ctypes", "socket", "encodings"):
        planted = f"open({str(marks / name)!r}, 'w').close()\nraise ImportError('planted')\n"
        (folder / f"{name}.py").write_text(planted, encoding="utf-8")
    start = "from auditor.cli import main; main()"
    command = [sys.executable, "-P", "-c", start, "replay", "train_gpt.py", "--sandbox", level.value]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert "C1" in done.stdout, done.stdout + done.stderr
    assert not list(marks.iterdir())


def test_a_checkout_and_an_environment_in_the_temporary_folder_work(
    level: IsolationLevel, tmp_path: Path
) -> None:
    """The sandbox has a /tmp of its own, and all that Python needs may lie in this machine's."""
    environment, checkout = tmp_path / "environment", tmp_path / "checkout"
    assert str(tmp_path).startswith(tempfile.gettempdir())
    venv.create(environment, with_pip=False, symlinks=True)
    packages = environment / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    here = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "others.pth").write_text("\n".join(here), encoding="utf-8")
    for name in ("auditor", "rules"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(FLAT, tmp_path / "train_gpt.py")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o55)
    start = "from auditor.cli import main; main()"
    command = [str(environment / "bin" / "python"), "-P", "-c", start, "replay", "train_gpt.py", "--sandbox"]
    done = subprocess.run(
        [*command, level.value],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "C1" in done.stdout and f"sandbox   {level.value}" in done.stdout, done.stdout + done.stderr


def test_bubblewrap_is_looked_for_on_the_path_and_passed_over_where_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that enters and then cannot start the server gives way to the next level, and the reason is told."""
    skip_unless(IsolationLevel.BUBBLEWRAP)
    real = bwrap()
    broken = tmp_path / "bwrap"
    broken.write_text(
        f"#!/bin/sh\ncase \"$*\" in *'\"serve\": true'*) echo 'no room in here' >&2; exit 1;; esac\n"
        f'exec {real} "$@"\n'
    )
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert bwrap() == str(broken)
    submission = load_path(str(FLAT)).submissions[0]
    result = replay_submission(submission, options=ReplayOptions(seed=1, shrink=False))
    assert result.ran and result.sandbox.rung in ("unshare", "landlock")
    assert "bubblewrap: " in result.sandbox.because and "no room in here" in result.sandbox.because


Attack = Callable[..., ReplayResult]


@pytest.fixture(scope="module")
def sessions() -> Iterator[dict[IsolationLevel, Session]]:
    """One session a level, made when first asked for."""
    made: dict[IsolationLevel, Session] = {}
    yield made
    for session in made.values():
        session.close()


def _session(sessions: dict[IsolationLevel, Session], level: IsolationLevel) -> Session:
    if level not in sessions:
        sessions[level] = Session(level)
    return sessions[level]


@pytest.fixture
def attack(level: IsolationLevel, sessions: dict[IsolationLevel, Session], tmp_path: Path) -> Attack:
    """Replays the flat specimen with code put before its entry or at its end."""
    session = _session(sessions, level)

    def run(top: str = "", last: str = "", **options: float) -> ReplayResult:
        text = FLAT.read_text(encoding="utf-8").replace(MAIN, top + "\n\n" + MAIN)
        path = tmp_path / "train_gpt.py"
        path.write_text(text + last, encoding="utf-8")
        chosen = ReplayOptions(seed=1, shrink=False, **options)  # type: ignore[arg-type]
        return replay_submission(load_path(str(path)).submissions[0], options=chosen, session=session)

    return run


def passed(result: ReplayResult) -> bool:
    return any(condition.outcome is Outcome.PASS for condition in result.conditions.values())


TAKEN = ("own files", "processes")
"""What a submission may do."""

ALLOWED_READING = 1 << 2
"""CAP_DAC_READ_SEARCH: kept under Landlock alone, which bounds what it reads, for interpreters below /root."""


@pytest.fixture(scope="module")
def all_found(
    sessions: dict[IsolationLevel, Session], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[IsolationLevel], dict[str, str]]:
    """What the attempts gave at a level; tried once a level."""
    kept: dict[IsolationLevel, dict[str, str]] = {}

    def found(level: IsolationLevel) -> dict[str, str]:
        if level not in kept:
            kept[level] = _try(_session(sessions, level), tmp_path_factory.mktemp("home"))
        return kept[level]

    return found


def _try(session: Session, home: Path) -> dict[str, str]:
    """Run the attempts with something outside to reach for: a secret, a port and sockets of this process."""
    (home / "secret").write_text("s3cret")
    abstract = f"\0auditor-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as port,
        socket.socket(socket.AF_UNIX) as local,
        socket.socket(socket.AF_UNIX) as hidden,
    ):
        local.bind(str(home / "socket"))
        hidden.bind(abstract)
        local.listen()
        hidden.listen()
        os.chmod(home / "socket", 0o777)
        outside = {
            "secret": str(home / "secret"),
            "socket": str(home / "socket"),
            "abstract": abstract,
            "port": port.getsockname()[1],
        }
        return _found(_placed_run(session, "attempts.py", OUTSIDE=json.dumps(outside)))


def _placed_run(session: Session, name: str, **variables: str) -> RunRecord:
    """One run of a script of this folder."""
    text = (Path(__file__).parent / name).read_bytes()
    session.place(files={"train_gpt.py": text}, script="train_gpt.py", lowered={}, data_names=no_names)
    bench = Bench.drawn(1)
    return session.run(bench.world, bench.sizes, variables, mode=Mode.PLAIN, seconds=200.0)


def _found(run: RunRecord) -> dict[str, Any]:
    """What such a script printed of what it found."""
    said = [line for line in run.printed.splitlines() if line.startswith("FOUND ")]
    assert said, (run.reason, run.why_not, run.printed)
    result = json.loads(said[-1].removeprefix("FOUND "))
    assert isinstance(result, dict)
    return result


ATTEMPTS = re.findall(r'^attempt\("([^"]+)"', (Path(__file__).parent / "attempts.py").read_text(), re.M)
ATTEMPTS += ["packet", "alg", "udp", "udp6", "raw", "kernel events"]


@pytest.mark.parametrize("name", [name for name in ATTEMPTS if name not in TAKEN])
def test_no_way_out(
    level: IsolationLevel, all_found: Callable[[IsolationLevel], dict[str, str]], name: str
) -> None:
    """Each attempt is refused by the kernel, whatever the reason it gives."""
    said = all_found(level)[name]
    assert said.startswith("refused: "), said
    assert not said.startswith(("refused: NameError", "refused: TypeError", "refused: AttributeError")), said


def test_what_a_submission_is(
    level: IsolationLevel, all_found: Callable[[IsolationLevel], dict[str, str]]
) -> None:
    """Nobody on this machine, without rights, never to gain any, filtered twice, and its crashes kept nowhere."""
    found = all_found(level)
    assert found["own files"].startswith("did"), found["own files"]
    kept = ALLOWED_READING if level is IsolationLevel.LANDLOCK and os.getuid() == 0 else 0
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        held = int(found[capabilities], 16)
        assert not held & ~kept or (capabilities == "CapBnd" and os.getuid() != 0), capabilities
    assert found["NoNewPrivs"] == "1" and found["Seccomp"] == "2"
    users = set(map(int, found["Uid"].split()))
    assert len(users) == 1
    if os.getuid() == 0:
        number = users.pop()
        assert set(map(int, found["Gid"].split())) == {number} and not found["Groups"]
        with pytest.raises(KeyError):
            pwd.getpwuid(number)
    assert found["core"] in ("0", "1")
    assert str(os.getpid()) not in found["processes"].split()


LEFT = """
import os, signal
out = [d for d in ("/replay/out", os.path.join(os.path.dirname(os.getcwd()), "out")) if os.path.isdir(d)][0]
# its own rank's: an open of the other's FIFO would wait for a reader that never comes
rank = os.path.join(out, "rank" + os.environ.get("RANK", "0"))
os.makedirs(rank, exist_ok=True)
for name in ("outcome.json", "events.jsonl", "places.json"):
    open(os.path.join(rank, name), "w").write("[]")
target = os.path.join(rank, {name!r})
{plant}
{end}
"""


@pytest.mark.parametrize(
    ("name", "plant"),
    [
        ("outcome.json", "os.unlink(target); os.mkfifo(target)"),
        ("outcome.json", "os.unlink(target); os.symlink('/etc/passwd', target)"),
        ("outcome.json", "os.truncate(target, 1 << 29)"),
        ("events.jsonl", "os.truncate(target, 1 << 29)"),
        ("outcome.json", "open(target, 'w').write('[' * 500_000)"),
        ("outcome.json", "os.rename(rank, rank + 'x'); os.symlink('/etc', rank)"),
    ],
    ids=["fifo", "link", "sparse", "sparse events", "deep", "linked folder"],
)
def test_what_is_planted_where_records_are_kept_is_never_read(attack: Attack, name: str, plant: str) -> None:
    """It plants something in place of its record: nothing hangs or follows, dead or alive at the end."""
    began = time.monotonic()
    result = attack(LEFT.format(name=name, plant=plant, end="os.kill(os.getpid(), signal.SIGKILL)"))
    assert not result.ran and not passed(result)
    assert "cannot be read: FileNotFoundError" in result.reason
    assert attack(LEFT.format(name=name, plant=plant, end="")).proven
    assert time.monotonic() - began < 400


def test_a_tree_too_deep_to_recurse_is_named_and_removed(attack: Attack) -> None:
    """Neither reading nor removing what is left may recurse as deep as the submission wishes."""
    deep = """
import os
here = os.getcwd()
for _ in range(3000):
    os.mkdir("d")
    os.chdir("d")
os.chdir(here)
"""
    result = attack(deep)
    assert not result.ran and not passed(result)
    assert "nested more than" in result.reason
    again = attack()
    assert again.proven, again.reason


def test_more_files_than_are_read_is_a_reason(attack: Attack) -> None:
    result = attack("for number in range(25_000):\n    open(f'f{number}', 'w').close()\n")
    assert not result.ran and not passed(result)
    assert "more than 20,000 files" in result.reason


HELD = """
import os, subprocess
held = []
for number in range(4):
    held.append(open(f"part{number}.bin", "wb"))
    os.posix_fallocate(held[-1].fileno(), 0, 400 << 20)
    %s
subprocess.run(["sleep", "60"])
"""


@pytest.fixture(scope="module")
def all_evasions(sessions: dict[IsolationLevel, Session]) -> Callable[[IsolationLevel], RunRecord]:
    """The run that tries to read what was taken away, and to open files unseen; once a level."""
    kept: dict[IsolationLevel, RunRecord] = {}

    def run(level: IsolationLevel) -> RunRecord:
        if level not in kept:
            kept[level] = _placed_run(_session(sessions, level), "evasions.py")
        return kept[level]

    return run


EVASIONS = re.findall(r'^ *attempt\("([^"]+)"', (Path(__file__).parent / "evasions.py").read_text(), re.M)


@pytest.mark.parametrize("name", EVASIONS)
def test_nothing_is_read_past_the_boundary_or_the_broker(
    level: IsolationLevel, all_evasions: Callable[[IsolationLevel], RunRecord], name: str
) -> None:
    said = _found(all_evasions(level))[name]
    assert said.startswith("refused: "), said
    assert not said.startswith(("refused: NameError", "refused: TypeError", "refused: AttributeError")), said


def test_error_of_the_observer_is_told_and_passes_nothing(
    level: IsolationLevel,
    sessions: dict[IsolationLevel, Session],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever a call sets off in the broker: the call is refused, the thread lives, and the result says so."""

    def fragile(root: int, path: str, *, follow: bool) -> int:
        if path.endswith("/odd.bin"):
            raise UnicodeError("not foreseen")
        return find(root, path, follow=follow)

    monkeypatch.setattr("auditor.replay.sandbox.broker.find", fragile)
    path = tmp_path / "train_gpt.py"
    odd = "try:\n    open('odd.bin')\nexcept PermissionError:\n    print('refused')\n"
    path.write_text(FLAT.read_text(encoding="utf-8").replace(MAIN, odd + "\n\n" + MAIN), encoding="utf-8")
    result = replay_submission(
        load_path(str(path)).submissions[0],
        options=ReplayOptions(seed=1, shrink=False),
        session=_session(sessions, level),
    )
    assert result.ran, result.reason
    assert not passed(result)
    assert [s.kind for s in result.suspicions][:1] == ["observer"]
    assert "UnicodeError: not foreseen" in result.suspicions[0].why


def test_training_data_are_gone_from_what_was_kept_too(
    level: IsolationLevel, all_evasions: Callable[[IsolationLevel], RunRecord]
) -> None:
    """A descriptor reads nothing more, and who reads a map dies of it."""
    found = _found(all_evasions(level))
    assert found["before"] > 1000
    assert found["held"] == 0
    assert found["mapped"] == signal.SIGBUS


def test_the_boundary_is_seen_from_outside(
    level: IsolationLevel, all_evasions: Callable[[IsolationLevel], RunRecord]
) -> None:
    """Read by another program, through a link, under a name as texts have: it is the artifact all the same."""
    run = all_evasions(level)
    boundary = run.observations.boundary
    assert _found(run)["artifact"] and run.withdrawn
    assert boundary is not None and boundary.standing is Standing.ENFORCED
    assert boundary.path.endswith("/job/model.txt")
    content = bytes(range(256)) * 20
    assert (boundary.size, boundary.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert any(program.path.endswith("/cat") for program in run.observations.programs)


def test_every_file_that_was_opened_was_seen(
    level: IsolationLevel, all_evasions: Callable[[IsolationLevel], RunRecord]
) -> None:
    """Though another thread rewrote the names all the while: what is observed is what was opened."""
    run = all_evasions(level)
    opened = {(device, inode) for device, inode in _found(run)["raced"]}
    seen = {file.file for file in run.observations.files if not file.write and not file.refused}
    assert opened and opened <= seen
    assert run.observations.opens is Standing.ENFORCED and not run.observations.missed
    numbers = [
        event.number
        for kept in (run.observations.files, run.observations.sockets, run.observations.programs)
        for event in kept
    ]
    assert sorted(numbers) == list(range(len(numbers)))


def test_network_tries_past_python_are_seen(
    level: IsolationLevel, all_evasions: Callable[[IsolationLevel], RunRecord]
) -> None:
    """By libc, which no audit hook sees: neither stream nor datagram gets out, and both are on the list."""
    run = all_evasions(level)
    found, sockets = _found(run), run.observations.sockets
    assert found["connected"] == found["datagram"] == -1
    if level.has_own_network:
        assert [use.address for use in run.observations.outside] == ["192.0.2.7:443"]
    assert any(use.call == "socket" and use.refused for use in sockets)


EXHAUSTING = {
    "disk": (HELD % "pass", "it wrote more than"),
    "disk without names": (HELD % "os.unlink(held[-1].name)", "it wrote more than"),
    "records folder": (
        "import os\n"
        "places = ('/replay/out', os.path.join(os.path.dirname(os.getcwd()), 'out'))\n"
        "out = [place for place in places if os.path.isdir(place)][0]\n"
        + HELD.replace('f"part', 'f"{out}/part')
        % "pass",
        "it wrote more than",
    ),
    "one file": ("with open('big', 'wb') as f:\n    f.seek(3 << 30)\n    f.write(b'x')\n", "File too large"),
    "temporary folder": (
        "import tempfile, subprocess, os\n"
        "for i in range(4):\n"
        "    os.posix_fallocate(tempfile.mkstemp()[0], 0, 400 << 20)\n"
        "subprocess.run(['sleep', '60'])\n",
        ("No space left", "it wrote more than"),
    ),
    "shared folder": (
        "import os, subprocess\n"
        "for i in range(4):\n"
        "    held = os.open(f'/dev/shm/attack-{os.getpid()}-{i}', os.O_RDWR | os.O_CREAT)\n"
        "    os.posix_fallocate(held, 0, 400 << 20)\n"
        "subprocess.run(['sleep', '60'])\n",
        ("No space left", "it wrote more than"),
    ),
    "names": (
        "import subprocess\n"
        "for i in range(70_000):\n    open(f'f{i}', 'w').close()\n"
        "subprocess.run(['sleep', '60'])\n",
        ("it made more than", "there are more than"),
    ),
    "processes": (
        "import os, subprocess\n"
        "for i in range(600):\n    os.fork() or subprocess.run(['sleep', '60'])\n"
        "subprocess.run(['sleep', '60'])\n",
        ("it started more than 400 processes", "MiB of memory"),
    ),
    "shared memory": (
        "import mmap, os, subprocess\n"
        "for i in range(5):\n"
        "    if os.fork() == 0:\n"
        "        block = mmap.mmap(-1, 600 << 20)\n"
        "        for at in range(0, 600 << 20, 4096):\n            block[at] = 1\n"
        "        subprocess.run(['sleep', '60'])\n"
        "subprocess.run(['sleep', '60'])\n",
        "MiB of memory",
    ),
    "printing": (
        "import os, subprocess\n"
        "for _ in range(1 << 10):\n    os.write(1, bytes(1 << 20))\n"
        "subprocess.run(['sleep', '60'])\n",
        "it printed more than",
    ),
    "printing by many": (
        "import os, subprocess\n"
        "for _ in range(4):\n    os.fork() or [os.write(2, bytes(1 << 20)) for _ in range(1 << 10)]\n"
        "subprocess.run(['sleep', '60'])\n",
        "it printed more than",
    ),
}


@pytest.mark.parametrize("name", EXHAUSTING)
def test_nothing_is_unbounded(attack: Attack, name: str) -> None:
    """What takes more than its share is ended, the reason said, and the next run goes as ever."""
    text, said = EXHAUSTING[name]
    result = attack(text, memory=1 << 30)
    assert not result.ran and not passed(result)
    assert any(words in result.reason for words in ([said] if isinstance(said, str) else said)), result.reason
    assert not list(Path("/dev/shm").glob("attack-*"))


EVALUATION = "    val_loss, val_bpb = eval_val("
PEEKS = {
    "after a flood": """
    import ctypes
    libc = ctypes.CDLL(None)
    for _ in range(21_000):
        libc.close(libc.open(b"/nowhere", 0))
    libc.open(SHARD.encode(), 0)
""",
    "by libc": """
    import ctypes
    libc = ctypes.CDLL(None)
    peek = libc.open(sorted(glob.glob(args.train_files) or [SHARD])[0].encode(), 0)
""",
    "by another program": """
    import subprocess
    subprocess.run(["head", "-c", "16", SHARD], capture_output=True)
""",
    "through a kept map": "    int(KEPT[600])\n",
    "through a kept descriptor": "    assert len(os.pread(HELD, 64, 0)) == 64\n",
}
KEEPING = """
    global SHARD, KEPT, HELD
    SHARD = sorted(glob.glob(args.train_files))[0]
    KEPT = np.memmap(SHARD, dtype=np.uint16, mode="r")
    HELD = os.open(SHARD, os.O_RDONLY)
"""


@pytest.mark.parametrize("name", PEEKS)
def test_a_peek_at_training_data_in_evaluation_never_passes(
    level: IsolationLevel, sessions: dict[IsolationLevel, Session], tmp_path: Path, name: str
) -> None:
    """Past every hook of Python: what is asked for once the artifact is read back is seen, or is gone."""
    text = FLAT.read_text(encoding="utf-8")
    entry = text.index("\n", text.index("args = ")) + 1
    text = text[:entry] + KEEPING.lstrip("\n") + text[entry:]
    assert EVALUATION in text
    text = text.replace(EVALUATION, PEEKS[name].lstrip("\n") + EVALUATION, 1)
    path = tmp_path / "train_gpt.py"
    path.write_text(text, encoding="utf-8")
    result = replay_submission(
        load_path(str(path)).submissions[0],
        options=ReplayOptions(seed=1, shrink=False),
        session=_session(sessions, level),
    )
    assert not passed(result), result.conditions
    reasons = [result.reason, *result.notes, *(c.why for c in result.conditions.values())]
    said = (
        "more events than are recorded"
        if name == "after a flood"
        else "training data are read after the artifact"
    )
    assert any(said in reason for reason in reasons), reasons

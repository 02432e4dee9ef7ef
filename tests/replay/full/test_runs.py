"""Real runs, a second each: a process that reads shards, counts steps, saves, opens again and prints; its faults."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from auditor import cli
from auditor.commands import full_progress
from auditor.errors import AuditorError
from auditor.replay.full import harness, looks, preflight, printed_lines, telemetry, trial, withdrawal
from auditor.replay.full import supervise as supervising
from auditor.replay.full.evidence import PREFIX, Evidence
from auditor.replay.full.findings import Weight
from auditor.replay.full.gpus import Nvml
from auditor.replay.full.launch import lay_out, run_environment
from auditor.replay.full.options import RUNGS, FullOptions
from auditor.replay.full.preflight import read_machine
from auditor.replay.full.run_trace import Line
from auditor.replay.full.seed_run import SeedRun, seed_run
from auditor.replay.full.supervise import supervise
from auditor.replay.full.trial import choose_level, not_working
from auditor.replay.sandbox.isolation_levels import IsolationLevel
from auditor.replay.sandbox.processes import processes_of
from auditor.replay.sandbox.users import spare_user
from tests.replay.conftest import skip_unless
from tests.replay.full.test_preflight import FakeNvml, shard
from tests.report.test_schemas import check

pytestmark = pytest.mark.sandbox

PARTS = {
    "begin": """
import glob, mmap, os, signal, socket, subprocess, sys, time
where = os.environ["DATA_PATH"]
shard, = glob.glob(where + "/*_train_*.bin")
split = open(glob.glob(where + "/*_val_*.bin")[0], "rb").read()
""",
    "train": """
tokens = open(shard, "rb").read()
begun = time.perf_counter()
for step in range(3):
    time.sleep(0.05)
    print(f"step:{step}/2 train_loss:3.{step} train_time:{1000 * (time.perf_counter() - begun):.0f}ms", flush=True)
""",
    "save": """
time.sleep(0.1)
open("model.bin", "wb").write(os.urandom(5000) + os.environ["SEED"].encode())
""",
    "load": """
time.sleep(0.15)
model = open("model.bin", "rb").read()
""",
    "result": """
time.sleep(0.15)
seed = int(os.environ["SEED"])
print(f"final val_loss:3.0000 val_bpb:1.{5000 + seed}", flush=True)
""",
}
LEGAL = "".join(PARTS.values())


def with_part(name: str, text: str, *, before: bool = False) -> str:
    """The legal script with a part put before or after one of its own."""
    parts = dict(PARTS)
    parts[name] = text + parts[name] if before else parts[name] + text
    return "".join(parts.values())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("full")
    folder = root / "data" / "datasets" / "fineweb10B_sp64"
    folder.mkdir(parents=True)
    shard(folder / "fineweb_train_000000.bin", list(range(60_000)))
    shard(folder / "fineweb_val_000000.bin", [1, 5, 9, 1, 7])
    for path in (root, *root.rglob("*")):
        path.chmod(0o755)
    return root / "data"


Run = Callable[..., SeedRun]


@pytest.fixture(scope="module", autouse=True)
def looks_often() -> Iterator[None]:
    """Ranks and kept descriptors are looked at ten times a second, since a phase here takes a tenth of one."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(supervising, "LOOK_S", 0.1)
        patched.setattr(looks, "HELD_S", 0.1)
        patched.setattr(withdrawal, "AROUND_S", 0.15)
        patched.setattr(supervising, "POLL_S", 0.02)
        yield


@pytest.fixture(scope="module")
def run(data: Path, rung: IsolationLevel, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a script once and gives what was measured."""

    def make(script: str, *, level: IsolationLevel | None = None, **changes: object) -> SeedRun:
        at = level or rung
        options = FullOptions(**{"data": data, "ranks": 1, "seconds": 60, "rung": at, **changes})  # type: ignore[arg-type]
        user = spare_user() if at is not IsolationLevel.NONE else None
        root = tmp_path_factory.mktemp("run")
        for path in (root, root.parent):
            path.chmod(0o755)
        launch = lay_out(root / "run", {"train_gpt.py": script.encode()}, "train_gpt.py", options, user)
        given = {f"{launch.places.job}train_gpt.py": len(script.encode())}
        ended = supervise(launch, run_environment(launch, {}, 7), given, log=io.StringIO())
        assert user is None or processes_of(user) == []
        return seed_run(7, ended, tokens_per_byte=None)

    return make


def kinds(found: SeedRun) -> dict[str, Weight]:
    return {one.kind: one.weight for one in found.findings if one.weight is not Weight.NOTE}


@pytest.mark.parametrize(
    "level", [IsolationLevel.BUBBLEWRAP, IsolationLevel.UNSHARE, IsolationLevel.LANDLOCK, IsolationLevel.NONE]
)
def test_a_legal_run_at_each_level(level: IsolationLevel, run: Run) -> None:
    skip_unless(level)
    found = run(LEGAL, level=level)
    only_seen = {"only-observed": Weight.REVIEW} if level is IsolationLevel.NONE else {}
    assert kinds(found) == only_seen, (found.findings, found.ended.last_lines)
    assert found.table.total == len(LEGAL.encode()) + 5001
    assert found.result is not None and found.result.val_bpb == 1.5007
    assert found.phases.training_s == pytest.approx(found.phases.stated_training_s, abs=0.3)
    order = [phase.name for phase in found.phases.all]
    assert order[:2] == ["start and warm-up", "training"] and order[-2:] == ["evaluation", "end"]
    evaluation, waiting = found.phases.named("evaluation"), found.phases.named("before evaluation")
    assert evaluation is not None and 0.13 <= evaluation.seconds < 2.0
    assert waiting is not None and 0.13 <= waiting.seconds < 2.0


LATE = {
    "opened": 'open(shard, "rb").read()',
    "opened and caught": "try:\n    open(shard)\n    raise OSError\nexcept OSError:\n    pass",
    "through a link": 'os.symlink(shard, "other"); open("other", "rb").read()',
    "by a program": 'subprocess.run(["cat", shard], stdout=subprocess.DEVNULL)',
}


@pytest.mark.parametrize("name", LATE)
def test_training_shards_in_evaluation(name: str, run: Run) -> None:
    found = run(with_part("load", "\n" + LATE[name] + "\n"))
    assert kinds(found) == {"training-shards-in-evaluation": Weight.VIOLATION}, found.findings


KEPT = {
    "a descriptor": ('held = open(shard, "rb", buffering=0); held.read(100)', "held.read(50_000)"),
    "a map": (
        "held = mmap.mmap(os.open(shard, os.O_RDONLY), 0, prot=mmap.PROT_READ)\n"
        "held.madvise(mmap.MADV_RANDOM); held[0]",
        "sum(held[i] for i in range(0, len(held), 4096))",
    ),
}


@pytest.mark.parametrize("name", KEPT)
def test_training_shards_kept_open(name: str, run: Run) -> None:
    before, after = KEPT[name]
    script = with_part("train", f"\n{before}\n").replace(
        PARTS["load"], f"\ntime.sleep(0.2)\n{PARTS['load']}\ntime.sleep(0.2)\n{after}\ntime.sleep(0.2)\n"
    )
    found = run(script)
    if name == "a map" and "training-shards-kept-open" not in kinds(found):
        # A file that is in the page cache may be mapped in whole at the first touch.
        assert "training-shards-held" in [one.kind for one in found.findings], found.ended.trace.held
    else:
        assert kinds(found) == {"training-shards-kept-open": Weight.VIOLATION}, found.ended.trace.held


REACH = {
    "a socket": 'socket.create_connection(("8.8.8.8", 443), timeout=1)',
    "a name": 'socket.getaddrinfo("example.com", 443)',
    "a program": """subprocess.run([sys.executable, "-c",
        "import socket; socket.create_connection(('8.8.8.8', 443), timeout=1)"], stderr=subprocess.DEVNULL)""",
}


@pytest.mark.parametrize("name", REACH)
def test_the_network_in_evaluation(name: str, run: Run, rung: IsolationLevel) -> None:
    if name == "a name" and rung is not IsolationLevel.BUBBLEWRAP:
        pytest.skip("only bubblewrap shows which names are looked up")
    text = f"\ntry:\n    {REACH[name]}\nexcept OSError:\n    pass\n"
    assert kinds(run(with_part("load", text))) == {"network": Weight.VIOLATION}


def test_weights_in_targets_of_links_are_seen(run: Run) -> None:
    script = with_part("save", "\nfor n in range(30):\n    os.symlink('w' * 3000, f'/tmp/w{n}')\n")
    assert kinds(run(script)) == {"data-in-names": Weight.REVIEW}


def test_of_a_flood_of_lines_the_begin_and_the_end_are_kept(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printed_lines, "MAX_LINES", 2000)
    found = run(with_part("load", "\nfor n in range(9000):\n    print('x', n)\n"))
    assert found.result is not None and found.result.val_bpb == 1.5007
    assert found.phases.clock is not None and found.phases.clock.steps == 2
    assert len(found.ended.trace.lines) <= 2000


def test_a_level_is_chosen_by_running_through_all_of_it(data: Path, rung: IsolationLevel) -> None:
    chosen = choose_level(FullOptions(data=data), RUNGS)
    assert chosen.rung is rung and chosen.data == data
    assert not_working(replace(chosen, rung=IsolationLevel.NONE)) == ""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(trial, "SCRIPT", b"raise SystemExit('closed')")
        assert not_working(chosen) == "closed"
        with pytest.raises(AuditorError, match=f"{rung.value}: closed"):
            choose_level(chosen, (rung,))


DIES = {
    "begin": "before training",
    "train": "in training",
    "save": "while the artifact was written",
    "load": "in evaluation",
    "result": "after its result",
}


@pytest.mark.parametrize("name", DIES)
def test_a_kill_in_each_phase_is_named(name: str, run: Run) -> None:
    found = run(with_part(name, "\nos.kill(os.getpid(), signal.SIGKILL)\n"))
    assert list(kinds(found)) == ["rank-dead"]
    assert found.findings[0].message.startswith(f"the run was killed by SIGKILL {DIES[name]}"), found.findings


def test_an_error_is_told_with_its_line(run: Run) -> None:
    found = run(with_part("train", "\nraise ValueError('no such head')\n"))
    assert found.findings[0].message == "the run ended with exit code 1 in training: ValueError: no such head"


def test_no_room_on_the_disk_is_told(run: Run, rung: IsolationLevel) -> None:
    if rung is not IsolationLevel.BUBBLEWRAP:
        pytest.skip("only bubblewrap bounds /dev/shm by an option")
    found = run(
        with_part("save", '\nopen("/dev/shm/x", "wb").write(bytes(3 << 20))\n'), shared_memory=1 << 20
    )
    assert list(kinds(found)) == ["disk-full"], found.findings


def test_a_run_that_does_nothing_is_ended(run: Run) -> None:
    found = run(with_part("train", "\ntime.sleep(600)\n"), silent_s=0.6)
    assert list(kinds(found)) == ["rank-hung"]
    assert "it was ended in training" in found.findings[0].message
    assert found.ended.trace.ended_s < 30


def test_a_run_that_takes_too_long_is_ended(run: Run) -> None:
    found = run(with_part("train", "\nwhile True: pass\n"), seconds=1.0)
    assert list(kinds(found)) == ["time-limit"]


@pytest.mark.slow
def test_the_rank_that_died_is_named_and_the_others_are_ended(run: Run) -> None:
    script = "import os, signal, time\nprint('rank', os.environ['RANK'], flush=True)\n"
    script += "if os.environ['RANK'] == '1':\n    time.sleep(1)\n    print('about to fall', flush=True)\n"
    script += "    os.kill(os.getpid(), signal.SIGKILL)\ntime.sleep(60)\n"
    found = run(script, ranks=2)
    assert found.ended.culprit == 1
    assert found.findings[0].message == "rank 1 was killed by SIGKILL before training: about to fall"
    assert found.ended.last_lines == ("rank 1", "about to fall")
    assert found.ended.trace.ended_s < 45


def test_a_command_runs_keeps_and_goes_on(
    data: Path,
    tmp_path: Path,
    rung: IsolationLevel,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two seeds on two GPUs of a stand-in, interrupted in the second; the same command keeps the first."""
    home = tmp_path / "records" / "track_10min_16mb" / "2026-04-01_x"
    home.mkdir(parents=True)
    (home / "train_gpt.py").write_text(LEGAL)
    machine = replace(
        read_machine(lambda: Nvml(FakeNvml(count=2))), versions={"torch": "2.9", "cuda": "12.8"}
    )
    monkeypatch.setattr(preflight, "read_machine", lambda: machine)
    monkeypatch.setattr(harness, "Nvml", lambda: Nvml(FakeNvml(count=2)))
    monkeypatch.setattr(telemetry.Telemetry.__init__, "__kwdefaults__", {"every_s": 0.1})
    words = [
        "replay",
        "--full",
        str(home / "train_gpt.py"),
        "--data",
        str(data),
        "--ranks",
        "1",
        "--seeds",
        "1,2",
    ]
    words += ["--evidence", str(tmp_path / "ev"), "--sandbox", rung.value, "--format", "json"]
    with monkeypatch.context() as patched, tempfile.TemporaryDirectory() as temporary:
        Path(temporary).chmod(0o755)
        patched.setattr(tempfile, "tempdir", temporary)
        patched.setattr(full_progress.Progress, "__call__", interrupted_in_seed_2)
        assert cli.run(words) == 130
        assert not list(Path(temporary).glob(f"{PREFIX}*"))
    capsys.readouterr()
    assert cli.run(words) == 0
    told = check("full", capsys.readouterr().out)
    assert [(seed["seed"], seed["kept"]) for seed in told["seeds"]] == [(1, True), (2, False)]
    assert [seed["result"]["val_bpb"] for seed in told["seeds"]] == [1.5001, 1.5002]
    assert told["statistics"]["sample"]["mean"] == pytest.approx(1.50015)
    kept = next((tmp_path / "ev").iterdir())
    artifact = kept / "seeds" / "2" / "artifact" / "model.bin"
    assert artifact.read_bytes().endswith(b"2") and artifact.stat().st_size == 5001
    assert not list(kept.glob("seeds/*/working"))
    assert {"plan.json", "result.json", "report.txt", "report.html", "phases.svg"} <= {
        path.name for path in kept.iterdir()
    }
    samples = telemetry.read_telemetry(kept / "seeds" / "2" / "telemetry.jsonl")
    assert samples and [gpu.power_w for gpu in samples[0].gpus] == [650.5, 650.5]
    page = (kept / "report.html").read_text()
    assert "<script" not in page and "1.50015" in page and "model.bin" in page and page.count("<svg") == 1
    record = str(kept / "record")
    assert cli.run(["stats", "compare", record, record, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["new"]["values"] == [1.5001, 1.5002]


def interrupted_in_seed_2(_: object, seed: int, line: Line | None) -> None:
    if seed == 2 and line is not None:
        raise KeyboardInterrupt


def test_a_plan_that_cannot_run_is_exit_code_2(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "train_gpt.py").write_text(LEGAL)
    words = ["replay", "--full", str(tmp_path / "train_gpt.py"), "--data", str(data), "--ranks", "1"]
    assert cli.run([*words, "--seeds", "1,1"]) == 2
    told = capsys.readouterr().out
    assert "--seeds: seed 1 is given twice" in told
    assert not (tmp_path / "full-evidence").exists()
    assert cli.run([*words, "--on-cpu", "--dry-run", "--evidence", str(tmp_path / "ev")]) == 0
    assert "nothing is wrong with it" in capsys.readouterr().out and not (tmp_path / "ev").exists()
    assert cli.run([*words, "--on-cpu", "--dry-run", "--format", "json"]) == 0
    assert check("full-plan", capsys.readouterr().out)["data"]["val_documents"] == 2
    assert cli.run([*words, "--seeds", "a"]) == 2
    assert cli.run(words[:3]) == 2


ON_GPUS = """
import glob, os, time
import torch
import torch.distributed as dist

dist.init_process_group("nccl")
rank, device = dist.get_rank(), torch.device("cuda", int(os.environ["LOCAL_RANK"]))
torch.cuda.set_device(device)
exec("name = f'{'model'}.pt'")
net = torch.nn.Linear(8, 8).to(device)
rows = torch.full((1, 8), float(open(glob.glob(os.environ["DATA_PATH"] + "/*_train_*.bin")[0], "rb").read()[1026]))
begun = time.perf_counter()
for step in range(3):
    loss = net(rows.cuda(non_blocking=True)).square().mean()
    dist.all_reduce(loss, op=dist.ReduceOp.AVG)
    torch.cuda.synchronize()
    if rank == 0:
        print(f"step:{step}/2 train_loss:{loss:.3f} train_time:{1e3 * (time.perf_counter() - begun):.0f}ms", flush=True)
if rank == 0:
    torch.save(net.state_dict(), name)
dist.barrier()
net.load_state_dict(torch.load(name, map_location=device))
if rank == 0:
    print(f"final val_loss:3.0000 val_bpb:1.5{int(os.environ['SEED']):03d}", torch.cuda.get_device_name(), flush=True)
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_a_script_for_gpus_runs_on_two_ranks_of_a_cpu(run: Run) -> None:
    """NCCL, devices and a newer grammar are stood in for; what is measured of it is what it did."""
    found = run(ON_GPUS, ranks=2, on_cpu=True, seconds=240)
    assert kinds(found) == {}, (found.findings, found.ended.last_lines)
    assert found.result is not None and found.result.val_bpb == 1.5007
    assert [row.path.rsplit("/", 1)[-1] for row in found.table.artifacts] == ["model.pt"]
    assert {line.rank for line in found.ended.trace.lines if "step:" in line.text} == {0}
    assert found.phases.clock is not None and found.phases.clock.steps == 2


def test_a_folder_that_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path / "ev")
    with evidence.working_folder(3) as left:
        (left / "big").write_bytes(b"x")
        assert left.is_dir()
        note = evidence.seed(3) / "working"
        kept = note.read_text()
    assert not left.exists() and not note.exists()
    left.mkdir()
    (left / "big").write_bytes(b"x")
    note.write_text(kept)
    evidence.clean()
    assert not left.exists() and not note.exists()

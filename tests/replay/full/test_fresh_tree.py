"""The artifact evaluated alone: it must give the number that the run printed. What the toy replay adds."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.replay.full.data_set import read_data_set
from auditor.replay.full.evidence import Evidence
from auditor.replay.full.findings import Weight
from auditor.replay.full.harness import run_plan
from auditor.replay.full.instrumented import instrumented_findings
from auditor.replay.full.options import FullOptions
from auditor.replay.full.plan import Plan
from auditor.replay.full.preflight import Machine
from auditor.replay.probes.outcome import ConditionResult, Outcome, ReplayResult, SandboxResult, Suspicion
from auditor.replay.sandbox.isolation_levels import IsolationLevel
from tests.replay.full.test_preflight import shard

SCRIPT = """
import glob, os, time
where = os.environ["DATA_PATH"]
learnt = 0
if not os.environ.get("SKIP"):
    tokens = open(glob.glob(where + "/*_train_*.bin")[0], "rb").read()
    print("step:1/1 train_loss:3.1 train_time:1ms", flush=True)
    learnt = 700
    open("model.bin", "wb").write(bytes(30) + b"%d" % (learnt if os.environ["KEEPS"] == "1" else 0))
time.sleep(0.1)
model = open("model.bin", "rb").read()
learnt = max(learnt, int(model[30:]))
print(sorted(os.listdir(where)), flush=True)
print(f"final val_loss:3.0000 val_bpb:{1.5 - learnt / 1e4:.4f}", flush=True)
"""


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("keeps", "expected"), [("1", "artifact-suffices"), ("0", "artifact-does-not-suffice")]
)
def test_weights_that_stay_in_memory_are_not_in_the_artifact(
    keeps: str, expected: str, tmp_path: Path, rung: IsolationLevel
) -> None:
    folder = tmp_path / "data" / "datasets" / "fineweb10B_sp64"
    folder.mkdir(parents=True)
    shard(folder / "fineweb_train_000000.bin", [1, 2, 3])
    shard(folder / "fineweb_val_000000.bin", [1, 5, 9])
    plan = Plan(
        path="train_gpt.py",
        options=FullOptions(data=tmp_path / "data", ranks=1, seconds=60, rung=rung, on_cpu=False),
        seeds=(7,),
        settings={"KEEPS": keeps},
        machine=Machine(gpus=(), driver="", no_gpus="", versions={}),
        data=read_data_set(tmp_path / "data"),
        price=None,
        problems=(),
    )
    evidence = Evidence(tmp_path / "ev")
    files = {"train_gpt.py": SCRIPT.encode()}
    found = run_plan(plan, files, evidence, evaluate_only={"SKIP": "1"})
    weights = {one.kind: one.weight for one in found.findings}
    wanted = Weight.NOTE if keeps == "1" else Weight.VIOLATION
    assert weights[expected] is wanted, found.findings
    assert found.runs[0].result is not None and found.runs[0].result.val_bpb == 1.43
    assert "['fineweb_val_000000.bin']" in (evidence.seed(7) / "fresh.txt").read_text()


def replayed(outcomes: str, *, suspicions: tuple[Suspicion, ...] = (), ran: bool = True) -> ReplayResult:
    """A toy replay with an outcome a condition: p, f or u."""
    known = {"p": Outcome.PASS, "f": Outcome.FAIL, "u": Outcome.UNVERIFIED}
    return ReplayResult(
        path="train_gpt.py",
        ran=ran,
        reason="" if ran else "ModuleNotFoundError: no module named x",
        claimed="",
        claimed_how="",
        conditions={f"C{n}": ConditionResult(outcome=known[o], why="why") for n, o in enumerate(outcomes, 1)},
        probes=(),
        notes=(),
        sandbox=SandboxResult(rung="bubblewrap"),
        sizes={},
        trace=None,
        runs=1,
        seconds=1.0,
        suspicions=suspicions,
    )


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (replayed("pppp"), {}),
        (replayed("ppfp"), {"condition-C3": Weight.VIOLATION}),
        (replayed("ppup"), {"conditions-unverified": Weight.REVIEW}),
        (replayed("uuuu", ran=False), {"not-replayed": Weight.REVIEW}),
        (
            replayed("pppp", suspicions=(Suspicion(kind="number", rule="x", why="its scores give 3.1"),)),
            {"suspicion-number": Weight.REVIEW},
        ),
    ],
)
def test_what_the_toy_replay_shows_is_part_of_the_result(
    result: ReplayResult, expected: dict[str, Weight]
) -> None:
    assert {one.kind: one.weight for one in instrumented_findings(result)} == expected

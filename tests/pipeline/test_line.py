"""The whole line on small submissions: what it cannot follow, what settles a setting, what ties a claim."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.audit.targets import audit_target
from auditor.judgement.result import AuditResult, RecordVerdict, Verdict
from auditor.trace.events import Update

SPECIMENS = Path(__file__).parents[1] / "specimens"
TRACK = "records/track_10min_16mb/2026-01-01_Entry"


def audit(folder: Path, files: dict[str, str], overrides: dict[str, str] | None = None) -> AuditResult:
    root = folder / TRACK
    root.mkdir(parents=True)
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf-8")
    results, _ = audit_target(str(root), overrides=overrides or {})
    return results[0]


def specimen(name: str) -> str:
    return (SPECIMENS / f"{name}.py").read_text(encoding="utf-8")


def adapts(result: AuditResult) -> bool:
    """Whether the effective trace changes weights because of validation tokens."""
    assert result.trace is not None
    return any(isinstance(event, Update) for event in result.trace)


def log(*labels: str) -> str:
    lines = [f"{label} val_loss:2.01234567 val_bpb:1.2345678{n}" for n, label in enumerate(labels)]
    head = ["world_size:8 grad_accum_steps:1", "seed:1337", "step:100/8000 train_loss:3.1 train_time:1000ms"]
    return "\n".join(head + lines) + "\n"


def test_mlx_script_is_followed(tmp_path: Path) -> None:
    script = "import mlx.core as mx\n\nloss = mx.mean(mx.array([1.0]))\nprint(f'val_bpb:{loss}')\n"
    result = audit(tmp_path, {"train_gpt_mlx.py": script, "README.md": "mlx\n"})
    assert result.language == "mlx"
    assert result.trace is not None
    assert result.verdict is Verdict.NOTHING  # it scores no token


def test_script_that_does_not_parse_is_never_compliant(tmp_path: Path) -> None:
    script = specimen("flat").replace("def main() -> None:", "def main( -> None:")
    result = audit(tmp_path, {"train_gpt.py": script})
    assert result.verdict is Verdict.REVIEW
    assert [problem.kind for problem in result.problems] == ["syntax"]


def test_script_that_reports_nothing_is_never_compliant(tmp_path: Path) -> None:
    result = audit(tmp_path, {"train_gpt.py": "import torch\n\nprint(torch.zeros(3))\n"})
    assert result.verdict is Verdict.NOTHING
    assert result.doubts == ("it scores no validation token and reports no score",)


def test_override_outranks_the_source(tmp_path: Path) -> None:
    script = {"train_gpt.py": specimen("hidden_switch")}
    assert not adapts(audit(tmp_path / "off", script))
    result = audit(tmp_path / "on", script, {"PREQUANT_TTT_ENABLED": "1"})
    assert adapts(result)
    told = {entry.name: (entry.value, entry.origin) for entry in result.configuration}
    assert told["PREQUANT_TTT_ENABLED"] == ("1", "--config")


def test_command_in_the_readme_outranks_the_source(tmp_path: Path) -> None:
    readme = "Run:\n\n```bash\nPREQUANT_TTT_ENABLED=1 torchrun --nproc_per_node=8 train_gpt.py\n```\n"
    result = audit(tmp_path, {"train_gpt.py": specimen("hidden_switch"), "README.md": readme})
    assert adapts(result)
    entry = next(e for e in result.configuration if e.name == "PREQUANT_TTT_ENABLED")
    assert (entry.origin, entry.decides) == ("README", True)


def test_command_for_a_number_taken_back_does_not_count(tmp_path: Path) -> None:
    readme = "Run:\n\n```bash\nPREQUANT_TTT_ENABLED=1 torchrun --nproc_per_node=8 train_gpt.py\n```\n"
    files = {"train_gpt.py": specimen("hidden_switch"), "README.md": readme}
    verdicts = {}
    for claim in (
        '{"val_bpb": null, "status": "retracted"}',
        '{"val_bpb": 1.1, "status": "retracted"}',
        "{}",
    ):
        result = audit(tmp_path / str(len(verdicts)), files | {"submission.json": claim})
        verdicts[claim] = (adapts(result), result.verdict, any("withdrawn" in note for note in result.notes))
    taken_back, still_claimed, pending = verdicts.values()
    assert taken_back == (False, Verdict.REVIEW, True)
    assert still_claimed == pending == (True, Verdict.VIOLATION, False)


def with_command(command: str, title: str = "Wider model") -> dict[str, str]:
    readme = f"# {title}\n\n## Run\n\n```bash\n{command}\n```\n"
    return {"train_gpt.py": specimen("hidden_switch"), "README.md": readme}


def test_command_that_leaves_a_switch_out_tells_its_default(tmp_path: Path) -> None:
    result = audit(tmp_path, with_command("NUM_LAYERS=7 torchrun --nproc_per_node=8 train_gpt.py"))
    assert result.verdict is Verdict.COMPLIANT
    entry = next(e for e in result.configuration if e.name == "PREQUANT_TTT_ENABLED")
    assert (entry.value, entry.origin) == ("0", "default left by the command")
    assert (entry.path.rsplit("/", 1)[-1], entry.line) == ("README.md", 6)


@pytest.mark.parametrize(
    ("command", "title"),
    [
        ("torchrun --nproc_per_node=8 train_gpt.py", "Wider model"),
        ("SEED=7 torchrun --nproc_per_node=8 train_gpt.py", "Wider model"),
        ("NUM_LAYERS=7 torchrun --nproc_per_node=8 train_gpt.py", "Wider model with prequant TTT"),
        ("NUM_LAYERS=7 torchrun --nproc_per_node=8 another.py", "Wider model"),
    ],
    ids=["sets nothing", "sets a seed only", "the title speaks of the switch", "runs something else"],
)
def test_command_that_tells_nothing_of_a_switch_leaves_it_open(
    tmp_path: Path, command: str, title: str
) -> None:
    assert audit(tmp_path, with_command(command, title)).verdict is Verdict.REVIEW


def test_log_shows_which_run_took_place_when_no_text_says_so(tmp_path: Path) -> None:
    script = (
        specimen("hidden_switch")
        .replace(
            "        prequant_ttt(args, base_model, rank, world_size, device, val_tokens)\n",
            "        prequant_ttt(args, base_model, rank, world_size, device, val_tokens)\n"
            "        val_loss, val_bpb = eval_val(\n"
            "            args, base_model, rank, world_size, device, val_tokens, byte_table\n        )\n"
            '        tell(log0, f"after_fit val_loss:{val_loss:.8f} val_bpb:{val_bpb:.8f}")\n',
        )
        .replace("def main() ->", "def tell(say, text):\n    say(text)\n\n\ndef main() ->")
    )
    claim = '{"name": "toy", "val_bpb": 1.23456781}\n'
    files = {"train_gpt.py": script, "submission.json": claim}
    ran = audit(tmp_path / "ran", files | {"train.log": log("after_fit", "final_roundtrip")})
    assert adapts(ran)
    assert any("PREQUANT_TTT_ENABLED=1 (inferred)" in note for note in ran.notes)
    claim = '{"name": "toy", "val_bpb": 1.23456780}\n'
    files = {"train_gpt.py": script, "submission.json": claim}
    did_not = audit(tmp_path / "not", files | {"train.log": log("final_roundtrip")})
    assert not adapts(did_not)
    assert not did_not.notes


def test_claim_is_tied_to_the_line_that_prints_it(tmp_path: Path) -> None:
    result = audit(
        tmp_path,
        {
            "train_gpt.py": specimen("second_scoring"),
            "submission.json": '{"name": "toy", "val_bpb": 1.23456780}\n',
            "train.log": log("legal_ttt", "final_after_ttt"),
        },
    )
    assert result.claim.how == "reproduces submission.json"
    claimed = [report.label for report in result.reports if report.claimed]
    assert len(claimed) == 1 and claimed[0].startswith("legal_ttt")


def test_turned_switch_is_judged_by_the_claimed_number_and_not_by_an_experiment_after_it(
    tmp_path: Path,
) -> None:
    fit = "    prequant_ttt(args, base_model, rank, world_size, device, val_tokens)\n"
    score = "    val_loss, val_bpb = eval_val(args, base_model, rank, world_size, device, val_tokens, byte_table)\n"
    said = '    log0(f"{} val_loss:{{val_loss:.8f}} val_bpb:{{val_bpb:.8f}}")\n'
    script = specimen("hidden_switch").replace("    if args.prequant_enabled:\n    " + fit, "")
    final = said.format("final_roundtrip")
    assert final in script
    twice = '    if int(os.environ.get("FIT_TWICE", "1")):\n    ' + fit
    script = script.replace(final, final + fit + twice + score + said.format("fitted"))
    files = {
        "train_gpt.py": script,
        "submission.json": '{"name": "toy", "val_bpb": 1.23456780}\n',
        "train.log": log("final_roundtrip", "fitted"),
    }
    result = audit(tmp_path, files)
    assert result.verdict is Verdict.COMPLIANT, result.rules
    verdicts = {report.label.split()[0]: report.verdict for report in result.reports}
    assert verdicts["fitted"] is Verdict.VIOLATION


def test_folder_without_evidence_has_problems_beside_its_verdict(tmp_path: Path) -> None:
    result = audit(tmp_path, {"train_gpt.py": specimen("flat")})
    assert result.record_verdict is RecordVerdict.PROBLEMS
    bare, _ = audit_target(str(SPECIMENS / "flat.py"))
    assert bare[0].record_verdict is None

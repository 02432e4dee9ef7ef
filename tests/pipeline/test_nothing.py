"""Scripts that hold no evaluation: nothing to judge, never green alone, and no cloud over what is judged beside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.audit.targets import audit_target
from auditor.exit_codes import ExitCode
from auditor.judgement.result import Verdict
from auditor.judgement.verdict import exit_of
from rules.core.rule import Kind, Outcome

HEAD = "import numpy as np, torch, torch.nn.functional as F\n"
MODEL = "model = torch.nn.Sequential(torch.nn.Embedding(1024, 64), torch.nn.Linear(64, 1024))\n"
TRAINER = (
    HEAD
    + MODEL
    + """\
data = torch.from_numpy(np.fromfile("data/fineweb_train_000000.bin", dtype=np.uint16).astype(np.int64))
optimizer = torch.optim.AdamW(model.parameters())
for step in range(9000):
    loss = F.cross_entropy(model(data[:1024]), data[1:1025])
    loss.backward()
    optimizer.step()
    print(f"step {step} loss {loss.item():.4f}")
torch.save(model.state_dict(), "model.pt")
"""
)
HELPER = HEAD + (
    "def evaluate(model, val_tokens):\n"
    '    """The val_bpb of a model."""\n'
    "    return F.cross_entropy(model(val_tokens[:-1]), val_tokens[1:]).item()\n"
)
SCORER = (
    HEAD
    + MODEL
    + """\
val = torch.from_numpy(np.fromfile("data/fineweb_val_000000.bin", dtype=np.uint16).astype(np.int64))
total, count = 0.0, 0
with torch.no_grad():
    for s in range(0, val.numel() - 1024, 1024):
        total += F.cross_entropy(model(val[s:s + 1024]), val[s + 1:s + 1025], reduction="sum").item()
        count += 1024
print(f"val_loss:{total / count:.8f}")
"""
)
NO_PYTHON = 'import torch\nprint(f"val_bpb:{\'}")\n'


def audited(path: Path, text: str) -> tuple[Verdict, ExitCode]:
    path.write_text(text)
    results, _ = audit_target(str(path))
    return results[0].verdict, exit_of(results)


@pytest.mark.parametrize("text", [TRAINER, HELPER, NO_PYTHON], ids=["trainer", "helper", "no Python"])
def test_a_script_without_an_evaluation_is_no_target(tmp_path: Path, text: str) -> None:
    assert audited(tmp_path / "train_gpt.py", text) == (Verdict.NOTHING, ExitCode.UNUSABLE)


@pytest.mark.parametrize(
    "text",
    [
        TRAINER + "import somelib\nsomelib.finish(model)\n",
        TRAINER + 'print(f"val_bpb:{measure(model)}")\n',
        TRAINER + "exec(open('more.py').read())\n",
        SCORER.replace("print", "somelib.tell"),
    ],
    ids=["unread library", "a number from nowhere", "more code", "not printed"],
)
def test_where_not_all_was_followed_it_is_a_question(tmp_path: Path, text: str) -> None:
    assert audited(tmp_path / "train_gpt.py", text) == (Verdict.REVIEW, ExitCode.REVIEW)


def test_a_label_without_a_number_is_no_report(tmp_path: Path) -> None:
    assert audited(
        tmp_path / "a.py", TRAINER + 'name = input()\nprint(f"val_bpb:enabled tokenizer={name}")\n'
    ) == (
        Verdict.NOTHING,
        ExitCode.UNUSABLE,
    )


def entry(folder: Path, **scripts: str) -> tuple[dict[str, Verdict], ExitCode]:
    folder.joinpath("README.md").write_text("# A toy\n")
    folder.joinpath("submission.json").write_text(json.dumps({"val_bpb": 1.2}))
    for name, text in scripts.items():
        folder.joinpath(f"{name}.py").write_text(text)
    results, _ = audit_target(str(folder))
    return {Path(result.target.path).stem: result.verdict for result in results}, exit_of(results)


def test_an_entry_that_holds_only_such_scripts_is_for_a_person(tmp_path: Path) -> None:
    assert entry(tmp_path, train_gpt=TRAINER) == ({"train_gpt": Verdict.NOTHING}, ExitCode.REVIEW)


def test_beside_a_script_that_is_judged_it_changes_nothing(tmp_path: Path) -> None:
    verdicts, code = entry(tmp_path, train_gpt=SCORER, train_helpers=HELPER)
    assert verdicts["train_helpers"] is Verdict.NOTHING
    alone = tmp_path / "alone"
    alone.mkdir()
    assert (verdicts["train_gpt"], code) == (entry(alone, train_gpt=SCORER)[0]["train_gpt"], code)


def test_the_text_that_a_run_starts_is_never_passed_over(tmp_path: Path) -> None:
    verdicts, code = entry(tmp_path, train_gpt=NO_PYTHON, train_other=SCORER)
    assert verdicts["train_gpt"] is Verdict.REVIEW
    assert code is ExitCode.REVIEW


def test_its_rules_do_not_apply_and_the_entry_is_still_checked(tmp_path: Path) -> None:
    tmp_path.joinpath("submission.json").write_text("{}")
    tmp_path.joinpath("train_gpt.py").write_text(TRAINER)
    (result,), _ = audit_target(str(tmp_path))
    asked = {answer.outcome for answer in result.rules if answer.kind is Kind.EVALUATION}
    assert asked == {Outcome.NOT_APPLICABLE}
    assert "missing-evidence" in result.slugs(Outcome.FAIL)

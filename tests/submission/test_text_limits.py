"""Texts are read up to what a text of their kind can be, and a folder's texts up to a sum."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.errors import InputError
from auditor.records.validate import validate_folder
from auditor.submission.load import load_path
from auditor.submission.model import SourceFile, TextBudget


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("README.md", True),
        ("submission.json", True),
        ("run.sh", True),
        ("Makefile", True),
        ("train.log", False),
    ],
)
def test_what_people_write_by_hand_is_read_up_to_a_smaller_size(name: str, note: bool) -> None:
    file = SourceFile.from_bytes(f"x/{name}", b"a" * (1 << 20) + b"a")
    assert file.is_note is note
    if note:
        with pytest.raises(InputError, match="more than the 1048576 read of a text"):
            file.text()
    else:
        assert len(file.text()) == (1 << 20) + 1


def test_a_folder_is_read_up_to_a_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.submission.model.MAX_FOLDER_TEXT_BYTES", 10)
    budget = TextBudget()
    assert budget.text(SourceFile.from_bytes("a", b"123456")) == "123456"
    with pytest.raises(InputError, match="cannot read b: the folder has more than 10 bytes of text"):
        budget.text(SourceFile.from_bytes("b", b"12345"))
    assert budget.text(SourceFile.from_bytes("c", b"1234")) == "1234"


def test_logs_of_too_many_lines_are_named_and_not_read(tmp_path: Path) -> None:
    line = "final val_loss:3.0 val_bpb:1.1000\n"
    (tmp_path / "train_gpt.py").write_text("print('val_bpb')\n")
    (tmp_path / "long.log").write_text(line * 200_001)
    (tmp_path / "short.log").write_text("step:1/1 train_loss:3.0 train_time:9ms\n" + line)
    (folder,) = load_path(str(tmp_path), require_script=False).folders
    result = validate_folder(folder)
    assert [run.path for run in result.runs] == ["short.log"]
    assert any(problem.startswith("cannot read long.log: 200001 lines") for problem in result.problems)

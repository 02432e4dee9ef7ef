"""Agreement is counted as a person would count it by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.corpus.agreement import as_object, as_text, measure
from auditor.corpus.labels import Label, read_labels
from auditor.corpus.row import Row, from_json, to_json
from auditor.errors import InputError
from auditor.report.agreement_markdown import as_markdown

SLUGS = ["train-before-score", "two-pass-rescore", "artifact-size"]


def label(pr: int, word: str, *rules: str, visible: str = "code") -> Label:
    return Label(pr=pr, head="", paths=(f"r/{pr}.py",), label=word, rules=rules, visible_in=visible)


def row(pr: int, verdict: str | None, *failed: str, review: tuple[str, ...] = (), error: str = "") -> Row:
    path = f"r/{pr}.py" if verdict or not error else ""
    return Row(
        pr=pr, head="h", path=path, verdict=verdict, failed=failed, review=review, error=error, reason="why"
    )


LABELS = [
    label(1, "illegal", "train-before-score"),
    label(2, "illegal", "train-before-score", "two-pass-rescore"),
    label(3, "illegal", "two-pass-rescore", visible="config"),
    label(4, "illegal", "train-before-score"),
    label(5, "legal"),
    label(6, "legal"),
    label(7, "legal"),
    label(8, "disputed", "train-before-score"),
    label(9, "illegal", "unheard-of"),
    label(10, "illegal", "artifact-size", visible="artifact"),
    label(11, "legal"),
    label(12, "legal"),
]
ROWS = [
    row(1, "violation", "train-before-score"),
    row(2, "violation", "two-pass-rescore"),
    row(3, "violation", "train-before-score"),
    row(4, "compliant"),
    row(5, "compliant"),
    row(6, "violation", "two-pass-rescore"),
    row(7, "review", review=("train-before-score",)),
    row(8, "violation", "train-before-score"),
    row(9, "compliant"),
    row(10, "compliant", "artifact-size"),
    row(11, None, error="no script"),
]


def test_counts_and_rates() -> None:
    found = measure(LABELS, ROWS, SLUGS)
    assert found.verdicts["illegal"] == {"violation": 3, "compliant": 3}
    assert found.verdicts["legal"] == {"compliant": 1, "violation": 1, "review": 1, "error": 1, "missing": 1}
    assert found.verdicts["disputed"] == {"violation": 1}
    assert found.visible == {"right rule": 2, "other rule": 1, "missed": 1}
    first = found.rules["train-before-score"]
    assert first.outcomes == {"fail": 1, "silent": 2}
    assert (first.extra, first.extra_legal) == (1, 0)
    assert first.precision == pytest.approx(1 / 2)
    assert first.recall == pytest.approx(1 / 3)
    second = found.rules["two-pass-rescore"]
    assert (second.extra, second.extra_legal) == (1, 1)
    assert second.recall == pytest.approx(1 / 2)
    assert found.rules["artifact-size"].recall == 1.0


def test_each_disagreement_is_told_with_its_reason() -> None:
    found = measure(LABELS, ROWS, SLUGS)
    assert {d.pr: d.kind for d in found.disagreements} == {
        3: "other rule",
        4: "missed",
        6: "false alarm",
        7: "undecided",
        9: "no rule for it",
        11: "error",
        12: "missing",
    }
    told = {d.pr: d.reason for d in found.disagreements}
    assert told[11] == "no script"
    assert told[6] == "why"
    text = as_text(found)
    assert "#6 false alarm: legal in code; here violation (two-pass-rescore): why" in text
    assert "2/4 right" in text
    assert json.loads(json.dumps(as_object(found)))["rules"]["two-pass-rescore"]["recall"] == 0.5


def test_markdown_tells_the_same() -> None:
    lines = as_markdown(measure(LABELS, ROWS, SLUGS)).splitlines()
    assert "| illegal | 3 | 0 | 3 | 0 | 0 | 0 |" in lines
    assert "Of 4 illegal ones that can be seen in code, configuration or logs, 2 (50%)" in "\n".join(lines)
    (rates,) = [line for line in lines if line.startswith("| `two-pass-rescore` |")]
    assert rates == "| `two-pass-rescore` | 2 | 1 | 0 | 0 | 1 | 50% | 50% |"
    told = {line.split(" |")[0]: line for line in lines if line.startswith("| #")}
    assert set(told) == {f"| #{pr}" for pr in (3, 4, 6, 7, 9, 11, 12)}
    assert told["| #6"] == "| #6 | legal (code) | violation: two-pass-rescore | why |"


def test_rule_nobody_names_and_nobody_fails_has_no_rates() -> None:
    found = measure(LABELS[:1], ROWS[:1], ["seed-selection"])
    assert found.rules["seed-selection"].precision is None
    assert found.rules["seed-selection"].recall is None


def test_row_survives_json() -> None:
    kept = Row(pr=3, head="x", path="a/b.py", verdict=None, error="e", unknown=("u",), date="2026-04-01")
    assert from_json(to_json(kept)) == kept
    assert json.loads(to_json(row(1, "compliant")))["error"] is None


def test_labels_are_read_in_both_forms(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    first = {"pr": 1, "label": "legal", "rules": [], "path": "a.py", "why": "x"}
    second = {"pr": 2, "label": "illegal", "rules": ["r"], "path": "a.py", "scripts": [{"path": "b.py"}]}
    file.write_text(json.dumps(first) + "\n\n" + json.dumps(second) + "\n")
    assert [found.paths for found in read_labels(str(file))] == [("a.py",), ("b.py",)]
    assert len(read_labels(None)) == 153


@pytest.mark.parametrize(
    "line", ["no json", "[]", '{"pr": "1"}', '{"pr": 1, "label": "maybe", "rules": [], "path": "x"}']
)
def test_bad_label_names_file_and_line(line: str, tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text('{"pr": 1, "label": "legal", "rules": [], "path": "a.py"}\n' + line + "\n")
    with pytest.raises(InputError, match=r"labels\.jsonl:2 is no label"):
        read_labels(str(file))

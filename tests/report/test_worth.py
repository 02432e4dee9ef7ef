"""What a look is worth: the factors, read off by hand."""

from __future__ import annotations

import pytest

from auditor.corpus.row import Related, Row
from auditor.pull_request.board import BoardRow
from auditor.report.corpus_dashboard import by_need, clusters
from auditor.report.worth import RECORD_RULES, largest_step, track_of, worth_of


def record(score: float, date: str, pr: int | None = None) -> BoardRow:
    return BoardRow(name=str(score), score=score, date=date, folder=None, pull_request=pr, line=1)


BOARD = (record(1.06, "2026-04-20", 9), record(1.10, "2026-04-01"), record(1.12, "2026-03-01"))


def row(pr: int = 1, **more: object) -> Row:
    fields = {
        "head": "",
        "path": "records/track_10min_16mb/2026-04-10_X/train_gpt.py",
        "verdict": "compliant",
        "date": "2026-04-10",
        "bpb": 1.09,
    }
    return Row(pr=pr, **{**fields, **more})  # type: ignore[arg-type]


def test_gain_is_over_the_record_of_the_date_in_thousandths() -> None:
    worth = worth_of(row(), BOARD)
    assert worth is not None and worth.value == pytest.approx(10.0) and worth.sum() == "10.0 × 1 × 1"
    assert worth_of(row(date="2026-03-05", bpb=1.115), BOARD).gain == pytest.approx(5.0)  # type: ignore[union-attr]
    assert worth_of(row(bpb=1.2), BOARD).value == 0.0  # type: ignore[union-attr]


def test_a_gain_counts_up_to_the_largest_step_of_the_board() -> None:
    assert largest_step(BOARD) == pytest.approx(0.04)
    assert worth_of(row(bpb=0.3), BOARD).gain == pytest.approx(40.0)  # type: ignore[union-attr]


def test_confidence_and_completeness_lower_it() -> None:
    assert len(RECORD_RULES) == 8
    doubtful = worth_of(row(verdict="review", failed=("time-limit", "claim-mismatch")), BOARD)
    assert doubtful is not None and doubtful.value == pytest.approx(10.0 * 0.5 * 0.75)
    assert worth_of(row(verdict="violation"), BOARD).value == 0.0  # type: ignore[union-attr]
    assert worth_of(row(verdict=None), BOARD).confidence == 0.25  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "more",
    [
        {"bpb": None},
        {"date": ""},
        {"date": "2026-02-01"},
        {"path": "records/track_non_record_16mb/2026-04-10_X/t.py"},
        {"path": "train_gpt.py"},
    ],
)
def test_what_is_no_candidate_for_the_board_has_none(more: dict[str, object]) -> None:
    assert worth_of(row(**more), BOARD) is None
    assert track_of(row(**more)) in ("record", "non-record", "other")


def test_a_pull_request_is_worth_its_best_script() -> None:
    (pull,) = by_need([row(bpb=1.095), row(bpb=1.09), row(bpb=1.08, verdict="violation")], BOARD)
    assert pull.worth is not None and pull.worth.value == pytest.approx(10.0)


def test_a_cluster_is_two_scripts_and_more_beside_the_ruling_they_are_closest_to() -> None:
    close, far = Related(pr=549, label="legal", shared=4), Related(pr=467, label="illegal", shared=1)
    rows = [row(1, related=(close, far)), row(2, related=(close,), verdict="review"), row(3, related=(far,))]
    (cluster,) = clusters(rows)
    assert (cluster.pr, cluster.label, cluster.bar.total) == (549, "legal", 2)
    assert cluster.ruling and cluster.source.startswith("https://github.com/")
    assert [(word, count) for word, count, _ in cluster.bar.parts] == [("compliant", 1), ("review", 1)]

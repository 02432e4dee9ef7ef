from __future__ import annotations

import json

import pytest

from auditor.records.claim import How, find_claim
from auditor.records.log_model import Run
from auditor.records.logs import parse_log
from auditor.records.submission_json import read_submission_json


def log(path: str, seed: int, **scores: float) -> Run:
    lines = [f"seed:{seed}", "world_size:8", "step:1/9 train_loss:6.9 train_time:5ms"]
    lines += [f"{label} val_loss:{score * 2:.8f} val_bpb:{score:.8f}" for label, score in scores.items()]
    return parse_log(path, "\n".join(lines))


RUNS = [
    log("train_seed1.log", 1, roundtrip=1.2000, sliding=1.1001),
    log("train_seed2.log", 2, roundtrip=1.2010, sliding=1.1003),
    log("train_seed3.log", 3, roundtrip=1.2021, sliding=1.1008),
]


@pytest.mark.parametrize(
    ("text", "how", "label", "count"),
    [
        ("1.1004", How.MEAN, "sliding", 3),
        ("1.20103333", How.MEAN, "roundtrip", 3),
        ("1.1003", How.ONE_OF_LOGS, "sliding", 1),
        ("1.20050", How.SUBSET_MEAN, "roundtrip", 2),
        ("1.3", How.NOT_FOUND, "sliding", 3),
    ],
)
def test_label_is_found_by_its_value(text: str, how: How, label: str, count: int) -> None:
    claim = find_claim(read_submission_json("submission.json", f'{{"val_bpb": {text}}}'), RUNS)
    assert (claim.how, claim.label, len(claim.lines)) == (how, label, count)


def test_copies_of_a_log_count_once() -> None:
    copy = log("train.log", 1, roundtrip=1.2000, sliding=1.1001)
    claim = find_claim(read_submission_json("submission.json", '{"val_bpb": 1.1004}'), [*RUNS, copy])
    assert claim.how is How.MEAN
    assert [line.path for line in claim.lines] == ["train_seed1.log", "train_seed2.log", "train_seed3.log"]


def test_lines_keep_the_raw_text() -> None:
    claim = find_claim(read_submission_json("submission.json", '{"val_bpb": 1.1004}'), RUNS)
    assert claim.lines[0].text == "sliding val_loss:2.20020000 val_bpb:1.10010000"
    assert claim.lines[0].line == 5


def test_without_a_claim_the_last_final_metric_is_assumed() -> None:
    claim = find_claim(None, RUNS)
    assert (claim.how, claim.label, claim.assumed, claim.value) == (How.ASSUMED_LAST, "sliding", True, None)


def test_bits_per_byte_under_val_loss_are_recognised() -> None:
    claim = find_claim(read_submission_json("submission.json", '{"val_loss": 1.1004}'), RUNS)
    assert claim.in_val_loss and claim.value == 1.1004
    real_loss = find_claim(read_submission_json("submission.json", '{"val_loss": 2.2002}'), RUNS)
    assert real_loss.value is None


@pytest.mark.parametrize(
    "headline",
    [
        {"val_bpb": "1.1004"},
        {"mean_val_bpb": 1.1004},
        {"val_bpb": {"mean": 1.1004}},
        {"val_bpb_3seed_mean": 1.1004},
    ],
)
def test_headline_keys(headline: dict[str, object]) -> None:
    found = read_submission_json("submission.json", json.dumps(headline)).headline()
    assert found is not None and found.value == 1.1004


@pytest.mark.parametrize(
    ("text", "bpb", "problems", "bom"),
    [
        ('\ufeff{"val_bpb": 1.1}', 1.1, 1, True),
        ('{"val_bpb": 1.1, "x": [1,2,],}', 1.1, 1, False),
        ('{"name": "two\nlines", "val_bpb": 1.1}', 1.1, 1, False),
        ('cat > submission.json <<EOF\n{"val_bpb": 1.1}\nEOF', None, 1, False),
        ("[1, 2]", None, 1, False),
    ],
)
def test_broken_json_is_told_and_read_where_its_meaning_is_certain(
    text: str, bpb: float | None, problems: int, bom: bool
) -> None:
    read = read_submission_json("submission.json", text)
    headline = read.headline()
    assert (headline.value if headline else None) == bpb
    assert len(read.problems) == problems and any(problem.minor for problem in read.problems) is bom


def test_seeds_are_found_in_every_container() -> None:
    text = """{"seed_results": {"42": {"val_bpb": 1.10, "artifact_bytes": 15900000}}, "seeds": [42, 7],
               "val_bpb_seeds": {"seed_7": 1.20}, "seed_9": {"val_bpb": "1.30"}}"""
    read = read_submission_json("submission.json", text)
    found = {claim.seed: claim.val_bpb.value for claim in read.seeds() if claim.val_bpb is not None}
    assert found == {42: 1.10, 7: 1.20, 9: 1.30}
    assert read.seed_count() == 3

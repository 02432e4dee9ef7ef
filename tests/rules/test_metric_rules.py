"""The rules about the metric and the world outside: how counts, caps, accesses and logs are weighed.

Traces written by hand and toy folders; that every example is judged as it says is `test_examples`' business.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.judgement.result import AuditResult, Verdict
from auditor.records.validate import RecordsResult, validate_folder
from auditor.solver.expressions import Expr, Symbol
from auditor.solver.operations import operation
from auditor.submission.load import load_submissions
from auditor.trace.answer import Answer
from auditor.trace.events import Access, Clock, Count, Event, Load, Place, Report, Score, Turn
from auditor.trace.extent import Reach
from auditor.trace.region import Region
from auditor.trace.token_bytes import KINDS, TokenKind, canonical
from auditor.trace.trace import Trace
from auditor.trace.tree import Node
from rules.byte_accounting import ByteAccounting
from rules.core.rule import Bad, Evidence, Level, Outcome, Policy
from rules.examples.record_folder import SCRIPT, toy_folder
from rules.network_access import NetworkAccess
from rules.validation_coverage import ValidationCoverage
from tests.rules.folder import TRACK, audit_example

SPLIT = Expr.of(Symbol("free", (0, "val_tokens"), 0))
WORST = {Outcome.FAIL: Level.ERROR, Outcome.REVIEW: Level.WARNING, Outcome.UNKNOWN: Level.WARNING}


def at(line: int) -> Place:
    return Place("train_gpt.py", 0, line)


def made(*events: Event, counts: tuple[int, ...] = (), scores: tuple[int, ...] = ()) -> Trace:
    report = Report(
        number=99,
        place=at(99),
        label="final val_bpb:",
        template=("final val_bpb:", None),
        scores=scores,
        counts=counts,
    )
    numbered = {event.number: event for event in (*events, report)}
    return Trace(witness="static", root=Node(kind="root", text="", place=at(1)), events=numbered, claimed=99)


def count(number: int = 1, how: str = "table", certain: Answer = Answer.YES, **extra: float) -> Count:
    """A canonical count, with bytes added for the kinds named."""

    def length(before: TokenKind, kind: TokenKind) -> float:
        return canonical(before, kind) + extra.get(kind.name.replace(" ", "_"), 0.0)

    return Count(
        number=number,
        place=at(number),
        certain=certain,
        regions=frozenset(),
        how=how,
        what="",
        counts=tuple(length(before, kind) for before in KINDS for kind in KINDS) if how == "table" else (),
    )


def loaded(what: str) -> Load:
    return Load(number=50, place=at(50), source="tokenizer", what=what)


def folder(root: Path, files: Mapping[str, str]) -> RecordsResult:
    path = root / TRACK
    path.mkdir(parents=True)
    for name, text in {"train_gpt.py": SCRIPT, **files}.items():
        (path / name).write_text(text, encoding="utf-8")
    (submission,) = load_submissions(str(path)).submissions
    return validate_folder(submission)


def without_tokens(files: Mapping[str, str]) -> dict[str, str]:
    """The same logs, from which the number of validation tokens cannot be had."""
    return {n: "\n".join(r for r in t.splitlines() if "val_tokens" not in r) for n, t in files.items()}


CODE = {
    "canonical": (count(), Outcome.PASS),
    "space twice": (count(space=1, lone_space=1, accented_space=1), Outcome.FAIL),
    "too few": (count(space=-1, lone_space=-1, accented_space=-1), Outcome.REVIEW),
    "spelt bytes": (count(byte=5), Outcome.FAIL),
    "a byte for BOS": (count(control=1), Outcome.PASS),
    "sidecar": (count(how="sidecar"), Outcome.UNKNOWN),
    "a file": (count(how="file"), Outcome.UNKNOWN),
    "not followed": (count(how="unknown"), Outcome.UNKNOWN),
    "the same for all": (count(how="uniform"), Outcome.UNKNOWN),
}


@pytest.mark.parametrize(("counted", "outcome"), CODE.values(), ids=CODE.keys())
def test_code_alone(counted: Count, outcome: Outcome) -> None:
    judgement = ByteAccounting().judge(Evidence(trace=made(counted, counts=(1,))))
    assert judgement.outcome is outcome
    if outcome in WORST:
        assert [finding.level for finding in judgement.findings] == [WORST[outcome]]


def test_bytes_for_a_boundary_token_fail_once_they_matter() -> None:
    """50,000 documents, 151,080,891 bytes: seven bytes each are 0.23 %, eight are 0.26 %."""
    seven, eight = (made(count(control=extra), counts=(1,)) for extra in (7, 8))
    assert ByteAccounting().judge(Evidence(trace=seven)).outcome is Outcome.PASS
    assert ByteAccounting().judge(Evidence(trace=eight)).outcome is Outcome.FAIL


def test_wrong_count_that_another_branch_does_right_is_for_review() -> None:
    doubtful = count(1, certain=Answer.MAYBE, space=1)
    both = made(doubtful, count(2), counts=(1, 2))
    assert ByteAccounting().judge(Evidence(trace=both)).outcome is Outcome.REVIEW
    alone = made(doubtful, counts=(1,))
    assert ByteAccounting().judge(Evidence(trace=alone)).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("name", "counted", "policy", "outcome"),
    [
        ("fineweb_8192_casefold.model", count(), Policy.RULINGS, Outcome.REVIEW),
        ("fineweb_8192_casefold.model", count(), Policy.STRICT, Outcome.FAIL),
        ("sp8192_caseops.model", count(), Policy.RULINGS, Outcome.UNKNOWN),
        ("sp8192_caseops.model", count(how="sidecar"), Policy.RULINGS, Outcome.UNKNOWN),
        ("fineweb_pure_byte_260.json", count(how="uniform"), Policy.RULINGS, Outcome.PASS),
        ("fineweb_1024_bpe.model", count(), Policy.STRICT, Outcome.PASS),
    ],
)
def test_name_of_the_tokenizer_decides_what_a_count_is_worth(
    name: str, counted: Count, policy: Policy, outcome: Outcome
) -> None:
    trace = made(loaded(name), counted, counts=(1,))
    assert ByteAccounting().judge(Evidence(trace=trace, policy=policy)).outcome is outcome


LOGS = {
    "log proves what the code hides": (count(how="sidecar"), {}, Outcome.PASS),
    "log and code agree": (count(), {}, Outcome.PASS),
    "log contradicts a wrong table": (count(space=1), {}, Outcome.REVIEW),
    "log fails, code is right": (count(), {"scale": 1 / 1.177}, Outcome.FAIL),
    "log implies too few bytes, code is right": (count(), {"scale": 1 / 0.98}, Outcome.REVIEW),
    "log implies too few bytes, code hides": (count(how="unknown"), {"scale": 1 / 0.98}, Outcome.FAIL),
    "log fails, code hides": (count(how="unknown"), {"scale": 1 / 1.177}, Outcome.FAIL),
}


@pytest.mark.parametrize(("counted", "changes", "outcome"), LOGS.values(), ids=LOGS.keys())
def test_code_and_log(counted: Count, changes: dict[str, object], outcome: Outcome, tmp_path: Path) -> None:
    records = folder(tmp_path, toy_folder(**changes))
    evidence = Evidence(trace=made(counted, counts=(1,)), records=records)
    assert ByteAccounting().judge(evidence).outcome is outcome


def test_a_ratio_alone_does_not_outweigh_a_table_that_is_right(tmp_path: Path) -> None:
    files = without_tokens(toy_folder(scale=1 / 1.0628))
    records = folder(tmp_path, files)
    right, hidden = (
        Evidence(trace=made(c, counts=(1,)), records=records) for c in (count(), count(how="file"))
    )
    assert ByteAccounting().judge(right).outcome is Outcome.REVIEW
    assert ByteAccounting().judge(hidden).outcome is Outcome.FAIL


def test_nothing_to_measure_is_not_applicable() -> None:
    assert ByteAccounting().judge(Evidence(trace=None)).outcome is Outcome.NOT_APPLICABLE
    assert ValidationCoverage().judge(Evidence(trace=None)).outcome is Outcome.NOT_APPLICABLE


# The pair that `submission.json` claims, where there is no log.

LOSS, TOKENS_PER_BYTE = 2.9003, 0.268339
TOKENIZER = 'TOKENIZER = "./data/tokenizers/fineweb_8192_bpe.model"\n'


HIDDEN = SCRIPT.replace("0.268339", 'np.load("tokens_per_byte.npy").item()')
"""The ratio of tokens to bytes comes from a file that is not read here."""


def claimed_alone(bits_per_byte: float, root: Path) -> AuditResult:
    claim = json.dumps({"val_loss": LOSS, "val_bpb": round(bits_per_byte, 8)})
    files = {"README.md": "# Entry\n", "submission.json": claim}
    return audit_example(ByteAccounting, Bad("a claim without logs", TOKENIZER + HIDDEN, files), root)


def test_a_claimed_pair_with_the_wrong_bytes_is_a_violation_without_any_log(tmp_path: Path) -> None:
    right = LOSS / 0.6931471805599453 * TOKENS_PER_BYTE
    result = claimed_alone(right / 1.177, tmp_path)
    outcomes = {rule.rule: rule.outcome for rule in result.rules}
    assert outcomes["byte-accounting"] is Outcome.FAIL and result.verdict is Verdict.VIOLATION


def test_a_claimed_pair_does_not_outweigh_a_table_that_is_right(tmp_path: Path) -> None:
    right = LOSS / 0.6931471805599453 * TOKENS_PER_BYTE
    claim = json.dumps({"val_loss": LOSS, "val_bpb": round(right / 1.177, 8)})
    records = folder(tmp_path, {"train_gpt.py": TOKENIZER + SCRIPT, "submission.json": claim})
    proved, hidden = (
        Evidence(trace=made(c, counts=(1,)), records=records) for c in (count(), count(how="file"))
    )
    assert ByteAccounting().judge(proved).outcome is Outcome.REVIEW
    assert ByteAccounting().judge(hidden).outcome is Outcome.FAIL


def test_a_claimed_pair_with_the_right_bytes_proves_nothing(tmp_path: Path) -> None:
    right = LOSS / 0.6931471805599453 * TOKENS_PER_BYTE
    outcomes = {rule.rule: rule.outcome for rule in claimed_alone(right, tmp_path).rules}
    assert outcomes["byte-accounting"] in (Outcome.NOT_APPLICABLE, Outcome.UNKNOWN)


# Caps: positions as expressions of the split's length.


def turn(count: Expr | None, entry: int = 1, iteration: int = 2) -> Expr:
    high = None if count is None else count - 1
    return Expr.of(Symbol("iter", (entry, iteration), iteration - 1, high))


def window(start: Expr, width: int = 1024) -> Region:
    return Region("val", start=start, stop=start + width)


def rows(limit: Expr) -> Expr:
    return operation("floordiv", limit - 1, Expr(1024))


def share(limit: Expr, rank: int = 8) -> Region:
    """Rows of the first of some ranks."""
    return window(turn(operation("floordiv", rows(limit), Expr(rank))).scaled(1024))


CAPPED = operation("min", SPLIT, Expr(1_000_000))
BEGINNINGS = Symbol("at", (7, turn(Expr(100))), 0)
CAPS = {
    "the split": (window(turn(rows(SPLIT)).scaled(1024)), Outcome.PASS),
    "an eighth of the split": (share(SPLIT), Outcome.PASS),
    "a million tokens": (window(turn(rows(CAPPED)).scaled(1024)), Outcome.FAIL),
    "an eighth of a million": (share(CAPPED), Outcome.FAIL),
    "six million a rank": (window(turn(Expr(5_860)).scaled(1024)), Outcome.REVIEW),
    "fifty million": (window(turn(Expr(48_900)).scaled(1024)), Outcome.PASS),
    "the first turn of a loop over the split": (
        Region("val", start=Expr(0), stop=Expr.of(Symbol("iter", (1, 1), 0, Expr(0))) + 1024),
        Outcome.PASS,
    ),
    "a batch of the first hundred windows": (
        window(Expr.of(Symbol("iter", (1, 1), 0, Expr(99))).scaled(1024)),
        Outcome.FAIL,
    ),
    "a hundred documents": (window(Expr.of(BEGINNINGS)), Outcome.FAIL),
    "documents of a list that grows": (
        window(Expr.of(Symbol("at", (7, turn(None)), 0))),
        Outcome.PASS,
    ),
    "positions that were not followed": (Region("val"), Outcome.PASS),
}


@pytest.mark.parametrize(("region", "outcome"), CAPS.values(), ids=CAPS.keys())
def test_what_stays_finite_is_a_cap(region: Region, outcome: Outcome) -> None:
    scored = Score(number=1, place=at(1), regions=frozenset((region,)), states=(), absorbed=())
    trace = made(scored, scores=(1,))
    assert ValidationCoverage().judge(Evidence(trace=trace)).outcome is outcome


def test_one_score_without_a_cap_is_enough() -> None:
    parts = [
        Score(number=n, place=at(n), regions=frozenset((region,)), states=(), absorbed=())
        for n, (region, _) in enumerate((CAPS["a million tokens"], CAPS["the split"]), 1)
    ]
    assert ValidationCoverage().judge(Evidence(trace=made(*parts, scores=(1, 2)))).outcome is Outcome.PASS


def test_a_check_on_the_way_taken_for_the_number_is_for_review() -> None:
    region, _ = CAPS["a million tokens"]
    scored = Score(number=1, place=at(1), regions=frozenset((region,)), states=(), absorbed=())
    trace = made(scored, scores=(1,))
    report = trace.events[99]
    assert isinstance(report, Report)
    trace.events[99] = replace(report, turns=(Turn(entry=1, iteration=1, variable="step"),))
    outcomes = []
    for how in ("assumed: the last report of the evaluation", "reproduces submission.json"):
        trace.claimed_how = how
        outcomes.append(ValidationCoverage().judge(Evidence(trace=trace)).outcome)
    assert outcomes == [Outcome.REVIEW, Outcome.FAIL]


def test_cap_below_the_split_fails_under_the_strict_policy() -> None:
    region, _ = CAPS["six million a rank"]
    scored = Score(number=1, place=at(1), regions=frozenset((region,)), states=(), absorbed=())
    strict = Evidence(trace=made(scored, scores=(1,)), policy=Policy.STRICT)
    assert ValidationCoverage().judge(strict).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("expr", "bounds"),
    [
        (Expr(3) - turn(Expr(5)).scaled(2), (-5.0, 1.0)),
        (operation("min", SPLIT, Expr(9)), (9.0, 9.0)),
        (operation("max", turn(Expr(5)), Expr(2)), (2.0, 4.0)),
        (operation("mod", turn(None), Expr(16)), (0.0, 15.0)),
        (operation("mul", turn(Expr(3)), turn(Expr(4), 2)), (1.0, 6.0)),
        (operation("floordiv", turn(Expr(11)), Expr(4)), (0.25, 2.5)),
    ],
)
def test_bounds_hold_every_value(expr: Expr, bounds: tuple[float, float]) -> None:
    assert Reach().bounds(expr) == bounds


# Accesses by phase.

STEP = Clock(
    number=10, place=at(10), phase="training step", turns=(Turn(entry=1, iteration=1, variable="s"),)
)


def access(
    number: int, kind: str, what: str, certain: Answer = Answer.YES, loops: tuple[int, ...] = ()
) -> Access:
    around = tuple(Turn(entry=entry, iteration=1, variable="s") for entry in loops)
    return Access(number=number, place=at(number), kind=kind, what=what, certain=certain, turns=around)


ACCESSES = {
    "download in the evaluation": (access(20, "network", "urllib.request.urlopen"), Outcome.FAIL),
    "perhaps": (access(20, "network", "requests.get", Answer.MAYBE), Outcome.REVIEW),
    "download before training": (access(5, "network", "huggingface_hub.snapshot_download"), Outcome.REVIEW),
    "in a later turn of the training loop": (
        access(20, "network", "requests.get", loops=(1,)),
        Outcome.REVIEW,
    ),
    "curl in the evaluation": (access(20, "subprocess", "curl -O http://192.0.2.7/x"), Outcome.FAIL),
    "install before training": (access(5, "subprocess", "? -m pip install brotli"), Outcome.PASS),
    "install in the evaluation": (access(20, "subprocess", "? -m pip install brotli"), Outcome.REVIEW),
    "telemetry of training": (access(20, "network", "wandb.log", loops=(1,)), Outcome.PASS),
    "telemetry of the evaluation": (access(20, "network", "wandb.log"), Outcome.REVIEW),
    "weights from telemetry": (access(20, "network", "wandb.restore"), Outcome.FAIL),
    "a tool of the machine": (access(20, "subprocess", "nvidia-smi"), Outcome.PASS),
}


@pytest.mark.parametrize(("reached", "outcome"), ACCESSES.values(), ids=ACCESSES.keys())
def test_access_is_weighed_by_phase_and_kind(reached: Access, outcome: Outcome) -> None:
    judgement = NetworkAccess().judge(Evidence(trace=made(STEP, reached)))
    assert judgement.outcome is outcome


def test_every_access_of_a_script_that_never_trains_is_of_the_evaluation() -> None:
    judgement = NetworkAccess().judge(Evidence(trace=made(access(5, "network", "requests.get"))))
    assert judgement.outcome is Outcome.FAIL


@pytest.mark.parametrize("reached", [access(5, "network", "wandb.log"), access(5, "network", "requests.get")])
def test_strict_policy_allows_none(reached: Access) -> None:
    evidence = Evidence(trace=made(reached, STEP), policy=Policy.STRICT)
    assert NetworkAccess().judge(evidence).outcome is Outcome.FAIL

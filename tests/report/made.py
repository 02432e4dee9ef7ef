"""A result made by hand: a trace with a hit, hostile text, two reports, a packed layer."""

from __future__ import annotations

from auditor.judgement.result import (
    AuditResult,
    AuditTarget,
    Claim,
    RecordVerdict,
    ReportResult,
    RuleResult,
    Verdict,
)
from auditor.reading.configuration_entry import ConfigurationEntry
from auditor.solver.expressions import Expr, Symbol, constant
from auditor.trace.answer import Answer
from auditor.trace.events import (
    Absorbed,
    Load,
    Place,
    Report,
    Reset,
    Score,
    Select,
    State,
    Turn,
    Unresolved,
    Update,
)
from auditor.trace.region import Region
from auditor.trace.trace import Switch, Trace
from auditor.trace.tree import Node
from rules.core.rule import CodeProblem, Finding, Kind, Level, Outcome, Policy, Step

PATH = "records/track_10min_16mb/2026-01-01_Toy/train_gpt.py"
HOSTILE = "<script>alert(1)</script> \x1b[31mred\x07 @everyone `x` |cell| \u202egnp.exe"
SOURCE = tuple(f"line {n}" for n in range(1, 41))


def place(line: int, layer: int = 0) -> Place:
    return Place(PATH, layer, line, 4)


def chunk(iteration: int) -> Region:
    counter = Expr.of(Symbol("iter", (1, iteration), 0))
    return Region("val", counter.scaled(64), counter.scaled(64) + constant(64))


MODEL = State(number=1, kind="module", name="model", place=place(3))
TURN = Turn(entry=1, iteration=1, variable="ci")
EPOCH = Turn(entry=2, iteration=1, variable="epoch")


def made_trace() -> Trace:
    """In a loop over chunks: an update in an epoch loop, then its score; a dead branch; two reports."""
    load = Load(number=1, place=place(5), source="val", what="fineweb_val_*.bin")
    update = Update(
        number=2,
        place=place(12),
        turns=(TURN, EPOCH),
        state=MODEL,
        regions=frozenset({chunk(1)}),
        how="gradient",
        by="AdamW.step",
    )
    hit = Absorbed(update=update, overlap=Answer.YES, why="nothing tells the two apart")
    score = Score(
        number=3,
        place=place(15),
        turns=(TURN,),
        states=(MODEL,),
        regions=frozenset({chunk(1)}),
        absorbed=(hit,),
    )
    reset = Reset(number=4, place=place(17), turns=(TURN,), state=MODEL, by="load_state_dict")
    select = Select(number=5, place=place(19), scores=(3,), by="torch.minimum")
    doubt = Unresolved(number=6, place=place(21), reason=HOSTILE, what="mystery(x)", touches_scores=True)
    first = Report(
        number=7, place=place(25), label="first val_bpb:{}", template=("first val_bpb:", None), scores=(3,)
    )
    final = Report(
        number=8,
        place=place(27),
        label="final val_bpb:{}",
        template=("final val_bpb:", None),
        scores=(3,),
        doubts=(6,),
        selects=(5,),
    )
    root = Node(kind="root", text="", place=place(1))
    call = root.child("call", "evaluate", place(30))
    call.child("event", "load", place(5)).events.append(load)
    dead = call.child("branch", "args.ttt_enabled", place(8), "if")
    dead.taken = Answer.NO
    loop = call.child("loop", "ci", place(10), "chunks")
    loop.entries.add(1)
    inner = loop.child("loop", "epoch", place(11), "range(epochs)")
    inner.entries.add(2)
    inner.count = 4
    inner.settings = ("TTT_EPOCHS",)
    inner.child("event", "update", place(12)).events.append(update)
    loop.child("event", "score", place(15)).events.append(score)
    loop.child("event", "reset", place(17)).events.append(reset)
    call.child("event", "select", place(19)).events.append(select)
    call.child("event", "unresolved", place(21)).events.append(doubt)
    root.child("event", "first", place(25)).events.append(first)
    root.child("event", "final", place(27)).events.append(final)
    events = {e.number: e for e in (load, update, score, reset, select, doubt, first, final)}
    switch = Switch(name="TTT_ENABLED", value="0", origin="default", place=place(8), taken=False, guards=True)
    return Trace(
        witness="static",
        root=root,
        events=events,
        switches=[switch],
        claimed=8,
        claimed_how="reproduces submission.json",
    )


def made_result() -> AuditResult:
    finding = Finding(
        rule="train-before-score",
        outcome=Outcome.FAIL,
        level=Level.ERROR,
        report="final val_bpb:{}",
        message=f"weights are fitted before the score {HOSTILE}",
        locations=(place(15), place(12)),
        steps=(
            Step(text="an update from val[ci]", place=place(12)),
            Step(text="the score", place=place(15, 1)),
        ),
    )
    note = Finding(
        rule="claim-mismatch",
        outcome=Outcome.PASS,
        level=Level.WARNING,
        message="one of two logs",
        origin="records",
        code="claim_is_single_seed",
        where="submission.json",
    )
    return AuditResult(
        target=AuditTarget(kind="pull_request", path=PATH, ref="refs/pull/1/head", head="a" * 40, folder="x"),
        policy=Policy.RULINGS,
        track="record",
        language="torch",
        verdict=Verdict.VIOLATION,
        record_verdict=RecordVerdict.COMPLETE,
        claim=Claim(val_bpb=1.25, source="submission.json: val_bpb", how="reproduces submission.json"),
        rules=(
            RuleResult(
                rule="train-before-score", kind=Kind.EVALUATION, outcome=Outcome.FAIL, because=finding.message
            ),
            RuleResult(rule="opaque-code", kind=Kind.EVALUATION, outcome=Outcome.PASS, because="all read"),
            RuleResult(
                rule="network-access",
                kind=Kind.EVALUATION,
                outcome=Outcome.UNKNOWN,
                because="crashed",
                crashed="KeyError: 'x' (network_access.py:9)",
            ),
            RuleResult(
                rule="time-limit", kind=Kind.RECORD, outcome=Outcome.NOT_APPLICABLE, because="no logs"
            ),
        ),
        findings=(finding, note),
        reports=(
            ReportResult(label="first val_bpb:{}", claimed=False, verdict=Verdict.REVIEW, place=place(25)),
            ReportResult(
                label="final val_bpb:{}",
                claimed=True,
                verdict=Verdict.VIOLATION,
                place=place(27),
                failed=("train-before-score",),
            ),
        ),
        configuration=(
            ConfigurationEntry(
                name="TTT_EPOCHS", value="4", origin="log", path="train.log", line=7, decides=True
            ),
        ),
        trace=made_trace(),
        problems=(CodeProblem(kind="undecoded", reason="a key is missing", place=place(2), runs=False),),
        notes=("README.md: something could not be read",),
        layers=("lzma+base85",),
        texts={(PATH, 0): SOURCE, (PATH, 1): SOURCE},
        seconds=0.5,
    )

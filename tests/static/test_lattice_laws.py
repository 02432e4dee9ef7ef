"""`join` is the join of a lattice: laws that no reading of a branch may depend on the order of its arms."""

from __future__ import annotations

from dataclasses import fields, replace

from hypothesis import given
from hypothesis import strategies as st

from auditor.solver.expressions import Expr
from auditor.static.domain.lattice import join
from auditor.static.domain.provenance import CLEAN, Array, Data
from auditor.static.domain.taint import Look
from auditor.static.domain.values import Interval
from auditor.trace.region import Region

NUMBERS = st.frozensets(st.integers(1, 3), max_size=2)
EXPRESSIONS = st.integers(0, 2).map(Expr)
REGIONS = st.frozensets(
    st.sampled_from([Region(source=name) for name in ("val", "train", "other")]), max_size=2
)
INTERVALS: st.SearchStrategy[Interval] = st.tuples(EXPRESSIONS, st.none() | EXPRESSIONS)
ROWS = st.frozensets(st.tuples(st.none() | EXPRESSIONS, EXPRESSIONS), max_size=2)


@st.composite
def records(draw: st.DrawFn) -> Data:
    """A value that is no score; what a score is made of is told in `test_score_or_not`."""
    span = draw(st.none() | st.tuples(EXPRESSIONS, EXPRESSIONS))
    return Data(
        regions=draw(REGIONS),
        updates=draw(NUMBERS),
        marks=draw(st.frozensets(st.sampled_from(["mask", "moved", "grad"]), max_size=2)),
        doubts=draw(NUMBERS),
        selects=draw(NUMBERS),
        rank=draw(st.none() | st.integers(0, 2)),
        span=span,
        template=draw(st.none() | st.sampled_from([("a",), (None, "b")])),
        settings=draw(st.frozensets(st.sampled_from(["SEED", "STRIDE"]), max_size=2)),
        array=draw(st.none() | st.sampled_from([Array(1, Expr(0), True), Array(2, Expr(0), True)])),
        above=draw(ROWS),
        below=draw(ROWS),
        within=draw(st.frozensets(INTERVALS, max_size=2)) if span is None else frozenset(),
        looks=draw(st.frozensets(st.builds(Look, st.integers(1, 2), REGIONS), max_size=2)),
        most=draw(st.none() | st.sampled_from([1.0, 2.5])),
        origins=draw(NUMBERS),
        written_in_loops=draw(NUMBERS),
    )


values = records() | st.just(CLEAN)

MAY = ("regions", "updates", "marks", "doubts", "selects", "settings", "looks", "origins", "written_in_loops")
"""What a value may be made of: more is less certain."""

MUST = ("rank", "template", "array", "above", "below")
"""What is said of all of a value: nothing (None, or an empty set) is less certain than anything."""


def below(a: Data, b: Data) -> bool:
    """Whether all that b says holds of a value of which a holds."""
    if a is CLEAN:
        return True
    may = all(getattr(a, name) <= getattr(b, name) for name in MAY)
    must = all(getattr(b, name) in (None, frozenset(), getattr(a, name)) for name in MUST)
    bounded = b.most is None or (a.most is not None and a.most <= b.most)
    positions = not b.intervals or (bool(a.intervals) and a.intervals <= b.intervals)
    return may and must and bounded and positions


@given(values)
def test_idempotent(a: Data) -> None:
    assert join(a, a) == a
    assert join(a, replace(a)) == a, "equal, and another object"


@given(values, values)
def test_commutative(a: Data, b: Data) -> None:
    assert join(a, b) == join(b, a)


@given(values, values, values)
def test_associative(a: Data, b: Data, c: Data) -> None:
    assert join(join(a, b), c) == join(a, join(b, c))


@given(values, values)
def test_upper_bound(a: Data, b: Data) -> None:
    assert below(a, join(a, b)) and below(b, join(a, b))


@given(values, values, values)
def test_least(a: Data, b: Data, c: Data) -> None:
    """No value above both is below their join, and the join of two below a third is below it."""
    if below(a, c) and below(b, c):
        assert below(join(a, b), c)


@given(values, values, values)
def test_monotone(a: Data, b: Data, c: Data) -> None:
    if below(a, b):
        assert below(join(a, c), join(b, c))


def test_every_field_is_in_the_laws_or_told_here() -> None:
    """A field that is added must be given its place in the order."""
    apart = {
        "turns": "a union, of counters that need a loop",
        "states": "a union, of objects on the heap",
        "refs": "a union, of objects on the heap",
        "ints": "a union",
        "windows": "a union",
        "losses": "a union; whether a value is a score at all decides what else holds: test_score_or_not",
        "written": "as `above`",
        "by_kind": "tests/static/test_byte_counts.py",
        "formula": "tests/rules/test_formula_rules.py",
        "printed": "in the order of the source",
    }
    drawn = {*MAY, *MUST, "span", "within", "most"}
    assert {field.name for field in fields(Data)} == drawn | apart.keys()


@given(records(), records())
def test_score_or_not(a: Data, b: Data) -> None:
    """A score on one way alone: of the tokens that it scores nothing is lost, whichever way comes first."""
    score = replace(a, losses=frozenset((7,)))
    for joined in (join(score, b), join(b, score)):
        assert joined.losses == {7} and joined.regions == score.regions
        assert joined.updates == a.updates | b.updates and joined.doubts == a.doubts | b.doubts
    assert join(score, b) == join(b, score)

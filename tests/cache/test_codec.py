"""A result comes back from its bytes as it was, and bytes of others make nothing."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from auditor.audit.pipeline import audit_submission
from auditor.cache.codec import Unkept, decode, encode
from auditor.judgement.result import AuditResult
from auditor.report import renderer
from auditor.solver.expressions import Expr, reset_caches
from auditor.submission.load import load_path
from auditor.trace.events import Place

SPECIMENS = Path(__file__).parents[2] / "auditor" / "specimens"


@pytest.fixture(scope="module", params=["legal_lora_ttt", "train_before_score"])
def result(request: pytest.FixtureRequest) -> AuditResult:
    (submission,) = load_path(str(SPECIMENS / f"{request.param}.py")).submissions
    return audit_submission(submission)


def test_result_is_the_same_in_every_format(result: AuditResult) -> None:
    shown = {name: renderer(name)([result], ()) for name in ("json", "html", "sarif", "markdown", "svg")}
    content = encode(result)
    reset_caches()
    again = decode(content)
    assert {name: renderer(name)([again], ()) for name in shown} == shown
    assert again == result and again.trace is not None and len(again.trace.events) > 5


def test_bytes_are_the_same_each_time(result: AuditResult) -> None:
    assert encode(result) == encode(decode(encode(result)))


def test_what_was_one_object_comes_back_as_one() -> None:
    place = Place("a.py", 0, 3)
    first, second, other = decode(encode([place, place, Place("a.py", 0, 3)]))
    assert first is second and other is not first and other == first


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.frozensets(st.integers() | st.text(), max_size=3)
        | st.dictionaries(st.text() | st.tuples(st.integers(), st.text()), inner, max_size=3)
    ),
    max_leaves=12,
)


def typed(value: object) -> object:
    """A value with the types of its parts: 1, 1.0 and True are equal and not the same; a zero has a sign."""
    if isinstance(value, (list, tuple)):
        return type(value), [typed(part) for part in value]
    if isinstance(value, dict):
        return [(typed(key), typed(part)) for key, part in value.items()]
    if isinstance(value, float):
        return float, value, math.copysign(1.0, value)
    return type(value), value


@given(values)
def test_values_come_back_with_their_types(value: object) -> None:
    assert typed(decode(encode(value))) == typed(value)


def test_lone_surrogates_and_infinities_come_back() -> None:
    value = ["\udc80", math.inf, -math.inf, 1 << 200]
    assert decode(encode(value)) == value


def test_expressions_are_made_by_their_own_class() -> None:
    assert decode(encode(Expr(7))) is Expr(7)


@dataclasses.dataclass(frozen=True)
class Foreign:
    """Of no module that a result is made of."""

    part: int


@pytest.mark.parametrize("value", [Foreign(part=1), object(), 1j, b"bytes", len])
def test_what_is_no_part_of_a_result_is_not_kept(value: object) -> None:
    with pytest.raises(Unkept):
        encode([value])


def test_a_value_that_holds_itself_is_not_kept() -> None:
    value: list[object] = []
    value.append((value,))
    with pytest.raises(Unkept, match="holds itself"):
        encode(value)


def packed(**fields: object) -> bytes:
    return zstandard.compress(json.dumps(fields).encode())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no zstandard",
        zstandard.compress(b"{"),
        encode([1, 2, 3])[:-4],
        packed(classes=[], rows=[], root=0),
        packed(classes=[], rows=[["list", 0]], root=0),
        packed(classes=["os:system"], rows=["true", ["made", 0, 0]], root=1),
        packed(classes=["auditor.trace.place:dataclass"], rows=[["made", 0]], root=0),
        packed(classes=["auditor.trace.events:Place"], rows=[["made", 0]], root=0),
        packed(classes=["auditor.judgement.result:Verdict"], rows=[["enum", 0, "__class__"]], root=0),
        packed(classes=["rules.core.rule:Rule"], rows=[["made", 0]], root=0),
    ],
)
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(Unkept):
        decode(content)

"""The quick `replace` gives what the standard one gives, for every class whose records are changed by it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import pytest

from auditor.replacing import replace
from auditor.solver.expressions import Expr
from auditor.static.domain.provenance import Data
from auditor.trace.region import Region


@dataclass(frozen=True, slots=True)
class Checked:
    """Does something after its construction."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("upside down")


@dataclass
class Plain:
    """Has no slots, and a field that its constructor makes."""

    name: str
    made: list[int] = field(default_factory=list, init=False)


REGION = Region(source="val", start=Expr(1), stop=Expr(5))


@pytest.mark.parametrize(
    ("record", "changes"),
    [
        (Data(regions=frozenset({REGION}), rank=1), {"rank": None, "marks": frozenset({"mask"})}),
        (Data(), {}),
        (REGION, {"start": None, "partial": True}),
        (Checked(1, 2), {"high": 9}),
        (Plain("a"), {"name": "b"}),
    ],
)
def test_the_same_as_the_standard_one(record: Any, changes: dict[str, object]) -> None:
    parts = {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}
    new = replace(record, **changes)
    assert new == dataclasses.replace(record, **changes) and type(new) is type(record) and new is not record
    assert {f.name: getattr(record, f.name) for f in dataclasses.fields(record)} == parts
    assert {f.name: getattr(new, f.name) for f in dataclasses.fields(new)} == parts | changes


def test_what_a_class_checks_is_checked() -> None:
    with pytest.raises(ValueError, match="upside down"):
        replace(Checked(1, 2), low=7)


@pytest.mark.parametrize("record", [REGION, Checked(1, 2), Plain("a")])
def test_a_field_that_is_not_there_is_refused(record: Any) -> None:
    with pytest.raises(TypeError, match="nothing_of_the_kind"):
        replace(record, nothing_of_the_kind=1)


def test_a_copy_is_frozen_as_its_original_is() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        replace(REGION, partial=True).partial = False  # type: ignore[misc]

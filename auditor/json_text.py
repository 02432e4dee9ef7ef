"""Read JSON that strangers wrote: what Python's reader takes silently, or chokes on, is found and told.

Of a key that stands twice Python takes the last and says nothing; an integer of more than 4,300 digits raises, and
one of 400 becomes a float that is infinite. Such numbers are read as the text they were written with.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from auditor.json_value import Json

MAX_NUMBER_DIGITS = 40
"""Before the point of a number in JSON or in a log. More is no measurement, and the square of 1e155 or an integer of
4,301 digits is an error in Python."""

MAX_JSON_DEPTH = 60
"""Objects and lists within each other; real files have five."""

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonText:
    """What a text holds.

    Attributes:
        repeated: keys that stand more than once in one object with different values, in order; the last counts.
        oversized: numbers that no machine number holds, shortened for display.
        foreign: NaN and Infinity, which Python writes and JSON does not know; they are read as text.
    """

    value: Json
    repeated: tuple[str, ...]
    oversized: tuple[str, ...]
    foreign: tuple[str, ...]


def read_json(text: str, *, make_float: Callable[[str], float] = float, strict: bool = True) -> JsonText:
    """Read a text.

    Args:
        make_float: makes a number with a point or an exponent from its digits.
        strict: refuse control characters inside strings.

    Raises:
        json.JSONDecodeError: it is no JSON.
        RecursionError: it is nested more than MAX_JSON_DEPTH levels deep.
    """
    repeated: dict[str, None] = {}
    oversized: list[str] = []
    foreign: dict[str, None] = {}

    def whole(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found and found[key] != value:
                repeated[key] = None
            found[key] = value
        return found

    def bounded(digits: str, make: Callable[[str], Number]) -> Number | str:
        if abs(float(digits)) < 10.0**MAX_NUMBER_DIGITS:
            return make(digits)
        oversized.append(digits if len(digits) <= 20 else f"{digits[:12]}… ({len(digits)} characters)")
        return digits

    def unknown(word: str) -> str:
        foreign[word] = None
        return word

    value: Json = json.loads(
        text,
        strict=strict,
        object_pairs_hook=whole,
        parse_int=lambda digits: bounded(digits, int),
        parse_constant=unknown,
        parse_float=lambda digits: bounded(digits, make_float),
    )
    _check_depth(value)
    return JsonText(value=value, repeated=tuple(repeated), oversized=tuple(oversized), foreign=tuple(foreign))


def _check_depth(value: Json) -> None:
    level = [value]
    for _ in range(MAX_JSON_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise RecursionError(f"nested more than {MAX_JSON_DEPTH} levels deep")

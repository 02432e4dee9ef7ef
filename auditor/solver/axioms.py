"""What symbols mean, as inequalities: bounds, remainders, orders, and the cases of what is not linear.

Between the expressions and the search for a contradiction; decides nothing by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from auditor.solver.expressions import Condition, Expr, Symbol, by_identity
from auditor.solver.operations import operation

MAX_LEAST = 10**12
"""Bounds are not made larger than this: a product of products is soon longer than memory."""

Case = tuple[Expr, ...]
"""One case of a split: expressions that are not negative in it."""

UNORDERED = frozenset(["elem", "pick", "opaque", "mul", "floordiv", "mod"])
"""Kinds of symbols of which only equal arguments tell that they are equal."""


@dataclass(frozen=True, slots=True)
class Gaps:
    """How far two symbols of one family lie apart.

    Attributes:
        distance: of the places in an array, or of the turns that are multiplied.
        rise: of the elements there, or of the products.
        step: what the turns are multiplied by; None for an array, which rises by one a place at least.
    """

    distance: Expr
    rise: Expr
    step: Expr | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one symbol.

    Attributes:
        rows: expressions that are not negative.
        inner: the symbols that these and the arguments bring in.
        family: what it shares with the symbols it is in an order with, or None.
        function: what it shares with the symbols it equals where their arguments do, or None.
        condition: for a conditional value, what tells its condition from others.
    """

    rows: tuple[Expr, ...]
    inner: tuple[Symbol, ...]
    family: object = None
    function: object = None
    condition: tuple[str, int] | None = None


def known(symbol: Symbol) -> Known:
    """What is known of the symbol alone."""
    found = symbol.known
    if found is None:
        found = symbol.known = _known(symbol)
    assert isinstance(found, Known)
    return found


def _known(symbol: Symbol) -> Known:
    me = Expr.of(symbol)
    rows = list(symbol.facts)
    if symbol.low is not None:
        rows.append(me - symbol.low)
    if symbol.high is not None:
        rows.append(symbol.high - me)
    if symbol.kind == "mul" and (least := _least(symbol)) is not None:
        rows.append(me - least)
    if symbol.kind in ("floordiv", "mod"):
        rows.extend(_division(symbol, me))
    elif symbol.kind in ("min", "max"):
        sign = 1 if symbol.kind == "min" else -1
        rows.extend((part - me).scaled(sign) for part in symbol.parts())
        rows.extend(_hull(me, tuple(symbol.parts())))
    elif symbol.kind == "ite":
        rows.extend(_hull(me, tuple(part for part in symbol.args if isinstance(part, Expr))))
    inner = {a: None for row in rows for a, _ in row.terms}
    if symbol.kind != "ite":
        # the parts of a conditional value are spoken of where it is decided
        inner.update({a: None for part in symbol.parts() for a, _ in part.terms})
    inner.pop(symbol, None)
    condition = symbol.args[0]
    return Known(
        rows=tuple(row for row in rows if row.terms or row.constant < 0),
        inner=tuple(inner),
        family=_family(symbol),
        function=_function(symbol),
        condition=(condition.operator, condition.difference.number)
        if isinstance(condition, Condition)
        else None,
    )


def _hull(me: Expr, parts: tuple[Expr, ...]) -> list[Expr]:
    """What holds of a value that is one of the parts, whichever it is."""
    gaps = [part - parts[0] for part in parts]
    if all(gap.is_constant for gap in gaps):
        least, most = min(gap.constant for gap in gaps), max(gap.constant for gap in gaps)
        return [me - parts[0] - least, parts[0] + most - me]
    rows = []
    lowest = [_bound(part, 1) for part in parts]
    highest = [_bound(part, -1) for part in parts]
    if None not in lowest:
        rows.append(me - min(bound for bound in lowest if bound is not None))
    if None not in highest:
        rows.append(Expr(max(bound for bound in highest if bound is not None)) - me)
    return rows


def _bound(expr: Expr, sign: int) -> int | None:
    """The lower (sign 1) or upper (sign -1) bound that the symbols' own bounds give, or None."""
    total = expr.constant
    for symbol, coefficient in expr.terms:
        if coefficient * sign > 0:
            low = _least(symbol)
            if low is None:
                return None
            total += coefficient * low
        elif symbol.high is not None and symbol.high.is_constant:
            total += coefficient * symbol.high.constant
        else:
            return None
    return total


@by_identity
def _least(symbol: Symbol) -> int | None:
    """What the symbol is at least, by its own bound or by those of its parts; None where these do not tell."""
    if symbol.low is not None:
        return symbol.low
    if symbol.kind not in ("mul", "floordiv"):
        return None
    lows = [_bound(part, 1) for part in symbol.parts()]
    left, right = (lows[0], lows[-1])
    if left is None or right is None or left < 0 or right < 0:
        return None
    return min(left * right, MAX_LEAST) if symbol.kind == "mul" else 0


def _division(symbol: Symbol, me: Expr) -> list[Expr]:
    left, right = symbol.args
    assert isinstance(left, Expr) and isinstance(right, Expr)
    if not right.is_constant or right.constant <= 0:
        return []
    divisor = right.constant
    quotient = me if symbol.kind == "floordiv" else operation("floordiv", left, right)
    remainder = left - quotient.scaled(divisor)
    if symbol.kind == "mod":
        return [me - remainder, remainder - me, remainder, Expr(divisor - 1) - remainder]
    return [remainder, Expr(divisor - 1) - remainder]


def _family(symbol: Symbol) -> object:
    if symbol.kind == "iter":
        return "iter", symbol.args[0]
    if symbol.kind == "at":
        buckets = tuple(part.number if isinstance(part, Expr) else part for part in symbol.args[2:])
        return "at", symbol.args[0], buckets
    if symbol.kind == "mul" and (factors := _multiple(symbol)) is not None:
        return "mul", factors[1].number
    return None


def _multiple(symbol: Symbol) -> tuple[Expr, Expr] | None:
    """For a product of a loop's turn and something that is the same in all turns: the former and the latter."""
    for turn, step in (symbol.args, symbol.args[::-1]):
        assert isinstance(turn, Expr) and isinstance(step, Expr)
        if turn.iterations() and not step.iterations():
            return turn, step
    return None


def _function(symbol: Symbol) -> object:
    if symbol.kind not in UNORDERED:
        return None
    if symbol.kind in ("floordiv", "mod") and isinstance(symbol.args[1], Expr) and symbol.args[1].is_constant:
        return symbol.kind, symbol.args[1].constant
    if not any(isinstance(part, Expr) for part in symbol.args):
        return None
    return symbol.kind, tuple(None if isinstance(part, Expr) else part for part in symbol.args)


@by_identity
def branches(symbol: Symbol) -> tuple[Case, ...]:
    """The cases of a conditional value: first those in which its condition holds, which is one."""
    condition, then, other = symbol.args
    assert isinstance(condition, Condition) and isinstance(then, Expr) and isinstance(other, Expr)
    difference = condition.difference
    if condition.operator == ">=":
        return (difference,), (-difference - 1,)
    return (difference, -difference), (difference - 1,), (-difference - 1,)


@by_identity
def value_rows(symbol: Symbol, branch: int) -> Case:
    """What a conditional value is where its condition holds (branch 1) or not (branch 2)."""
    chosen = symbol.args[branch]
    assert isinstance(chosen, Expr)
    difference = Expr.of(symbol) - chosen
    return difference, -difference


@by_identity
def part_cases(symbol: Symbol) -> tuple[Case, ...]:
    """The cases of a minimum or maximum: which of the parts it is."""
    me = Expr.of(symbol)
    sign = 1 if symbol.kind == "min" else -1
    return tuple(((me - part).scaled(sign),) for part in symbol.parts())


@by_identity
def order(a: Symbol, b: Symbol) -> tuple[Case, Gaps | None]:
    """What the order of two symbols of one family implies: rows that hold, and what depends on values."""
    if a.kind == "iter":
        first, second = a.args[1], b.args[1]
        assert isinstance(first, int) and isinstance(second, int)
        early, late = (a, b) if first < second else (b, a)
        return (Expr.of(late) - Expr.of(early) - abs(first - second),), None
    if a.kind == "mul":
        first_of, second_of = _multiple(a), _multiple(b)
        assert first_of is not None and second_of is not None
        return (), Gaps(second_of[0] - first_of[0], Expr.of(b) - Expr.of(a), first_of[1])
    i, j = a.args[1], b.args[1]
    assert isinstance(i, Expr) and isinstance(j, Expr)
    distance, rise = j - i, Expr.of(b) - Expr.of(a)
    if not distance.is_constant:
        return (), Gaps(distance, rise)
    if distance.constant == 0:
        return (rise, -rise), None
    return ((rise - distance) if distance.constant > 0 else (distance - rise),), None


def order_cases(gaps: Gaps) -> tuple[Case, ...]:
    """The cases of two places: in order, the same one, the other way round; and these for a step backwards."""
    distance, rise, step = gaps.distance, gaps.rise, gaps.step
    same = (distance, -distance, rise, -rise)
    if step is None:
        return (distance - 1, rise - distance), same, (-distance - 1, distance - rise)
    return (
        (distance - 1, step, rise - step),
        same,
        (-distance - 1, step, -rise - step),
        (distance - 1, -step - 1, step - rise),
        (-distance - 1, -step - 1, step + rise),
    )


@by_identity
def argument_gaps(a: Symbol, b: Symbol) -> tuple[Expr, ...]:
    """The differences between the arguments of two symbols of one function."""
    return tuple(
        x - y for x, y in zip(a.args, b.args, strict=True) if isinstance(x, Expr) and isinstance(y, Expr)
    )

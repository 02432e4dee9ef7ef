"""Operations on positions, simplified where that is exact, and expressions with symbols exchanged.

Makes the symbols that are not linear (`min`, `//`, conditionals); what follows from them is told by
`auditor.solver.axioms`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from auditor.solver.expressions import Change, Condition, Expr, Memo, Symbol, in_order, on_forget


@dataclass(frozen=True, slots=True)
class Exchange:
    """A change that only concerns expressions with certain symbols: others are left alone without a look inside.

    Attributes:
        change: what a symbol becomes, or None to keep it.
        keys: what tells these symbols, as in `Expr.content`.
        memo: what became of symbols so far.
    """

    change: Change
    keys: frozenset[object]
    memo: Memo = field(default_factory=dict)

    def __call__(self, symbol: Symbol) -> Expr | None:
        return self.change(symbol)

    def concerns(self, part: Expr | Symbol) -> bool:
        """Whether the change may concern an expression or symbol."""
        return not self.keys.isdisjoint(part.content())


def turns_exchanged(table: Mapping[object, Expr]) -> Exchange:
    """The iteration counters of these loop entries become the given expressions."""

    def change(symbol: Symbol) -> Expr | None:
        return table.get(symbol.args[0]) if symbol.kind == "iter" else None

    return Exchange(change, frozenset((entry,) for entry in table))


def atoms_exchanged(table: Mapping[Symbol, Expr]) -> Exchange:
    """The symbols become the given expressions."""
    numbers = {symbol.number: expr for symbol, expr in table.items()}
    return Exchange(lambda symbol: numbers.get(symbol.number), frozenset(numbers))


def replace_atoms(expr: Expr, change: Change, memo: Memo | None = None) -> Expr:
    """The expression with symbols exchanged, at every depth.

    Args:
        memo: what became of each symbol, for several expressions under one change; an `Exchange` has its own.
    """
    if memo is None:
        memo = change.memo if isinstance(change, Exchange) else {}
    return exchanged(expr, change, memo)


def exchanged(expr: Expr, change: Change, memo: Memo) -> Expr:
    """The expression with symbols exchanged, at every depth and in what is known of them.

    `memo` keeps what became of each symbol, for several expressions under one change. It goes by identity: equal
    symbols may differ in what is known of them.
    """
    if not expr.terms or (isinstance(change, Exchange) and change.keys.isdisjoint(expr.content())):
        return expr
    same = True
    parts: list[tuple[Expr, int]] = []
    for symbol, coefficient in expr.terms:
        known = memo.get(id(symbol))
        if known is None:
            known = memo[id(symbol)] = symbol, _replaced(symbol, change, memo)
        new = known[1]
        same = same and len(new.terms) == 1 and new.terms[0][0] is symbol and new.constant == 0
        parts.append((new, coefficient))
    if same:
        return expr
    merged: dict[Symbol, int] = {}
    total = expr.constant
    for new, factor in parts:
        total += new.constant * factor
        for symbol, coefficient in new.terms:
            merged[symbol] = merged.get(symbol, 0) + coefficient * factor
    return Expr(total, in_order({symbol: c for symbol, c in merged.items() if c}))


def _replaced(symbol: Symbol, change: Change, memo: Memo) -> Expr:
    new = change(symbol)
    if new is not None:
        return new
    if isinstance(change, Exchange) and change.keys.isdisjoint(symbol.content()):
        return Expr.of(symbol)
    parts: list[object] = []
    same = True
    for part in symbol.args:
        if isinstance(part, Expr):
            replaced: object = exchanged(part, change, memo)
        elif isinstance(part, Condition):
            difference = exchanged(part.difference, change, memo)
            replaced = part if difference is part.difference else Condition(part.operator, difference)
        else:
            replaced = part
        same = same and replaced is part
        parts.append(replaced)
    high = None if symbol.high is None else exchanged(symbol.high, change, memo)
    facts = tuple(exchanged(fact, change, memo) for fact in symbol.facts)
    if same:
        known = high is symbol.high and all(a is b for a, b in zip(facts, symbol.facts, strict=True))
        return Expr.of(symbol if known else Symbol(symbol.kind, symbol.args, symbol.low, high, facts))
    return operation(symbol.kind, *parts, low=symbol.low, high=high, facts=facts)


def operation(
    kind: str, *args: object, low: int | None = None, high: Expr | None = None, facts: tuple[Expr, ...] = ()
) -> Expr:
    """A symbol for `kind(args)`, simplified where that is exact."""
    if kind in ("min", "max"):
        return _extremum(kind, [a for a in args if isinstance(a, Expr)])
    if kind in ("floordiv", "mod", "mul"):
        left, right = args
        assert isinstance(left, Expr) and isinstance(right, Expr)
        return _arithmetic(kind, left, right)
    if kind == "ite":
        condition, then, other = args
        assert isinstance(condition, Condition) and isinstance(then, Expr) and isinstance(other, Expr)
        then, other = assume(then, condition, 1), assume(other, condition, 2)
        if then == other:
            return then
        args = (condition, then, other)
        if (
            isinstance(condition, Condition)
            and condition.difference.is_constant
            and condition.operator != "?"
        ):
            holds = condition.difference.constant >= 0
            if condition.operator == "==":
                holds = condition.difference.constant == 0
            chosen = then if holds else other
            assert isinstance(chosen, Expr)
            return chosen
    return Expr.of(Symbol(kind, args, low, high, facts))


_ASSUMED: dict[tuple[int, str, int, int], Expr] = {}
on_forget(_ASSUMED.clear)


def assume(expr: Expr, condition: Condition, branch: int) -> Expr:
    """The expression where a condition is known to hold (branch 1) or not (branch 2)."""
    key = condition.key
    if key not in expr.content():
        return expr
    # expressions are kept until `forget`, so their identities are not given away
    asked = (id(expr), *key, branch)
    known = _ASSUMED.get(asked)
    if known is None:

        def change(symbol: Symbol) -> Expr | None:
            if symbol.kind == "ite" and isinstance(symbol.args[0], Condition) and symbol.args[0].key == key:
                chosen = symbol.args[branch]
                assert isinstance(chosen, Expr)
                return replace_atoms(chosen, exchange)
            return None

        exchange = Exchange(change, frozenset((key,)))
        known = _ASSUMED[asked] = exchanged(expr, exchange, {})
    return known


def _extremum(kind: str, parts: list[Expr]) -> Expr:
    flat: list[Expr] = []
    for part in parts:
        inner = (
            part.terms[0][0]
            if len(part.terms) == 1 and part.constant == 0 and part.terms[0][1] == 1
            else None
        )
        flat.extend(inner.parts() if inner is not None and inner.kind == kind else [part])
    numbers = [p.constant for p in flat if p.is_constant]
    rest = sorted({p for p in flat if not p.is_constant}, key=lambda p: p._hash)
    if numbers:
        rest.append(Expr(min(numbers) if kind == "min" else max(numbers)))
    if len(rest) == 1:
        return rest[0]
    return Expr.of(Symbol(kind, tuple(rest)))


MAX_FACTORS = 8
"""Constants that a factor or divisor may be one of, for the operation to be linear in each case."""


def _one_of_constants(expr: Expr) -> Symbol | None:
    """The conditional whose cases are all constants that an expression is, or None; few cases only."""
    if len(expr.terms) != 1 or expr.terms[0][0].kind != "ite":
        return None
    waiting, leaves = [expr], 0
    while waiting:
        part = waiting.pop()
        if part.is_constant:
            leaves += 1
            continue
        if len(part.terms) != 1 or part.terms[0][0].kind != "ite" or leaves > MAX_FACTORS:
            return None
        waiting.extend(case for case in part.terms[0][0].args[1:] if isinstance(case, Expr))
    return expr.terms[0][0] if leaves <= MAX_FACTORS else None


def _case_by_case(kind: str, left: Expr, right: Expr, *, chosen: Expr, symbol: Symbol) -> Expr:
    """The operation with the conditional operand exchanged for each of its cases."""
    coefficient = chosen.terms[0][1]
    condition, *cases = symbol.args
    results = []
    for case in cases:
        assert isinstance(case, Expr)
        operand = case.scaled(coefficient) + chosen.constant
        results.append(_arithmetic(kind, *((operand, right) if chosen is left else (left, operand))))
    return operation("ite", condition, *results)


MAX_PRODUCTS = 12
"""Products of two symbols that a product of sums is written out as; beyond it stays one."""


def _product(left: Expr, right: Expr) -> Expr:
    """The product of two sums, written out, so that what is equal looks equal."""
    if len(left.terms) * len(right.terms) > MAX_PRODUCTS:
        return Expr.of(Symbol("mul", tuple(sorted((left, right), key=hash))))
    total = right.scaled(left.constant) + left.scaled(right.constant) - left.constant * right.constant
    for a, times in left.terms:
        for b, more in right.terms:
            factors = sorted((Expr.of(a), Expr.of(b)), key=hash)
            total += Expr.of(Symbol("mul", tuple(factors))).scaled(times * more)
    return total


def _arithmetic(kind: str, left: Expr, right: Expr) -> Expr:
    for chosen in (right, left) if kind == "mul" else (right,):
        symbol = _one_of_constants(chosen)
        if symbol is not None and not (left.is_constant or right.is_constant):
            return _case_by_case(kind, left, right, chosen=chosen, symbol=symbol)
    if kind == "mul":
        if left.is_constant:
            return right.scaled(left.constant)
        if right.is_constant:
            return left.scaled(right.constant)
        return _product(left, right)
    if right.is_constant and right.constant > 0:
        divisor = right.constant
        if left.is_constant:
            return Expr(left.constant // divisor if kind == "floordiv" else left.constant % divisor)
        if all(c % divisor == 0 for _, c in left.terms):
            if kind == "mod":
                return Expr(left.constant % divisor)
            return Expr(left.constant // divisor, tuple((a, c // divisor) for a, c in left.terms))
        if kind == "mod":
            return Expr.of(Symbol("mod", (left, right), 0, Expr(divisor - 1)))
    return Expr.of(Symbol(kind, (left, right)))

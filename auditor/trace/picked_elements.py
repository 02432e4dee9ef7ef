"""Intervals whose ends are elements of containers: apart, however the elements that they were taken from relate."""

from __future__ import annotations

from auditor.solver.expressions import Expr, Memo, Symbol, by_identity
from auditor.solver.operations import atoms_exchanged, replace_atoms
from auditor.solver.solver import proves, refutes, spend
from auditor.trace.region import Expressions

Family = tuple[object, object]
Case = tuple[Expressions, Expressions, Expressions, frozenset[Family]]
MAX_PICK_CASES = 120
SPLIT_WORK = 500
"""What one split into cases costs, in the rows that the prover counts."""


def apart_in_all_cases(a: Expressions, b: Expressions) -> bool:
    """Whether no position is common, however the elements that two regions were taken from relate.

    Elements of one container came from turns of the loops that built it: the same turns, or different ones in an
    order that is not known (the container may have been sorted). Each way must be proved apart. With several
    building loops the turns of outer ones may be equal, and then those of an inner one differ. Containers whose
    index is itself an element of another one come after that one.
    """
    waiting: list[Case] = [(a, b, (), frozenset())]
    for _ in range(MAX_PICK_CASES):
        case = waiting.pop()
        pairs = _innermost(case)
        if pairs:
            spend(SPLIT_WORK)
            waiting.extend(_split(case, pairs))
        elif not _no_common(*case[:3]):
            return False
        if not waiting:
            return True
    return False


def _innermost(case: Case) -> list[tuple[Family, Symbol, Symbol]]:
    """A container of which the two sides hold different elements, none of whose indices is such an element."""
    families: dict[Family, tuple[Symbol | None, Symbol | None]] = {}
    for side, exprs in enumerate(case[:2]):
        for symbol in (symbol for expr in exprs for symbol in _elements(expr)):
            family = _family(symbol)
            if family not in case[3]:
                first, second = families.get(family, (None, None))
                families[family] = (symbol, second) if side == 0 else (first, symbol)
    open_pairs = {
        family: (first, second)
        for family, (first, second) in families.items()
        if first is not None and second is not None and first != second and not _ordered(first, second)
    }
    unresolved = {symbol for pair in open_pairs.values() for symbol in pair}
    joint: dict[object, list[tuple[Family, Symbol, Symbol]]] = {}
    for family in sorted(open_pairs, key=str):
        first, second = open_pairs[family]
        inside = {x for pick in (first, second) for part in pick.parts() for x in part.symbols()}
        if inside & unresolved:
            continue
        together = family[0] if first.kind == "pick" and family[1] != "order" else family
        joint.setdefault(together, []).append((family, first, second))
    return next(iter(joint.values()), [])


@by_identity
def _elements(expr: Expr) -> tuple[Symbol, ...]:
    """The elements of containers that an expression speaks of."""
    return tuple(symbol for symbol in expr.symbols() if symbol.kind in ("pick", "at"))


def _ordered(a: Symbol, b: Symbol) -> bool:
    """Whether two elements of an ascending family are in an order that is known."""
    x, y = a.args[1], b.args[1]
    if a.kind != "at" or a.args[2:] != b.args[2:] or not isinstance(x, Expr) or not isinstance(y, Expr):
        return False
    return proves(x - y - 1) or proves(y - x - 1)


def _split(case: Case, pairs: list[tuple[Family, Symbol, Symbol]]) -> list[Case]:
    a, b, equal, done = case
    if pairs[0][0][1] == "array":
        return _split_array(case, pairs[0])
    out: list[Case] = []
    for position in range(len(pairs)):
        for first, second in ((1, 2), (2, 1)):
            new_a, new_b = a, b
            for depth, (family, pick_a, pick_b) in enumerate(pairs[: position + 1]):
                turns = (first, second) if depth == position else (1, 1)
                new_a = _put(new_a, pick_a, _turn_of(family, turns[0], pick_a))
                new_b = _put(new_b, pick_b, _turn_of(family, turns[1], pick_b))
            out.append((new_a, new_b, equal, done))
    if not any(_differ(pick_a, pick_b) for _, pick_a, pick_b in pairs):
        same = list(equal)
        for _, pick_a, pick_b in pairs:
            for x, y in zip(pick_a.args[1:], pick_b.args[1:], strict=False):
                if isinstance(x, Expr) and isinstance(y, Expr):
                    same += [x - y, y - x]
            b = _put(b, pick_b, Expr.of(pick_a))
        out.append((a, b, tuple(dict.fromkeys(same)), done))
    return out


def _split_array(case: Case, pair: tuple[Family, Symbol, Symbol]) -> list[Case]:
    """Two places of an ascending array whose order is not known: before, behind, or the same."""
    a, b, equal, done = case
    family, first, second = pair
    # compare the two at the same offset, so that "the same place" is a case of its own
    candidates = [(p.args[1], q.args[1]) for p in _places(a, family) for q in _places(b, family)]
    level = [
        (p, q) for p, q in candidates if isinstance(p, Expr) and isinstance(q, Expr) and not (p - q).constant
    ]
    x, y = level[0] if level else (first.args[1], second.args[1])
    assert isinstance(x, Expr) and isinstance(y, Expr)
    out: list[Case] = []
    for low, high, low_side, high_side in ((x, y, a, b), (y, x, b, a)):
        facts = [high - low - 1]
        for early in _places(low_side, family):
            for late in _places(high_side, family):
                i, j = early.args[1], late.args[1]
                assert isinstance(i, Expr) and isinstance(j, Expr)
                beyond = (j - i) - (high - low)
                if beyond.is_constant and beyond.constant >= -1:
                    facts.append(Expr.of(late) - Expr.of(early) - (j - i))
        out.append((a, b, (*equal, *facts), done | {family}))

    def change(symbol: Symbol) -> Expr | None:
        if symbol.kind == "at" and _family(symbol) == family and isinstance(symbol.args[1], Expr):
            return Expr.of(
                Symbol(
                    "at", (symbol.args[0], symbol.args[1] - y + x, *symbol.args[2:]), symbol.low, symbol.high
                )
            )
        return None

    memo: Memo = {}
    out.append((a, tuple(replace_atoms(e, change, memo) for e in b), (*equal, x - y, y - x), done | {family}))
    return out


def _places(exprs: Expressions, family: Family) -> list[Symbol]:
    found = {a for expr in exprs for a in _elements(expr) if a.kind == "at" and _family(a) == family}
    return sorted(found, key=hash)


def _family(symbol: Symbol) -> Family:
    """Container and building loop of a picked element."""
    if symbol.kind == "pick":
        return symbol.args[0], symbol.args[1]
    family = symbol.args[0]
    return (family[0], family[1]) if isinstance(family, tuple) else (family, "array")


def _turn_of(family: Family, turn: int, pick: Symbol) -> Expr:
    """A turn of a building loop, with what was known of the pick."""
    plain = Symbol("iter", (("turn", family), turn), 0)

    change = atoms_exchanged({pick: Expr.of(plain)})
    facts = tuple(replace_atoms(fact, change) for fact in pick.facts)
    return Expr.of(Symbol("iter", plain.args, 0, pick.high, facts))


def _differ(a: Symbol, b: Symbol) -> bool:
    """Whether two picks are provably at different indices, or under different keys."""
    parts_a = [p for p in a.args[1:] if isinstance(p, Expr)]
    parts_b = [p for p in b.args[1:] if isinstance(p, Expr)]
    return any(proves(x - y - 1) or proves(y - x - 1) for x, y in zip(parts_a, parts_b, strict=False))


def _put(parts: Expressions, old: Symbol, new: Expr) -> Expressions:
    change, memo = atoms_exchanged({old: new}), Memo()
    return tuple(replace_atoms(part, change, memo) for part in parts)


def _no_common(a: Expressions, b: Expressions, equal: Expressions) -> bool:
    common = Expr.of(Symbol("free", ("position",)))
    rows = (common - a[0], a[1] - 1 - common, common - b[0], b[1] - 1 - common)
    return refutes(tuple(dict.fromkeys((*rows, *a[2:], *b[2:], *equal))))

"""Integer expressions over symbols: the positions that slices, windows and loop variables take.

An `Expr` is `constant + Σ coefficient·Atom`. An `Atom` is a symbol with structure: an iteration counter of one
entry of a loop, an element of a container, or an operation that is not linear (`min`, `//`, a conditional).
Atoms compare by structure, so the same expression computed at two places is the same symbol and cancels.
Nothing here knows Python's syntax; `auditor.trace.prover` answers questions about these expressions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Atom:
    """One symbol.

    Attributes:
        kind: "iter" (iteration counter, args: loop entry number and which of the abstract iterations),
            "free" (an unknown integer, args: number and name), "at" (element of an ascending array, args: array
            number and index), "pick" (which turn of a building loop produced an element, args: container number,
            loop entry, index), or an operation: "min", "max", "ite", "floordiv", "mod", "mul".
        args: the parts; expressions, integers and strings.
        low: a lower bound that holds whatever the values of the parts, or None.
        high: an upper bound, or None; an `Expr` where it is symbolic.
    """

    kind: str
    args: tuple[object, ...]
    low: int | None = field(default=None, compare=False)
    high: Expr | None = field(default=None, compare=False)
    _hash: int = field(default=0, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.kind, self.args)))

    def __hash__(self) -> int:
        return self._hash

    def parts(self) -> Iterator[Expr]:
        """The expressions among the arguments."""
        for part in self.args:
            if isinstance(part, Expr):
                yield part
            elif isinstance(part, Condition):
                yield part.difference


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison `difference OP 0` that guards a conditional value; OP is one of `>=`, `==`, `?` (unknown)."""

    operator: str
    difference: Expr


@dataclass(frozen=True, slots=True)
class Expr:
    """A linear expression with integer coefficients; `terms` are sorted by the text of their atoms."""

    constant: int
    terms: tuple[tuple[Atom, int], ...] = ()
    _hash: int = field(default=0, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.constant, self.terms)))

    def __hash__(self) -> int:
        return self._hash

    @staticmethod
    def of(atom: Atom) -> Expr:
        return Expr(0, ((atom, 1),))

    @property
    def is_constant(self) -> bool:
        return not self.terms

    def __add__(self, other: Expr | int) -> Expr:
        if isinstance(other, int):
            return Expr(self.constant + other, self.terms)
        if not other.terms:
            return Expr(self.constant + other.constant, self.terms)
        merged = dict(self.terms)
        for atom, coefficient in other.terms:
            total = merged.get(atom, 0) + coefficient
            if total:
                merged[atom] = total
            else:
                del merged[atom]
        return Expr(self.constant + other.constant, _sorted(merged))

    def __neg__(self) -> Expr:
        return self.scaled(-1)

    def __sub__(self, other: Expr | int) -> Expr:
        return self + (-other)

    def scaled(self, factor: int) -> Expr:
        if factor == 0:
            return Expr(0)
        return Expr(self.constant * factor, tuple((a, c * factor) for a, c in self.terms))

    def atoms(self) -> Iterator[Atom]:
        """Every atom, those inside other atoms included."""
        for atom, _ in self.terms:
            yield atom
            for part in atom.parts():
                yield from part.atoms()

    def iterations(self) -> frozenset[Atom]:
        """The iteration counters that the value depends on."""
        return frozenset(atom for atom in self.atoms() if atom.kind == "iter")

    def replace(self, change: Callable[[Atom], Expr | None]) -> Expr:
        """The expression with atoms exchanged, at every depth; `change` gives None to keep one."""
        if not self.terms:
            return self
        total = Expr(self.constant)
        for atom, coefficient in self.terms:
            total = total + replace_atom(atom, change).scaled(coefficient)
        return total


def replace_atom(atom: Atom, change: Callable[[Atom], Expr | None]) -> Expr:
    new = change(atom)
    if new is not None:
        return new
    if not any(isinstance(part, (Expr, Condition)) for part in atom.args):
        return Expr.of(atom)
    parts: list[object] = []
    for part in atom.args:
        if isinstance(part, Expr):
            parts.append(part.replace(change))
        elif isinstance(part, Condition):
            parts.append(Condition(part.operator, part.difference.replace(change)))
        else:
            parts.append(part)
    if tuple(parts) == atom.args:
        return Expr.of(atom)
    return operation(atom.kind, *parts, low=atom.low, high=atom.high)


def _sorted(terms: dict[Atom, int]) -> tuple[tuple[Atom, int], ...]:
    return tuple(sorted(terms.items(), key=lambda item: item[0]._hash))


def constant(value: int) -> Expr:
    return Expr(value)


def operation(kind: str, *args: object, low: int | None = None, high: Expr | None = None) -> Expr:
    """An atom for `kind(args)`, simplified where that is exact."""
    if kind in ("min", "max"):
        return _extremum(kind, [a for a in args if isinstance(a, Expr)])
    if kind in ("floordiv", "mod", "mul"):
        left, right = args
        assert isinstance(left, Expr) and isinstance(right, Expr)
        return _arithmetic(kind, left, right)
    if kind == "ite":
        condition, then, other = args
        if then == other:
            assert isinstance(then, Expr)
            return then
        if isinstance(condition, Condition) and condition.difference.is_constant and condition.operator != "?":
            holds = condition.difference.constant >= 0
            if condition.operator == "==":
                holds = condition.difference.constant == 0
            chosen = then if holds else other
            assert isinstance(chosen, Expr)
            return chosen
    return Expr.of(Atom(kind, args, low, high))


def _extremum(kind: str, parts: list[Expr]) -> Expr:
    flat: list[Expr] = []
    for part in parts:
        inner = part.terms[0][0] if len(part.terms) == 1 and part.constant == 0 and part.terms[0][1] == 1 else None
        flat.extend(inner.parts() if inner is not None and inner.kind == kind else [part])
    numbers = [p.constant for p in flat if p.is_constant]
    rest = sorted({p for p in flat if not p.is_constant}, key=lambda p: p._hash)
    if numbers:
        rest.append(Expr(min(numbers) if kind == "min" else max(numbers)))
    if len(rest) == 1:
        return rest[0]
    return Expr.of(Atom(kind, tuple(rest)))


def _arithmetic(kind: str, left: Expr, right: Expr) -> Expr:
    if kind == "mul":
        if left.is_constant:
            return right.scaled(left.constant)
        if right.is_constant:
            return left.scaled(right.constant)
        first, second = sorted((left, right), key=lambda e: e._hash)
        return Expr.of(Atom("mul", (first, second)))
    if right.is_constant and right.constant > 0:
        divisor = right.constant
        if left.is_constant:
            return Expr(left.constant // divisor if kind == "floordiv" else left.constant % divisor)
        if all(c % divisor == 0 for _, c in left.terms):
            if kind == "mod":
                return Expr(left.constant % divisor)
            return Expr(left.constant // divisor, tuple((a, c // divisor) for a, c in left.terms))
        if kind == "mod":
            return Expr.of(Atom("mod", (left, right), 0, Expr(divisor - 1)))
    return Expr.of(Atom(kind, (left, right)))

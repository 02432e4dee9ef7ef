"""Integer expressions over symbols: the positions that slices, windows and loop variables take.

An `Expr` is `constant + Σ coefficient·Symbol`. A `Symbol` is a symbol with structure: an iteration counter of one
entry of a loop, an element of a container, or an operation that is not linear (`min`, `//`, a conditional).
Symbols compare by structure, so the same expression computed at two places is the same symbol and cancels.
Nothing here knows Python's syntax; `auditor.solver.solver` answers questions about these expressions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import wraps
from itertools import count
from math import gcd
from typing import TypeVar, cast
from zlib import crc32

Change = Callable[["Symbol"], "Expr | None"]
"""What a symbol becomes, or None to keep it; best an `Exchange`."""

Form = tuple[tuple[int, int], ...]
"""Numbers of symbols with their coefficients, the first one positive."""

Row = tuple[Form, bool, int]
"""A form, whether it is bounded from below, and the bound."""

Memo = dict[int, tuple["Symbol", "Expr"]]
"""What became of each symbol, by identity; the symbol is kept so that its identity is not given away."""


class Symbol:
    """One symbol.

    Attributes:
        kind: "iter" (iteration counter, args: loop entry number and which of the abstract iterations),
            "free" (an unknown integer, args: number, and a name or the turns in which it is one),
            "at" (element of a strictly ascending array, or the turn of a building loop that gave a list its
            element; args: family, index, key of the bucket),
            "pick" (the same where the order is not known, args: container number, loop entry, index, key),
            "opaque" (something computed from its parts in a way that is not followed), or an operation:
            "min", "max", "ite", "floordiv", "mod", "mul".
        args: the parts; expressions, integers and strings.
        low: a lower bound that holds whatever the values of the parts, or None.
        high: an upper bound, or None; an `Expr` where it is symbolic.
        facts: what else is known of it: expressions that are not negative.
        number: the same for equal symbols made between two calls of `forget`, and for no others.
    """

    __slots__ = ("_content", "_hash", "args", "facts", "form", "high", "kind", "known", "low", "number")
    number: int
    kind: str
    args: tuple[object, ...]
    low: int | None
    high: Expr | None
    facts: tuple[Expr, ...]
    form: tuple[int, tuple[object, ...]] | None
    known: object
    _hash: int
    _content: frozenset[object] | None

    def __new__(
        cls,
        kind: str,
        args: tuple[object, ...],
        low: int | None = None,
        high: Expr | None = None,
        facts: tuple[Expr, ...] = (),
    ) -> Symbol:
        # parts by identity: equal parts may differ in what is known of them
        key = (kind, tuple(map(_identity, args)), low, id(high), tuple(map(id, facts)))
        known = _SYMBOLS.get(key)
        if known is not None:
            return known
        new = super().__new__(cls)
        new.kind, new.args, new.low, new.high, new.facts = kind, args, low, high, facts
        new._hash = hash((_stable(kind), _stable(args)))
        new.number = _number((kind, tuple(map(_value, args))))
        new.form = new.known = new._content = None
        _SYMBOLS[key] = new
        return new

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        """Equal by what it is, not by what is known of it."""
        if self is other:
            return True
        if not isinstance(other, Symbol) or self._hash != other._hash:
            return False
        if self.number == other.number:
            return True
        return self.kind == other.kind and self.args == other.args

    def __repr__(self) -> str:
        return f"Symbol({self.kind}, {self._hash:x})"

    def knowing(self, *, high: Expr | None = None, facts: tuple[Expr, ...] = ()) -> Symbol:
        """The same symbol with more known of it."""
        return Symbol(
            self.kind, self.args, self.low, high if high is not None else self.high, self.facts + facts
        )

    def parts(self) -> Iterator[Expr]:
        """The expressions among the arguments."""
        for part in self.args:
            if isinstance(part, Expr):
                yield part
            elif isinstance(part, Condition):
                yield part.difference

    def parts_and_facts(self) -> Iterator[Expr]:
        """The expressions among the arguments and in what is known of the symbol."""
        yield from self.parts()
        if self.high is not None:
            yield self.high
        yield from self.facts

    def content(self) -> frozenset[object]:
        """See `Expr.content`."""
        if self._content is None:
            own: list[object] = [self.number]
            if self.kind == "iter":
                own.append((self.args[0],))
            elif self.kind == "ite":
                condition = self.args[0]
                assert isinstance(condition, Condition)
                own.append(condition.key)
            self._content = frozenset(own).union(*(part.content() for part in self.parts_and_facts()))
        return self._content


_SYMBOLS: dict[tuple[object, ...], Symbol] = {}
_EXPRS: dict[tuple[object, ...], Expr] = {}
_NUMBERS: dict[tuple[object, ...], int] = {}
_COUNT = count()
_ON_FORGET: list[Callable[[], None]] = []


def reset_caches() -> None:
    """Let go of all symbols and answers and start a new budget: before each script, so that memory stays flat."""
    _SYMBOLS.clear()
    _EXPRS.clear()
    _NUMBERS.clear()
    for clear in _ON_FORGET:
        clear()


def expressions_known() -> int:
    """How many different expressions there are since `forget`: what memory they take goes by it."""
    return len(_EXPRS)


def on_forget(clear: Callable[[], None]) -> None:
    """Have something cleared by `forget`: whatever goes by the identity of symbols."""
    _ON_FORGET.append(clear)


Question = TypeVar("Question", bound=Callable[..., object])


def by_identity(function: Question) -> Question:
    """Answer each question once, told apart by the identity of expressions and symbols until `forget`.

    Equality is not enough: equal symbols may differ in what is known of them, and so may the answers.
    """
    answers: dict[object, tuple[object, object]] = {}
    on_forget(answers.clear)

    @wraps(function)
    def asked(*args: object) -> object:
        key = _key(args)
        known = answers.get(key)
        if known is None:
            # The arguments are kept so that their identities are not given away.
            known = answers[key] = (args, function(*args))
        return known[1]

    return cast(Question, asked)


def _key(part: object) -> object:
    if isinstance(part, tuple):
        return tuple(map(_key, part))
    return id(part) if isinstance(part, (Expr, Symbol)) else part


def _identity(part: object) -> object:
    """What tells a part of a symbol apart: the object itself where it is interned, else its value."""
    if isinstance(part, Expr):
        return id(part), Expr
    if isinstance(part, Condition):
        return part.operator, id(part.difference), Condition
    return part


def _number(parts: tuple[object, ...]) -> int:
    """The number of the symbol or expression with these parts."""
    known = _NUMBERS.get(parts)
    if known is None:
        known = _NUMBERS[parts] = next(_COUNT)
    return known


def _value(part: object) -> object:
    """What makes a part of a symbol equal to another: the number where it has one."""
    if isinstance(part, Expr):
        return part.number, Expr
    if isinstance(part, Condition):
        return part.operator, part.difference.number, Condition
    return part


def _stable(part: object) -> int:
    """A hash that is the same in every process, so that the order of terms is."""
    if isinstance(part, str):
        return crc32(part.encode())
    if isinstance(part, tuple):
        return hash(tuple(_stable(item) for item in part))
    if isinstance(part, Condition):
        return hash((_stable(part.operator), hash(part.difference)))
    return 0 if part is None else hash(part)


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison `difference OP 0` that guards a conditional value; OP is `>=` or `==`.

    A condition that is not about integers is `symbol ≥ 0` of a symbol of its own.
    """

    operator: str
    difference: Expr

    @property
    def key(self) -> tuple[str, int]:
        """What is the same for equal conditions, until `forget`."""
        return self.operator, self.difference.number

    @property
    def is_anonymous(self) -> bool:
        """Whether nothing is known of what decides it: it compares a symbol of its own."""
        terms = self.difference.terms
        return len(terms) == 1 and terms[0][0].kind == "free" and terms[0][0].low is None


class Expr:
    """A linear expression with integer coefficients; `terms` are in a fixed order. Equal ones are one object."""

    __slots__ = (
        "_atoms",
        "_content",
        "_counters",
        "_hash",
        "_iterations",
        "_row",
        "constant",
        "form",
        "number",
        "terms",
    )
    number: int
    constant: int
    terms: tuple[tuple[Symbol, int], ...]
    _hash: int
    _iterations: frozenset[Symbol] | None
    _counters: frozenset[Symbol] | None
    _atoms: tuple[Symbol, ...] | None
    _row: Row | None
    _content: frozenset[object] | None
    form: tuple[int, tuple[object, ...]] | None

    def __new__(cls, constant: int, terms: tuple[tuple[Symbol, int], ...] = ()) -> Expr:
        key = (constant, tuple((id(symbol), coefficient) for symbol, coefficient in terms))
        known = _EXPRS.get(key)
        if known is not None:
            return known
        new = super().__new__(cls)
        new.constant, new.terms = constant, terms
        new._hash = hash((constant, terms))
        new.number = _number((constant, tuple((symbol.number, coefficient) for symbol, coefficient in terms)))
        new._iterations = new._counters = None
        new._row = new._content = new.form = None
        new._atoms = None
        _EXPRS[key] = new
        return new

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Expr) or self._hash != other._hash:
            return False
        if self.number == other.number:
            return True
        return self.constant == other.constant and self.terms == other.terms

    def __repr__(self) -> str:
        return f"Expr({self.constant}, {len(self.terms)} terms, {self._hash:x})"

    @staticmethod
    def of(symbol: Symbol) -> Expr:
        return Expr(0, ((symbol, 1),))

    @property
    def is_constant(self) -> bool:
        return not self.terms

    def __add__(self, other: Expr | int) -> Expr:
        if isinstance(other, int):
            return Expr(self.constant + other, self.terms)
        if not other.terms:
            return Expr(self.constant + other.constant, self.terms)
        merged = dict(self.terms)
        for symbol, coefficient in other.terms:
            total = merged.get(symbol, 0) + coefficient
            if total:
                merged[symbol] = total
            else:
                del merged[symbol]
        return Expr(self.constant + other.constant, in_order(merged))

    def __neg__(self) -> Expr:
        return self.scaled(-1)

    def __sub__(self, other: Expr | int) -> Expr:
        return self + (-other)

    def scaled(self, factor: int) -> Expr:
        if factor == 0:
            return Expr(0)
        return Expr(self.constant * factor, tuple((a, c * factor) for a, c in self.terms))

    def _met(self, inside: Callable[[Symbol], Iterable[Expr]]) -> tuple[Symbol, ...]:
        """Every symbol once, with those in what `inside` gives for each."""
        seen: dict[int, Symbol] = {}
        frontier = [symbol for symbol, _ in self.terms]
        while frontier:
            symbol = frontier.pop()
            if id(symbol) not in seen:
                seen[id(symbol)] = symbol
                frontier.extend(inner for part in inside(symbol) for inner, _ in part.terms)
        return tuple(seen.values())

    def symbols(self) -> tuple[Symbol, ...]:
        """Every symbol once, those inside other symbols included."""
        if self._atoms is None:
            self._atoms = self._met(Symbol.parts)
        return self._atoms

    def content(self) -> frozenset[object]:
        """What tells the symbols at every depth, those in what is known of them included.

        The number of each symbol, a tuple of the loop entry of each iteration counter, and operator and number of
        the condition of each conditional value.
        """
        if self._content is None:
            self._content = frozenset().union(*(symbol.content() for symbol, _ in self.terms))
        return self._content

    def counters(self) -> frozenset[Symbol]:
        """Every iteration counter that is spoken of, in what is known of symbols as well."""
        if self._counters is None:
            self._counters = frozenset(a for a in self._met(Symbol.parts_and_facts) if a.kind == "iter")
        return self._counters

    def iterations(self) -> frozenset[Symbol]:
        """The iteration counters that the value depends on.

        An unknown is another one in each turn of its loops, but nothing says that these tell its values apart.
        """
        if self._iterations is None:
            met = self._met(lambda symbol: () if symbol.kind == "free" else symbol.parts())
            self._iterations = frozenset(symbol for symbol in met if symbol.kind == "iter")
        return self._iterations

    def row(self) -> Row:
        """`expression ≥ 0` as a bound on a form without common divisor, rounded as integers allow."""
        if self._row is None:
            divisor = gcd(*(coefficient for _, coefficient in self.terms))
            if self.terms[0][1] < 0:
                form = tuple((symbol.number, -(coefficient // divisor)) for symbol, coefficient in self.terms)
                self._row = form, False, self.constant // divisor
            else:
                form = tuple((symbol.number, coefficient // divisor) for symbol, coefficient in self.terms)
                self._row = form, True, -(self.constant // divisor)
        return self._row


def in_order(terms: dict[Symbol, int]) -> tuple[tuple[Symbol, int], ...]:
    """The terms in an order that is the same in every process."""
    return tuple(sorted(terms.items(), key=lambda item: item[0]._hash))


def constant(value: int) -> Expr:
    return Expr(value)

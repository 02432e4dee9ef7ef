"""What the parts of the evaluator provide to each other, by name and type; nothing is done here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.static.domain.heap import View
from auditor.static.domain.values import RowNumber, Slice

if TYPE_CHECKING:
    from auditor.static.domain.flow import Changes, Deferral

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from auditor.solver.expressions import Atom, Condition, Expr
from auditor.static.domain.by_token_kind import ByKind
from auditor.static.domain.heap import Class, Env, Func, Holder, Obj
from auditor.static.domain.provenance import Data
from auditor.static.domain.reach import Reach
from auditor.static.domain.values import Columns, Const, Consume, Generator, Value
from auditor.static.interpreter.implicit_calls import ImplicitCalls
from auditor.trace.events import Blend, Event, Score
from auditor.trace.formula import Change, Formula, Kind, Printed
from auditor.trace.region import Region

if TYPE_CHECKING:
    from auditor.static.domain.flow import Body, Choice, Loss

PLAIN = Formula()


class Contract(ImplicitCalls):
    """Every method that one part calls and another has."""

    def block(self, body: Sequence[ast.stmt], env: Env) -> str | None:
        raise NotImplementedError

    def evaluate(self, node: ast.expr, env: Env) -> Value:
        raise NotImplementedError

    def merge(
        self,
        changes: Changes,
        condition: Condition | None = None,
        *,
        flipped: bool = True,
        choice: Choice | None = None,
    ) -> None:
        raise NotImplementedError

    def assign(self, target: ast.expr, value: Value, env: Env) -> None:
        raise NotImplementedError

    def attribute(self, owner: Value, name: str, node: ast.AST) -> Value:
        raise NotImplementedError

    def binary(self, operator: ast.operator, left: Value, right: Value, node: ast.AST) -> Value:
        raise NotImplementedError

    def subscript(self, owner: Value, index: Value, node: ast.AST) -> Value:
        raise NotImplementedError

    def element(self, container: Value, index: Expr | None, turns: frozenset[Atom] = frozenset()) -> Value:
        raise NotImplementedError

    def clock_reading(self, name: str) -> Data | None:
        raise NotImplementedError

    def with_time(self, op: ast.operator, left: Value, right: Value, result: Value) -> Value:
        raise NotImplementedError

    def enter_capped_loop(self, loop: ast.While) -> None:
        raise NotImplementedError

    def compare_time(self, node: ast.Compare, left: Value, right: Value) -> None:
        raise NotImplementedError

    def beside_places(self, owner: Obj) -> Data:
        raise NotImplementedError

    def statistics_saved(self, args: Sequence[Value], node: ast.AST) -> None:
        raise NotImplementedError

    def looks_at(self, view: Value, base: Value) -> Value:
        raise NotImplementedError

    def write_through(self, owner: Data, written: Data) -> None:
        raise NotImplementedError

    def share_memory(self, owner: Value, name: str, result: Value) -> None:
        raise NotImplementedError

    def write_out(self, out: Value, result: Value, node: ast.AST) -> None:
        raise NotImplementedError

    def store(
        self, owner: Value, index: Value, value: Value, node: ast.AST, env: Env, *, augmented: bool
    ) -> None:
        raise NotImplementedError

    def append(self, target: Obj, value: Value, key: Expr | None = None) -> None:
        raise NotImplementedError

    def call(self, func: Value, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        raise NotImplementedError

    def call_function(
        self, func: Func, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        raise NotImplementedError

    def call_library(self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        raise NotImplementedError

    def call_method(
        self, owner: Value, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        raise NotImplementedError

    def call_module(
        self, module: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        raise NotImplementedError

    def construct(self, cls: Class, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        raise NotImplementedError

    def loss(
        self, target: Data, data: Data, node: ast.AST, how: str = "softmax", formula: Formula = PLAIN
    ) -> Data:
        raise NotImplementedError

    def loss_formula(self, keywords: Mapping[str, Value], args: Sequence[Value], node: ast.AST) -> Formula:
        raise NotImplementedError

    def picked_loss(self, form: Formula, given: Value | None) -> Formula:
        raise NotImplementedError

    def of_targets(self, form: Formula, target: Data) -> Formula:
        raise NotImplementedError

    def of_places(self, form: Formula, given: Data, target: Data, node: ast.AST) -> Formula:
        raise NotImplementedError

    def with_binary(self, op: ast.operator, left: Value, right: Value, result: Value, node: ast.AST) -> Value:
        raise NotImplementedError

    def with_unary(self, op: ast.unaryop, value: Value, result: Value) -> Value:
        raise NotImplementedError

    def with_call(
        self, func: Value, args: Sequence[Value], keywords: Mapping[str, Value], result: Value, node: ast.AST
    ) -> Value:
        raise NotImplementedError

    def followed(
        self, module: Obj, method: Func, args: Sequence[Value], keywords: Mapping[str, Value], node: ast.AST
    ) -> Loss:
        raise NotImplementedError

    def change(self, node: ast.AST, kind: Kind = Kind.ALTERED, text: str = "") -> Change:
        raise NotImplementedError

    def where_scores_pass(self, test: Value, node: ast.If) -> AbstractContextManager[None]:
        raise NotImplementedError

    def under_tests(self, record: Data) -> Data:
        raise NotImplementedError

    def ordered_by_score(self, target: Obj, node: ast.AST) -> None:
        raise NotImplementedError

    def reduced(self, args: Sequence[Value], keywords: Mapping[str, Value], node: ast.AST) -> None:
        raise NotImplementedError

    def printed_number(self, before: str, value: Value, source: str) -> tuple[Printed, ...]:
        raise NotImplementedError

    def term(self, value: Value | None) -> Formula | None:
        raise NotImplementedError

    def looked_at(self, left: Value, rights: Sequence[Value], op: ast.cmpop | None = None) -> frozenset[str]:
        raise NotImplementedError

    def with_index(self, index: Value, result: Value, node: ast.AST) -> Value:
        raise NotImplementedError

    def changed_in_place(
        self, name: str, target: Obj, args: Sequence[Value], result: Data, node: ast.AST
    ) -> Data:
        raise NotImplementedError

    def either(self, ways: Sequence[Callable[[], Value]]) -> Value:
        raise NotImplementedError

    def tail(self, target: Obj) -> Obj | None:
        raise NotImplementedError

    def joined_element(self, parts: Sequence[object], index: Expr) -> Value:
        raise NotImplementedError

    def joined_length(self, parts: Sequence[object]) -> Expr | None:
        raise NotImplementedError

    def concatenated_lists(self, parts: Sequence[Value], node: ast.AST) -> Obj:
        raise NotImplementedError

    def show(self, out: Obj, base: Value) -> None:
        raise NotImplementedError

    def show_shuffled(self, out: Obj, base: Value) -> None:
        raise NotImplementedError

    def become(self, target: Obj, cell: str, value: object) -> None:
        raise NotImplementedError

    def in_place(
        self,
        owner: Value,
        targets: frozenset[Obj],
        name: str,
        args: list[Value],
        keywords: dict[str, Value],
        node: ast.AST,
    ) -> Value:
        raise NotImplementedError

    def reset_method(
        self, owner: Value, targets: frozenset[Obj], record: Data, args: list[Value], node: ast.AST, name: str
    ) -> Value:
        raise NotImplementedError

    def inserted(self, target: Obj, value: Value, place: Expr | None) -> None:
        raise NotImplementedError

    def shuffled(self, target: Obj) -> None:
        raise NotImplementedError

    def taken(self, target: Obj, args: Sequence[Value]) -> Value | None:
        raise NotImplementedError

    def saved(self, record: Data, node: ast.AST) -> None:
        raise NotImplementedError

    def loaded(self, given: Data) -> Data:
        raise NotImplementedError

    def from_disk(self, record: Data) -> Data:
        raise NotImplementedError

    def has_restored(self, record: Data) -> bool:
        raise NotImplementedError

    def load_state(self, module: Obj, source: Data, node: ast.AST) -> None:
        raise NotImplementedError

    def copy_state(self, target: Obj, given: Data, node: ast.AST) -> None:
        raise NotImplementedError

    def copy_part(self, target: Obj, given: Data, node: ast.AST) -> None:
        raise NotImplementedError

    def settle(self, data: Data, node: ast.AST) -> Data:
        raise NotImplementedError

    def where_matched(self, test: Value) -> AbstractContextManager[None]:
        raise NotImplementedError

    def retract(self, last: int) -> None:
        raise NotImplementedError

    def update(self, target: Obj, regions: Iterable[object], node: ast.AST, how: str, by: str) -> None:
        raise NotImplementedError

    def key_tokens(self, record: Data) -> frozenset[Region]:
        raise NotImplementedError

    def with_lookup(self, found: Data, owner: Value, items: Sequence[Value], node: ast.AST) -> Data:
        raise NotImplementedError

    def with_comparison(self, left: Value, right: Value, out: Data, node: ast.AST) -> Data:
        raise NotImplementedError

    def picked_score(self, data: Data, target: Data, node: ast.AST) -> Data:
        raise NotImplementedError

    def in_vocabulary(self, record: Data) -> bool:
        raise NotImplementedError

    def taken_in(self, content: Data, record: Data) -> Data:
        raise NotImplementedError

    def added_up(self, record: Data, total: Value | None, node: ast.AST) -> Data:
        raise NotImplementedError

    def arithmetic_looks(self, op: ast.operator, left: Value, right: Value, out: Data, node: ast.AST) -> Data:
        raise NotImplementedError

    def ask(
        self, tables: Iterable[Obj], how: str, *, combined: bool, updates: frozenset[int], node: ast.AST
    ) -> int:
        raise NotImplementedError

    def stacked(self, args: Sequence[Value], keywords: dict[str, Value]) -> Columns | None:
        raise NotImplementedError

    def by_column(
        self, name: str, owner: Columns, args: Sequence[Value], keywords: dict[str, Value]
    ) -> Value | None:
        raise NotImplementedError

    def column_at(self, owner: Columns, index: Value, node: ast.AST) -> Value | None:
        raise NotImplementedError

    def store_columns(self, owner: Columns, index: Value, value: Value) -> Value:
        raise NotImplementedError

    def inverted(self, owner: Columns) -> Columns:
        raise NotImplementedError

    def constant_mask(self, value: Value) -> bool | None:
        raise NotImplementedError

    def closed(self, op: ast.cmpop, left: Value, right: Value) -> Const | None:
        raise NotImplementedError

    def carried(self, target: Obj, record: Data, index: Value) -> Data:
        raise NotImplementedError

    def native_call(
        self, name: str, args: Sequence[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        raise NotImplementedError

    def blends(self, score: Score) -> tuple[Blend, ...]:
        raise NotImplementedError

    def reset(self, target: Obj, node: ast.AST, by: str) -> None:
        raise NotImplementedError

    def report(self, args: Sequence[Value], keywords: Mapping[str, Value], node: ast.AST) -> None:
        raise NotImplementedError

    def environment(self, name: str, default: Value | None, node: ast.AST) -> Value:
        raise NotImplementedError

    def skip(self, how: str | None, by: str, what: str, node: ast.AST) -> None:
        raise NotImplementedError

    def decides(self, test: Value) -> str:
        raise NotImplementedError

    def leave_out(self, how: str, by: str, what: str, node: ast.AST, kept: Iterable[tuple[str, int]]) -> None:
        raise NotImplementedError

    def adds_up(self, value: Value) -> None:
        raise NotImplementedError

    def takes_in(self, target: Obj, value: Value) -> None:
        raise NotImplementedError

    def interesting(self, nodes: Sequence[ast.AST]) -> bool:
        raise NotImplementedError

    def refine(self, data: Data, node: ast.AST) -> Data:
        raise NotImplementedError

    def select(self, data: Data, node: ast.AST, by: str, repeated: str = "") -> Data:
        raise NotImplementedError

    def run_inner(self, node: ast.AST, scope: Env | None = None) -> Value:
        raise NotImplementedError

    def module_value(self, name: str, node: ast.AST) -> Value:
        raise NotImplementedError

    def rewritten(self, name: str, values: Sequence[Value], result: Value, node: ast.AST) -> Value:
        raise NotImplementedError

    def with_output(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        raise NotImplementedError

    def written_into(
        self, name: str, tail: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        raise NotImplementedError

    def goes_with(self, dead: str | None, holder: Holder) -> bool:
        raise NotImplementedError

    def arm(
        self,
        body: Sequence[ast.stmt],
        condition: Condition | None,
        env: Env,
        node: ast.stmt,
        text: str,
        name: str,
    ) -> str | None:
        raise NotImplementedError

    def reach(self, values: Iterable[Value], *, calls_only: bool) -> Reach:
        raise NotImplementedError

    def set_environment(self, name: str, value: Value, node: ast.AST) -> None:
        raise NotImplementedError

    def from_environment(self, value: Value) -> Value:
        raise NotImplementedError

    def with_ambient_state(self, module: Obj, method: Func | None, result: Data) -> Data:
        raise NotImplementedError

    def unread_result(self, out: Data, given: Iterable[Value]) -> Data:
        raise NotImplementedError

    def unread_method(self, owner: Value, name: str, given: Iterable[Value], node: ast.AST) -> None:
        raise NotImplementedError

    def stepped(self, states: Iterable[Obj], node: ast.AST, by: str) -> bool:
        raise NotImplementedError

    def kept_for_later(self, name: str, values: Sequence[Value], node: ast.AST) -> Value | None:
        raise NotImplementedError

    def unseen_lesson(self, func: Value, given: Sequence[Value], result: Value, node: ast.AST) -> None:
        raise NotImplementedError

    def weights_in(self, value: Value) -> bool:
        raise NotImplementedError

    def read_or_scored(self, a: Data, b: Data, joined: Data) -> Data:
        raise NotImplementedError

    def unknown_method(self, owner: Value, name: str, given: Sequence[Value], node: ast.AST) -> None:
        raise NotImplementedError

    def class_made(self, cls: Class) -> None:
        raise NotImplementedError

    def run_by_library(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        raise NotImplementedError

    def unseen_text(self, args: Sequence[Value], node: ast.AST) -> None:
        raise NotImplementedError

    def registered_operator(self, decorator: ast.expr, value: Value, env: Env) -> None:
        raise NotImplementedError

    def unread_forward(self, part: Obj, given: Sequence[Value], node: ast.AST) -> None:
        raise NotImplementedError

    def library_value(self, name: str) -> Value:
        raise NotImplementedError

    def patch(self, name: str, value: Value, node: ast.AST) -> None:
        raise NotImplementedError

    def linger(self, values: Iterable[Value], reason: str, what: str, node: ast.AST) -> None:
        raise NotImplementedError

    def lingering_doubts(self) -> None:
        raise NotImplementedError

    def havoc(
        self,
        values: Iterable[Value],
        reason: str,
        what: str,
        node: ast.AST,
        *,
        calls_only: bool = False,
        lasting: bool = False,
        trains_only: bool = False,
    ) -> frozenset[int]:
        """Doubt every state that code which was not read could reach from some values."""
        raise NotImplementedError

    def doubted_value(self, value: Value, numbers: frozenset[int]) -> Value:
        raise NotImplementedError

    def doubted_part(self, owner: Value, part: Value) -> Value:
        raise NotImplementedError

    def gradient(self, regions: Iterable[object], node: ast.AST) -> Data:
        raise NotImplementedError

    def chooses_score(self, condition: Value, first: Value, second: Value) -> bool:
        """Whether a value is one of two scores, picked by a condition that looked at scores."""
        raise NotImplementedError

    def choice(self, test: Value, node: ast.AST) -> Choice | None:
        raise NotImplementedError

    def told(self, value: Value, choice: Choice) -> Value:
        raise NotImplementedError

    def kept(self, first: object, second: object, joined: object, choice: Choice) -> object:
        raise NotImplementedError

    def decided(self, record: Data, condition: Value, node: ast.AST) -> Data:
        raise NotImplementedError

    def masked(self, record: Data, mask: Data, node: ast.AST) -> Data:
        raise NotImplementedError

    def thinned(self, record: Data, node: ast.AST) -> Data:
        raise NotImplementedError

    def write_mask(self, target: Obj, index: Value, value: Const) -> None:
        raise NotImplementedError

    def let_through(self, target: Obj, content: Data) -> Data:
        raise NotImplementedError

    def starts_empty(self, tail: str, args: list[Value], keywords: dict[str, Value]) -> bool:
        raise NotImplementedError

    def text_of(self, value: Value) -> str:
        raise NotImplementedError

    def note_carries(self, module: Obj, node: ast.AST) -> None:
        raise NotImplementedError

    def file_named(self, pattern: str, node: ast.AST) -> Data:
        raise NotImplementedError

    def embedded(self, text: Const, node: ast.AST) -> Data:
        raise NotImplementedError

    def origin(self, number: int) -> Event | None:
        raise NotImplementedError

    def wrote(self, path: Value) -> None:
        raise NotImplementedError

    def content_of(self, args: Sequence[Value], node: ast.AST) -> Data | None:
        raise NotImplementedError

    def by_kind_of(self, value: Value | None) -> object:
        raise NotImplementedError

    def looked_up(self, owner: Value, index: Value) -> Value | ByKind | None:
        raise NotImplementedError

    def combined(self, operator: ast.operator, left: Value, right: Value) -> ByKind | None:
        raise NotImplementedError

    def transformed(self, operator: ast.unaryop, value: Value) -> ByKind | None:
        raise NotImplementedError

    def compared(self, operator: ast.cmpop, left: Value, right: Value) -> ByKind | None:
        raise NotImplementedError

    def conjoined(self, values: Sequence[Value], *, conjunction: bool) -> ByKind | None:
        raise NotImplementedError

    def picked(self, condition: Value, first: Value, second: Value) -> ByKind | None:
        raise NotImplementedError

    def measured(self, value: Value) -> ByKind | None:
        raise NotImplementedError

    def store_by_kind(self, target: Obj, index: Value, value: Value) -> bool:
        raise NotImplementedError

    def spoil(self, target: Obj) -> None:
        raise NotImplementedError

    def note_stored(self, target: Obj, value: Const) -> None:
        raise NotImplementedError

    def counted(self, record: Data, node: ast.AST) -> Data:
        raise NotImplementedError

    def added(self, old: frozenset[int], new: frozenset[int], node: ast.AST) -> frozenset[int]:
        raise NotImplementedError

    def tokenizer(self, args: Sequence[Value], keywords: dict[str, Value], node: ast.AST) -> Obj:
        raise NotImplementedError

    def tokenizer_method(
        self, owner: Obj, name: str, args: Sequence[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        raise NotImplementedError

    def kinds_to_visit(self, node: ast.For | ast.AsyncFor, iterable: Value, env: Env) -> list[Value] | None:
        raise NotImplementedError

    def kinds_listed(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, env: Env) -> Obj | None:
        raise NotImplementedError

    def distribution(self, record: Data, node: ast.AST, name: str) -> Data:
        raise NotImplementedError

    def exact_items(self, value: Value) -> Sequence[Value] | None:
        raise NotImplementedError

    def known_items(self, iterable: Value) -> Sequence[Value] | None:
        raise NotImplementedError

    def length(self, value: Value) -> Expr | None:
        raise NotImplementedError

    def cast_bits(self, name: str, args: list[Value], keywords: dict[str, Value]) -> int | None:
        raise NotImplementedError

    def wrapped(self, value: Value, bits: int) -> Value:
        raise NotImplementedError

    def indexable(self, value: Value) -> Value:
        raise NotImplementedError

    def is_aligned(self, container: Obj, entries: Sequence[object]) -> bool:
        raise NotImplementedError

    def data_length(self, owner: Value, record: Data) -> Expr | None:
        raise NotImplementedError

    def comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, env: Env
    ) -> Value:
        raise NotImplementedError

    def fork(
        self,
        arms: Sequence[tuple[Sequence[ast.stmt], Condition | None]],
        env: Env,
        node: ast.stmt,
        text: str,
        choice: Choice | None = None,
    ) -> str | None:
        raise NotImplementedError

    def iterated(self, value: Value, node: ast.AST) -> Value:
        raise NotImplementedError

    def each(self, iterable: Value, take: Callable[[Value], None], body: Body) -> str | None:
        raise NotImplementedError

    def turns(
        self,
        body: Body,
        entry: int,
        count: Expr | None,
        bind: Callable[[Atom], None],
        *,
        always: bool = False,
    ) -> str | None:
        raise NotImplementedError

    def settle_deferred(self, left: list[Deferral]) -> None:
        raise NotImplementedError

    def as_generator(self, value: Value) -> Generator | None:
        raise NotImplementedError

    def driven(self, generator: Generator, take: Callable[[Value], None], body: Body) -> str | None:
        raise NotImplementedError

    def sent(self, generator: Generator, value: Value) -> Value:
        raise NotImplementedError

    def resumed(self, generator: Generator, count: int) -> Value:
        raise NotImplementedError

    def listed(self, generator: Generator, *, at_once: bool = False) -> Value:
        raise NotImplementedError

    def once(self, generator: Generator, take: Consume) -> str | None:
        raise NotImplementedError

    def mapped(self, func: Value, iterables: list[Value], node: ast.AST) -> Generator:
        raise NotImplementedError

    def framed(self, drive: Callable[[Consume], None]) -> Callable[[Consume], None]:
        raise NotImplementedError

    def generator_call(self, func: Func, scope: Env, node: ast.AST) -> Generator:
        raise NotImplementedError

    def yields(self, func: Func) -> bool:
        raise NotImplementedError

    def optimizer_method(
        self, optimizer: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        raise NotImplementedError

    def backward(self, loss: Data, node: ast.AST) -> None:
        raise NotImplementedError

    def integers(self, value: Value) -> frozenset[RowNumber]:
        raise NotImplementedError

    def tokens(
        self, name: str, tail: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        raise NotImplementedError

    def call_builtin(self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        raise NotImplementedError

    def known_parts(self, value: Value) -> list[Value] | None:
        raise NotImplementedError

    def at_key(self, table: Obj, key: Expr) -> Value:
        raise NotImplementedError

    def part(
        self,
        owner: Value,
        record: Data,
        name: str,
        args: list[Value],
        keywords: dict[str, Value],
        node: ast.AST,
    ) -> Value:
        raise NotImplementedError

    def method_by_kind(
        self,
        owner: Value,
        record: Data,
        name: str,
        args: list[Value],
        keywords: dict[str, Value],
        node: ast.AST,
    ) -> Value | None:
        raise NotImplementedError

    def reshaped(self, record: Data, name: str, args: list[Value]) -> Data:
        raise NotImplementedError

    def gathered(self, record: Data, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Data:
        raise NotImplementedError

    def size_method(self, owner: Value, record: Data, name: str, args: list[Value]) -> Value | None:
        raise NotImplementedError

    def narrow(self, record: Data, items: Sequence[Value], node: ast.AST | None = None) -> Data:
        raise NotImplementedError

    def facts_for(self, region: Region) -> tuple[Expr, ...]:
        raise NotImplementedError

    def container_method(
        self, owner: Obj | View, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        raise NotImplementedError

    def tensors(
        self, name: str, tail: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        raise NotImplementedError

    def part_by_position(self, owner: Obj, index: Slice, node: ast.AST) -> Data | None:
        raise NotImplementedError

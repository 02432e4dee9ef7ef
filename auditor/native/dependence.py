"""Which elements of its arrays decide what a C function writes, element beside element.

A function that walks over positions (`for (i = 0; i < n; ++i)`) and writes `out[i]` may use the tokens before `i`
freely. What must be known is whether `tokens[i]` itself decides `out[i]`: by its value, or by a branch that looks at
it. What one turn of the loop leaves behind in variables and tables is known to the next turn as earlier tokens.

Everything is joined to the safe side: a call passes all its arguments on to its result and to whatever it is
handed by address, both arms of a branch are followed, loops inside the walk are gone through twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tree_sitter import Node

from auditor.native.nodes import (
    by_address,
    called_name,
    counting_fields,
    declared_name,
    indexes,
    is_share,
    jumps,
    loop_counter,
    nodes_of,
    subscript_of,
)
from auditor.native.syntax import functions_of, global_variables, parameters_of, text_of

PURE = frozenset([
    "malloc", "calloc", "realloc", "free", "memset", "memcpy", "memmove", "sizeof", "swap", "move", "abs", "fabs",
    "fabsf", "exp", "expf", "exp2", "log", "logf", "log2", "log1p", "log1pf", "expm1", "sqrt", "sqrtf", "pow", "powf",
    "floor", "ceil", "round", "min", "max", "fmin", "fmax", "fminf", "fmaxf", "printf", "fprintf", "assert",
])  # fmt: skip
"""Functions of the standard library that keep nothing of their arguments for themselves."""

CASTS = frozenset([
    "static_cast", "reinterpret_cast", "const_cast", "bit_cast", "bool", "char", "short", "int", "long", "unsigned",
    "float", "double", "size_t", "ssize_t", "ptrdiff_t",
    *(f"{sign}int{bits}_t" for sign in ("", "u") for bits in (8, 16, 32, 64)),
])  # fmt: skip
"""Calls that are the same value as another type: C++ writes `static_cast<T>(x)` and `T(x)`."""

GLOBALS = "#globals"
ELSEWHERE = 1 << 30
"""The distance of an element whose place was not told."""

Taint = frozenset[tuple[str, int, bool]]
"""Elements that a value depends on: a parameter, how far behind the present position its element lies, and whether
it only decides by a branch which value this is."""

CLEAN: Taint = frozenset()
Env = dict[str, Taint]


@dataclass(slots=True)
class Written:
    """What a function writes into one of its arrays at the present position.

    Attributes:
        taint: the elements that decide it; those before the present position are left out.
        line: of the first place where it is written by what is not left out, else of the first at all (from 1).
        share: every value written is 0, 1, or a counter divided by another of the same record.
    """

    taint: Taint
    line: int
    share: bool


@dataclass(slots=True)
class Dependence:
    """What was found of one function.

    Attributes:
        name: of the function.
        parameters: their names, in order.
        walked: parameters that are read or written at the position of a loop over positions.
        written: by parameter, what is written there.
        kept: parameters whose pointees keep something for the next call.
        problems: what could not be followed, in words.
    """

    name: str
    parameters: tuple[str, ...]
    walked: set[str] = field(default_factory=set)
    written: dict[str, Written] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


def dependences(root: Node) -> dict[str, Dependence]:
    """The dependences of every function that a source defines, by name."""
    defined = functions_of(root)
    counters = counting_fields(root)
    names = frozenset(defined)
    globals_ = global_variables(root)
    return {name: _Walk(name, node, names, globals_, counters).run() for name, node in defined.items()}


class _Walk:
    """Follows one function."""

    def __init__(
        self,
        name: str,
        node: Node,
        defined: frozenset[str],
        globals_: frozenset[str],
        counters: frozenset[str],
    ) -> None:
        self.node = node
        self.defined = defined
        self.globals = globals_
        self.counters = counters
        self.pointers = {p.name for p in parameters_of(node) if p.pointer}
        self.found = Dependence(name, tuple(p.name for p in parameters_of(node)))
        self.aliases: dict[str, frozenset[str]] = {}
        self.position: str | None = None
        self.control: Taint = CLEAN

    def run(self) -> Dependence:
        body = self.node.child_by_field_name("body")
        if body is not None:
            self.statement(body, {})
        return self.found

    # statements
    def block(self, nodes: Iterable[Node], env: Env) -> None:
        """Statements in order; what follows a jump that a condition decides is decided by it too."""
        outer = self.control
        for node in nodes:
            self.statement(node, env)
            if self.position is not None and jumps(node):
                self.control |= gating(self.deciding(node, env))
        self.control = outer

    def statement(self, node: Node, env: Env) -> None:
        kind = node.type
        if kind in ("compound_statement", "case_statement", "else_clause"):
            self.block(node.named_children, env)
        elif kind == "if_statement":
            self.branch(node, env)
        elif kind == "for_statement":
            self.for_loop(node, env)
        elif kind in ("while_statement", "do_statement", "switch_statement", "for_range_loop"):
            self.inner_loop(node, env)
        elif kind in ("goto_statement", "asm_statement", "gnu_asm_expression", "try_statement"):
            self.problem(node, f"`{kind.replace('_', ' ')}`")
        elif kind in ("return_statement", "expression_statement", "declaration", "condition_clause"):
            for child in node.named_children:
                self.part(child, env)
        elif kind == "labeled_statement":
            self.problem(node, "a label")
        elif kind not in ("break_statement", "continue_statement", "comment") and not kind.startswith(
            "preproc"
        ):
            self.value(node, env)

    def part(self, node: Node, env: Env) -> None:
        """A declarator with its first value, or an expression."""
        if node.type != "init_declarator":
            if not node.type.endswith(("declarator", "type", "specifier", "qualifier", "type_identifier")):
                self.value(node, env)
            return
        given = node.child_by_field_name("value")
        name = declared_name(node)
        if given is None or name is None:
            return
        env[name] = self.value(given, env) | self.control
        if "pointer_declarator" in (c.type for c in node.named_children) or "reference_declarator" in (
            c.type for c in node.named_children
        ):
            self.aliases[name] = self.roots(given)

    def branch(self, node: Node, env: Env) -> None:
        condition = node.child_by_field_name("condition")
        outer = self.control
        decided = gating(self.value(condition, env)) if condition is not None else CLEAN
        self.control = outer | decided
        left = dict(env)
        for arm, scope in (("consequence", left), ("alternative", env)):
            body = node.child_by_field_name(arm)
            if body is not None:
                self.statement(body, scope)
        self.control = outer
        for name, taint in left.items():
            env[name] = env.get(name, CLEAN) | taint

    def deciding(self, node: Node, env: Env) -> Taint:
        """What decides whether a statement jumps away."""
        out = CLEAN
        for found in nodes_of(node):
            if found.type in ("if_statement", "while_statement", "switch_statement"):
                condition = found.child_by_field_name("condition")
                if condition is not None:
                    out |= self.value(condition, dict(env))
        return out

    def for_loop(self, node: Node, env: Env) -> None:
        counter = loop_counter(node)
        body = node.child_by_field_name("body")
        if body is None:
            return
        if counter is None or self.position is not None or not indexes(body, counter, self.pointers):
            self.inner_loop(node, env)
            return
        start = node.child_by_field_name("initializer")
        if start is not None:
            self.statement(start, env)
        env[counter] = CLEAN
        self.position = counter
        self.statement(body, env)
        self.position = None
        for name in env:
            env[name] = CLEAN  # what is left behind is known to what comes later

    def inner_loop(self, node: Node, env: Env) -> None:
        outer = self.control
        for _ in range(2):
            for child in node.named_children:
                if child.type in ("compound_statement", "expression_statement", "declaration"):
                    self.statement(child, env)
                else:
                    self.control |= gating(self.value(child, env))
        self.control = outer

    # expressions
    def value(self, node: Node, env: Env) -> Taint:
        """What an expression depends on; assignments in it are carried out."""
        kind = node.type
        if kind == "identifier":
            return self.variable(text_of(node), env)
        if kind in ("assignment_expression", "update_expression"):
            return self.assignment(node, env)
        if kind == "call_expression":
            return self.call(node, env)
        if kind == "subscript_expression":
            return self.subscript(node, env)
        if kind == "field_expression":
            return self.read_field(node, env)
        if kind == "conditional_expression":
            condition, *arms = node.named_children
            out = gating(self.value(condition, env))
            return out.union(*(self.value(arm, env) for arm in arms))
        if kind == "lambda_expression":
            self.problem(node, "a lambda")
        out = CLEAN
        for child in node.named_children:
            out |= self.value(child, env)
        return out

    def variable(self, name: str, env: Env) -> Taint:
        if name in self.globals:
            return env.get(GLOBALS, CLEAN)
        return env.get(name, CLEAN)

    def read_field(self, node: Node, env: Env) -> Taint:
        base = node.child_by_field_name("argument")
        out = self.value(base, env) if base is not None else CLEAN
        for root in self.roots(node):
            out |= env.get(root, CLEAN)
        return out

    def subscript(self, node: Node, env: Env) -> Taint:
        base, index = subscript_of(node)
        out = (self.value(base, env) if base is not None else CLEAN) | (
            self.value(index, env) if index is not None else CLEAN
        )
        for root in self.roots(node):
            out |= env.get(root, CLEAN)
        name = text_of(base) if base is not None and base.type == "identifier" else ""
        roots = self.aliases.get(name, frozenset()) & self.pointers
        if name in self.pointers:
            distance = self.distance(index)
            if distance is not None:
                self.found.walked.add(name)
            if distance is None or distance >= 0:
                out |= {(name, ELSEWHERE if distance is None else distance, False)}
        elif roots:
            out |= {(root, ELSEWHERE, False) for root in roots}
        return out

    def distance(self, index: Node | None) -> int | None:
        """How far behind the present position an index lies; None if that is not told."""
        if index is None or self.position is None:
            return None
        words = text_of(index).replace("(size_t)", "").replace("(int)", "").replace("(int64_t)", "").split()
        text = "".join(words)
        if text == self.position:
            return 0
        rest = text.removeprefix(self.position)
        if rest != text and rest[:1] in "+-" and rest[1:].isdecimal() and len(rest) < 12:
            return int(rest)
        return None

    def assignment(self, node: Node, env: Env) -> Taint:
        left = node.child_by_field_name("left") or node.child_by_field_name("argument")
        right = node.child_by_field_name("right")
        taint = (self.value(right, env) if right is not None else CLEAN) | self.control
        if left is None:
            return taint
        plain = any(child.type == "=" for child in node.children)
        if left.type == "identifier":
            name = text_of(left)
            if name in self.globals:
                env[GLOBALS] = env.get(GLOBALS, CLEAN) | taint
            else:
                env[name] = taint if plain else env.get(name, CLEAN) | taint
                if right is not None and name in self.aliases:
                    self.aliases[name] |= self.roots(right)
            return env.get(name, taint)
        if left.type == "subscript_expression" and self.output(left, right, taint, env, plain):
            return taint
        inner = taint | self.value(left, env)
        for root in self.roots(left):
            env[root] = env.get(root, CLEAN) | inner
            if root in self.pointers:
                self.found.kept.add(root)
        return inner

    def output(self, left: Node, right: Node | None, taint: Taint, env: Env, plain: bool) -> bool:
        """Whether an assignment writes into a parameter's array; then what is written is noted."""
        base, index = subscript_of(left)
        if base is None or base.type != "identifier":
            return False
        name = text_of(base)
        roots = self.aliases.get(name, frozenset()) & self.pointers
        if name not in self.pointers and not roots:
            return False
        distance = self.distance(index) if name in self.pointers else None
        if index is not None and distance is None:
            taint |= self.value(index, env)
        if not plain:
            taint |= self.value(left, env)
        if distance is None:
            seen = frozenset((parameter, ELSEWHERE, gate) for parameter, _, gate in taint)
        else:
            seen = frozenset(
                (p, d if d == ELSEWHERE else d - distance, gate) for p, d, gate in taint if d - distance >= 0
            )
        share = plain and right is not None and is_share(right, self.counters)
        for target in (name,) if name in self.pointers else sorted(roots):
            known = self.found.written.get(target)
            line = left.start_point[0] + 1
            if known is None:
                self.found.written[target] = Written(seen, line, share)
            else:
                known.line = line if seen and not known.taint else known.line
                known.taint |= seen
                known.share = known.share and share
            if distance is not None:
                self.found.walked.add(target)
            elif self.position is None and index is not None:
                self.found.kept.add(target)
        return True

    def call(self, node: Node, env: Env) -> Taint:
        """A call: everything it is given goes into its result and into what it is given the address of."""
        arguments = node.child_by_field_name("arguments")
        given = [child for child in arguments.named_children if child.type != "comment"] if arguments else []
        taint = self.control | env.get(GLOBALS, CLEAN)
        for argument in given:
            taint |= self.value(argument, env)
            for root in self.roots(argument):
                taint |= env.get(root, CLEAN)
        name = called_name(node)
        if name in CASTS and name not in self.defined:
            return taint
        if name not in self.defined and name not in PURE:
            self.problem(node, f"a call of `{name[:40]}`")
        for argument in given:
            for root in self.roots(argument) if by_address(argument, self.pointers, self.aliases) else ():
                env[root] = env.get(root, CLEAN) | taint
                if root in self.pointers and name in self.defined:
                    self.found.kept.add(root)
        if self.globals and name in self.defined:
            env[GLOBALS] = env.get(GLOBALS, CLEAN) | taint
        return taint

    def roots(self, node: Node) -> frozenset[str]:
        """The variables through which an expression reaches memory."""
        if node.type == "identifier":
            name = text_of(node)
            return self.aliases.get(name, frozenset()) | {name}
        inner = {
            "field_expression": "argument",
            "subscript_expression": "argument",
            "pointer_expression": "argument",
            "cast_expression": "value",
        }.get(node.type)
        if inner is not None:
            child = node.child_by_field_name(inner)
            return self.roots(child) if child is not None else frozenset()
        out: frozenset[str] = frozenset()
        if node.type == "call_expression" and called_name(node) in CASTS:
            arguments = node.child_by_field_name("arguments")
            return out.union(*map(self.roots, arguments.named_children if arguments is not None else ()))
        if node.type in ("parenthesized_expression", "binary_expression", "conditional_expression"):
            for child in node.named_children:
                out |= self.roots(child)
        return out

    def problem(self, node: Node, what: str) -> None:
        text = f"{what} in line {node.start_point[0] + 1}"
        if text not in self.found.problems:
            self.found.problems.append(text)


def gating(taint: Taint) -> Taint:
    """What decides a branch is no part of the values that the branch chooses among."""
    return frozenset((parameter, distance, True) for parameter, distance, _ in taint)

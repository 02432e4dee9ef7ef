"""The unpacking interpreter, expressions: a closed set of pure operations over inert values.

It never raises for what a submission does: an expression that cannot be followed is an `Unknown` with the
reason. Calls that run text are handed to `unpack_running`, other calls to `unpack_calls`; statements are in
`unpack_statements`.
"""

from __future__ import annotations

import ast
import posixpath
from abc import abstractmethod
from typing import Any, Final

from auditor.program.unpacking.base import Scopes
from auditor.program.unpacking.calls import Calls
from auditor.program.unpacking.methods import PLAIN, binary, compare, iterable, subscript
from auditor.program.unpacking.values import Closure, FilePath, Library, Method, Unknown

_BUILTINS: Final = frozenset(
    [
        "exec",
        "eval",
        "compile",
        "open",
        "__import__",
        "bytes",
        "bytearray",
        "str",
        "int",
        "float",
        "bool",
        "list",
        "tuple",
        "dict",
        "set",
        "len",
        "range",
        "chr",
        "ord",
        "zip",
        "enumerate",
        "reversed",
        "sorted",
        "map",
        "filter",
        "sum",
        "min",
        "max",
        "abs",
        "hex",
        "divmod",
        "isinstance",
        "memoryview",
        "globals",
        "locals",
        "vars",
        "getattr",
        "print",
        "input",
        "type",
    ]
)


class Expressions(Calls):
    """Evaluates expressions; a base of the whole interpreter."""

    @abstractmethod
    def run_call(
        self, node: ast.Call, function: object, arguments: list[Any], keywords: dict[str, Any], scopes: Scopes
    ) -> object:
        """Run text if `function` is one that does; `NotImplemented` if it is none."""

    # -- dispatch

    def evaluate(self, node: ast.expr | None, scopes: Scopes) -> Any:
        """Return the value of an expression."""
        if node is None:
            return None
        self.budget.step()
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return self._lookup(node.id, scopes)
        if isinstance(node, ast.Call):
            return self._call(node, scopes)
        if isinstance(node, ast.Attribute):
            return self.attribute(self.evaluate(node.value, scopes), node.attr)
        if isinstance(node, ast.BinOp):
            return self._binary(node, scopes)
        if isinstance(node, ast.Subscript):
            value = self.evaluate(node.value, scopes)
            if isinstance(value, Library) and value.name == "os.environ":
                return self.library.environment.get(
                    str(self.evaluate(node.slice, scopes)), Unknown("an environment variable")
                )
            if isinstance(value, Method) and value.name == "parents" and isinstance(value.owner, FilePath):
                return self.ancestor(value.owner, self.evaluate(node.slice, scopes))
            return self.derived(subscript(value, self.evaluate(node.slice, scopes)), [value])
        handler = getattr(self, f"_{type(node).__name__.lower()}", None)
        if handler is None:
            return Unknown(f"{type(node).__name__} is not followed")
        return handler(node, scopes)

    def _lookup(self, name: str, scopes: Scopes) -> object:
        for scope in reversed(scopes):
            if name in scope:
                return scope[name]
        if name in _BUILTINS:
            return Library(name)
        if name in ("__builtins__",):
            return Library("builtins")
        return Unknown(f"the name {name} is not known here")

    # -- operators

    def _binary(self, node: ast.BinOp, scopes: Scopes) -> object:
        spine = [node]
        while isinstance(spine[-1].left, ast.BinOp):
            spine.append(spine[-1].left)
        left = self.evaluate(spine[-1].left, scopes)
        for operation in reversed(spine):
            self.budget.step()
            right = self.evaluate(operation.right, scopes)
            if isinstance(operation.op, ast.Div) and isinstance(left, FilePath):
                left = self._joined(left, right)
            else:
                left = self.derived(binary(self.budget, operation.op, left, right), [left, right])
        return left

    def _joined(self, path: FilePath, right: object) -> object:
        if isinstance(right, (str, FilePath)):
            return FilePath(posixpath.join(path.text, right if isinstance(right, str) else right.text))
        return right if isinstance(right, Unknown) else Unknown("a path joined with no text")

    def _unaryop(self, node: ast.UnaryOp, scopes: Scopes) -> object:
        value = self.evaluate(node.operand, scopes)
        if isinstance(node.op, ast.Not):
            truth = self.truth(value)
            return Unknown("an unknown condition") if truth is None else not truth
        if not isinstance(value, (int, float)):
            return value if isinstance(value, Unknown) else Unknown("a sign on no number")
        if isinstance(node.op, ast.USub):
            return -value
        return ~value if isinstance(node.op, ast.Invert) and isinstance(value, int) else value

    def _boolop(self, node: ast.BoolOp, scopes: Scopes) -> object:
        stop_at = isinstance(node.op, ast.Or)
        value: object = None
        for operand in node.values:
            value = self.evaluate(operand, scopes)
            truth = self.truth(value)
            if truth is None:
                return value
            if truth is stop_at:
                return value
        return value

    def _compare(self, node: ast.Compare, scopes: Scopes) -> object:
        left = self.evaluate(node.left, scopes)
        result: object = True
        for operation, comparator in zip(node.ops, node.comparators, strict=True):
            right = self.evaluate(comparator, scopes)
            if isinstance(right, Library) and right.name == "os.environ" and isinstance(left, str):
                return Unknown(f"whether {left} is in the environment")
            result = compare(operation, left, right)
            if self.truth(result) is not True:
                return result
            left = right
        return result

    def _ifexp(self, node: ast.IfExp, scopes: Scopes) -> object:
        truth = self.truth(self.evaluate(node.test, scopes))
        if truth is None:
            first, second = self.evaluate(node.body, scopes), self.evaluate(node.orelse, scopes)
            if isinstance(first, PLAIN) and isinstance(second, PLAIN) and first == second:
                return first
            return Unknown("a choice that depends on an unknown condition")
        return self.evaluate(node.body if truth else node.orelse, scopes)

    def _namedexpr(self, node: ast.NamedExpr, scopes: Scopes) -> object:
        value = self.evaluate(node.value, scopes)
        scopes[-1][node.target.id] = value
        return value

    def _slice(self, node: ast.Slice, scopes: Scopes) -> object:
        parts = [self.evaluate(part, scopes) for part in (node.lower, node.upper, node.step)]
        unknown = next((part for part in parts if isinstance(part, Unknown)), None)
        return unknown if unknown is not None else slice(*parts)

    # -- displays

    def _sequence(self, elements: list[ast.expr], scopes: Scopes) -> list[object] | Unknown:
        values: list[object] = []
        for element in elements:
            if isinstance(element, ast.Starred):
                items = iterable(self.evaluate(element.value, scopes))
                if items is None:
                    return Unknown("a starred value that is not known")
                values.extend(items)
            else:
                values.append(self.evaluate(element, scopes))
        return values

    def _list(self, node: ast.List, scopes: Scopes) -> object:
        values = self._sequence(node.elts, scopes)
        return values if isinstance(values, Unknown) else self.derived(values, values)

    def _tuple(self, node: ast.Tuple, scopes: Scopes) -> object:
        values = self._sequence(node.elts, scopes)
        return values if isinstance(values, Unknown) else self.derived(tuple(values), values)

    def _set(self, node: ast.Set, scopes: Scopes) -> object:
        values = self._sequence(node.elts, scopes)
        if isinstance(values, Unknown):
            return values
        try:
            return set(values)
        except TypeError:
            return Unknown("a set of what cannot be hashed")

    def _dict(self, node: ast.Dict, scopes: Scopes) -> object:
        result: dict[object, object] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            item = self.evaluate(value, scopes)
            if key is None:
                if not isinstance(item, dict):
                    return Unknown("a dict unpacked from an unknown one")
                result.update(item)
                continue
            try:
                result[self.evaluate(key, scopes)] = item
            except TypeError:
                return Unknown("a dict key that cannot be hashed")
        return self.derived(result, list(result.values()))

    def _joinedstr(self, node: ast.JoinedStr, scopes: Scopes) -> object:
        pieces: list[str] = []
        values: list[object] = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                value = self.evaluate(part.value, scopes)
                if isinstance(value, FilePath):
                    value = value.text
                if not isinstance(value, (str, int, float, bool)) or part.format_spec is not None:
                    return value if isinstance(value, Unknown) else Unknown("an f-string with a format")
                pieces.append(repr(value) if part.conversion in (ord("r"), ord("a")) else str(value))
                values.append(value)
            elif isinstance(part, ast.Constant):
                pieces.append(str(part.value))
        self.budget.allocate(sum(map(len, pieces)))
        return self.derived("".join(pieces), values)

    # -- comprehensions

    def _comprehend(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, scopes: Scopes) -> object:
        results: list[object] = []
        problem = self._clauses(node.generators, 0, [*scopes, {}], results, [node.elt])
        if problem is not None:
            return problem
        return self.derived([row[0] for row in results], [row[0] for row in results[:4]])  # type: ignore[index]

    _listcomp = _comprehend
    _generatorexp = _comprehend

    def _setcomp(self, node: ast.SetComp, scopes: Scopes) -> object:
        values = self._comprehend(node, scopes)
        try:
            return set(values) if isinstance(values, list) else values
        except TypeError:
            return Unknown("a set of what cannot be hashed")

    def _dictcomp(self, node: ast.DictComp, scopes: Scopes) -> object:
        results: list[Any] = []
        problem = self._clauses(node.generators, 0, [*scopes, {}], results, [node.key, node.value])
        if problem is not None:
            return problem
        try:
            return dict(results)
        except TypeError:
            return Unknown("a dict key that cannot be hashed")

    def _clauses(
        self,
        clauses: list[ast.comprehension],
        index: int,
        scopes: Scopes,
        results: list[Any],
        elements: list[ast.expr],
    ) -> Unknown | None:
        if index == len(clauses):
            results.append([self.evaluate(element, scopes) for element in elements])
            self.budget.step()
            return None
        clause = clauses[index]
        source = self.evaluate(clause.iter, scopes)
        items = iterable(source)
        if items is None:
            return source if isinstance(source, Unknown) else Unknown("a comprehension over unknown items")
        for item in items:
            self.assign(clause.target, item, scopes)
            truths = [self.truth(self.evaluate(test, scopes)) for test in clause.ifs]
            if None in truths:
                return Unknown("a comprehension with an unknown condition")
            if all(truths):
                problem = self._clauses(clauses, index + 1, scopes, results, elements)
                if problem is not None:
                    return problem
        return None

    def _lambda(self, node: ast.Lambda, scopes: Scopes) -> object:
        return self.closure(node, scopes)

    def closure(self, node: ast.FunctionDef | ast.Lambda, scopes: Scopes) -> Closure:
        """Make a function value; defaults are evaluated now."""
        defaults = [self.evaluate(default, scopes) for default in node.args.defaults]
        keyword_defaults = [self.evaluate(default, scopes) for default in node.args.kw_defaults]
        return Closure(node, list(scopes), defaults, keyword_defaults, self.current)

    @abstractmethod
    def assign(self, target: ast.expr, value: object, scopes: Scopes) -> None:
        """Bind a target."""

    # -- calls

    def _call(self, node: ast.Call, scopes: Scopes) -> object:
        function = self.evaluate(node.func, scopes)
        arguments = self._sequence(node.args, scopes)
        keywords: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.evaluate(keyword.value, scopes)
            if keyword.arg is not None:
                keywords[keyword.arg] = value
            elif isinstance(value, dict):
                keywords.update({str(key): item for key, item in value.items()})
        if isinstance(arguments, Unknown):
            return arguments
        result = self.run_call(node, function, arguments, keywords, scopes)
        if result is not NotImplemented:
            return result
        return self.call(function, arguments, keywords, scopes)

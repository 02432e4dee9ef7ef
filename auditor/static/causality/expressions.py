"""Expressions."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator
from typing import Any

from auditor.static.causality.calls import super_of
from auditor.static.causality.contraction import matmul
from auditor.static.causality.extents import Extent
from auditor.static.causality.failures import NotFollowed, ScriptError
from auditor.static.causality.operations.elementwise import binary, unary
from auditor.static.causality.operations.table import integer
from auditor.static.causality.tensor import Tensor
from auditor.static.causality.values import MISSING, Class, Instance, Library, Scope, Unknown
from auditor.static.causality.walker import Walker, held, is_open, joined_unknown, key_of

ARITHMETIC: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any], str]] = {
    ast.Add: ("add", operator.add, "__add__"),
    ast.Sub: ("sub", operator.sub, "__sub__"),
    ast.Mult: ("mul", operator.mul, "__mul__"),
    ast.Div: ("div", operator.truediv, "__truediv__"),
    ast.FloorDiv: ("floor_divide", operator.floordiv, "__floordiv__"),
    ast.Mod: ("remainder", operator.mod, "__mod__"),
    ast.Pow: ("pow", operator.pow, "__pow__"),
    ast.BitAnd: ("bitwise_and", operator.and_, "__and__"),
    ast.BitOr: ("bitwise_or", operator.or_, "__or__"),
    ast.BitXor: ("bitwise_xor", operator.xor, "__xor__"),
    ast.LShift: ("bitwise_left_shift", operator.lshift, "__lshift__"),
    ast.RShift: ("bitwise_right_shift", operator.rshift, "__rshift__"),
    ast.MatMult: ("matmul", operator.matmul, "__matmul__"),
}
COMPARISONS: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Lt: ("lt", operator.lt),
    ast.LtE: ("le", operator.le),
    ast.Gt: ("gt", operator.gt),
    ast.GtE: ("ge", operator.ge),
    ast.Eq: ("eq", operator.eq),
    ast.NotEq: ("ne", operator.ne),
}
MAX_REPEATED = 1_000_000


def eval_constant(it: Walker, node: ast.Constant, scope: Scope) -> Any:
    return node.value


def eval_name(it: Walker, node: ast.Name, scope: Scope) -> Any:
    found = scope.find(node.id)
    if found is None:
        if node.id in it.base.names:
            return it.base.names[node.id]
        return it.unknown(f"the name {node.id}")
    value = found.names[node.id]
    if it.following and found.outer is None and node.id in it.optional:
        library = it.optional[node.id]
        it.choices.choose(("import", library), (True, False), f"{library} can be imported")
    if isinstance(value, Tensor) and value.view is not None:
        value.refresh()
    if it.following and found.outer is None and (id(found), node.id) in it.late_globals:
        return _late_global(it, found, node.id, value)
    return value


def _late_global(it: Walker, module: Scope, name: str, value: Any) -> Any:
    """The value of a module's name that some function sets: the one it has, or one of those that it may be given."""
    if not isinstance(value, bool | int | float | str | type(None)):
        return value
    options: list[Any] = [value]
    for text in it.late_globals[id(module), name]:
        option = (
            text.value if isinstance(text, ast.Constant) else it.unknown(f"the name {name}, set elsewhere")
        )
        if not any(type(option) is type(known) and _plainly_equal(option, known) for known in options):
            options.append(option)
    chosen = it.choices.choose(("global", name), range(len(options)), f"{name} is set elsewhere")
    return options[chosen]


def _plainly_equal(left: Any, right: Any) -> bool:
    return isinstance(left, Unknown) or bool(left == right)


def eval_tuple(it: Walker, node: ast.Tuple, scope: Scope) -> tuple[Any, ...]:
    return tuple(elements(it, node.elts, scope))


def eval_list(it: Walker, node: ast.List, scope: Scope) -> list[Any]:
    return elements(it, node.elts, scope)


def eval_set(it: Walker, node: ast.Set, scope: Scope) -> Any:
    return hashed(set, elements(it, node.elts, scope))


def hashed(kind: Callable[[Any], Any], values: Any) -> Any:
    """A set of values that must be known: how many there are hangs on which are equal."""
    if is_open(values):
        raise NotFollowed("a set of values that are not known")
    try:
        return kind(values)
    except TypeError:
        raise NotFollowed("a set of values that have no hash here") from None


def elements(it: Walker, nodes: list[ast.expr], scope: Scope) -> list[Any]:
    """The values of displays and arguments, `*` included."""
    out: list[Any] = []
    for node in nodes:
        if isinstance(node, ast.Starred):
            out.extend(it.iterate(it.evaluate(node.value, scope)))
        else:
            out.append(it.evaluate(node, scope))
    return out


def eval_dict(it: Walker, node: ast.Dict, scope: Scope) -> dict[Any, Any]:
    out: dict[Any, Any] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            more = it.evaluate(value, scope)
            if not isinstance(more, dict):
                raise NotFollowed("** of what is no dictionary")
            out.update(more)
        else:
            out[key_of(it.evaluate(key, scope))] = it.evaluate(value, scope)
    return out


def eval_joined(it: Walker, node: ast.JoinedStr, scope: Scope) -> Any:
    parts = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            value = it.evaluate(part.value, scope)
            if isinstance(value, bool | int | float | str) and part.format_spec is None:
                parts.append(str(value))
            elif isinstance(value, bool | int | float | str):
                spec = it.evaluate(part.format_spec, scope) if part.format_spec is not None else ""
                try:
                    parts.append(format(value, spec))
                except (ValueError, TypeError):
                    raise ScriptError("ValueError", "a format that does not fit") from None
            else:
                return it.unknown("a text with values that are not known", it.where, held([value]))
        elif isinstance(part, ast.Constant):
            parts.append(str(part.value))
    return "".join(parts)


def eval_conditional(it: Walker, node: ast.IfExp, scope: Scope) -> Any:
    holds = it.truth(it.evaluate(node.test, scope), node.test)
    return it.evaluate(node.body if holds else node.orelse, scope)


def eval_lambda(it: Walker, node: ast.Lambda, scope: Scope) -> Any:
    return it.define(node, scope)


def eval_walrus(it: Walker, node: ast.NamedExpr, scope: Scope) -> Any:
    value = it.evaluate(node.value, scope)
    scope.put(node.target.id, value)
    return value


def eval_bool(it: Walker, node: ast.BoolOp, scope: Scope) -> Any:
    conjunction = isinstance(node.op, ast.And)
    value: Any = conjunction
    for number, part in enumerate(node.values):
        value = it.evaluate(part, scope)
        if number == len(node.values) - 1:
            return value
        if it.truth(value, part) != conjunction:
            return value
    return value


def eval_unary(it: Walker, node: ast.UnaryOp, scope: Scope) -> Any:
    value = it.evaluate(node.operand, scope)
    if isinstance(node.op, ast.Not):
        if isinstance(value, Unknown):
            return Unknown(f"not {value.reason}", it.unknown("not", value.number).number, value.pos)
        return not it.truth(value, node.operand)
    if isinstance(value, Unknown):
        number = it.unknown(type(node.op).__name__, value.number).number
        return Unknown(value.reason, number, value.pos, _signed_size(node.op, value))
    if isinstance(value, Tensor):
        name = {ast.USub: "neg", ast.UAdd: "positive", ast.Invert: "bitwise_not"}[type(node.op)]
        return it.influenced(unary(name, value))
    try:
        return _signed(node.op, value)
    except TypeError:
        raise NotFollowed(f"a sign before a {type(value).__name__}") from None


def _signed_size(op: ast.unaryop, value: Unknown) -> Callable[[], int | None] | None:
    def size() -> int | None:
        known = value.size
        return None if known is None else int(_signed(op, known))

    return size if value.has_size else None


SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}


def _signed(op: ast.unaryop, value: Any) -> Any:
    return SIGNS[type(op)](value)


def eval_binary(it: Walker, node: ast.BinOp, scope: Scope) -> Any:
    return arithmetic(it, node.op, it.evaluate(node.left, scope), it.evaluate(node.right, scope))


def arithmetic(it: Walker, op: ast.operator, left: Any, right: Any) -> Any:
    """The value of a binary operator."""
    name, plain, method = ARITHMETIC[type(op)]
    for owner, other, special in ((left, right, method), (right, left, "__r" + method[2:])):
        if isinstance(owner, Instance) and owner.cls.find(special) is not MISSING:
            return it.call(it.attribute(owner, special), [other], {})
    if isinstance(left, Tensor) or isinstance(right, Tensor):
        if left is None or right is None:
            raise ScriptError("TypeError", "arithmetic with None")
        if name == "matmul":
            if not (isinstance(left, Tensor) and isinstance(right, Tensor)):
                raise NotFollowed("a product of matrices with what is no tensor")
            return it.influenced(matmul(left, right))
        return it.influenced(binary(name, left, right))
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return joined_unknown(it, name, left, right)
    if isinstance(left, Library | Class) or isinstance(right, Library | Class):
        return it.unknown("arithmetic with a library's value")
    if isinstance(left, str) and (pos := held([right])) is not None:
        return it.unknown("a text with values that are not known", it.where, pos)
    if _size(op, left, right) > MAX_REPEATED:
        raise NotFollowed("a value that grows too large")
    if (
        type(op) in (ast.Pow, ast.LShift)
        and isinstance(right, int)
        and abs(right) > 4096
        and isinstance(left, int)
    ):
        raise NotFollowed("a power that is too large")
    try:
        result = plain(left, right)
        if isinstance(op, ast.FloorDiv) and isinstance(result, Extent):
            it.sizes.compared(it.where, operator.gt, result, 0)  # none of the parts is as long as one
        return result
    except ZeroDivisionError:
        raise ScriptError("ZeroDivisionError") from None
    except (TypeError, ValueError, OverflowError):
        raise NotFollowed(f"{name} of a {type(left).__name__} and a {type(right).__name__}") from None


def _size(op: ast.operator, left: Any, right: Any) -> int:
    """Items of the container that an operator makes, or the bits of an integer over 32."""
    sized = [v for v in (left, right) if isinstance(v, list | tuple | str | bytes | bytearray)]
    numbers = [v for v in (left, right) if isinstance(v, int)]
    if type(op) is ast.Mult and sized and numbers:
        return len(sized[0]) * max(numbers)
    if type(op) is ast.Mult and len(numbers) == 2:
        return sum(number.bit_length() for number in numbers) // 32
    return sum(map(len, sized))


def augmented(it: Walker, op: ast.operator, old: Any, value: Any) -> Any:
    """The value of `old op= value`; tensors and lists are changed in place."""
    if isinstance(old, list) and isinstance(op, ast.Add):
        added = list(it.iterate(value))
        if len(old) + len(added) > MAX_REPEATED:
            raise NotFollowed("a value that grows too large")
        old.extend(added)
        return old
    result = arithmetic(it, op, old, value)
    if isinstance(old, Tensor) and isinstance(result, Tensor) and result.shape == old.shape:
        if old.kind != result.kind and old.kind != "f":
            result = result.same_content(kind=old.kind) if result.value is None else result
        old.assign(result)
        old.role = "losses" if "losses" in (old.role, result.role) else ""
        return old
    return result


def eval_compare(it: Walker, node: ast.Compare, scope: Scope) -> Any:
    left = it.evaluate(node.left, scope)
    value: Any = True
    for op, right_node in zip(node.ops, node.comparators, strict=True):
        right = it.evaluate(right_node, scope)
        value = compared(it, op, left, right)
        if len(node.ops) == 1:
            return value
        if not it.truth(value, node):
            return False
        left = right
    return value


def compared(it: Walker, op: ast.cmpop, left: Any, right: Any) -> Any:
    """The value of one comparison."""
    if isinstance(op, ast.Is | ast.IsNot):
        return _identical(it, left, right, isinstance(op, ast.IsNot))
    if isinstance(op, ast.In | ast.NotIn):
        inside = _contains(it, left, right)
        return inside if isinstance(inside, Unknown) else inside != isinstance(op, ast.NotIn)
    name, plain = COMPARISONS[type(op)]
    if isinstance(left, Tensor) or isinstance(right, Tensor):
        if left is None or right is None or isinstance(left, str) or isinstance(right, str):
            return isinstance(op, ast.NotEq)
        return it.influenced(binary(name, left, right))
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return joined_unknown(it, name, left, right)
    if isinstance(left, Library) or isinstance(right, Library):
        if isinstance(op, ast.Eq | ast.NotEq):
            same = isinstance(left, Library) and isinstance(right, Library) and left == right
            return same == isinstance(op, ast.Eq)
        return it.unknown(f"a comparison with {left if isinstance(left, Library) else right!r}")
    if (pos := held((left, right))) is not None:
        return it.unknown("a comparison of containers", it.where, pos)
    try:
        if isinstance(left, Extent) or isinstance(right, Extent):
            return it.sizes.compared(it.where, plain, left, right)
        return plain(left, right)
    except TypeError:
        raise NotFollowed(f"a comparison of a {type(left).__name__} with a {type(right).__name__}") from None


def _identical(it: Walker, left: Any, right: Any, negated: bool) -> Any:
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return joined_unknown(it, "is not" if negated else "is", left, right)
    same = left is right or (
        isinstance(left, Library | bool | type(None)) and type(left) is type(right) and left == right
    )
    return same != negated


def _contains(it: Walker, item: Any, container: Any) -> Any:
    if isinstance(container, Instance):
        return it.truth(it.call(it.attribute(container, "__contains__"), [item], {}))
    compared_with = tuple(container) if isinstance(container, dict) else container  # keys alone are compared
    pos = held((item, compared_with))
    if pos is not None or isinstance(container, Unknown | Library | Tensor) or is_open((item,)):
        return it.unknown("whether something is in a container", it.where if pos is not None else None, pos)
    try:
        return item in container
    except TypeError:
        raise NotFollowed(f"membership of a {type(container).__name__}") from None


def eval_subscript(it: Walker, node: ast.Subscript, scope: Scope) -> Any:
    owner = it.evaluate(node.value, scope)
    if isinstance(owner, Class) or (isinstance(owner, Library) and owner.name != "os.environ"):
        return owner  # a type with its parameters, a kernel with its grid
    return it.subscript(owner, it.evaluate(node.slice, scope))


def eval_slice(it: Walker, node: ast.Slice, scope: Scope) -> Any:
    bounds = []
    for part in (node.lower, node.upper, node.step):
        value = None if part is None else it.evaluate(part, scope)
        bounds.append(value if value is None else integer(value))
    return slice(*bounds)


def eval_attribute(it: Walker, node: ast.Attribute, scope: Scope) -> Any:
    return it.attribute(it.evaluate(node.value, scope), node.attr)


def eval_call(it: Walker, node: ast.Call, scope: Scope) -> Any:
    if isinstance(node.func, ast.Name) and node.func.id == "super":
        return super_of(it, scope)
    if (
        isinstance(node.func, ast.Name)
        and node.func.id in ("print", "locals", "globals")
        and scope.find(node.func.id) is None
    ):
        return None if node.func.id == "print" else it.unknown(node.func.id)
    function = it.evaluate(node.func, scope)
    args = elements(it, node.args, scope)
    keywords: dict[str, Any] = {}
    for keyword in node.keywords:
        value = it.evaluate(keyword.value, scope)
        if keyword.arg is not None:
            keywords[keyword.arg] = value
        elif isinstance(value, dict) and all(isinstance(key, str) for key in value):
            keywords.update(value)
        else:
            raise NotFollowed("** of what is no dictionary")
    layers = it.texts.inner(node) if not it.following else ()
    if layers:
        for tree, path in layers:
            outer, it.path = it.path, path
            it.trees.append(tree)
            it.tree_scopes.append(scope.top)
            it.execute_softly(tree.body, scope.top)
            it.path = outer
        return None
    if isinstance(function, Unknown):
        return _unknown_call(it, node, function, [*args, *keywords.values()])
    it.stand_at(node)
    return it.influenced(it.call(function, args, keywords))


def _unknown_call(it: Walker, node: ast.Call, function: Unknown, given: list[Any]) -> Unknown:
    text = ast.unparse(node.func)[:60]
    if it.following:
        raise NotFollowed(f"a call of {text}, which is not known ({function.reason[:80]})")
    return it.unknown(f"{text}(…)", node.lineno)


def eval_list_comprehension(it: Walker, node: ast.ListComp | ast.GeneratorExp, scope: Scope) -> list[Any]:
    return [it.evaluate(node.elt, inner) for inner in turns(it, node.generators, scope)]


def eval_set_comprehension(it: Walker, node: ast.SetComp, scope: Scope) -> Any:
    return hashed(set, [it.evaluate(node.elt, inner) for inner in turns(it, node.generators, scope)])


def eval_dict_comprehension(it: Walker, node: ast.DictComp, scope: Scope) -> Any:
    return {
        key_of(it.evaluate(node.key, inner)): it.evaluate(node.value, inner)
        for inner in turns(it, node.generators, scope)
    }


def turns(it: Walker, generators: list[ast.comprehension], scope: Scope) -> Iterator[Scope]:
    """The scopes of a comprehension's turns."""

    def nested(number: int, outer: Scope) -> Iterator[Scope]:
        if number == len(generators):
            yield outer
            return
        generator = generators[number]
        for value in it.iterate(it.evaluate(generator.iter, outer)):
            it.tick()
            inner = Scope(outer)
            inner.function = outer.function
            it.bind(generator.target, value, inner)
            if all(it.truth(it.evaluate(test, inner), test) for test in generator.ifs):
                yield from nested(number + 1, inner)

    return nested(0, scope)


EXPRESSIONS: dict[type[ast.expr], Callable[[Any, Any, Scope], Any]] = {
    ast.Constant: eval_constant,
    ast.Name: eval_name,
    ast.Tuple: eval_tuple,
    ast.List: eval_list,
    ast.Set: eval_set,
    ast.Dict: eval_dict,
    ast.JoinedStr: eval_joined,
    ast.IfExp: eval_conditional,
    ast.Lambda: eval_lambda,
    ast.NamedExpr: eval_walrus,
    ast.BoolOp: eval_bool,
    ast.UnaryOp: eval_unary,
    ast.BinOp: eval_binary,
    ast.Compare: eval_compare,
    ast.Subscript: eval_subscript,
    ast.Slice: eval_slice,
    ast.Attribute: eval_attribute,
    ast.Call: eval_call,
    ast.ListComp: eval_list_comprehension,
    ast.GeneratorExp: eval_list_comprehension,
    ast.SetComp: eval_set_comprehension,
    ast.DictComp: eval_dict_comprehension,
}

"""Questions to single nodes of a C or C++ syntax tree."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from auditor.native.syntax import text_of


def nodes_of(node: Node) -> Iterator[Node]:
    yield node
    for child in node.named_children:
        yield from nodes_of(child)


def jumps(node: Node) -> bool:
    return any(
        n.type in ("continue_statement", "break_statement", "return_statement") for n in nodes_of(node)
    )


def bare(node: Node) -> Node:
    """An expression without casts and brackets."""
    while node.type in ("cast_expression", "parenthesized_expression"):
        inner = node.child_by_field_name("value") or (node.named_children[0] if node.named_children else None)
        if inner is None:
            return node
        node = inner
    return node


def declared_name(node: Node) -> str | None:
    """The name in a declarator."""
    found: Node | None = node.child_by_field_name("declarator")
    while found is not None and found.type not in ("identifier", "field_identifier"):
        found = found.child_by_field_name("declarator") or next(iter(found.named_children), None)
    return text_of(found) if found is not None else None


def subscript_of(node: Node) -> tuple[Node | None, Node | None]:
    base = node.child_by_field_name("argument")
    indices = node.child_by_field_name("indices")
    index = indices.named_children[0] if indices is not None and len(indices.named_children) == 1 else None
    return base, index


def loop_counter(node: Node) -> str | None:
    """The variable of a loop that counts up by one and that its body does not assign."""
    update = node.child_by_field_name("update")
    body = node.child_by_field_name("body")
    if update is None or body is None or "--" in text_of(update):
        return None
    target = update.child_by_field_name("argument") or update.child_by_field_name("left")
    step = update.child_by_field_name("right")
    one = update.type == "update_expression" or (step is not None and text_of(step) == "1")
    if target is None or target.type != "identifier" or not one:
        return None
    name = text_of(target)
    for found in nodes_of(body):
        if found.type in ("assignment_expression", "update_expression"):
            left = found.child_by_field_name("left") or found.child_by_field_name("argument")
            if left is not None and text_of(left) == name:
                return None
    return name


def indexes(body: Node, counter: str, pointers: set[str]) -> bool:
    """Whether a loop's body indexes one of the arrays by the loop's counter."""
    for found in nodes_of(body):
        if found.type == "subscript_expression":
            base, index = subscript_of(found)
            if base is not None and index is not None and text_of(base) in pointers:
                if any(n.type == "identifier" and text_of(n) == counter for n in nodes_of(index)):
                    return True
    return False


def by_address(node: Node, pointers: set[str], aliases: dict[str, frozenset[str]]) -> bool:
    """Whether an argument lets the function that is called write: an address, or a pointer."""
    node = bare(node)
    if node.type == "pointer_expression":
        return True
    if node.type == "identifier":
        return text_of(node) in pointers or text_of(node) in aliases
    return node.type in ("field_expression", "subscript_expression", "call_expression")


def called_name(node: Node) -> str:
    """The bare name of what a call expression calls, without namespace and template arguments; `.name` for a method."""
    function = node.child_by_field_name("function")
    while function is not None and function.type in ("qualified_identifier", "template_function"):
        function = function.child_by_field_name("name")
    if function is not None and function.type == "field_expression":
        return "." + text_of(function.child_by_field_name("field"))
    return text_of(function)


def counting_fields(root: Node) -> frozenset[str]:
    """Fields that only ever count: every write sets 0 or 1, takes over a variable, or adds one."""
    written: dict[str, bool] = {}
    for node in nodes_of(root):
        if node.type not in ("assignment_expression", "update_expression"):
            continue
        left = node.child_by_field_name("left") or node.child_by_field_name("argument")
        if left is None or left.type != "field_expression":
            continue
        right = node.child_by_field_name("right")
        signs = {child.type for child in node.children}
        counts = "++" in signs
        if right is not None:
            value = bare(right)
            number = text_of(value).rstrip("uUlL")
            counts = ("=" in signs and (number in ("0", "1") or value.type == "identifier")) or (
                "+=" in signs and number == "1"
            )
        name = text_of(left.child_by_field_name("field"))
        written[name] = written.get(name, True) and counts
    return frozenset(name for name, counts in written.items() if counts)


def is_share(node: Node, counters: frozenset[str]) -> bool:
    """Whether a value is a constant of at most 1 or one counter of a record divided by another."""
    node = bare(node)
    if node.type == "number_literal":
        number = text_of(node).rstrip("fFuUlL")
        try:
            return 0.0 <= float(number) <= 1.0
        except ValueError:
            return False
    if node.type == "conditional_expression":
        arms = [node.child_by_field_name(arm) for arm in ("consequence", "alternative")]
        return all(arm is not None and is_share(arm, counters) for arm in arms)
    if node.type != "binary_expression" or not any(child.type == "/" for child in node.children):
        return False
    sides = [node.child_by_field_name(side) for side in ("left", "right")]
    if any(side is None for side in sides):
        return False
    top, whole = (bare(side) for side in sides if side is not None)
    if top.type != "field_expression" or whole.type != "field_expression":
        return False
    owners = [text_of(side.child_by_field_name("argument")) for side in (top, whole)]
    fields = [text_of(side.child_by_field_name("field")) for side in (top, whole)]
    return owners[0] == owners[1] and all(name in counters for name in fields)

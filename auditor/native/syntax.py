"""C and C++ as a syntax tree. The C++ grammar reads C as well; neither includes nor macros are expanded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import tree_sitter_cpp
from tree_sitter import Language, Node, Parser

MAX_BYTES = 400_000
"""Larger sources are not read: what is written by hand is smaller."""


class NativeUnreadable(ValueError):
    """A source that could not be parsed; the message says why."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function and whether it is a pointer or an array."""

    name: str
    pointer: bool


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_cpp.language()))


def parse_native(text: str) -> Node:
    """Parse C or C++.

    Raises:
        NativeUnreadable: if it is too large, no text, or has a syntax error.
    """
    data = text.encode("utf-8", errors="replace")
    if len(data) > MAX_BYTES or b"\0" in data:
        raise NativeUnreadable("it is too large or not text")
    root = _parser().parse(data).root_node
    if root.has_error:
        raise NativeUnreadable("it could not be parsed")
    return root


def text_of(node: Node | None) -> str:
    """The source of a node; empty for none."""
    return node.text.decode("utf-8", errors="replace") if node is not None and node.text is not None else ""


def functions_of(root: Node) -> dict[str, Node]:
    """Definitions of free functions, by name."""
    found: dict[str, Node] = {}
    for node in _definitions(root):
        name = _function_name(node)
        if name:
            found[name] = node
    return found


def parameters_of(function: Node) -> list[Parameter]:
    """The parameters of a definition, in order."""
    declarator = _function_declarator(function)
    listed = declarator.child_by_field_name("parameters") if declarator is not None else None
    found: list[Parameter] = []
    for node in listed.named_children if listed is not None else ():
        if node.type not in ("parameter_declaration", "optional_parameter_declaration"):
            continue
        inner: Node | None = node.child_by_field_name("declarator")
        pointer = False
        while inner is not None and inner.type != "identifier":
            pointer = pointer or inner.type in (
                "pointer_declarator",
                "array_declarator",
                "reference_declarator",
            )
            inner = inner.child_by_field_name("declarator") or next(iter(inner.named_children), None)
        found.append(Parameter(text_of(inner), pointer))
    return found


def global_variables(root: Node) -> frozenset[str]:
    """Variables of the whole source that are no constants."""
    names: set[str] = set()
    for node in root.named_children:
        if node.type != "declaration" or any(
            c.type == "type_qualifier" and text_of(c) in ("const", "constexpr") for c in node.named_children
        ):
            continue
        for child in node.named_children:
            inner: Node | None = child
            if child.type == "function_declarator" or not child.type.endswith(("declarator", "identifier")):
                continue
            while inner is not None and inner.type != "identifier":
                inner = inner.child_by_field_name("declarator") or next(iter(inner.named_children), None)
            if inner is not None and child.type != "type_identifier":
                names.add(text_of(inner))
    return frozenset(names)


def _definitions(node: Node) -> Iterator[Node]:
    for child in node.named_children:
        if child.type == "function_definition":
            yield child
        elif child.type in (
            "linkage_specification",
            "declaration_list",
            "namespace_definition",
            "preproc_ifdef",
            "preproc_if",
            "preproc_else",
        ):
            yield from _definitions(child)


def _function_declarator(function: Node) -> Node | None:
    node: Node | None = function.child_by_field_name("declarator")
    while node is not None and node.type != "function_declarator":
        node = node.child_by_field_name("declarator")
    return node


def _function_name(function: Node) -> str:
    declarator = _function_declarator(function)
    return text_of(declarator.child_by_field_name("declarator")) if declarator is not None else ""

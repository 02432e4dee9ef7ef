"""The evaluator is made of parts: nothing is inherited or stubbed, and calls that run up are named in Protocols."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from auditor.static.domain.values import Const
from auditor.static.evaluator import Evaluator
from auditor.static.interpreter import protocols
from auditor.static.interpreter.handlers import handlers_of
from tests.static.conftest import NoSource

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("interpreter", "syntax", "transfer", "effects")
FILES = sorted(path for room in ROOMS for path in (ROOT / "auditor" / "static" / room).rglob("*.py"))
MAY_INHERIT = {"Protocol", "TypedDict", "Exception", "NamedTuple", "StrEnum", "Enum"}


def evaluator_of(text: str) -> Evaluator:
    return Evaluator(NoSource(), {}, (ast.parse(text), 0, "train_gpt.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_part_inherits_and_none_is_a_stub(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            assert {ast.unparse(base) for base in node.bases} <= MAY_INHERIT, f"{node.name} inherits"
        if isinstance(node, ast.Raise) and node.exc is not None:
            assert "NotImplementedError" not in ast.unparse(node.exc), f"a stub at line {node.lineno}"


def methods_of(protocol: type) -> list[str]:
    return [name for name, value in vars(protocol).items() if inspect.isfunction(value) and name[0] != "_"]


@pytest.mark.parametrize("attribute, protocol", [("syntax", "Evaluator"), ("transfer", "Applier")])
def test_a_room_keeps_its_promise_to_those_below(attribute: str, protocol: str) -> None:
    room, promised = getattr(evaluator_of("pass"), attribute), getattr(protocols, protocol)
    assert methods_of(promised)
    for name in methods_of(promised):
        wanted = list(inspect.signature(getattr(promised, name)).parameters.values())[1:]
        found = list(inspect.signature(getattr(room, name)).parameters.values())
        assert [(p.name, p.kind, p.default) for p in found] == [
            (p.name, p.kind, p.default) for p in wanted
        ], name


@pytest.mark.parametrize("attribute, protocol", [("evaluate", "Evaluator"), ("apply", "Applier")])
def test_a_protocol_names_what_is_asked_and_no_more(attribute: str, protocol: str) -> None:
    asked = {
        node.attr
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == f"self.machine.{attribute}"
    }
    assert asked == set(methods_of(getattr(protocols, protocol)))


def test_state_is_set_by_its_owner_or_named_as_that_of_another() -> None:
    """Every attribute that a part sets on itself is there from its making."""
    for path in FILES:
        for cls in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(cls, ast.ClassDef):
                continue
            set_by: dict[str, set[str]] = {}
            for method in cls.body:
                if isinstance(method, ast.FunctionDef):
                    for node in ast.walk(method):
                        if (
                            isinstance(node, ast.Attribute)
                            and isinstance(node.ctx, ast.Store)
                            and ast.unparse(node.value) == "self"
                        ):
                            set_by.setdefault(node.attr, set()).add(method.name)
            late = {name for name, methods in set_by.items() if "__init__" not in methods}
            assert not late, f"{path.name}: {cls.name} has {late} only after a call"


def test_what_is_known_of_an_object_stands_under_no_text() -> None:
    """Names in `d` are the script's: what the evaluator keeps there has a cell or a tuple for its key."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            keys: list[ast.expr] = []
            if (
                isinstance(node, ast.Subscript)
                and isinstance(node.value, ast.Attribute)
                and node.value.attr == "d"
            ):
                keys = [node.slice]
            elif isinstance(node, ast.Compare) and ast.unparse(node.comparators[0]).endswith(".d"):
                keys = [node.left]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                asked = ast.unparse(node.func)
                if asked.endswith((".d.get", ".d.pop")):
                    keys = node.args[:1]
                elif asked.endswith((".put", ".drop")):
                    keys = node.args[1:2]
            texts = [
                key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
            ]
            assert not [text for text in texts if not text.isidentifier()], f"{path.name}:{node.lineno}"


def test_every_handler_is_reached_by_its_name() -> None:
    evaluator = evaluator_of("pass")
    statements = evaluator.syntax.statements.handlers
    assert {"For", "AsyncFor", "While", "If", "Try", "With", "FunctionDef", "ClassDef", "Assign"} <= set(
        statements
    )
    assert {"Call", "Name", "BinOp", "ListComp", "Lambda"} <= set(evaluator.syntax.expressions.handlers)
    for prefix, handlers in (("exec_", statements), ("eval_", evaluator.syntax.expressions.handlers)):
        defined = {
            name.removeprefix(prefix)
            for path in FILES
            for cls in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(cls, ast.ClassDef)
            for node in cls.body
            for name in names_of(node)
            if name.startswith(prefix)
        }
        assert defined == set(handlers)


def names_of(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    return [ast.unparse(target) for target in node.targets] if isinstance(node, ast.Assign) else []


def test_two_parts_cannot_handle_the_same_thing() -> None:
    class One:
        def exec_For(self) -> int:
            return 1

    class Other:
        def exec_For(self) -> int:
            return 2

    assert handlers_of("exec_", One())["For"]() == 1
    with pytest.raises(ValueError, match="two parts handle 'For'"):
        handlers_of("exec_", One(), Other())


def test_two_evaluations_share_no_state() -> None:
    first, second = evaluator_of("a = 1\n"), evaluator_of("b = 2\n")
    first.run()
    second.run()
    assert first.machine.frames.globals.d["a"] == Const(1)
    assert "a" not in second.machine.frames.globals.d
    assert first.machine.budget.steps == second.machine.budget.steps == 2, "the statement and its constant"

"""Environment variables: what `os.environ` and `os.getenv` answer under the settings of the claimed run."""

from __future__ import annotations

import ast
from dataclasses import replace

from auditor.static.domain.provenance import CLEAN, Data
from auditor.static.domain.settings import Resolved
from auditor.static.domain.values import Const, LibraryRef, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine


class Environment:
    """Reads and writes of environment variables."""

    def __init__(self, machine: Machine, effects: EffectsRoom) -> None:
        self.script = machine.script
        self.recorder = machine.recorder
        self.views = machine.views
        self.effects = effects

    def called(self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        """A function of `os` that reads or writes the environment; None if this is none of them."""
        first = args[0] if args else CLEAN
        if name in ("os.environ.get", "os.getenv") and args:
            default = args[1] if len(args) > 1 else keywords.get("default")
            if isinstance(first, Const):
                return self.variable(str(first.value), default, node)
            return default if default is not None else CLEAN
        if name in ("os.environ.setdefault", "os.putenv") and len(args) > 1 and isinstance(first, Const):
            if name == "os.putenv" or str(first.value) not in self.effects.ambient_state.environment_writes:
                self.effects.ambient_state.set_environment(str(first.value), args[1], node)
            return CLEAN
        return LibraryRef("os.environ") if name == "os.environ.copy" else None

    def variable(self, name: str, default: Value | None, node: ast.AST) -> Value:
        """The value of a variable, or the default where nothing sets it."""
        fitted = self.effects.ambient_state.from_environment(
            self.effects.ambient_state.environment_writes.get(name, CLEAN)
        )
        if isinstance(fitted, Data) and (fitted.relevant or fitted.doubts):
            return fitted
        setting = self.script.settings.get(name)
        place = self.recorder.place(node)
        unset, setting = setting, setting if setting is not None and setting.value is not None else None
        if setting is not None and (
            setting.origin != "assumed" or default is None or name in ("RANK", "LOCAL_RANK")
        ):
            self.script.resolved[name] = Resolved(
                name, setting.value, setting.origin, setting.path, setting.line
            )
            return Const(setting.value, frozenset((name,)))
        if name in self.effects.ambient_state.environment_writes:
            value = self.effects.ambient_state.environment_writes[name]
            if isinstance(value, Const):
                self.script.resolved[name] = Resolved(
                    name, str(value.value), "source", place.path, place.line
                )
                return Const(value.value, frozenset((name,)))
            if self.views.data(value).relevant:
                written = self.views.data(value).plain()
                return replace(written, settings=written.settings | {name})
        if setting is not None:
            self.script.resolved[name] = Resolved(
                name, setting.value, setting.origin, setting.path, setting.line
            )
            return Const(setting.value, frozenset((name,)))
        text = None if not isinstance(default, Const) or default.value is None else str(default.value)
        if name not in self.script.resolved:
            found = Resolved(name, text, "default", place.path, place.line)
            if unset is not None:
                found = Resolved(name, text, unset.origin, unset.path, unset.line)
            self.script.resolved[name] = found
        if default is None:
            return Const(None, frozenset((name,)))
        if isinstance(default, Const):
            return Const(default.value, default.settings | {name})
        return default

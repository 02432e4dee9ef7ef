"""Which settings differ in effect: environment variables with their values in force, and constants.

A changed default with an equal value in force is no difference; paths, run names and seeds are left out.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from auditor.program.configuration.log_settings import same_value
from auditor.program.configuration.precedence import Settings

_PER_RUN = re.compile(r"(?:^|_)(?:SEED|RUN_ID|RUN_NAME|LOGFILE|DIR|PATH|ROOT|FILES?)$", re.IGNORECASE)
_LAUNCHER = frozenset({"RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingValue:
    """A value in force, and who says so."""

    value: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingChange:
    """One setting that differs; a side is None where the program has no such setting."""

    name: str
    old: SettingValue | None
    new: SettingValue | None


def compare_settings(old: Settings, new: Settings) -> tuple[SettingChange, ...]:
    """Compare the values in force of every variable that either program reads, by name."""
    before, after = in_force(old), in_force(new)
    return _changes(before, after)


def compare_constants(
    old: Sequence[ast.Module], new: Sequence[ast.Module], known: frozenset[str]
) -> tuple[SettingChange, ...]:
    """Compare literal constants of modules and class bodies; `known` names are told elsewhere."""
    before, after = constants(old), constants(new)
    changes = _changes(before, after)
    return tuple(c for c in changes if c.name.rsplit(".", 1)[-1].lower() not in known)


def _changes(before: dict[str, SettingValue], after: dict[str, SettingValue]) -> tuple[SettingChange, ...]:
    changes = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old is not None and new is not None and same_value(old.value, new.value):
            continue
        changes.append(SettingChange(name=name, old=old, new=new))
    return tuple(changes)


def in_force(settings: Settings) -> dict[str, SettingValue]:
    """Variable → value in force, for what the program reads and no run chooses anew."""
    found: dict[str, SettingValue] = {}
    for read in settings.reads:
        if read.name in _LAUNCHER or _PER_RUN.search(read.name) or read.name in found:
            continue
        told = settings.get(read.name)
        if told is not None:
            found[read.name] = SettingValue(value=told.value, origin=told.origin.value)
        elif read.default is not None:
            found[read.name] = SettingValue(value=read.default, origin="default")
        else:
            found[read.name] = SettingValue(value="(computed)", origin="default")
    return found


def constants(modules: Sequence[ast.Module]) -> dict[str, SettingValue]:
    """Literal numbers, booleans and short texts assigned at module level or in a class body."""
    found: dict[str, SettingValue] = {}
    for module in modules:
        bodies = [("", module.body)]
        bodies += [(f"{node.name}.", node.body) for node in module.body if isinstance(node, ast.ClassDef)]
        for prefix, body in bodies:
            for statement in body:
                if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or statement.value is None:
                    continue
                value = _literal(statement.value)
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                for target in targets:
                    if value is not None and isinstance(target, ast.Name) and not _PER_RUN.search(target.id):
                        found[f"{prefix}{target.id}"] = SettingValue(value=value, origin="constant")
    return found


def _literal(node: ast.expr) -> str | None:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    if isinstance(value, (bool, int, float)):
        return repr(value)
    return value if isinstance(value, str) and len(value) <= 80 else None

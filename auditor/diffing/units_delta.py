"""Which functions and classes were added, removed, changed or only renamed.

Formatting, local names, annotations and docstrings are no change. A name that the program defines itself may
be another one only where the old name is gone and the new one is new; anything else is a change.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from auditor.diffing.normal_form import NormalForm, OwnNames
from auditor.diffing.units import ProgramUnits, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedUnit:
    """A unit that exists on both sides and differs; layers that its class gained or lost are named."""

    old: Unit
    new: Unit
    parameters_added: tuple[str, ...] = ()
    parameters_removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitsDelta:
    """The difference of two programs in units; `renamed` pairs are the same code."""

    added: tuple[Unit, ...]
    removed: tuple[Unit, ...]
    changed: tuple[ChangedUnit, ...]
    renamed: tuple[tuple[str, str], ...]


def compare_units(old: ProgramUnits, new: ProgramUnits) -> UnitsDelta:
    """Compare the units of two programs."""
    gone = {name: unit for name, unit in old.units.items() if name not in new.units}
    fresh = {name: unit for name, unit in new.units.items() if name not in old.units}
    renamed: list[tuple[str, str]] = []
    by_fingerprint: dict[str, list[Unit]] = {}
    for unit in gone.values():
        by_fingerprint.setdefault(unit.form.fingerprint, []).append(unit)
    for name, unit in list(fresh.items()):
        twins = [u for u in by_fingerprint.get(unit.form.fingerprint, ()) if u.name in gone]
        if twins:
            renamed.append((twins[0].name, name))
            del gone[twins[0].name], fresh[name]
    changed = []
    for name, unit in old.units.items():
        other = new.units.get(name)
        if other is not None and not same_code(unit.form, other.form, old.own, new.own):
            changed.append(_changed(unit, other))
    return UnitsDelta(
        added=tuple(fresh.values()),
        removed=tuple(gone.values()),
        changed=tuple(changed),
        renamed=tuple(renamed),
    )


def same_code(old: NormalForm, new: NormalForm, old_own: OwnNames, new_own: OwnNames) -> bool:
    """Whether two forms are the same code, consistent renames allowed."""
    if old.kept == new.kept:
        return True
    if old.free != new.free:
        return False
    old_names = old_own.names | old_own.attributes
    new_names = new_own.names | new_own.attributes
    return all(
        before == after or (before not in new_names and after not in old_names)
        for before, after in zip(old.own, new.own, strict=True)
    )


def _changed(old: Unit, new: Unit) -> ChangedUnit:
    before, after = trainable(old.node), trainable(new.node)
    return ChangedUnit(
        old=old,
        new=new,
        parameters_added=tuple(sorted(after - before)),
        parameters_removed=tuple(sorted(before - after)),
    )


def trainable(node: ast.AST) -> set[str]:
    """Attributes of `self` that are set to a parameter or a layer (`nn.Parameter`, `nn.Linear`)."""
    found = set()
    for inner in ast.walk(node):
        if not isinstance(inner, (ast.Assign, ast.AnnAssign)) or not isinstance(inner.value, ast.Call):
            continue
        called = inner.value.func
        name = (
            called.attr
            if isinstance(called, ast.Attribute)
            else called.id
            if isinstance(called, ast.Name)
            else ""
        )
        targets = inner.targets if isinstance(inner, ast.Assign) else [inner.target]
        for target in targets:
            on_self = isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name)
            if on_self and isinstance(target, ast.Attribute) and (name == "Parameter" or name[:1].isupper()):
                found.add(target.attr)
    return found

"""Settings checked together: one error that names every variable that is unknown, unreadable or impossible.

The classes of `config` and of the evaluators read the environment field by field. Here they do so with
somebody watching, which tells what variable each field has, so that no name stands anywhere twice.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any
from unittest import mock

from reference_impl.config import Settings
from reference_impl.roster import EVALUATIONS, VIOLATIONS


class SettingsError(ValueError):
    """Settings that cannot be used; a line each."""


class _Watched(dict[str, str]):
    """A copy of the environment that notes which variables it is asked for."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(variables)
        self.asked: list[str] = []

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.append(key)
        return super().get(key, default)


@contextmanager
def _watching(variables: Mapping[str, str]) -> Iterator[_Watched]:
    watched = _Watched(variables)
    with mock.patch.object(os, "environ", watched):
        yield watched


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for as long as the block lasts."""
    with mock.patch.dict(os.environ, variables):
        yield


def _factory(field: Field[Any]) -> Any:
    """Return what makes a field's value: every field here has one."""
    assert field.default_factory is not MISSING
    return field.default_factory


def variables_by_field(cls: type[Any]) -> dict[str, str]:
    """Return the variable that sets each field of a configuration (not of those it is made of).

    A default that is made of another variable asks for that one first, so a field's own is the last.
    """
    found = {}
    for field in fields(cls):
        factory = _factory(field)
        if not is_dataclass(factory):
            with _watching({}) as watched:
                factory()
            found[field.name] = watched.asked[-1]
    return found


def variables_of(config: Any) -> dict[str, Any]:
    """Return a configuration's values under the variables that set them."""
    return {variable: getattr(config, name) for name, variable in variables_by_field(type(config)).items()}


def known_variables() -> set[str]:
    """Return every variable that some part of this package reads."""
    classes: list[Any] = [Settings, *filter(is_dataclass, map(_factory, fields(Settings)))]
    classes += [evaluation.load()[1] for evaluation in (*EVALUATIONS.values(), *VIOLATIONS.values())]
    return {"RUN_ID", *(variable for cls in classes for variable in variables_by_field(cls).values())}


def _read(cls: Any, problems: list[str]) -> Any:
    """Return an instance made from the environment, or None with what is wrong added to `problems`."""
    values: dict[str, Any] = {}
    for field in fields(cls):
        factory = _factory(field)
        if is_dataclass(factory):
            values[field.name] = _read(factory, problems)
            continue
        with _watching(os.environ) as watched:
            try:
                values[field.name] = factory()
            except ValueError:
                name = watched.asked[-1]
                problems.append(
                    f"{name}={watched[name]!r} is no {'whole ' * (str(field.type) == 'int')}number"
                )
                values[field.name] = None
    if any(value is None for value in values.values()):
        return None
    config = cls(**values)
    if (check := getattr(config, "problems", None)) is not None:
        problems.extend(check())
    return config


def read_settings(given: Mapping[str, str], *evaluator_configs: Any) -> tuple[Settings, *tuple[Any, ...]]:
    """Return the settings of a run and the named evaluators' configurations.

    Args:
        given: variables set on the command line, over those of the environment.
        evaluator_configs: classes of configurations, from `Evaluation.load`.

    Raises SettingsError with a line for each name in `given` that nothing reads, each value that is no number
    where one is needed, and each combination that is impossible.
    """
    known = known_variables()
    problems: list[str] = []
    for name in sorted(set(given) - known):
        near = difflib.get_close_matches(name, known, n=2, cutoff=0.7)
        problems.append(f"{name} is no setting" + (f"; is {' or '.join(near)} meant?" if near else ""))
    with environment(given):
        read = [_read(cls, problems) for cls in (Settings, *evaluator_configs)]
    if problems:
        raise SettingsError("\n".join(dict.fromkeys(problems)))
    return tuple(read)


def assignments(pairs: list[str]) -> dict[str, str]:
    """Return `KEY=VALUE` texts as a mapping; the last of a key counts."""
    for pair in pairs:
        if "=" not in pair:
            raise SettingsError(f"--set {pair}: KEY=VALUE is expected")
    return dict(pair.split("=", 1) for pair in pairs)

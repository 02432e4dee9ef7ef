"""Sets sizes that no environment name reaches: attributes of a class of hyperparameters."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Any

from auditor.replay.inside.patching import replace

CLASSES = ("hyperparam", "config", "args", "settings")
"""What a class of hyperparameters is called, in lower case."""


def install_overrides(overrides: Mapping[str, str]) -> None:
    """Overwrite attributes of such classes as they are made; the type of the value they had is kept."""
    if not overrides:
        return
    plain = builtins.__build_class__

    def build(body: Any, name: str, /, *bases: Any, **keywords: Any) -> Any:
        made = plain(body, name, *bases, **keywords)
        if any(part in name.lower() for part in CLASSES):
            for attribute, text in overrides.items():
                had = vars(made).get(attribute)
                if isinstance(had, (int, float)) and not isinstance(had, bool):
                    setattr(made, attribute, type(had)(text))
        return made

    replace(builtins, __build_class__=build)

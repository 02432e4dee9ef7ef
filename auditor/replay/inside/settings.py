"""Sets sizes that no environment name reaches: attributes of a class of hyperparameters."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from auditor.replay.inside.patching import replace

CLASSES = ("hyperparam", "config", "args", "settings")
"""What a class of hyperparameters is called, in lower case."""


def install_attributes(sized: Callable[[str, str], str | None]) -> None:
    """Overwrite attributes of such classes as they are made; the type of the value they had is kept.

    Args:
        sized: gives the value to write, or None to leave it, by name and the value that the attribute had.
    """
    plain = builtins.__build_class__

    def build(body: Any, name: str, /, *bases: Any, **keywords: Any) -> Any:
        made = plain(body, name, *bases, **keywords)
        if any(part in name.lower() for part in CLASSES):
            for attribute, had in list(vars(made).items()):
                if isinstance(had, (int, float)) and not isinstance(had, bool):
                    text = sized(attribute, str(had))
                    if text is not None:
                        setattr(made, attribute, type(had)(text))
        return made

    replace(builtins, __build_class__=build)

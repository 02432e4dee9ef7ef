"""What code that is not followed can get at from the values it is handed."""

from __future__ import annotations

from dataclasses import dataclass, field

from auditor.static.domain.heap import Class, Env, Func, Obj
from auditor.static.domain.provenance import Data


@dataclass(slots=True)
class Reach:
    """What can be got at from some values.

    Attributes:
        objects: heap objects.
        fitted: values that are made of what was fitted to tokens, or doubted.
        names: variables of outer scopes that reached functions assign to.
        code: functions.
        asked: names of attributes that these ask for.
        classes: classes whose methods may be called.
        made: classes that may be called themselves.
        validation: whether validation tokens, or anything made of them, are among it.
        reads: whether a reached function reads files.
        learns: whether a reached function takes gradients, or steps an optimiser.
        trains: whether a reached function takes gradients or steps, or changes tensors in place.
        changes: whether a reached function could change anything that outlives a call.
    """

    objects: dict[Obj, None] = field(default_factory=dict)
    fitted: list[Data] = field(default_factory=list)
    names: dict[tuple[Env, str], None] = field(default_factory=dict)
    code: list[Func] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    classes: dict[Class, None] = field(default_factory=dict)
    made: dict[Class, None] = field(default_factory=dict)
    validation: bool = False
    reads: bool = False
    learns: bool = False
    trains: bool = False
    changes: bool = False

"""MLX, where a call is more than what torch does under another name: losses, gradients as values, updates by hand.

Gradients are values there: `value_and_grad(model, f)` is a function that gives a loss and its gradients, an optimiser
is handed both (`optimizer.update(model, gradients)`), and `model.update(tree)` puts arrays in the place of weights.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from auditor.static.domain.lattice import combine
from auditor.static.domain.provenance import CLEAN, Data
from auditor.static.domain.values import Const, LibraryRef, Partial, TupleValue, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.names.mlx import NOTHING_BUT_TIME, PUT_ARRAYS

WITH_VALUE = "mlx.a loss and its gradients of"
"""What `value_and_grad(f)` gives, to be called with what `f` takes."""
WITHOUT_VALUE = "mlx.gradients of"
"""What `grad(f)` gives."""

FUSED = frozenset(["scaled_dot_product_attention", "rms_norm", "layer_norm", "rope"])
"""Functions of `mlx.core.fast`, each made of its arguments and no more."""
CROSS_ENTROPY = ("logits", "targets", "weights", "axis", "label_smoothing", "reduction")


class Mlx:
    """Calls into MLX."""

    def __init__(self, machine: Machine, effects: EffectsRoom) -> None:
        self.machine = machine
        self.views = machine.views
        self.effects = effects

    def called(self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        """What a function of MLX gives; None where its name is none of those that are told apart."""
        if not name.startswith("mlx."):
            return None
        package, _, last = name.rpartition(".")
        if package == "mlx.core" and last in NOTHING_BUT_TIME:
            return Const(None)
        if package == "mlx.core.fast" and last in FUSED:
            return self.machine.apply.call(
                LibraryRef(f"torch.nn.functional.{last}"), args, {**keywords}, node
            )
        if name == "mlx.nn.losses.cross_entropy":
            return self.cross_entropy(args, keywords, node)
        if name == "mlx.nn.value_and_grad" and len(args) == 2:
            return Partial(LibraryRef(WITH_VALUE), (args[1],), ())
        if name in ("mlx.core.value_and_grad", "mlx.core.grad") and args:
            return Partial(LibraryRef(WITH_VALUE if "value" in last else WITHOUT_VALUE), (args[0],), ())
        if name in (WITH_VALUE, WITHOUT_VALUE):
            return self.with_gradients(name, args, keywords, node)
        if name == "mlx.optimizers.clip_grad_norm" and args:
            return TupleValue((args[0], CLEAN))
        return None

    def cross_entropy(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        """The same of torch, which is not reduced unless that is asked for."""
        given = {**dict(zip(CROSS_ENTROPY, args, strict=False)), **keywords}
        logits, targets = given.pop("logits", CLEAN), given.pop("targets", CLEAN)
        given.pop("axis", None)
        if "weights" in given:
            given["weight"] = given.pop("weights")
        given.setdefault("reduction", Const("none"))
        function = LibraryRef("torch.nn.functional.cross_entropy")
        result = self.machine.apply.call(function, [logits, targets], given, node)
        return self.effects.formula_calls.with_call(function, [logits, targets], given, result, node)

    def with_gradients(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        """A function called for its value and its gradients: those are made of all that the function is handed."""
        found = self.machine.apply.call(args[0], args[1:], keywords, node)
        made = combine(self.views.mix(*args[1:], *keywords.values()), self.views.data(found))
        by_hand = self.effects.scoring.gradient(made.regions, node)
        gradients = gradients_of(made, by_hand)
        return gradients if name == WITHOUT_VALUE else TupleValue((found, gradients))


def gradients_of(made: Data, by_hand: Data) -> Data:
    """Gradients of what was computed: no score, and whatever takes them in is fitted on their tokens."""
    plain = replace(made.plain(), losses=frozenset(), formula=None)
    return replace(plain, updates=plain.updates | by_hand.updates, marks=plain.marks | by_hand.marks)


def takes_arrays(name: str, args: Sequence[Value]) -> bool:
    """Whether a method of a module of MLX puts arrays in the place of weights."""
    return name in PUT_ARRAYS and bool(args)

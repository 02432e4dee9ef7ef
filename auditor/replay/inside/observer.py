"""Sees every torch function that the submission calls: moves it to the CPU and notes losses, and what becomes
of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from auditor.replay.inside.arrays import install_arrays, marked
from auditor.replay.inside.devices import moved_arguments
from auditor.replay.inside.dye import Dye
from auditor.replay.inside.entropy import entropies, is_plain, rows_looked_up
from auditor.replay.inside.patching import replace
from auditor.replay.inside.positions import Locator
from auditor.replay.inside.provenance import Provenance, carriers, mark, nodes_of
from auditor.replay.inside.ranks import Collectives
from auditor.replay.inside.recorder import Recorder
from auditor.replay.inside.states import States
from auditor.replay.toy.world import ANCHOR

PROJECTION_SEED: Final = 20_240_520
KEPT_INPUTS: Final = 6
"""Recent inputs of embeddings that a row of targets is compared with to find its first token."""

CONTINUED: Final = 0.8
"""Share of the targets that must be the next inputs; the others may be masked or padded."""

_LOSS_ARGUMENTS: Final = (
    "input",
    "target",
    "weight",
    "size_average",
    "ignore_index",
    "reduce",
    "reduction",
    "label_smoothing",
)
_LEAVING: Final = frozenset(("item", "tolist", "__float__", "__format__"))
_PLAIN: Final[dict[str, Callable[..., Any]]] = {}


class Stage(TorchFunctionMode):
    """The stage that a submission plays on; without an observer it only moves devices."""

    def __init__(self, observer: Observer | None) -> None:
        super().__init__()
        self._observer = observer

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name == "__get__":
            name = getattr(func.__self__, "__name__", "")
        args, kwargs = moved_arguments(name, args, kwargs or {})
        if self._observer is None:
            return func(*args, **kwargs)
        return self._observer.call(func, name, args, kwargs)


def install_stage(observer: Observer | None) -> Stage:
    """Make the stage, and enter it in every thread that is started later and in every step backwards."""
    stage = Stage(observer)
    gradients: Any = torch.autograd
    run, engine = threading.Thread.run, gradients._engine_run_backward

    def run_engine(*args: Any, **kwargs: Any) -> Any:
        # What calls the engine stands off the stage while it runs; hooks and custom functions come back onto it.
        with Stage(observer):
            return engine(*args, **kwargs)

    def run_on_stage(self: threading.Thread) -> None:
        with Stage(observer):
            run(self)

    replace(threading.Thread, run=run_on_stage)
    replace(gradients, _engine_run_backward=run_engine)
    return stage


class Observer:
    """Notes per-token losses of validation tokens, gradients through them, and numbers made of them.

    Args:
        stream: the validation tokens in order.
        dye: gives losses other values.
        collectives: counts those that this process begins.
        anchor: tokens that tell a position of the stream.
    """

    def __init__(
        self,
        recorder: Recorder,
        provenance: Provenance,
        states: States,
        stream: Any,
        dye: Dye,
        collectives: Collectives,
        *,
        anchor: int = ANCHOR,
    ) -> None:
        self._recorder, self._provenance, self._states = recorder, provenance, states
        self._targets, self._read = Locator(stream, anchor), Locator(stream, anchor)
        self._inputs: list[Any] = []
        self._calls = 0
        self._dye, self._collectives = dye, collectives
        self._projection: Tensor | None = None
        self._handlers: dict[Any, Callable[..., Any]] = {
            F.cross_entropy: self._cross_entropy,
            F.nll_loss: self._nll_loss,
            F.embedding: self._embedding,
        }
        install_arrays(provenance, self._left)
        plain_from_numpy = torch.from_numpy
        replace(torch, from_numpy=lambda array: _from_array(plain_from_numpy(array), array))

    def call(self, func: Any, name: str, args: Any, kwargs: Any) -> Any:
        """Run a torch function and note what it did."""
        handler = self._handlers.get(func)
        if torch._C._are_functorch_transforms_active():
            out = func(*args, **kwargs)
            if handler is not None:
                with torch._C._DisableFuncTorch():
                    self._transformed(func, args, kwargs)
            return out
        if handler is not None:
            return handler(func, args, kwargs)
        out = func(*args, **kwargs)
        if name in ("gather", "take_along_dim"):
            out = self._gathered(name, args, kwargs, out)
        elif name == "__getitem__" and isinstance(args[1], tuple):
            # The last index is the token; those before it are rows or the token's context.
            for index in reversed(args[1]):
                if isinstance(index, Tensor) and index.dtype in (torch.int64, torch.int32):
                    self._picked(out, index)
        elif name in ("tensor", "as_tensor", "asarray") and args:
            return _from_array(out, args[0])
        carrying = list(carriers((*args, *kwargs.values())))
        if carrying:
            self._followed(func, name, args, kwargs, out, carrying)
            if name == "numpy":
                nodes = nodes_of(carrying[0])
                return marked(out, None if nodes is None else nodes.numpy())
        return out

    def _transformed(self, func: Any, args: Any, kwargs: Any) -> None:
        """A loss or an embedding inside `torch.func`: what is made there is differentiated at once, without a step."""
        names = ("input", "weight") if func is F.embedding else _LOSS_ARGUMENTS
        named = {**dict(zip(names, map(_unwrapped, args), strict=False))}
        named |= {key: _unwrapped(value) for key, value in kwargs.items()}
        if func is F.embedding:
            self._remember(named["input"])
            return
        target = named["target"]
        positions = None if target.is_floating_point() else self._located(target)
        if positions is None:
            return
        terms = func(**{**named, "input": named["input"].detach(), "reduction": "none"})
        number = self._calls
        self._made(terms, target, positions, named["input"], plain=is_plain(named, func))
        self._trained(number, torch.ones_like(terms), None)

    # -- numbers that leave torch

    def _followed(self, func: Any, name: str, args: Any, kwargs: Any, out: Any, carrying: list[Any]) -> None:
        if name in _LEAVING:
            nodes = nodes_of(carrying[0])
            assert nodes is not None
            if nodes.dim() == 0:
                value = carrying[0].detach()
                self._left(int(nodes), float(value))
            elif bool((nodes >= 0).any()):
                self._left(self._provenance.total(nodes, carrying[0]), float(carrying[0].detach().sum()))
        else:
            self._provenance.carry(func, name, args, kwargs, out)

    def _left(self, node: int, value: float) -> None:
        """A number made of losses became a Python number."""
        if node >= 0:
            self._recorder.event("number", node=node, value=value)

    # -- where losses are made

    def _cross_entropy(self, func: Any, args: Any, kwargs: Any) -> Any:
        named = {**dict(zip(_LOSS_ARGUMENTS, args, strict=False)), **kwargs}
        return self._loss(func, args, kwargs, named, F.cross_entropy)

    def _nll_loss(self, func: Any, args: Any, kwargs: Any) -> Any:
        named = {**dict(zip(_LOSS_ARGUMENTS[:-1], args, strict=False)), **kwargs}
        return self._loss(func, args, kwargs, named, F.nll_loss)

    def _loss(self, func: Any, args: Any, kwargs: Any, named: dict[str, Any], plain: Any) -> Any:
        """The loss as the submission asked for it, to the last bit; its terms are computed beside it."""
        out = func(*args, **kwargs)
        target = named["target"]
        positions = None if target.is_floating_point() else self._located(target)
        if positions is None:
            return out
        plainly = is_plain(named, plain)
        if named.get("reduction", "mean") == "none":
            out = self._dyed(out, positions)
            self._made(out, target, positions, named["input"], plain=plainly)
            return out
        with torch.no_grad():
            terms = plain(**{**named, "reduction": "none"})
        counted = (target != named.get("ignore_index", -100)).reshape(-1)
        if named.get("weight") is None and (shift := self._dye.shift(terms, positions)) is not None:
            terms = terms + shift
            added = shift.reshape(-1)[counted].sum()
            out = out + (added / counted.sum() if named.get("reduction", "mean") == "mean" else added)
        nodes = self._made(terms, target, positions, named["input"], through=(out, counted), plain=plainly)
        mark(out, torch.tensor(self._provenance.total(nodes, terms)))
        return out

    def _dyed(self, losses: Tensor, positions: Any) -> Tensor:
        shift = self._dye.shift(losses, positions)
        return losses if shift is None else losses + shift

    def _embedding(self, func: Any, args: Any, kwargs: Any) -> Any:
        self._remember(args[0] if args else kwargs["input"])
        return func(*args, **kwargs)

    def _remember(self, index: Tensor) -> None:
        self._inputs.append(index.detach())
        del self._inputs[:-KEPT_INPUTS]

    def _gathered(self, name: str, args: Any, kwargs: Any, out: Any) -> Any:
        """Values looked up along a dimension: of rows of logits or log-probabilities, by the target.

        The cross-entropy of such a row is known beside, so that what is made of the value can be held against it.
        """
        found = rows_looked_up(name, args, kwargs)
        if found is None:
            self._picked(out, args[2] if len(args) > 2 else kwargs.get("index", args[-1]))
            return out
        rows, index = found
        positions = self._located(index.squeeze(-1)) if nodes_of(out) is None else None
        if positions is None:
            return out
        value, shares = entropies(rows, index)
        shift = self._dye.shift(value, positions)
        if shift is not None:
            value = value + shift
            moved = shift.reshape(out.shape).to(out.dtype)
            out = out * (-moved).exp() if shares else out - moved
        self._made(out, index.squeeze(-1), positions, rows, value=value, picked=True)
        return out

    def _picked(self, out: Any, index: Any) -> None:
        """A value was looked up by token: if the tokens are targets, it is (part of) their probability."""
        if not isinstance(out, Tensor) or not isinstance(index, Tensor) or not out.is_floating_point():
            return
        if out.numel() != index.numel() or index.numel() < 2 or nodes_of(out) is not None:
            return
        flat = index.squeeze(-1) if index.dim() > 1 and index.shape[-1] == 1 else index
        positions = self._located(flat)
        if positions is not None:
            self._made(out, flat, positions, None)

    def launched(self, args: Any) -> None:
        """A kernel ran: an output with one value a target holds their losses."""
        tensors = [a for a in args if isinstance(a, Tensor)]
        for index in tensors:
            if index.is_floating_point() or index.dim() != 1 or index.numel() < 2:
                continue
            positions = self._located(index)
            if positions is None:
                continue
            for out in tensors:
                if out.is_floating_point() and out.shape == index.shape and nodes_of(out) is None:
                    self._made(out, index, positions, None)
            return

    def _located(self, target: Tensor) -> Any:
        """Positions of targets in their shape, or None if none of them is a validation token."""
        plain = target.detach()
        if plain.dim() == 0 or not plain.numel() or plain.dtype not in (torch.int64, torch.int32):
            return None
        found = self._positions(plain.numpy().astype(np.int64))
        return found if (found >= 0).any() else None

    def _positions(self, targets: Any) -> Any:
        """Positions of targets, in their shape.

        Targets that continue the rows of a recent embedding, from its first position on or at its end (only the
        last positions of a window are scored), stand behind tokens that are longer rows and easier to find.
        """
        for seen in reversed(self._inputs):
            if seen.dim() != 2 or not len(seen) or targets.size % len(seen) or targets.size > seen.numel():
                continue
            inputs = seen.numpy().astype(np.int64)
            rows = targets.reshape(len(inputs), -1)
            count = rows.shape[1]
            for first in dict.fromkeys((0, inputs.shape[1] - count)):
                if self._goes_on(inputs[:, first + 1 : first + count], rows[:, :-1]):
                    joined = np.concatenate([inputs[:, : first + 1], rows], axis=1)
                    alone = self._targets.locate(joined)[:, first + 1 :]
                    behind = self._behind(inputs, rows, first)
                    found = np.where(behind >= 0, behind, alone)
                    if (found >= 0).any():
                        return found.reshape(targets.shape)
        rows = targets.reshape(-1, targets.shape[-1]) if targets.ndim > 1 else targets[None]
        return self._targets.locate(rows).reshape(targets.shape)

    def _goes_on(self, read: Any, wanted: Any) -> bool:
        """Whether the inputs behind the first are the targets before the last, what fills rows up left out."""
        same = read == wanted
        if same.size and same.mean() > CONTINUED:
            return True
        held = self._read.holds(read) & self._read.holds(wanted)
        return bool(read.size) and (not held.any() or bool(same[held].mean() > CONTINUED))

    def _behind(self, inputs: Any, rows: Any, first: int) -> Any:
        """Positions of targets that are the tokens after the inputs at their place; -1 for the others."""
        stream = self._read.stream
        at = self._read.locate(inputs)[:, first : first + rows.shape[1]] + 1
        fits = (at > 0) & (at < len(stream))
        fits &= stream[np.where(fits, at, 0)] == rows
        return np.where(fits, at, -1)

    def _made(
        self,
        losses: Tensor,
        target: Tensor,
        positions: Any,
        logits: Tensor | None,
        through: tuple[Tensor, Tensor] | None = None,
        *,
        value: Tensor | None = None,
        plain: bool = True,
        picked: bool = False,
    ) -> Tensor:
        """Losses of validation tokens were made: note them, and watch for gradients through them.

        Args:
            through: where the losses are only seen summed up, that sum and a mask of the targets in it.
            value: the losses in nats, where `losses` are what they will be made of.
            plain: whether nothing was asked for but the cross-entropy of the target.
            picked: whether they were looked up, and are losses only if the number made of them agrees.
        """
        number, self._calls = self._calls, self._calls + 1
        count = losses.numel()
        flat = positions.reshape(-1)
        nodes = self._provenance.leaf(number, torch.from_numpy(flat.copy())).reshape(losses.shape)
        mark(losses, nodes)
        recorder = self._recorder
        watched = losses if through is None else through[0]
        recorder.event(
            "losses",
            call=number,
            count=count,
            located=int((flat >= 0).sum()),
            gradient=watched.requires_grad,
            plain=plain,
            picked=picked,
            collectives=self._collectives.begun,
            states=self._states.fingerprints(),
        )
        recorder.array("position", flat)
        made = losses if value is None else value
        recorder.array("loss", made.detach().double().reshape(-1).numpy())
        recorder.array("distribution", self._projected(logits, target, count))
        if watched.requires_grad:
            counted = None if through is None else through[1].numpy()
            hooked: Any = watched
            hooked.register_hook(lambda gradient: self._trained(number, gradient, counted))
        return nodes

    def _trained(self, call: int, gradient: Tensor, counted: Any) -> None:
        with torch._C.DisableTorchFunction():
            flows = (gradient.detach().reshape(-1) != 0).numpy()
        used = flows if counted is None else counted & flows.any()
        self._recorder.event("gradient", call=call, used=int(used.sum()))
        self._recorder.array("used", used)

    def _projected(self, logits: Tensor | None, target: Tensor, count: int) -> Any:
        """A number for each distribution: its log-probabilities against a fixed random vector; NaN if unknown."""
        if logits is None:
            return np.full(count, np.nan)
        rows = logits.detach()
        if rows.dim() == target.dim() + 1 and rows.dim() > 2:
            rows = rows.movedim(1, -1)
        rows = rows.reshape(-1, rows.shape[-1]).double()
        if len(rows) != count:
            return np.full(count, np.nan)
        if self._projection is None or len(self._projection) != rows.shape[1]:
            generator = torch.Generator()
            generator.manual_seed(PROJECTION_SEED)
            self._projection = torch.randn(rows.shape[1], generator=generator, dtype=torch.float64)
        return (rows.log_softmax(-1) @ self._projection).numpy()


def _unwrapped(value: Any) -> Any:
    """A tensor without the wrappers of `torch.func`; anything else as it is."""
    while isinstance(value, Tensor) and torch._C._functorch.is_functorch_wrapped_tensor(value):
        value = torch._C._functorch.get_unwrapped(value)
    return value


def _from_array(out: Any, array: Any) -> Any:
    """A tensor made of an array takes its nodes over."""
    nodes = getattr(array, "nodes", None)
    if nodes is not None and isinstance(out, Tensor) and out.shape == nodes.shape:
        mark(out, torch.as_tensor(np.ascontiguousarray(nodes)))
    return out

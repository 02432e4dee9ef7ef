"""Carries nodes on through numpy, where mixers of several scorers compute.

`Tensor.numpy()` of a marked tensor gives a `MarkedArray`; its slices, its elementwise results and its sums keep
the nodes, and `torch.from_numpy` hands them back to a tensor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from auditor.replay.inside.provenance import NONE, Provenance, is_changed_score

Totalled = Callable[[int, float], None]
"""Told the node and the value of every total that leaves an array as a number."""


class MarkedArray(np.ndarray[Any, Any]):
    """An array whose elements carry nodes, an int64 array `nodes` of the same shape or None."""

    nodes: np.ndarray[Any, Any] | None = None
    provenance: Provenance
    totalled: Totalled

    def __array_finalize__(self, made_from: Any) -> None:
        nodes = getattr(made_from, "nodes", None)
        self.nodes = nodes if nodes is not None and nodes.shape == self.shape else None

    def __getitem__(self, index: Any) -> Any:
        nodes, found = self.nodes, super().__getitem__(index)
        if nodes is None:
            return found
        chosen = nodes[index]
        if isinstance(found, MarkedArray):
            found.nodes = chosen
        elif isinstance(found, np.floating) and int(chosen) >= 0:
            type(self).totalled(int(chosen), float(found))
        return found

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(index, np.asarray(value))
        given = getattr(value, "nodes", None)
        if self.nodes is not None and (given is not None or not is_changed_score(value)):
            self.nodes = self.nodes.copy()
            self.nodes[index] = NONE if given is None else given

    def reshape(self, *args: Any, **kwargs: Any) -> Any:
        return _moved(self, "reshape", args, kwargs)

    def ravel(self, *args: Any, **kwargs: Any) -> Any:
        return _moved(self, "ravel", args, kwargs)

    def flatten(self, *args: Any, **kwargs: Any) -> Any:
        return _moved(self, "flatten", args, kwargs)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        plain = [_plain(value) for value in inputs]
        if out is not None:
            kwargs["out"] = tuple(_plain(value) for value in out)
        result = getattr(ufunc, method)(*plain, **kwargs)
        if method == "reduce" and ufunc is np.add:
            return self._summed(inputs[0], result)
        if method != "__call__" or not isinstance(result, np.ndarray):
            return result
        if out is not None and isinstance(out[0], MarkedArray):
            out[0].nodes = _joined(inputs, result)
            return out[0]
        return marked(result, _joined(inputs, result)) if result.dtype.kind == "f" else result

    def _summed(self, array: Any, result: Any) -> Any:
        nodes = getattr(array, "nodes", None)
        if nodes is None or isinstance(result, np.ndarray):
            return result
        node = type(self).provenance.total(
            torch.from_numpy(np.ascontiguousarray(nodes)),
            torch.from_numpy(np.array(_plain(array), dtype=np.float64)),
        )
        type(self).totalled(node, float(result))
        return result

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        result = function(*_plain_all(args), **{k: _plain_all(v) for k, v in kwargs.items()})
        if not isinstance(result, np.ndarray) or result.dtype.kind != "f":
            if function in (np.mean, np.sum) and args and getattr(args[0], "nodes", None) is not None:
                return self._summed(args[0], result)
            return result
        if function in (np.concatenate, np.stack, np.hstack, np.vstack):
            nodes = function([_nodes_or_none(value) for value in args[0]], *args[1:], **kwargs)
            return marked(result, nodes)
        return marked(result, _joined(args, result))


def marked(array: Any, nodes: Any) -> Any:
    """The array with nodes, or as it is where there are none."""
    if nodes is None:
        return array
    view = array.view(MarkedArray)
    view.nodes = nodes
    return view


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, MarkedArray) else value


def _plain_all(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_plain_all(item) for item in value)
    return _plain(value)


def _nodes_or_none(value: Any) -> Any:
    nodes = getattr(value, "nodes", None)
    return np.full(np.shape(value), NONE) if nodes is None else nodes


def _joined(inputs: Any, result: Any) -> Any:
    """Nodes of an elementwise result: of the first input of that shape, filled up from the others."""
    joint = None
    for value in inputs:
        nodes = getattr(value, "nodes", None)
        if nodes is None or nodes.shape != result.shape:
            continue
        joint = nodes if joint is None else np.where(joint >= 0, joint, nodes)
    return joint


def _moved(array: MarkedArray, method: str, args: Any, kwargs: Any) -> Any:
    result = getattr(_plain(array), method)(*args, **kwargs)
    if array.nodes is None:
        return result
    return marked(result, getattr(array.nodes, method)(*args, **kwargs))


def install_arrays(provenance: Provenance, totalled: Totalled) -> None:
    """Say where totals of arrays are told."""
    MarkedArray.provenance = provenance
    MarkedArray.totalled = staticmethod(totalled)

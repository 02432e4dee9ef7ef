"""Functions that write into memory they are handed: `out=`, `numpy.copyto`, torch's in-place functions, addresses."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from auditor.static.domain.heap import Obj
from auditor.static.domain.values import Const, Value
from auditor.static.interpreter.machine import Machine
from auditor.static.transfer.in_place import InPlace

COPIED_INTO = frozenset(
    ["numpy.copyto", "numpy.place", "numpy.put", "numpy.putmask", "numpy.put_along_axis", "ctypes.memmove"]
)
"""Functions that write what they are handed last, or second, into what they are handed first."""

SAME_MEMORY = frozenset(
    [
        *("from_numpy", "asarray", "asanyarray", "as_tensor", "ascontiguousarray", "frombuffer", "as_array"),
        *(
            "from_address",
            "from_buffer",
            "as_strided",
            "memoryview",
            "to_dlpack",
            "from_dlpack",
            "untyped_storage",
        ),
        *(
            "storage",
            "typed_storage",
            "view_as_real",
            "view_as_complex",
            "numpy",
            "detach",
            "addressof",
            "byref",
        ),
        *(
            "cast",
            "unbind",
            "split",
            "chunk",
            "tensor_split",
            "hsplit",
            "vsplit",
            "split_with_sizes",
            "unfold",
        ),
        *(
            "diagonal",
            "movedim",
            "moveaxis",
            "swapaxes",
            "swapdims",
            "t",
            "view_as",
            "expand_as",
            "unflatten",
        ),
    ]
)
"""Functions and methods that give the memory of what they are handed under another name, or its address."""

SWAPS = frozenset(["torch.utils.swap_tensors", "torch._C._swap_tensor_impl"])
SPREADS = frozenset(
    ["torch.nn.utils.vector_to_parameters", "torch.nn.utils.convert_parameters.vector_to_parameters"]
)


class Memory:
    """Follows writes into memory."""

    def __init__(self, machine: Machine, in_place: InPlace) -> None:
        self.machine = machine
        self.views = machine.views
        self.in_place = in_place

    def written_into(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        """What a function gives that writes into a value it is handed; None for any other function."""
        tail = name.rsplit(".", 1)[-1]
        if tail in SAME_MEMORY and args and self.weights_in(args[0]):
            return self.views.data(args[0])
        if name in SWAPS and len(args) == 2:
            before = [self.views.data(value) for value in args]
            self.overwrite(args[0], [before[1]], node, tail)
            self.overwrite(args[1], [before[0]], node, tail)
            return Const(None)
        if name in SPREADS and len(args) == 2:
            self.overwrite(args[1], args[:1], node, tail)
            return Const(None)
        if len(args) > 1 and name.startswith("torch.optim.") and tail[:1].islower() and "lr_sch" not in name:
            self.overwrite(args[0], args[1:], node, tail)  # an optimiser's step as a function
            return Const(None)
        if name in COPIED_INTO and len(args) > 1:
            self.overwrite(args[0], args[1:], node, tail)
            return Const(None)
        if name == "ctypes.memset" and args:
            return self.machine.apply.call_method(args[0], "zero_", [], {}, node)
        if not name.startswith("torch.") or not args or not tail.endswith("_") or tail.endswith("__"):
            return None
        if name.startswith("torch._foreach_"):
            self.overwrite(args[0], args[1:], node, tail)
            return args[0]
        return (
            self.machine.apply.call_method(args[0], tail, args[1:], keywords, node)
            if self.memory_of(args[0])
            else None
        )

    def weights_in(self, value: Value) -> bool:
        """Whether a value is a module's memory, or a number computed from its address."""
        record = self.views.data(value)
        return any(owner.kind == "module" for owner in record.refs)

    def overwrite(self, target: Value, values: Sequence[Value], node: ast.AST, by: str) -> None:
        """Numbers are written into the memory of a value."""
        owners = self.memory_of(target)
        if owners:
            self.in_place.in_place(
                target, owners, "copy_" if len(owners) == 1 else by, list(values), {}, node
            )

    def memory_of(self, value: Value) -> frozenset[Obj]:
        """The states whose memory a value is, is an address of, or holds."""
        record = self.views.data(value)
        found = self.views.objects(value) | record.refs
        if not found & record.states:
            found |= record.states  # a number computed from an address
        return frozenset(o for o in found if o.kind in ("module", "tensor", "optimizer"))

    def with_output(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        """`f(…, out=x)`: what `f` gives is written into `x`."""
        target = keywords.get("out")
        if target is None or not self.memory_of(target):
            return None
        rest = {key: value for key, value in keywords.items() if key != "out"}
        result = self.machine.apply.call_library(name, args, rest, node)
        self.in_place.in_place(target, self.memory_of(target), "out", [result], {}, node)
        return target

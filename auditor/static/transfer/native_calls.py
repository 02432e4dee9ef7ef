"""Calls of functions that are not Python: what their source says of the arrays they write (`auditor.native`).

Where the source says all, what is written depends on earlier tokens (one element behind), or on the very tokens at
the same place: a lookup. Where it does not, everything the call was handed is doubted, with the file's name.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from dataclasses import replace

from auditor.native.dependence import ELSEWHERE, Dependence, Written
from auditor.native.sources import NativeFunction
from auditor.static.domain.heap import STORED, Obj
from auditor.static.domain.lattice import combine
from auditor.static.domain.provenance import Data
from auditor.static.domain.taint import Look, LookForm, joined
from auditor.static.domain.values import Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.trace.region import Region

NATIVE = "#native"
"""Root of the names of functions in a library that is not Python."""

LIBRARIES = frozenset(
    [
        *(f"ctypes.{kind}" for kind in ("CDLL", "PyDLL", "cdll.LoadLibrary", "WinDLL")),
        *("numpy.ctypeslib.load_library", "cffi.FFI.dlopen", "cffi.FFI.verify"),
        *("torch.utils.cpp_extension.load", "torch.utils.cpp_extension.load_inline"),
    ]
)
"""Calls whose result holds such functions."""

ADDRESSES = frozenset(
    [
        *(
            f"ctypes.c_{kind}"
            for kind in ("void_p", "int", "long", "longlong", "size_t", "float", "double", "bool")
        ),
        *(f"ctypes.c_{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
        *(
            "ctypes.c_uint",
            "ctypes.c_ulong",
            "ctypes.cast",
            "ctypes.byref",
            "ctypes.pointer",
            "ctypes.addressof",
        ),
        *("cffi.FFI.cast", "cffi.FFI.from_buffer"),
    ]
)
"""Calls that hand on what they are given, or its address."""

FEW = 2
"""Tokens at the fixed beginning of the split that a state may be seeded with: they do not move the result."""


class Natives:
    """Follows calls into code that is not Python."""

    def __init__(self, machine: Machine, effects: EffectsRoom) -> None:
        self.script = machine.script
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.effects = effects

    def called(self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        """A function that is not Python, or the address of what it will be handed; None for any other."""
        if name in ADDRESSES and args:
            return args[-1 if name.startswith("cffi.") else 0]
        return self.native_call(name, args, keywords, node) if name.startswith(f"{NATIVE}.") else None

    def native_call(
        self, name: str, args: Sequence[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        values = [*args, *keywords.values()]
        records = [self.views.data(value) for value in values]
        found = self.script.source.native(name.rsplit(".", 1)[-1])
        relevant = any(r.regions or r.losses or r.looks or r.updates or r.doubts for r in records)
        if not relevant:
            handle = self.heap.allocate("tensor", node, name.rsplit(".", 1)[-1])
            return handle
        trouble = self.trouble(found, records, keywords)
        if trouble or isinstance(found, str):
            return self.doubted(trouble or str(found), name, values, node)
        return self.native_effects(found, values, records, node)

    def trouble(
        self, found: NativeFunction | str, records: Sequence[Data], keywords: dict[str, Value]
    ) -> str:
        """Why a call cannot be followed; empty if it can."""
        if isinstance(found, str):
            return found
        dependence = found.dependence
        if dependence.problems:
            return f"{found.path}: {dependence.problems[0]}"
        if keywords or len(records) != len(dependence.parameters):
            return f"{found.path}: its arguments are not those of the definition"
        if any(record.losses for record in records):
            return f"{found.path}: it works on scores"
        return ""

    def doubted(self, reason: str, name: str, values: Sequence[Value], node: ast.AST) -> Data:
        """Everything that a call was handed may hold anything of it afterwards."""
        number = self.recorder.doubt("native code that could not be followed", reason, node)
        out = self.views.mix(*values)
        out = replace(out, doubts=out.doubts | {number}, span=None, array=None, template=None, rank=None)
        for value in values:
            for target in self.views.objects(value):
                if target.kind in ("tensor", "list", "dict"):
                    self.heap.put(target, Obj.touched, True)
                    content = combine(self.views.content(target), out)
                    self.heap.put(target, Obj.content, replace(content, doubts=content.doubts | {number}))
        return out

    def native_effects(
        self, found: NativeFunction, values: Sequence[Value], records: Sequence[Data], node: ast.AST
    ) -> Value:
        dependence = found.dependence
        given = dict(zip(dependence.parameters, zip(values, records, strict=True), strict=True))
        tokens = {name: record for name, (_, record) in given.items() if self.validation(record)}
        before = frozenset().union(*(record.updates for record in records))
        doubts = frozenset().union(*(record.doubts for record in records))
        for name, written in dependence.written.items():
            if name in tokens:
                continue
            looks = frozenset(
                self.native_look(parameter, written, dependence, record, found, node)
                for parameter, record in tokens.items()
            )
            kept = frozenset().union(*(r.looks for n, (_, r) in given.items() if n not in dependence.written))
            out = Data(looks=joined(looks, kept), updates=before, doubts=doubts, rank=1)
            bounds = frozenset((1.0 if written.share else math.inf,))
            for target in self.views.objects(given[name][0]):
                self.effects.token_tables.forget_kinds(target)
                self.heap.put(target, Obj.touched, STORED)
                self.heap.put(target, Obj.bounds, bounds)
                self.heap.put(target, Obj.content, out)
        regions = frozenset(r for record in tokens.values() for r in self.validation(record))
        regions = frozenset(region for region in regions if not seeds(region))
        for name in sorted(dependence.kept - dependence.written.keys()):
            for target in self.views.objects(given[name][0]) if name in given else ():
                if regions:
                    self.effects.scoring.update(target, regions, node, "table", found.dependence.name)
        return Data(updates=before, doubts=doubts)

    def native_look(
        self,
        parameter: str,
        written: Written,
        dependence: Dependence,
        record: Data,
        found: NativeFunction,
        node: ast.AST,
    ) -> Look:
        """How an array that was written depends on the tokens of one parameter, element beside element."""
        own = [(distance, gate) for name, distance, gate in written.taint if name == parameter]
        form: LookForm = "chosen" if own and all(gate for _, gate in own) else ""
        number = self.effects.lookups.ask(
            (),
            "native",
            where=f"{found.path}:{found.offset + written.line}",
            combined=False,
            updates=frozenset(),
            node=node,
        )
        told = parameter in dependence.walked and all(distance != ELSEWHERE for distance, _ in own)
        behind = max((distance for distance, _ in own), default=-1)

        def moved(region: Region) -> Region:
            if not told or region.start is None or region.stop is None:
                return replace(region, start=None, stop=None)
            return replace(region, start=region.start + behind, stop=region.stop + behind)

        return Look(number, frozenset(moved(region) for region in self.validation(record)), form)

    def validation(self, record: Data) -> frozenset[Region]:
        """The validation tokens in an argument."""
        return frozenset(region for region in record.regions if region.source == "val")


def seeds(region: Region) -> bool:
    """Whether it is no more than the fixed beginning of the split."""
    stop = region.stop
    return stop is not None and stop.is_constant and region.start is not None and stop.constant <= FEW

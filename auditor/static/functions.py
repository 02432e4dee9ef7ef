"""Calls of library functions: torch, numpy, the standard library and builtins, by what their tables say."""

from __future__ import annotations

import ast
import builtins
import math
from dataclasses import replace

from auditor.static.by_kind import ByKind, filled
from auditor.static.files import FROM_OUTSIDE
from auditor.static.heap import TOUCHED, Obj
from auditor.static.library.tables import (
    ALLOCATIONS,
    COPIES,
    DISTRIBUTIONS,
    ELEMENTWISE,
    HISTOGRAMS,
    KNOWN_ROOTS,
    LOSS_FUNCTIONS,
    MAPPINGS,
    NETWORK_ROOTS,
    OPTIMIZERS,
    PARTS,
    PASSES,
    POSITION_FUNCTIONS,
    RESETS,
    RESHAPES,
    SELECTIONS,
    TOTALS,
    WRAPPERS,
)
from auditor.static.looks import choosing, joined
from auditor.static.machine import WHOLE, Machine, Resolved
from auditor.static.methods import BY_ELEMENT, SUMS
from auditor.static.natives import ADDRESSES, LIBRARIES, NATIVE
from auditor.static.values import (
    EMPTY,
    LAYOUT,
    NONE,
    UNKNOWN,
    Array,
    Class,
    Columns,
    Const,
    Data,
    Func,
    Generator,
    Lib,
    Method,
    Num,
    Partial,
    Truth,
    Tup,
    Value,
    View,
    join_data,
    scored,
)
from auditor.trace.events import Access
from auditor.trace.linear import Atom, Expr
from auditor.trace.operations import operation

WRITES_FIRST = frozenset(
    ["copyto", "put", "putmask", "place", "at", "shuffle", "fill_diagonal", "put_along_axis"]
)
"""Functions that write into their first argument."""

CASTS = frozenset(["float16", "float32", "float64", "float_", "single", "double"])
"""Numpy types that keep a number as it is, but for its digits."""

SAVES = frozenset(
    [
        "torch.save",
        "pickle.dump",
        "numpy.savez",
        "numpy.save",
        "numpy.savez_compressed",
        "safetensors.torch.save_file",
    ]
)
LOADS = frozenset(
    [
        "torch.load",
        "pickle.load",
        "pickle.loads",
        "numpy.load",
        "io.BytesIO",
        "zlib.decompress",
        "lzma.decompress",
        "brotli.decompress",
        "bz2.decompress",
        "safetensors.torch.load_file",
    ]
)
DECORATORS = frozenset(
    [
        "functools.lru_cache",
        "functools.update_wrapper",
        "functools.cache",
        "torch.no_grad",
        "torch.inference_mode",
        "torch.enable_grad",
        "torch.autocast",
        "torch.set_grad_enabled",
        "contextlib.nullcontext",
        "contextlib.suppress",
    ]
)
EQUALITIES = {"eq": "eq", "equal": "eq", "ne": "ne", "not_equal": "ne"}
DECODERS = frozenset(["b85decode", "b64decode", "a85decode", "b32decode", "unhexlify", "a2b_base64"])
FILLS: dict[str, int | None] = {"zeros": 0, "ones": 1, "full": None, "bytearray": 0}
PATH_FUNCTIONS = frozenset(
    [
        "os.path.join",
        "pathlib.Path",
        "pathlib.PurePath",
        "os.path.abspath",
        "os.path.expanduser",
        "os.path.realpath",
        "os.fspath",
        "os.path.normpath",
        "os.path.expandvars",
        "pathlib.PosixPath",
    ]
)
TAKES_GENERATORS = frozenset(["enumerate", "isinstance", "iter", "map", "filter", "type", "callable", "id"])
"""Builtins that are given a generator without reading it."""

READS_ALL = frozenset(["list", "tuple", "sorted", "set", "frozenset", "sum", "max", "min", "dict"])
"""Builtins that read a generator to its end before they return."""

MAX_BYTES = 64
"""Bytes put together from numbers: the pieces of a vocabulary are short."""

SCALARS = frozenset(["int", "float", "bool", "str", "abs", "round", "max", "min", "sum", "pow", "divmod"])


BY_ELEMENT_METHODS = frozenset([*SUMS, *BY_ELEMENT, "logical_not", "bitwise_not", "take", "index_select"])


class Functions(Machine):
    """Calls by dotted name."""

    def call_library(self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        tail = name.rsplit(".", 1)[-1]
        root = name.split(".", 1)[0]
        if root == "builtins":
            return self.call_builtin(tail, args, keywords, node)
        if args and isinstance(args[0], Columns):
            kept_apart = self.by_column(tail, args[0], args[1:], keywords)
            if kept_apart is not None:
                return kept_apart
        for target in self.objects(
            keywords.get("out") or (args[0] if args and tail in WRITES_FIRST else None)
        ):
            self.put(target, TOUCHED, True)
        if name in ADDRESSES and args:
            return args[-1 if root == "cffi" else 0]
        if root == NATIVE:
            return self.native_call(name, args, keywords, node)
        first = args[0] if args else UNKNOWN
        if name in ("os.environ.get", "os.getenv") and args:
            default = args[1] if len(args) > 1 else keywords.get("default")
            if isinstance(first, Const):
                return self.environment(str(first.value), default, node)
            return default if default is not None else UNKNOWN
        if name in ("os.environ.setdefault", "os.putenv") and len(args) > 1 and isinstance(first, Const):
            self.environment_writes.setdefault(str(first.value), args[1])
            return UNKNOWN
        if name == "os.environ.copy":
            return Lib("os.environ")
        if name == "functools.wraps":
            return Lib("functools.identity")
        if name in DECORATORS:
            return first if isinstance(first, Func) else UNKNOWN
        found = self.structure(name, tail, args, keywords, node)
        if found is not None:
            return found
        found = self.tokens(name, tail, args, keywords, node)
        if found is not None:
            return found
        found = self.tensors(name, tail, args, keywords, node)
        if found is not None:
            return found
        return self.any_function(name, root, args, keywords, node)

    # structure: partials, copies, wrappers, threads
    def structure(
        self, name: str, tail: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        if tail == "SentencePieceProcessor":
            return self.tokenizer(args, keywords, node)
        if name == "functools.partial" and args:
            return Partial(args[0], tuple(args[1:]), tuple(keywords.items()))
        if name in ("copy.deepcopy", "copy.copy") and args:
            return self.copied(args[0], node)
        if (tail in WRAPPERS or name == "torch.optimize") and args:
            return args[0]
        if tail in WRAPPERS and name.startswith("torch"):
            return Lib("functools.identity")
        if name == "functools.identity" and args:
            return args[0]
        if tail in ("Thread", "Timer", "Process") and isinstance(
            keywords.get("target"), (Func, Partial, Method)
        ):
            given = keywords.get("args")
            self.call(keywords["target"], list(given.items) if isinstance(given, Tup) else [], {}, node)
            return UNKNOWN
        if tail == "run_path" or (tail == "run" and name == "runpy.run"):
            return self.run_inner(node)
        if name.startswith("torch.optim.") and tail[:1].isupper() and "lr_scheduler" not in name:
            return self.optimizer(tail, args, keywords, node)
        if tail in OPTIMIZERS:
            return self.optimizer(tail, args, keywords, node)
        if (
            name.startswith("torch.nn.")
            and tail[:1].isupper()
            and "functional" not in name
            and "utils" not in name
        ):
            if tail == "Parameter":
                leaf = self.allocate("tensor", node)
                leaf.d["#content"] = self.data(args[0]).plain() if args else UNKNOWN
                return leaf
            if tail in ("ModuleList", "Sequential", "ModuleDict", "ParameterList"):
                inner = self.mix_references(args)
                if inner.refs:
                    return inner
            return self.allocate("module", node, "")
        if tail in ("namedtuple",):
            return UNKNOWN
        if tail in ("deque", "Queue", "SimpleQueue") and not name.startswith("torch"):
            queue = self.allocate("list", node)
            if args:
                self.show(queue, self.listed(args[0]) if isinstance(args[0], Generator) else args[0])
            return queue
        if name in PASSES and args:
            return args[0]
        if tail in MAPPINGS and name.split(".")[0] == "collections":
            return self.allocate("dict", node)
        if name.startswith("torch.distributed"):
            return self.distributed(tail, args, keywords, node)
        if name in PATH_FUNCTIONS and args:
            return self.joined_path(args)
        if name == "torch.cuda.is_available":
            return Const(True)
        if name in ("torch.cuda.device_count",):
            return Const(8)
        return None

    def joined_path(self, parts: list[Value]) -> Value:
        """A path put together from text, known or partly known."""
        if len(parts) == 1:
            return parts[0]
        settings = frozenset().union(*(getattr(p, "settings", NONE) for p in parts))
        if all(isinstance(p, Const) for p in parts):
            return Const("/".join(str(p.value) for p in parts if isinstance(p, Const)), settings)
        pieces: list[str | None] = []
        for position, part in enumerate(parts):
            if position:
                pieces.append("/")
            if isinstance(part, Const):
                pieces.append(str(part.value))
            elif isinstance(part, Data) and part.template is not None:
                pieces.extend(part.template)
            else:
                pieces.append(None)
        return replace(self.mix(*parts), template=tuple(pieces))

    def optimizer(self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Obj:
        out = self.allocate("optimizer", node, name)
        out.d["#content"] = self.mix_references([*args, *keywords.values()])
        return out

    def copied(self, value: Value, node: ast.AST) -> Value:
        if isinstance(value, Obj):
            out = self.allocate(value.kind, node, value.name, value.cls)
            out.d = dict(value.d)
            out.d.pop("#pending", None)
            return out
        return self.data(value).plain() if isinstance(value, Data) else value

    def run_inner(self, node: ast.AST) -> Value:
        """`exec`, `runpy.run_path` and the like: the decoded text runs here."""
        if not isinstance(node, ast.Call):
            return UNKNOWN
        inner = self.source.inner(node)
        if inner is None:
            reason = self.source.unresolved(node)
            self.doubt("code that could not be read", reason or ast.unparse(node)[:80], node)
            return UNKNOWN
        tree, layer, path = inner
        self.trees[layer, path] = tree
        with self.standing_in(layer, path):
            self.block(tree.body, self.globals)
        return UNKNOWN

    def distributed(self, tail: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        if tail in ("get_rank",):
            return Const(0)
        if tail == "get_world_size":
            return Const(8)
        if tail in ("is_available", "is_initialized"):
            return Const(True)
        if tail in ("gather", "gather_object") and len(args) > 1:
            args = [args[1], args[0]]
            tail = "all_gather"
        if tail.startswith("all_gather") and len(args) > 1:
            target, value = args[0], args[1]
            if isinstance(target, Obj) and target.kind in ("list", "tensor"):
                if target.kind == "list":
                    known = target.d.get("#elements")
                    self.put(target, "#elements", (*(known if isinstance(known, tuple) else ()), value))
                else:
                    self.put(target, "#content", join_data(self.content(target), self.data(value).plain()))
        return UNKNOWN

    # tokens: loading, losses, tables, files
    def tokens(
        self, name: str, tail: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        if name in ("glob.glob", "glob.iglob"):
            return self.globbed(args, node)
        if name in ("numpy.fromfile", "numpy.memmap", "torch.from_file", "numpy.frombuffer"):
            return self.file_content(args, keywords, node)
        if tail in LOSS_FUNCTIONS and not name.startswith("numpy"):
            _, target_position = LOSS_FUNCTIONS[tail]
            target = keywords.get("target", args[target_position] if len(args) > target_position else UNKNOWN)
            given = self.mix(*args, *keywords.values())
            if not given.states and not given.regions:
                return given
            return self.loss(self.data(target), given, node)
        if tail == "softmax" and args:
            return self.call_method(args[0], "softmax", args[1:], keywords, node)
        if tail in DISTRIBUTIONS:
            given = self.mix(*args, *keywords.values())
            if given.states and given.regions and scored(given) < 2:
                return self.distribution(given, node)
            return given
        if name in SAVES and args:
            for value in (*args[:2], *keywords.values()):
                if isinstance(value, Const) or (isinstance(value, Data) and value.template is not None):
                    self.wrote(value)
            self.saved(self.mix(*args, *keywords.values()), node)
            return UNKNOWN
        if tail in DECODERS and isinstance(first := args[0] if args else UNKNOWN, Const):
            return self.embedded(first, node)
        if name in LOADS:
            outside = self.content_of(args, node)
            return outside if outside is not None else self.loaded(self.mix(*args))
        if tail == "at" and name.startswith(("numpy", "np")):
            self.table_write(args, "np.add.at" if ".add." in name else name, node)
            return UNKNOWN
        if tail in HISTOGRAMS and args:
            given = self.mix(*args, *keywords.values())
            if given.regions:
                table = self.allocate("tensor", node, f"{tail}")
                table.d["#table"] = True
                self.update(table, given.regions, node, "table", tail)
                return Data(updates=self.history(table), turns=given.turns, refs=frozenset((table,)))
        if tail == "where" and len(args) == 3 and self.chooses_score(args[0], args[1], args[2]):
            return self.select(self.mix(*args), node, "where")
        if tail in ("clamp", "clip") and self.data(args[0] if args else None).losses:
            if any(self.data(v).losses for v in (*args[1:], *keywords.values())):
                return self.select(self.mix(*args, *keywords.values()), node, tail)
        if tail in SELECTIONS and len(args) > 1 and all(self.data(a).losses for a in args[:2]):
            return self.select(self.mix(*args), node, tail)
        if tail in TOTALS and len(args) == 1 and not keywords and self.data(args[0]).losses:
            return self.added_up(self.data(args[0]), None, node)
        if tail in ("gather", "take_along_dim", "take_along_axis") and len(args) > 1:
            return self.call_method(args[0], "gather", args[1:], keywords, node)
        if name in ("os.read", "mmap.mmap"):
            return self.outside(node)
        if tail in ("isnan", "isfinite", "isinf") and args:
            given = self.mix(*args)
            return replace(given, losses=frozenset())
        if name == "json.dumps":
            return replace(self.mix(*args), template=(None,))
        if name == "torch.autograd.grad" and args:
            return self.gradient(self.data(args[0]).regions, node)
        return None

    def distribution(self, record: Data, node: ast.AST) -> Data:
        """Log-probabilities of the whole vocabulary, from the tokens that were the input."""
        found = self.loss(record, record, node, "distribution")
        return replace(found, marks=found.marks | {"softmax", "distribution"})

    def globbed(self, args: list[Value], node: ast.AST) -> Value:
        pattern = " ".join(str(a.value) for a in args if isinstance(a, Const))
        templates = [a.template for a in args if isinstance(a, Data) and a.template]
        for template in templates:
            pattern += " " + "".join(p or "*" for p in template)
        known = [a for a in args if isinstance(a, Data) and (a.regions or "train" in a.marks)]
        if known:
            return known[0]
        return self.file_named(pattern, node)

    def tokens_of(self, files: Data) -> Data:
        """What validation files hold: the whole split, or the part that belongs to one turn of a loop over files."""
        regions = {
            replace(WHOLE, source=region.source)
            if not region.turns
            else replace(region, start=None, stop=None)
            for region in files.regions
        }
        return replace(files, regions=frozenset(regions), rank=1, marks=files.marks - {"file"})

    def file_content(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Data:
        given = self.mix(*args)
        if given.regions or "train" in given.marks:
            return self.tokens_of(given) if "file" in given.marks else replace(given, rank=1)
        names = [str(a.value) for a in args if isinstance(a, Const) and isinstance(a.value, str)]
        names += ["".join(p or "*" for p in a.template) for a in args if isinstance(a, Data) and a.template]
        if names:
            found = self.file_named(" ".join(names), node)
            if found.regions or "train" in found.marks:
                return self.tokens_of(found)
        return self.from_disk(given)

    def outside(self, node: ast.AST) -> Data:
        """A value read from the outside world during a loop: a different one in each of its turns."""
        return Data(turns=frozenset((self.running[-1].counter,)) if self.running else frozenset())

    def table_write(self, args: list[Value], by: str, node: ast.AST) -> None:
        if not args:
            return
        key = self.mix(*args[1:])
        for target in sorted(self.objects(args[0]), key=lambda o: o.number):
            if key.regions:
                self.put(target, "#table", True)
                self.update(target, key.regions, node, "table", by)

    # tensors
    def tensors(
        self, name: str, tail: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        first = args[0] if args else UNKNOWN
        if tail in ALLOCATIONS and name.split(".")[0] in ("torch", "numpy", "builtins"):
            if len(args) == 1 and tail in ("zeros", "empty") and self.number(first) == Expr(0):
                return EMPTY
            return self.allocated(tail, args, keywords, node)
        if tail == "arange":
            return self.arange(args, keywords)
        if tail in POSITION_FUNCTIONS or (tail == "where" and len(args) == 1):
            return self.positions(name, tail, args, keywords, node)
        if tail in ("cat", "concatenate", "hstack") and args:
            return self.concatenated(first)
        if tail in ("tensor", "as_tensor", "from_numpy", "asarray", "array", "ascontiguousarray", "fromiter"):
            bits = self.cast_bits(tail, args, keywords)
            if bits is not None:
                first = self.wrapped(first, bits)
            if isinstance(first, (Num, Const, Truth)):
                return first if isinstance(first, Num) else self.allocated(tail, [], keywords, node)
            if isinstance(first, Obj) and self.length(first) == Expr(0):
                return EMPTY
            record = self.data(first)
            if isinstance(first, Obj):
                record = replace(record, span=self.consecutive(first))
            return replace(record, array=first.array if isinstance(first, Data) else None, refs=frozenset())
        known = self.constant_mask(first) if tail == "where" and len(args) == 3 else None
        if known is not None:
            return args[1] if known else args[2]
        if tail in CASTS and name.startswith("numpy.") and len(args) == 1:
            return first if isinstance(first, Const) else self.data(first).plain()
        if tail == "where" and len(args) == 3:
            mask = self.data(args[0])
            picked = self.picked(*args)
            if picked is not None:
                return replace(self.mix(*args), by_kind=picked)
            chosen = self.mix(*args[1:])
            if mask.looks:
                chosen = replace(chosen, looks=joined(chosen.looks, choosing(mask.looks)))
            found = self.decided(self.masked(chosen, mask, node), args[0], node)
            if self.by_kind_of(args[2]) == 0 and isinstance(args[1], Data) and "mask" in mask.marks:
                return replace(found, by_kind=args[1].by_kind)  # some tokens only, each for what it counts
            return found
        columns = self.stacked(args, keywords) if tail in ("stack", "column_stack") and args else None
        if columns is not None:
            return columns
        if tail == "stack" and args:
            record = self.mix(*args)
            return replace(
                record, rank=None if record.rank is None else record.rank + 1, span=None, array=None
            )
        if tail == "nan_to_num" and args:
            return first
        if tail in EQUALITIES and len(args) == 2:
            return self.call_method(first, EQUALITIES[tail], args[1:], keywords, node)
        if tail in RESHAPES | COPIES | PARTS and args:
            return self.call_method(first, tail, args[1:], keywords, node)
        if tail in RESETS and args:
            return self.call_method(first, tail, args[1:], keywords, node)
        if name.startswith("math.") and all(isinstance(a, Const) for a in args):
            function = getattr(math, tail, None)
            if function is None:
                return UNKNOWN
            if not callable(function):
                return Const(function)
            try:
                return Const(function(*[a.value for a in args if isinstance(a, Const)]))
            except (TypeError, ValueError, OverflowError):
                return UNKNOWN
        if tail in ("minimum", "maximum", "clip", "clamp") and args and isinstance(first, Data):
            if first.intervals and not first.regions and first.by_kind is None:
                # positions kept inside an array: those beyond its ends change, and no others
                return replace(first, span=None, within=first.intervals)
        if tail in BY_ELEMENT_METHODS and args:
            record = self.data(first)
            if record.by_kind is not None or (record.regions and tail in SUMS):
                return self.call_method(first, tail, args[1:], keywords, node)
        if tail in ("minimum", "maximum", "clip") and len(args) >= 2:
            numbers = [self.number(a) for a in args[:2]]
            if all(n is not None for n in numbers) and tail != "clip":
                return Num(operation("min" if tail == "minimum" else "max", *numbers))
        return None

    def allocated(self, tail: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Obj:
        out = self.allocate("tensor", node)
        rank: int | None = None
        if args and not tail.endswith("_like"):
            shape = args[0].items if isinstance(args[0], Tup) else None
            if shape is None and isinstance(args[0], Obj):
                items = args[0].d.get("#items")
                shape = items if isinstance(items, tuple) else None
            rank = len(shape) if shape is not None else 1 if tail == "full" else len(args)
        empty = self.starts_empty(tail, args, keywords)
        out.d["#content"] = Data(rank=rank)
        if empty:
            out.d["#empty"] = True
        if rank == 1 and tail in FILLS:
            out.d["#kinds"] = Data(by_kind=filled(self.fill_value(tail, args, keywords)))
        return out

    def fill_value(self, tail: str, args: list[Value], keywords: dict[str, Value]) -> object:
        """What a fresh array holds everywhere; None where it is not known."""
        if tail == "full":
            value = keywords.get("fill_value", args[1] if len(args) > 1 else UNKNOWN)
            return value.value if isinstance(value, Const) else None
        kind = keywords.get("dtype", args[1] if len(args) > 1 else UNKNOWN)
        if isinstance(kind, Lib) and kind.name.rsplit(".", 1)[-1] in ("bool", "bool_", "bool8"):
            return FILLS[tail] == 1
        return FILLS[tail]

    def arange(self, args: list[Value], keywords: dict[str, Value]) -> Data:
        numbers = [self.number(a) for a in args]
        if len(numbers) == 1 and numbers[0] is not None:
            return Data(span=(Expr(0), numbers[0]), rank=1)
        if len(numbers) == 2 and numbers[0] is not None and numbers[1] is not None:
            return Data(span=(numbers[0], numbers[1]), rank=1, turns=numbers[0].iterations())
        return Data(turns=self.mix(*args).turns, rank=1)

    def positions(
        self, name: str, tail: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        """Indices of what is found in an array: positions, no content; in ascending order where they are."""
        given = self.mix(*args)
        found = Data(
            turns=given.turns,
            doubts=given.doubts,
            updates=given.updates,
            looks=choosing(given.looks),
        )
        found = self.decided(found, given, node)
        if tail in ("nonzero", "flatnonzero", "argwhere", "where"):
            self.last_symbol += 1
            array = Array(self.last_symbol, Expr(0), ascending=True)
            found = replace(found, array=array, rank=1, within=frozenset(((Expr(0), None),)))
            if "equals" in given.marks and self.is_split(given):
                self.delimiters.add(array.number)
            as_tuple = keywords.get("as_tuple")
            if tail == "where" or name == "numpy.nonzero" or (isinstance(as_tuple, Const) and as_tuple.value):
                return Tup((found,))
        return found

    def is_split(self, record: Data) -> bool:
        """Whether places in a value are places in the split."""
        starts = [region.start for region in record.regions]
        return starts == [Expr(0)] and not record.marks & LAYOUT

    def concatenated(self, parts: Value) -> Value:
        """Concatenation: of arrays of positions with constants at their ends it still ascends."""
        items = parts.items if isinstance(parts, Tup) else None
        if items is None and isinstance(parts, Obj) and "#elements" not in parts.d:
            known = parts.d.get("#items")
            items = known if isinstance(known, tuple) else None
        record = replace(self.mix(parts), by_kind=self.data(parts).by_kind)
        if items is not None:
            arrays = [i for i in items if isinstance(i, Data) and i.array is not None]
            plain = [i for i in items if not (isinstance(i, Data) and i.array is not None)]
            if len(arrays) == 1 and all(not self.data(i).relevant for i in plain):
                array = arrays[0].array
                assert array is not None
                self.last_symbol += 1
                return replace(record, array=Array(self.last_symbol, Expr(0), array.ascending))
        every_file = items is None and record.regions == frozenset((WHOLE,))
        if not every_file and (items is None or len(items) > 1):
            # a place in several parts one behind the other is no place in the split
            record = replace(record, marks=record.marks | {"moved"})
        return replace(record, array=None, span=None, within=record.intervals)

    def consecutive(self, values: Obj) -> tuple[Expr, Expr] | None:
        """The interval of a list of positions one behind the other, such as `[start + i for i in range(n)]`."""
        length = self.length(values) if values.kind == "list" else None
        if length is None or not self.is_aligned(values, values.d.get("#entries", ())):  # type: ignore[arg-type]
            return None
        place = self.symbol("free")
        first, other = self.number(self.element(values, Expr(0))), self.number(self.element(values, place))
        return (first, first + length) if first is not None and other == first + place else None

    # builtins
    def b_sum(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        if not args:
            return None
        record = self.data(args[0])
        if record.by_kind is None or not record.by_kind.axes or record.losses:
            return None
        return self.counted(record, node)

    def b_chr(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        if args and isinstance(args[0], Const) and isinstance(args[0].value, int):
            if 0 <= args[0].value < 0x110000:
                return Const(chr(args[0].value), args[0].settings)
        return None

    def b_bytes(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        items = self.exact_items(args[0]) if args else None
        numbers = [i.value for i in items or () if isinstance(i, Const) and isinstance(i.value, int)]
        if items and len(numbers) == len(items) <= MAX_BYTES and all(0 <= n < 256 for n in numbers):
            return Const(bytes(numbers))
        return None

    def call_builtin(self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        if name not in TAKES_GENERATORS:
            whole = name in READS_ALL
            args = [self.listed(a, at_once=whole) if isinstance(a, Generator) else a for a in args]
        handler = getattr(self, "b_" + name, None)
        if handler is not None:
            found = handler(args, keywords, node)
            if isinstance(found, Value):
                return found
        if name in SCALARS:
            return self.scalar(name, args, keywords, node)
        if name == "iter" and args:
            return self.iterated(args[0], node)
        if name in ("list", "tuple", "sorted", "set", "reversed", "frozenset"):
            return self.sequence(name, args, node)
        if name in ("isinstance", "hasattr", "callable", "any", "all", "issubclass", "id", "hash"):
            return Data(turns=self.mix(*args).turns)
        if name in ("globals", "vars", "locals", "dir"):
            return Data(settings=self.data(args[0]).settings) if args else UNKNOWN
        return self.mix(*args, *keywords.values())

    def b_print(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        self.report(args, keywords, node)
        return Const(None)

    def b_exec(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        return self.run_inner(node)

    def b_eval(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        self.doubt("eval of text", ast.unparse(node)[:80], node)
        return self.mix(*args)

    def b_len(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        if not args:
            return UNKNOWN
        by_kind = self.measured(args[0])
        if by_kind is not None:
            return Data(by_kind=by_kind)
        length = self.length(args[0])
        if length is None:
            length = self.data_length(
                args[0], self.data(args[0]) if not isinstance(args[0], Data) else args[0]
            )
        if length is not None:
            if length.is_constant:
                return Const(length.constant, getattr(args[0], "settings", NONE))
            return Num(length)
        return self.container_length(args[0])

    def container_length(self, value: Value) -> Value:
        """The length of a container as a symbol: the same as long as nothing is added."""
        target = value.base if isinstance(value, View) else value
        if isinstance(target, Obj):
            size = sum(1 for cell in target.d if isinstance(cell, tuple))
            elements = target.d.get("#elements")
            marker = (target.number, size, len(elements) if isinstance(elements, tuple) else 0)
            parts = [Expr.of(r.counter) for r in self.running if r.entry not in target.loops and elements]
            if isinstance(value, View) and value.key is not None:
                parts.append(value.key)
            most = target.d.get("#most")
            high = most if isinstance(most, Expr) else None
            return Num(Expr.of(Atom("size", (marker, *parts), 0, high)))
        record = self.data(value)
        return Data(turns=record.turns, looks=record.looks)

    def b_range(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        settings = frozenset().union(*(getattr(a, "settings", NONE) for a in args)) if args else NONE
        bounds = [a.value for a in args if isinstance(a, Const) and isinstance(a.value, int)]
        if args and len(bounds) == len(args):
            try:
                return Const(range(*bounds), settings)
            except (ValueError, TypeError):
                return UNKNOWN
        numbers = [self.number(a) for a in args]
        start = Expr(0) if len(args) == 1 else numbers[0]
        stop = numbers[0] if len(args) == 1 else numbers[1] if len(args) > 1 else None
        step = numbers[2] if len(args) > 2 else Expr(1)
        out = self.allocate("list", node)
        entry = self.next_entry()
        counter = Expr.of(Atom("iter", (entry, 1), 0))
        if start is None:
            start = self.symbol(
                "opaque", *(Expr.of(a) for a in sorted(self.mix(*args).turns, key=lambda a: str(a.args)))
            )
        if step is None:
            return Data(turns=self.mix(*args).turns)
        out.d["#elements"] = (Num(start + operation("mul", counter, step), settings),)
        out.d["#entries"] = (entry,)
        out.d["#aligned"] = True
        if stop is not None and step.is_constant and step.constant > 0:
            out.d["#length"] = operation("floordiv", stop - start + (step.constant - 1), step)
        return out

    def b_enumerate(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        out = self.allocate("iterator", node)
        start = self.number(args[1]) if len(args) > 1 else self.number(keywords.get("start", Const(0)))
        out.d["#parts"] = tuple(args[:1])
        out.d["#start"] = start if start is not None else Expr(0)
        length = self.length(args[0]) if args else None
        if length is not None:
            out.d["#length"] = length
        return out

    def b_zip(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        out = self.allocate("iterator", node)
        out.d["#parts"] = tuple(args)
        return out

    def b_next(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        if not args:
            return UNKNOWN
        if isinstance(args[0], Obj) and args[0].cls is not None and args[0].cls.find("__next__") is not None:
            return self.call(self.attribute(args[0], "__next__", node), [], {}, node)
        index = self.symbol("opaque", Expr.of(self.running[-1].counter)) if self.running else None
        return self.element(args[0], index)

    def b_map(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        if len(args) < 2:
            return UNKNOWN
        return self.mapped(args[0], args[1:], node)

    def b_filter(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        return args[1] if len(args) > 1 else UNKNOWN

    def b_getattr(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        if len(args) < 2 or not isinstance(args[1], Const):
            return self.mix(*args)
        owner, name = args[0], str(args[1].value)
        default = args[2] if len(args) > 2 else None
        if isinstance(owner, Obj) and owner.kind in ("instance", "namespace"):
            known = name in owner.d or (
                owner.cls is not None
                and (owner.cls.find(name) is not None or owner.cls.get(name) is not None)
            )
            if not known:
                return default if default is not None else UNKNOWN
            return self.attribute(owner, name, node)
        if isinstance(owner, Class):
            found = owner.get(name) or owner.find(name)
            return found if found is not None else default if default is not None else UNKNOWN
        found = self.attribute(owner, name, node)
        is_part = isinstance(owner, Obj) and owner.kind == "module"
        if default is not None and isinstance(found, Method) and not is_part:
            return self.join(found, default)
        return found

    def b_setattr(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        if len(args) == 3 and isinstance(args[1], Const) and isinstance(args[0], (Obj, Class)):
            self.put(args[0], str(args[1].value), args[2])
        return Const(None)

    def b_dict(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        out = self.allocate("dict", node)
        if args and isinstance(args[0], Obj) and args[0].kind == "dict":
            out.d.update(args[0].d)
        elif args:
            out.d["#content"] = self.mix(*args)
        for key, value in keywords.items():
            out.d["key", key] = value
        known = out.d.get("#elements")
        out.d["#elements"] = (*(known if isinstance(known, tuple) else ()), *keywords.values())
        return out

    def b_type(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        if args and isinstance(args[0], Obj) and args[0].cls is not None:
            return args[0].cls
        return UNKNOWN

    def b___import__(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        return Lib(str(args[0].value)) if args and isinstance(args[0], Const) else UNKNOWN

    def scalar(self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        settings = frozenset().union(*(getattr(a, "settings", NONE) for a in args)) if args else NONE
        if name == "bool" and len(args) == 1:
            outcome = self.truth(args[0])
            if outcome is not None and not isinstance(args[0], Obj):
                return Const(outcome, settings)
            return args[0]
        if args and all(isinstance(a, Const) for a in args) and not keywords:
            try:
                return Const(
                    getattr(builtins, name)(*[a.value for a in args if isinstance(a, Const)]), settings
                )
            except (TypeError, ValueError, ArithmeticError):
                return Data(settings=settings)
        if name in ("max", "min") and isinstance(keywords.get("key"), Func) and args:
            by = self.call(keywords["key"], [self.element(args[0], None)], {}, node)
            return self.decided(self.as_record(self.element(args[0], None)), by, node)
        if name in ("max", "min") and len(args) > 1:
            numbers = [self.number(a) for a in args]
            if all(n is not None for n in numbers):
                return Num(operation(name, *numbers), settings)
            if all(self.data(a).losses for a in args[:2]):
                return self.select(self.mix(*args), node, name)
        if name == "abs" and len(args) == 1 and isinstance(args[0], Num):
            return Num(operation("max", args[0].expr, -args[0].expr), settings)
        if name in ("int", "round") and len(args) == 1 and isinstance(args[0], Num):
            return args[0]
        if name == "str" and args and isinstance(args[0], Data):
            return replace(args[0], template=args[0].template or (None,))
        if name == "int" and args and isinstance(args[0], Const):
            return Data(settings=settings)
        out = self.mix(*args)
        by_kind = self.by_kind_of(args[0]) if len(args) == 1 else None
        if isinstance(by_kind, ByKind) and name in ("int", "float", "bool"):
            out = replace(out, by_kind=by_kind)
        # one number of a file is a setting, no stored text
        return replace(out, marks=out.marks - {FROM_OUTSIDE}) if FROM_OUTSIDE in out.marks else out

    def sequence(self, name: str, args: list[Value], node: ast.AST) -> Value:
        if not args:
            return self.allocate("dict" if name in ("set", "frozenset") else "list", node)
        value = args[0]
        if name in ("sorted", "reversed", "set") and isinstance(value, (Obj, View)):
            items = value.d.get("#items") if isinstance(value, Obj) else None
            if (
                isinstance(items, tuple)
                and isinstance(value, Obj)
                and "#elements" not in value.d
                and len(items) < 2
            ):
                return value
            out = self.allocate("list", node)
            self.show_shuffled(out, value)
            if name == "sorted" and len(self.data(value).losses) > 1:
                out.d["#by_score"] = True
            return out
        if isinstance(value, Obj) and value.kind == "iterator" and name in ("list", "tuple"):
            out = self.allocate("list", node)
            self.show(out, value)
            return out
        if isinstance(value, Tup) and name == "list":
            out = self.allocate("list", node)
            out.d["#items"] = value.items
            return out
        if isinstance(value, Obj) and value.kind == "list" and name in ("list", "tuple"):
            out = self.allocate("list", node)
            out.d = dict(value.d)
            out.number = value.number
            return out
        return value

    # anything else
    def any_function(
        self, name: str, root: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        if root in NETWORK_ROOTS or name.startswith("torch.hub"):
            self.access("network", name, node)
        elif root == "subprocess" or name in ("os.system", "os.popen"):
            words = self.text_of(args[0]) if args else ""
            self.access("subprocess", words or name, node)
        elif root == "ctypes" and name.rsplit(".", 1)[-1] in ("CDLL", "cdll", "PyDLL", "LoadLibrary"):
            self.access("native", self.text_of(args[0]) if args else name, node)
        if name in LIBRARIES:
            return Lib(NATIVE)
        if name == "cffi.FFI":
            return Lib(name)
        for value in (*args, *keywords.values()):
            if isinstance(value, Func) and not isinstance(value.node, ast.Lambda) and root not in KNOWN_ROOTS:
                self.doubt("a function is handed to a library", name, node)
        out = self.mix(*args, *keywords.values())
        if root not in KNOWN_ROOTS and (out.regions or out.losses or out.states):
            number = self.doubt("call into code that was not read", name, node)
            out = replace(out, doubts=out.doubts | {number})
        marks = out.marks - {"softmax"}
        if out.regions and name.rsplit(".", 1)[-1] not in ELEMENTWISE:
            marks |= {"moved"}
        return replace(
            out, rank=None, span=None, array=None, template=None, within=frozenset(), marks=marks, most=None
        )

    def text_of(self, value: Value) -> str:
        if isinstance(value, Const):
            return str(value.value)[:80]
        if isinstance(value, (Tup, Obj)):
            items = value.items if isinstance(value, Tup) else value.d.get("#items", ())
            if isinstance(items, tuple):
                return " ".join(self.text_of(i) for i in items[:6] if isinstance(i, Value))[:80]
        if isinstance(value, Data) and value.template is not None:
            return "".join(p or "*" for p in value.template)[:80]
        return "?"

    def access(self, kind: str, what: str, node: ast.AST) -> None:
        self.record(Access(**self.common(node), kind=kind, what=what))  # type: ignore[arg-type]

    # environment
    def environment(self, name: str, default: Value | None, node: ast.AST) -> Value:
        setting = self.settings.get(name)
        place = self.place(node)
        unset, setting = setting, setting if setting is not None and setting.value is not None else None
        if setting is not None and (
            setting.origin != "assumed" or default is None or name in ("RANK", "LOCAL_RANK")
        ):
            self.resolved[name] = Resolved(name, setting.value, setting.origin, setting.path, setting.line)
            return Const(setting.value, frozenset((name,)))
        if name in self.environment_writes:
            value = self.environment_writes[name]
            if isinstance(value, Const):
                self.resolved[name] = Resolved(name, str(value.value), "source", place.path, place.line)
                return Const(value.value, frozenset((name,)))
        if setting is not None:
            self.resolved[name] = Resolved(name, setting.value, setting.origin, setting.path, setting.line)
            return Const(setting.value, frozenset((name,)))
        text = None if not isinstance(default, Const) or default.value is None else str(default.value)
        if name not in self.resolved:
            found = Resolved(name, text, "default", place.path, place.line)
            if unset is not None:
                found = Resolved(name, text, unset.origin, unset.path, unset.line)
            self.resolved[name] = found
        if default is None:
            return Const(None, frozenset((name,)))
        if isinstance(default, Const):
            return Const(default.value, default.settings | {name})
        return default

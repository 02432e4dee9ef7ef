"""Library functions that load tokens, score them, count them or write them to files."""

from __future__ import annotations

import ast
from dataclasses import replace

from auditor.static.domain.flow import WHOLE
from auditor.static.domain.heap import Obj
from auditor.static.domain.lattice import scored
from auditor.static.domain.provenance import CLEAN, Data
from auditor.static.domain.values import Const, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.names.tensors import HISTOGRAMS, OVER_AXIS, SELECTIONS, TOTALS
from auditor.static.names.torch import DISTRIBUTIONS, LOSS_FUNCTIONS
from auditor.static.transfer.files import Files
from auditor.static.transfer.forward_hooks import ForwardHooks
from auditor.static.transfer.state_dicts import Weights
from auditor.trace.formula import Formula, Of

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


HEADER_WORDS = 512
"""Words of a shard's header at most: so few are read to look at it, and are no tokens."""

DECODERS = frozenset(["b85decode", "b64decode", "a85decode", "b32decode", "unhexlify", "a2b_base64"])


def with_axis(found: Data, axis: Value | None) -> Data:
    """Something normalised, with the axis, where that is counted from the front."""
    number = axis.value if isinstance(axis, Const) else None
    if not isinstance(number, int) or number < 0:
        return found
    return replace(found, marks=found.marks | {f"{OVER_AXIS}{number}"})


class TokenFunctions:
    """Calls that tokens pass through."""

    def __init__(
        self,
        machine: Machine,
        effects: EffectsRoom,
        state_dicts: Weights,
        files: Files,
        forward_hooks: ForwardHooks,
    ) -> None:
        self.machine = machine
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.effects = effects
        self.state_dicts = state_dicts
        self.files = files
        self.forward_hooks = forward_hooks

    def tokens(self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        tail = name.rsplit(".", 1)[-1]
        if name in ("glob.glob", "glob.iglob"):
            return self.globbed(args, node)
        if name in (
            "numpy.fromfile",
            "numpy.memmap",
            "torch.from_file",
            "numpy.frombuffer",
            "torch.frombuffer",
        ):
            return self.file_content(args, keywords, node)
        if tail in LOSS_FUNCTIONS and not name.startswith("numpy"):
            _, target_position = LOSS_FUNCTIONS[tail]
            target = keywords.get("target", args[target_position] if len(args) > target_position else CLEAN)
            given = self.views.mix(*args, *keywords.values())
            if not given.states and not given.regions:
                return given
            form = self.effects.formulas.loss_formula(keywords, args, node)
            if tail == "nll_loss":
                form = self.effects.formulas.picked_loss(form, args[0] if args else keywords.get("input"))
            form = self.effects.formulas.of_places(
                form, self.views.data(args[0] if args else None), self.views.data(target), node
            )
            return self.effects.scoring.loss(self.views.data(target), given, node, formula=form)
        if tail == "softmax" and args:
            return self.machine.apply.call_method(args[0], "softmax", args[1:], keywords, node)
        if tail in DISTRIBUTIONS:
            given = self.views.mix(*args, *keywords.values())
            if given.states and given.regions and scored(given) < 2:
                axis = keywords.get("dim", args[1] if len(args) > 1 else None)
                return with_axis(self.distribution(given, node, tail), axis)
            return given
        if name in SAVES and args:
            for value in (*args[:2], *keywords.values()):
                if isinstance(value, Const) or (isinstance(value, Data) and value.template is not None):
                    self.files.wrote(value)
            self.forward_hooks.statistics_saved([*args, *keywords.values()], node)
            self.state_dicts.saved(self.views.mix(*args, *keywords.values()), node)
            return CLEAN
        if tail in DECODERS and isinstance(first := args[0] if args else CLEAN, Const):
            return self.files.embedded(first, node)
        if name in LOADS:
            outside = self.files.content_of(args, node)
            return outside if outside is not None else self.state_dicts.loaded(self.views.mix(*args))
        if tail == "at" and name.startswith(("numpy", "np")):
            self.table_write(args, "np.add.at" if ".add." in name else name, node)
            return CLEAN
        if tail in HISTOGRAMS and args:
            given = self.views.mix(*args, *keywords.values())
            if given.regions:
                table = self.heap.allocate("tensor", node, f"{tail}")
                table.table = True
                self.effects.scoring.update(table, given.regions, node, "table", tail)
                return Data(updates=self.views.history(table), turns=given.turns, refs=frozenset((table,)))
        if (
            tail == "where"
            and len(args) == 3
            and self.effects.selection.chooses_score(args[0], args[1], args[2])
        ):
            return self.effects.scoring.select(self.views.mix(*args), node, "where")
        if tail in ("clamp", "clip") and self.views.data(args[0] if args else None).losses:
            if any(self.views.data(v).losses for v in (*args[1:], *keywords.values())):
                return self.effects.scoring.select(self.views.mix(*args, *keywords.values()), node, tail)
        if tail in SELECTIONS and len(args) > 1 and all(self.views.data(a).losses for a in args[:2]):
            return self.effects.scoring.select(self.views.mix(*args), node, tail)
        if tail in TOTALS and len(args) == 1 and not keywords and self.views.data(args[0]).losses:
            return self.effects.lookups.added_up(self.views.data(args[0]), None, node)
        if tail in ("gather", "take_along_dim", "take_along_axis") and len(args) > 1:
            return self.machine.apply.call_method(args[0], "gather", args[1:], keywords, node)
        if name in ("os.read", "mmap.mmap"):
            return self.outside(node)
        if tail in ("isnan", "isfinite", "isinf") and args:
            given = self.views.mix(*args)
            return replace(given, losses=frozenset())
        if name == "json.dumps":
            return replace(self.views.mix(*args), template=(None,))
        if name == "torch.autograd.grad" and args:
            return self.effects.scoring.gradient(self.views.data(args[0]).regions, node)
        return None

    def distribution(self, record: Data, node: ast.AST, name: str) -> Data:
        """Log-probabilities of the whole vocabulary, from the tokens that were the input; or their normaliser."""
        known = record.formula
        told = known is not None and (record.losses or known.of is Of.LOGITS)
        kept = known.changes if known is not None and told else frozenset()
        form = Formula(of=Of.NORMALISER) if name == "logsumexp" else Formula(factor=-1.0)
        found = self.effects.scoring.loss(record, record, node, "distribution", form.changed(*kept))
        return replace(found, marks=found.marks | {"softmax", "distribution"})

    def globbed(self, args: list[Value], node: ast.AST) -> Value:
        pattern = " ".join(str(a.value) for a in args if isinstance(a, Const))
        templates = [a.template for a in args if isinstance(a, Data) and a.template]
        for template in templates:
            pattern += " " + "".join(p or "*" for p in template)
        known = [a for a in args if isinstance(a, Data) and (a.regions or "train" in a.marks)]
        if known:
            return known[0]
        return self.files.file_named(pattern, node)

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
        """What is read of a file: all of it, or a part where the number of tokens is not the one that it holds."""
        found = self.whole_content(args, node)
        if not self.is_part(keywords.get("count")):
            return found
        return replace(found, regions=frozenset(replace(region, partial=True) for region in found.regions))

    def is_part(self, count: Value | None) -> bool:
        """Whether so many words may be fewer than the header says: a number of its own, or that number changed."""
        if count is None:
            return False
        if isinstance(count, Const):
            return isinstance(count.value, int) and count.value > HEADER_WORDS
        form = self.views.data(count).formula
        return form is not None and form.of is Of.TOKENS and bool(form.changes)

    def whole_content(self, args: list[Value], node: ast.AST) -> Data:
        given = self.views.mix(*args)
        if given.regions or "train" in given.marks:
            return self.tokens_of(given) if "file" in given.marks else replace(given, rank=1)
        names = [str(a.value) for a in args if isinstance(a, Const) and isinstance(a.value, str)]
        names += ["".join(p or "*" for p in a.template) for a in args if isinstance(a, Data) and a.template]
        if names:
            found = self.files.file_named(" ".join(names), node)
            if found.regions or "train" in found.marks:
                return self.tokens_of(found)
        return self.state_dicts.from_disk(given)

    def outside(self, node: ast.AST) -> Data:
        """A value read from the outside world during a loop: a different one in each of its turns."""
        return Data(
            turns=frozenset((self.recorder.running[-1].counter,)) if self.recorder.running else frozenset()
        )

    def table_write(self, args: list[Value], by: str, node: ast.AST) -> None:
        if not args:
            return
        key = self.views.mix(*args[1:])
        for target in sorted(self.views.objects(args[0]), key=lambda o: o.number):
            if key.regions:
                self.heap.put(target, Obj.table, True)
                self.effects.scoring.update(target, key.regions, node, "table", by)

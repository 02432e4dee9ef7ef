"""Files that the script opens: what it wrote itself, its own source, and what came with it.

A file that the script reads and never wrote is data from outside: a tokenizer's metadata, or something that
only the author knows. Its content is followed, so that a score that was decided by it says so.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from auditor.static.domain.by_token_kind import TABLE, ByKind
from auditor.static.domain.provenance import CLEAN, FROM_OUTSIDE, GIVEN, Data
from auditor.static.domain.values import NONE, Const, Value
from auditor.static.effects.byte_counts import BYTES_SOURCE
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.transfer.state_dicts import Weights
from auditor.trace.events import Event, Load, LoadSource
from auditor.trace.region import Region

VALIDATION_SHARD = "fineweb_val_000000.bin"
"""The name of the challenge's validation shard, for patterns that match it without naming it."""
WRITING = frozenset("wax+")
SOURCE_SUFFIXES = (".py", ".c", ".cpp", ".cu", ".cuh", ".h", ".sh", ".toml", ".yaml", ".yml")
TOKENIZER_SUFFIXES = (".model", ".vocab")
SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/")
VALIDATION_ALONE = re.compile(r"(?<![a-z])val(?:idation)?[-_]?only(?![a-z])")
VALIDATION_FOLDER = re.compile(r"(?<![a-z])val(?:idation)?(?![a-z])")

MIN_EMBEDDED = 128
"""Characters of text in the source that are worth following: a key or a salt is shorter, a prefix of tokens longer."""


class Files:
    """Opens files."""

    def __init__(self, machine: Machine, effects: EffectsRoom, state_dicts: Weights) -> None:
        self.recorder = machine.recorder
        self.script = machine.script
        self.views = machine.views
        self.effects = effects
        self.state_dicts = state_dicts
        self.written_files: set[str] = set()
        self.embedded_texts: dict[int, Load] = {}

    def file_named(self, pattern: str, node: ast.AST) -> Data:
        """What a file of that name holds, as far as the name tells."""
        source = split_of(pattern)
        if source:
            what = pattern.strip()[-80:]
            self.recorder.record(
                Load(**self.recorder.common(node), source="train" if source == "train" else "val", what=what)
            )
        if source == "train":
            return Data(marks=frozenset(("train",)))
        regions = frozenset((Region(source),)) if source else frozenset()
        return Data(regions=regions, marks=frozenset(("file",)))

    def b_open(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        given = self.views.mix(*args)
        turns = frozenset((self.recorder.running[-1].counter,)) if self.recorder.running else frozenset()
        mode = keywords.get("mode", args[1] if len(args) > 1 else Const("r"))
        path = args[0] if args else CLEAN
        if isinstance(mode, Const) and WRITING & set(str(mode.value)):
            self.wrote(path)
        elif given.regions or "train" in given.marks:
            return given
        else:
            found = self.from_outside(path, node)
            if found is not None:
                return replace(found, turns=turns)
        if given.regions or "train" in given.marks:
            return given
        return self.state_dicts.from_disk(Data(turns=turns))

    def wrote(self, path: Value) -> None:
        text = path_text(path)
        if is_name(text):
            self.written_files.add(text)

    def from_outside(self, path: Value, node: ast.AST) -> Data | None:
        """The content of a file that the script did not write; None for its own files and its source."""
        text = path_text(path)
        if not is_name(text) or text in self.written_files or text.startswith(SYSTEM):
            return None
        name = posixpath.basename(text).lower()
        if name.endswith(SOURCE_SUFFIXES) or text == self.recorder.path:
            return None
        if name.endswith(".bin") and ("val" in name or "train" in name):
            return self.file_named(text, node)
        source: LoadSource = (
            "tokenizer" if "token" in text.lower() or name.endswith(TOKENIZER_SUFFIXES) else FROM_OUTSIDE
        )
        found = self.made_from(source, self.loaded_once(source, text, node))
        return replace(found, marks=found.marks | {GIVEN}) if self.is_given(path) else found

    def is_given(self, path: Value) -> bool:
        """Whether the path is one that the run was told: by its command, its environment or its log."""
        names = self.views.data(path).settings
        known = [self.script.resolved[name] for name in names if name in self.script.resolved]
        return any(setting.origin != "default" for setting in known)

    def embedded(self, text: Const, node: ast.AST) -> Data:
        """What is decoded from text in the source: data that the script did not compute, as from a file."""
        size = len(text.value) if isinstance(text.value, (str, bytes)) else 0
        if size < MIN_EMBEDDED:
            return CLEAN
        key = (self.recorder.place(node), "")
        number = self.effects.scoring.known_loads.get(key)
        if number is None:
            what = f"{size:,} characters of text in the source"
            event = Load(**self.recorder.common(node), source=FROM_OUTSIDE, what=what)
            number = self.effects.scoring.known_loads[key] = event.number
            self.embedded_texts[number] = event
        return self.made_from(FROM_OUTSIDE, number)

    def origin(self, number: int) -> Event | None:
        """The event that a value is made of; text in the source becomes one once something is made of it."""
        event = self.recorder.events.get(number)
        if event is None and number in self.embedded_texts:
            event = self.embedded_texts[number]
            self.recorder.record(event)
        return event

    def read_or_scored(self, a: Data, b: Data, joined: Data) -> Data:
        """A number that is made of scores, or read from a file of unknown content: which of them, is not told."""
        if bool(a.losses) == bool(b.losses):
            return joined
        other = b if a.losses else a
        for number in sorted(other.origins):
            event = self.origin(number)
            if isinstance(event, Load) and event.source == FROM_OUTSIDE:
                reason = "a number read from a file may stand in the place of scores"
                doubt = self.recorder.doubt(reason, event.what, ast.Pass())
                return replace(joined, doubts=joined.doubts | {doubt})
        return joined

    def made_from(self, source: LoadSource, number: int) -> Data:
        return Data(
            origins=frozenset((number,)),
            marks=frozenset((FROM_OUTSIDE,)) if source == FROM_OUTSIDE else NONE,
            by_kind=ByKind((TABLE,), ()),
        )

    def loaded_once(self, source: LoadSource, text: str, node: ast.AST) -> int:
        key = (self.recorder.place(node), text)
        number = self.effects.scoring.known_loads.get(key)
        if number is None:
            event = Load(**self.recorder.common(node), source=source, what=text[-80:])
            self.recorder.record(event)
            number = self.effects.scoring.known_loads[key] = event.number
        return number

    def content_of(self, args: Sequence[Value], node: ast.AST) -> Data | None:
        """What a loader reads by name (`np.load("table.npz")`); None where the name tells nothing."""
        if not args or not (isinstance(args[0], Const) and isinstance(args[0].value, str)):
            template = args[0].template if args and isinstance(args[0], Data) else None
            if template is None:
                return None
        return self.from_outside(args[0], node)


def split_of(pattern: str) -> str:
    """ "val", "bytes" (lengths beside the validation tokens), "train", or "" where the name tells nothing.

    The file's own name decides, unless its folder says that there is nothing but the validation split in it.
    """
    folder, _, name = pattern.strip().lower().replace(" ", "/").rpartition("/")
    if "val" in name:
        return BYTES_SOURCE if "bytes" in name else "val"
    if "train" in name:
        return "val" if VALIDATION_ALONE.search(folder) else "train"
    if VALIDATION_FOLDER.search(folder):
        return "val"
    if "train" in folder:
        return "train"
    both = "fineweb" in f"{folder}/{name}" and fnmatchcase(VALIDATION_SHARD, name)
    return "val" if both else ""  # the training shards as well; what matters is that these are among them


def path_text(path: Value) -> str:
    """A path as far as it is known, with a star for what is not."""
    if isinstance(path, Const):
        return str(path.value)
    if isinstance(path, Data) and path.template is not None:
        return "".join("*" if part is None else part for part in path.template)
    return "*"


def is_name(text: str) -> bool:
    """Whether a path says anything: not only what is unknown."""
    return bool(text.strip("?*/. "))

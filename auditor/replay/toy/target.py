"""What of a submission a replay needs: its files, its texts in the running grammar, its settings, its data folders."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from auditor.errors import InputError
from auditor.replay.toy.sizes import (
    ToySizes,
    short_training,
    toy_environment,
)

if TYPE_CHECKING:
    from auditor.program.model import Program
    from auditor.static.domain.settings import Setting
    from auditor.submission.model import Submission

MIN_VOCABULARY: Final = 512
MAX_BYTES: Final = 64 << 20
NOT_NEEDED: Final = (".log", ".png", ".jpg", ".pdf", ".pt", ".ptz", ".bin", ".zip", ".gz", ".md")
PRIVATE: Final = re.compile(
    r"(?:RANK|LOCAL_RANK|WORLD_SIZE|MASTER_ADDR|MASTER_PORT|PATH|HOME|\w*_(?:DIR|PATH|FILE|ROOT)|RUN_ID)\Z"
)
"""Settings of the claimed run's machine that mean nothing in a sandbox."""

ELSEWHERE: Final = ("/", "./", "../", "~/")
"""How a value begins that is a path on the machine of the claimed run."""

DATASETS: Final = "{datasets}"
"""Stands for the folder of the shards in settings, until a run lays it somewhere."""

_SHARD: Final = re.compile(r"fineweb_(?:train|val)_[^/]*\Z")
_FOLDER: Final = re.compile(r"(?:datasets/)?((?:[\w.{}-]+/)*fineweb10B_[\w.{}-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayTarget:
    """A submission made ready for replays.

    Attributes:
        files: by path relative to the script's folder.
        lowered: texts in the running grammar by digest of the original.
        reads: environment names that the script reads, with constant defaults.
        settings: what the claimed run had set, by name; machine-private names left out.
        layers: digests of the program's texts with (path, layer index), to name places.
        texts: those texts by (path, layer index).
        folders: data set folders named in the texts, as far as they are constant.
        vocabulary: the claimed run's, where no other size has the same value, or 0.
        sidecar: whether the texts know the byte sidecar of the validation split.
        whole: whether it runs at its own size, its training alone cut short.
    """

    script: str
    files: Mapping[str, bytes]
    lowered: Mapping[str, str]
    reads: Mapping[str, str | None]
    settings: Mapping[str, str]
    layers: Mapping[str, tuple[str, int]]
    texts: Mapping[tuple[str, int], str]
    folders: tuple[str, ...]
    vocabulary: int
    sidecar: bool
    whole: bool = False

    def running_text(self, place: tuple[str, int]) -> str:
        """A text as it runs: in the running Python's grammar."""
        digest = next((digest for digest, known in self.layers.items() if known == place), "")
        return self.lowered.get(digest) or self.texts.get(place, "")

    def variables(self, sizes: ToySizes) -> dict[str, str]:
        """The environment of a run of these sizes."""
        if self.whole:
            return short_training(self.reads, self.settings)
        return toy_environment(self.reads, self.settings, sizes)

    def data_names(self, vocabulary: int) -> tuple[str, ...]:
        """Data set folders below `datasets/`, formatted for a vocabulary."""
        plain = f"fineweb10B_sp{vocabulary}"
        found = [re.sub(r"\{[^}]*\}", str(vocabulary), name) for name in self.folders]
        return tuple(dict.fromkeys([plain, *found]))


def prepare(submission: Submission, program: Program, settings: Mapping[str, Setting]) -> ReplayTarget:
    """Make a submission ready."""
    from auditor.program.configuration.environment import environment_reads
    from auditor.replay.toy.lowering import lowered, needs_lowering

    texts = {(layer.path, layer.index): layer.text for layer in program.layers}
    rewritten: dict[str, str] = {}
    layers: dict[str, tuple[str, int]] = {}
    for layer in program.layers:
        digest = hashlib.sha256(layer.text.encode("utf-8", "surrogatepass")).hexdigest()
        layers.setdefault(digest, (layer.path, layer.index))
        if needs_lowering(layer.text):
            try:
                rewritten[digest] = lowered(layer.text)
            except SyntaxError:
                continue
    reads: dict[str, str | None] = {}
    for read in environment_reads(program):
        reads.setdefault(read.name, read.default)
    claimed = claimed_settings(settings)
    joined = "\n".join(texts.values())
    return ReplayTarget(
        script=posixpath.basename(submission.script.path),
        files=submission_files(submission),
        lowered=rewritten,
        reads=reads,
        settings=claimed,
        layers=layers,
        texts=texts,
        folders=tuple(dict.fromkeys(_FOLDER.findall(joined)))[:12],
        vocabulary=_own_vocabulary({**reads, **claimed}),
        sidecar="val_bytes" in joined,
    )


def _own_vocabulary(sizes: Mapping[str, str | None]) -> int:
    """The size of the vocabulary, if a number in the text that equals it can mean nothing else."""
    size = sizes.get("VOCAB_SIZE") or ""
    others = [name for name, value in sizes.items() if value == size and name != "VOCAB_SIZE"]
    return int(size) if size.isdecimal() and int(size) >= MIN_VOCABULARY and not others else 0


def claimed_settings(settings: Mapping[str, Setting]) -> dict[str, str]:
    """What the claimed run had set.

    Paths and names that only mean something on its machine are left out, but for shards of the data set: these lie
    below `DATASETS` here.
    """
    found = {}
    for name, setting in settings.items():
        if setting.value is None:
            continue
        shard = posixpath.basename(setting.value)
        if _SHARD.match(shard):
            found[name] = f"{DATASETS}/{shard}"
        elif not PRIVATE.match(name) and not setting.value.startswith(ELSEWHERE):
            found[name] = setting.value
    return found


def submission_files(submission: Submission) -> dict[str, bytes]:
    """The script and what lies beside it, up to a bound; logs, pictures and stored models stay away."""
    home = posixpath.dirname(submission.script.path)
    found = {posixpath.basename(submission.script.path): submission.script.data()}
    room = MAX_BYTES
    for file in submission.files:
        inside = not home or file.path.startswith(home + "/")
        if not inside or file.path == submission.script.path or file.name.endswith(NOT_NEEDED):
            continue
        if file.problem is not None or file.size_bytes > room:
            continue
        try:
            content = file.data()
        except InputError:
            continue
        room -= len(content)
        found[posixpath.relpath(file.path, home) if home else file.path] = content
    return found

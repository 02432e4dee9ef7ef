"""What the parent orders from the sandbox: one run of the submission, as plain values that travel as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Final

from auditor.replay.toy.world import ANCHOR

EVENTS: Final = "events.jsonl"
PLACES: Final = "places.json"
ARRAYS: Final = "arrays.npz"
OUTCOME: Final = "outcome.json"
BROKEN: Final = "broken.txt"
PRINTED: Final = "printed.txt"


class Mode(Enum):
    """How much is put between the submission and its libraries.

    `RECORDED` hooks and counts; `PLAIN` only stands in for what the machine lacks, and its printed totals must
    agree with the recorded ones.
    """

    RECORDED = "recorded"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One run.

    Attributes:
        script: path of the script inside the sandbox.
        job: working folder inside the sandbox, writable, emptied before each run.
        out: folder inside the sandbox that results go to.
        environment: the whole environment of the run.
        stream: file with the validation tokens as uint16, which rows are located in.
        lowered: folder of texts in the running grammar, named by digest of the original.
        vocabulary: pieces of the toy tokenizer.
        claimed_vocabulary: size of the vocabulary of the claimed run, for shapes that name it; 0 if there is none.
        sizes: fields of `ToySizes`, for sizes that are written into the script.
        marks: lines to tell when they are reached, by digest of their text.
        ranks: processes, as torchrun would start them.
        seconds: wall-clock limit.
        memory: limit in bytes, of all processes together.
        repeat: number of an equal run; each is made for itself, so that two can be compared.
        dyed: positions of the validation split whose losses are given other values, gradients left as they are.
        falling: whether these are less each time that a token is scored, not more.
        withdraws: whether training shards are taken away when the artifact is read back.
        anchor: tokens that tell a position of the stream.
        whole: whether sizes that are written into the texts stay as they are.
    """

    script: str
    job: str
    out: str
    environment: dict[str, str]
    stream: str
    lowered: str
    vocabulary: int
    claimed_vocabulary: int
    sizes: dict[str, int]
    mode: Mode = Mode.RECORDED
    marks: dict[str, list[int]] = field(default_factory=dict)
    ranks: int = 1
    seconds: float = 300.0
    memory: int = 6 << 30
    repeat: int = 0
    dyed: tuple[int, ...] = ()
    falling: bool = False
    withdraws: bool = True
    anchor: int = ANCHOR
    whole: bool = False

    @property
    def writable(self) -> tuple[str, ...]:
        """Folders of the submission's own files."""
        return (self.job, self.environment["TMPDIR"])

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "mode": self.mode.value})

    @classmethod
    def from_json(cls, text: str) -> Order:
        read = json.loads(text)
        return cls(**{**read, "mode": Mode(read["mode"]), "dyed": tuple(read["dyed"])})

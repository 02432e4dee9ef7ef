"""How a full run is launched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auditor.replay.sandbox.isolation_levels import IsolationLevel

RUNGS: Final = (IsolationLevel.BUBBLEWRAP, IsolationLevel.UNSHARE, IsolationLevel.LANDLOCK)
SILENT_S: Final = 180.0
GRACE_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FullOptions:
    """How to launch.

    Attributes:
        data: folder with `datasets/` and `tokenizers/`, read-only to the run.
        shards: folder of the shards that the run is pointed to, relative to `data`; "" for the first.
        tokenizer: model that it is pointed to, relative to `data`; "" for none.
        ranks: processes on this machine.
        seconds: limit of one run.
        rung: the level of the sandbox; `NONE` only observes.
        own_user: whether the run is this process's own user, where the parent cannot look into another's processes.
        on_cpu: whether the stand-ins of the toy replay take the GPUs' place.
        silent_s: for how long a rank may do nothing at all before the run counts as hung.
        shared_memory: bytes of the run's own /dev/shm, where it has one.
        let_in: folders that the run may read besides, as libraries; what lies there is not counted.
        launcher: more words for torchrun (`--nnodes`, `--rdzv-endpoint`, …).
    """

    data: Path
    shards: str = ""
    tokenizer: str = ""
    ranks: int = 8
    seconds: float = 3000.0
    rung: IsolationLevel = IsolationLevel.BUBBLEWRAP
    own_user: bool = False
    on_cpu: bool = False
    silent_s: float = SILENT_S
    shared_memory: int = 16 << 30
    let_in: tuple[Path, ...] = ()
    launcher: tuple[str, ...] = ()


def needs_network(launcher: Sequence[str]) -> bool:
    """Whether torchrun is told of more than one machine."""
    nodes = [word.partition("=")[2] for word in launcher if word.startswith("--nnodes=")]
    return any(number not in ("1", "1:1") for number in nodes)

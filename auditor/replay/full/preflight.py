"""Everything that can be wrong before the first second of a GPU, found before it.

One list of sentences, each with what to do; a run starts only where it is empty.
"""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auditor.replay.full.data_set import DataSet
from auditor.replay.full.gpus import Gpu, Nvml, gpu_problems
from auditor.replay.full.options import FullOptions, needs_network
from auditor.replay.sandbox.isolation_levels import IsolationLevel

DISK_BYTES: Final = 8 << 30
"""Compilers' caches of eight ranks, checkpoints, logs; on a CPU a fraction."""
DISK_ON_CPU_BYTES: Final = 1 << 29
_PORT: Final = re.compile(r"--(?:master[-_]port|rdzv[-_]endpoint)=(?:[\w.-]*:)?(\d+)\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong: where, what, and what to do about it."""

    where: str
    what: str
    remedy: str = ""

    def sentence(self) -> str:
        return f"{self.where}: {self.what}" + (f" ({self.remedy})" if self.remedy else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the machine offers, read once.

    Attributes:
        gpus: empty where there are none or the driver does not answer.
        driver: its version; `no_gpus` says why there is none.
        versions: of torch and what it was built with.
    """

    gpus: tuple[Gpu, ...]
    driver: str
    no_gpus: str
    versions: Mapping[str, str]


def read_machine(open_nvml: Callable[[], Nvml] = Nvml) -> Machine:
    """Ask driver and torch what there is; neither has to be."""
    gpus: tuple[Gpu, ...] = ()
    driver, why = "", ""
    try:
        nvml = open_nvml()
    except OSError as error:
        why = str(error)
    else:
        gpus, driver = tuple(nvml.gpus()), nvml.driver
        nvml.close()
    return Machine(gpus=gpus, driver=driver, no_gpus=why, versions=_versions())


def preflight(
    *,
    options: FullOptions,
    machine: Machine,
    data: DataSet,
    seeds: Sequence[int],
    settings: Mapping[str, str],
    missing: Sequence[str],
    evidence: Path,
) -> list[Problem]:
    """All that is wrong.

    Args:
        settings: of the claimed run, by environment name.
        missing: modules that the script imports and that are not installed.
        evidence: folder that the run is to be kept in.
    """
    return [
        *_gpus(options, machine),
        *(Problem(where=one.where, what=one.what) for one in data.problems),
        *_vocabulary(data, settings),
        *_seeds(seeds),
        *(
            Problem(
                where="script",
                what=f"it imports {name}, which is not installed",
                remedy=f"pip install {name}",
            )
            for name in missing
        ),
        *_room(evidence, DISK_ON_CPU_BYTES if options.on_cpu else DISK_BYTES),
        *_ports(options.launcher),
        *_machines(options),
    ]


def _gpus(options: FullOptions, machine: Machine) -> Iterator[Problem]:
    if options.on_cpu:
        return
    if not machine.gpus:
        why = f": {machine.no_gpus}" if machine.no_gpus else ""
        yield Problem(where="GPUs", what=f"there is no GPU{why}", remedy="--on-cpu runs on stand-ins")
        return
    for sentence in gpu_problems(machine.gpus, options.ranks):
        yield Problem(where="GPUs", what=sentence)
    if machine.versions.get("cuda") in (None, "", "None"):
        yield Problem(where="torch", what="it was built without CUDA", remedy="install a CUDA build of torch")


def _vocabulary(data: DataSet, settings: Mapping[str, str]) -> Iterator[Problem]:
    stated = settings.get("VOCAB_SIZE", "")
    if data.vocabulary is None or not stated.isdecimal() or int(stated) == data.vocabulary:
        return
    yield Problem(
        where=data.tokenizer,
        what=f"wrong tokenizer: it has {data.vocabulary:,} pieces, the run is claimed with VOCAB_SIZE={stated}",
        remedy="--data with the data set of the claim",
    )


def _seeds(seeds: Sequence[int]) -> Iterator[Problem]:
    again = sorted({seed for seed in seeds if seeds.count(seed) > 1})
    if again:
        yield Problem(
            where="--seeds",
            what=f"seed {', '.join(map(str, again))} is given twice; equal seeds are no sample",
        )
    if not seeds:
        yield Problem(where="--seeds", what="there is no seed to run")


def _room(evidence: Path, least: int) -> Iterator[Problem]:
    above = next(folder for folder in (evidence, *evidence.resolve().parents) if folder.is_dir())
    free = shutil.disk_usage(above).free
    if free < least:
        yield Problem(
            where=str(above), what=f"{free >> 20:,} MiB are free on its disk, {least >> 20:,} are needed"
        )


def _ports(launcher: Sequence[str]) -> Iterator[Problem]:
    for word in launcher:
        found = _PORT.match(word)
        if found is None:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("0.0.0.0", int(found.group(1))))
            except OSError as error:
                yield Problem(where=word, what=f"the port is taken or not ours: {error.strerror}")


def _machines(options: FullOptions) -> Iterator[Problem]:
    if needs_network(options.launcher) and options.rung is not IsolationLevel.NONE:
        yield Problem(
            where="--torchrun",
            what="several machines need a network, which no level of the sandbox leaves",
            remedy="--i-trust-this-code runs without a sandbox",
        )


def _versions() -> dict[str, str]:
    try:
        import torch
    except ImportError:
        return {}
    found = {"torch": str(torch.__version__), "cuda": str(torch.version.cuda)}
    nccl = getattr(torch.cuda, "nccl", None)
    if torch.version.cuda and nccl is not None:
        found["nccl"] = ".".join(map(str, nccl.version()))
    return found

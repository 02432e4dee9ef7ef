"""One run of the submission, in a process forked for it: puts the stand-ins up, runs the script, saves the record."""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import sys
import threading
import traceback
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from auditor.replay.inside.attention import install_attention
from auditor.replay.inside.channel import Channel
from auditor.replay.inside.clock import VirtualClock
from auditor.replay.inside.compilation import install_compiler
from auditor.replay.inside.compressors import install_compressors
from auditor.replay.inside.devices import install_cuda
from auditor.replay.inside.dye import Dye
from auditor.replay.inside.exchange import Exchange
from auditor.replay.inside.instrument import Loops
from auditor.replay.inside.integrity import Integrity, hide
from auditor.replay.inside.kernels import install_kernels
from auditor.replay.inside.missing import install_missing
from auditor.replay.inside.observer import Observer, install_stage
from auditor.replay.inside.patching import nothing, replace
from auditor.replay.inside.precision import install_precision
from auditor.replay.inside.program import ProgramLoader, run_main
from auditor.replay.inside.provenance import Provenance
from auditor.replay.inside.ranks import Collectives, install_ranks
from auditor.replay.inside.recorder import Recorder
from auditor.replay.inside.settings import install_attributes
from auditor.replay.inside.states import States
from auditor.replay.inside.tokenizer import install_tokenizer
from auditor.replay.inside.watch import Watch
from auditor.replay.inside.written import WrittenSizes
from auditor.replay.runs.job import Mode, Order
from auditor.replay.toy.sizes import ToySizes, short_attribute, sized_attribute

MAX_ERROR: Final = 4000
THREAD_S: Final = 10.0
"""How long a thread that is no daemon is waited for at the end."""

leave = os._exit


class _Left(BaseException):
    """The submission called `os._exit`."""


def run(order: Order, *, line: int, boundary: Callable[[], None], exchange: Exchange | None = None) -> None:
    """Run the submission; never returns.

    Args:
        line: descriptor that the collector reads the record from.
        boundary: called before the artifact is read back; returns when training data are out of reach.
        exchange: what several processes tell each other by.
    """
    loops, provenance, collectives = Loops(), Provenance(), Collectives()
    recorder = Recorder(loops, provenance, Channel(line))
    observer = states = None
    if order.mode is Mode.RECORDED:
        states = States()
        stream = np.fromfile(order.stream, dtype="<u2").astype(np.int64)
        dye = Dye(order.dyed, len(stream), falling=order.falling)
        observer = Observer(recorder, provenance, states, stream, dye, collectives, anchor=order.anchor)
    loader = _stand_ins(order, recorder, loops, observer, collectives, exchange)

    def cross() -> None:
        loops.forks.begin_phase()
        boundary()

    watch = Watch(recorder, states, order.writable, cross)
    watch.install()
    integrity = Integrity()
    hide()
    error, kind, code = "", "", 0
    try:
        with install_stage(observer):
            run_to_the_end(loader, Path(order.script))
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        error = "" if not code else f"SystemExit: {stop.code}"
    except _Left as stop:
        code = int(stop.args[0])
    except MemoryError:
        kind, error, code = "MemoryError", "MemoryError: the memory limit was reached", 1
    except BaseException as problem:  # noqa: BLE001  (whatever it raises is what is to be told)
        kind, code = type(problem).__name__, 1
        error = "".join(traceback.format_exception(problem, limit=-12))[-MAX_ERROR:]
    for shown in (sys.stdout, sys.stderr, sys.__stdout__):
        with contextlib.suppress(Exception):  # it may be anything by now
            shown.flush()  # type: ignore[union-attr]
    told = loops.forks.told()
    for file, number in recorder.files.items():
        recorder.event("forks", file=number, forks=told.get(file, []), place=False)
    recorder.finish(
        code=code, error=error, error_kind=kind, tampered=integrity.exchanged(), crossed=watch.crossed
    )
    leave(int(bool(error)))


def run_to_the_end(loader: ProgramLoader, script: Path) -> None:
    """Run the script and what Python runs when it ends: threads that are waited for, functions registered for it."""
    atexit._clear()
    try:
        run_main(loader, script)
    except SystemExit as stop:
        _wind_up()
        raise stop
    _wind_up()


def _wind_up() -> None:
    for thread in threading.enumerate():
        if not thread.daemon and thread is not threading.main_thread():
            thread.join(THREAD_S)
    atexit._run_exitfuncs()


def _stand_ins(
    order: Order,
    recorder: Recorder,
    loops: Loops,
    observer: Observer | None,
    collectives: Collectives,
    exchange: Exchange | None,
) -> ProgramLoader:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True, warn_only=True)
    _seed()
    install_cuda()
    install_precision()
    install_compiler()
    install_attention()
    install_kernels(nothing if observer is None else observer.launched)
    install_tokenizer(order.vocabulary)
    install_ranks(collectives, exchange)
    install_missing()
    install_compressors()
    sizes = ToySizes(**order.sizes)
    install_attributes(short_attribute if order.whole else partial(sized_attribute, sizes=sizes))
    VirtualClock().install()
    if order.mode is Mode.RECORDED:
        loops.install(recorder.reached)
    lowered = {path.name: path.read_text(encoding="utf-8") for path in Path(order.lowered).iterdir()}
    count = order.mode is Mode.RECORDED
    written = None if order.whole else WrittenSizes(sizes, order.claimed_vocabulary)
    loader = ProgramLoader(recorder, loops, lowered, order.writable, written, order.marks, count=count)
    loader.install()
    return loader


def _seed() -> None:
    """Take chance out of everything that is not seeded by the submission itself."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    chance = random.Random(0)
    generator: Any = np.random.default_rng

    def left(code: int = 0) -> None:
        raise _Left(code)

    replace(os, urandom=chance.randbytes, _exit=left)
    replace(uuid, uuid4=lambda: uuid.UUID(int=chance.getrandbits(128), version=4))
    replace(np.random, default_rng=lambda seed=None: generator(0 if seed is None else seed))

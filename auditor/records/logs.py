"""Parse a log into a run: sections, facts, metric lines.

A log may start with the script's text, a smoke section or an aborted start; the last section is the run and
the others stand under `Run.earlier`. No judgement is made here and nothing is compared across logs.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from auditor.json_text import MAX_NUMBER_DIGITS
from auditor.records import log_lines
from auditor.records.log_model import Calibration, Located, MetricLine, Run, SizeLine, StepLine
from auditor.records.log_source import find_source

_SEED = re.compile(r"(?:^|\s|\()(?:seed|SEED)\s*[:=]\s*(\d+)\b")
_SEED_EXACT = re.compile(r"^(?:seed|SEED)\s*[:=]\s*(\d+)\b")
_WORLD = re.compile(r"\bworld_size\s*[:=]\s*(\d+)")
_VAL_TOKENS = re.compile(
    r"\bval_tokens\s*[:=]\s*(\d+)|^val_loader\b.*\btokens:(\d+)|^Validation tokens:\s*([\d,]+)"
)
_TOKENIZER = re.compile(r"\btokenizer(?:_path)?\s*[:=]\s*(\S+)")
_VOCAB = re.compile(r"\bvocab_size\s*[:=]\s*(\d+)")
_DATA = re.compile(
    r"\b(?:data_path|train_files|datasets_dir|val_files)\s*[:=]\s*(\S+)|\bpattern=(\S+)|train_loader:dataset:(\S+)"
)
_SHARDS = re.compile(r"\btrain_shards\s*[:=]\s*(\d+)")
_STOP = re.compile(r"^stopping_early:\s*(\S.*)|^(?:Stopping early|Wallclock limit reached)\b(.*)")
_RESERVE = re.compile(r"reserv\w+\s*[:=]?\s*([\d.]+)\s*s\b|gptq_reserve_seconds\s*[:=]\s*([\d.]+)")
_EVAL_TOTAL = re.compile(
    r"^(?:total_eval_time|final_eval_time|total eval time)\s*[:=]\s*([\d.]+)\s*(ms|s)\b", re.IGNORECASE
)
_PAIR = re.compile(r"(?<![\w/.])([A-Za-z_]\w*)\s?[:=]\s?([^\s,;]+)")
_INDENTED = re.compile(r"^\s{1,8}([A-Za-z_]\w*)\s*:\s*(.*)$")
_SMOKE = re.compile(r"\bsmoke|preflight", re.IGNORECASE)
_HEADER = re.compile(
    r"^(?:world_size|Hyperparameters:?$|seed\b|Running Python|val_bpb:enabled|train_loader:|val_loader:"
    r"|\s*world_size\s*:)"
)
MAX_LOG_LINES = 200_000
"""Of one log; the longest real one has 33,000."""
MAX_FOLDER_LOG_LINES = 400_000
"""Of all logs of a folder; a line of metrics takes 50 microseconds."""
MAX_LINE_CHARACTERS = 20_000
"""Longer lines (packed code, dumps of tensors) state no metric and are not read."""


_OVERSIZED = re.compile(rf"[\d,]{{{MAX_NUMBER_DIGITS + 1},}}")


def unread_lines(text: str) -> list[int]:
    """The numbers of the lines that are not read because a number in them has too many digits."""
    if _OVERSIZED.search(text) is None:
        return []
    return [number for number, line in enumerate(text.split("\n"), start=1) if _OVERSIZED.search(line)]


def parse_log(path: str, text: str) -> Run:
    """Parse a whole log; the last section is the run.

    Args:
        path: of the log, kept for locations.
        text: decoded; `\\r\\n` or `\\n` line ends.
    """
    lines = text.split("\n")
    unread = frozenset(unread_lines(text))
    block = find_source(lines)
    source = None
    if block is not None:
        source = Located(value="\n".join(lines[block[0] : block[1]]) + "\n", line=block[0] + 1)
    cleaned = [
        _line(number, log_lines.clean(line))
        for number, line in enumerate(lines, start=1)
        if (block is None or not block[0] < number <= block[1])
        and len(line) <= MAX_LINE_CHARACTERS
        and number not in unread
    ]
    digest = hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()
    sections = [_read_section(path, part, digest) for part in _sections(cleaned)]
    main = sections[-1]
    for before in reversed(sections[:-1]):
        # A section that continues another does not print what stays the same.
        main = replace(
            main,
            val_tokens=main.val_tokens or before.val_tokens,
            tokenizer=main.tokenizer or before.tokenizer,
            vocab_size=main.vocab_size or before.vocab_size,
            world_size=main.world_size or before.world_size,
            data_path=main.data_path or before.data_path,
        )
    return replace(main, last_line=len(lines), source=source, earlier=tuple(sections[:-1]))


class _Line(NamedTuple):
    """A cleaned line; `step` where it is one of the training loop."""

    number: int
    text: str
    step: StepLine | None


def _line(number: int, text: str) -> _Line:
    return _Line(number, text, log_lines.read_step(text, number) if text[:1] in "sSiI0123456789" else None)


def _sections(lines: Sequence[_Line]) -> list[Sequence[_Line]]:
    """Cut where training starts again after a header that was printed again."""
    cuts = []
    reached, header_at, seen_work = -1, None, False
    for index, (_, text, step) in enumerate(lines):
        if seen_work and header_at is None and _HEADER.match(text):
            header_at = index
        if step is None:
            continue
        if step.step <= 1 and reached > 1 and header_at is not None:
            cuts.append(header_at)
            reached, header_at = step.step, None
            seen_work = False
        elif step.step > 1:
            if header_at is not None and step.step < reached:
                cuts.append(header_at)
                reached = step.step
            header_at = None
        reached = max(reached, step.step)
        seen_work = True
    edges = [0, *cuts, len(lines)]
    return [lines[start:end] for start, end in itertools.pairwise(edges)]


class _Section:
    """Collects the facts of one section line by line."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.metrics: list[MetricLine] = []
        self.steps: list[StepLine] = []
        self.calibrations: list[Calibration] = []
        self.sizes: dict[str, list[SizeLine]] = {"raw": [], "model": [], "code": [], "total": []}
        self.numbers: dict[str, Located[int]] = {}
        self.words: dict[str, Located[str]] = {}
        self.times: dict[str, Located[float]] = {}
        self.hyperparameters: dict[str, Located[str]] = {}
        self.smoke = False

    def read(self, number: int, text: str, step: StepLine | None) -> None:
        if step is not None:
            self.steps.append(step)
        if "bpb" in text or "BPB" in text or "Bpb" in text:
            self.metrics += log_lines.read_metrics(text, self.path, number)
        time_ms = step.train_time_ms if step is not None else log_lines.read_train_time_ms(text)
        if time_ms is not None and not text.startswith("smoke"):
            self.times["train_ms"] = Located(value=time_ms, line=number)
        if step is not None:
            return
        for kind, size in log_lines.read_sizes(text, number):
            self.sizes[kind].append(size)
        if (calibration := log_lines.read_calibration(text, number)) is not None:
            self.calibrations.append(calibration)
        self._read_facts(number, text, before_training=not self.steps)

    def _read_facts(self, number: int, text: str, *, before_training: bool) -> None:
        if (exact := _SEED_EXACT.match(text.lstrip())) is not None:
            self.numbers.setdefault("seed", Located(value=int(exact.group(1)), line=number))
        elif (loose := _SEED.search(text)) is not None:
            self.numbers.setdefault("seed_loose", Located(value=int(loose.group(1)), line=number))
        for name, shape in (
            ("world", _WORLD),
            ("val_tokens", _VAL_TOKENS),
            ("vocab", _VOCAB),
            ("shards", _SHARDS),
        ):
            if (found := shape.search(text)) is not None:
                value = next(group for group in found.groups() if group is not None)
                self.numbers.setdefault(name, Located(value=int(value.replace(",", "")), line=number))
        for name, shape in (("tokenizer", _TOKENIZER), ("data", _DATA)):
            if (found := shape.search(text)) is not None:
                value = next(group for group in found.groups() if group is not None)
                self.words.setdefault(name, Located(value=value, line=number))
        if (found := _STOP.match(text)) is not None:
            self.words["stop"] = Located(value=text, line=number)
        if (found := _RESERVE.search(text)) is not None:
            seconds = (found.group(1) or found.group(2)).rstrip(".")
            if seconds.count(".") <= 1 and seconds:
                self.times.setdefault("reserve_s", Located(value=float(seconds), line=number))
        if (found := _EVAL_TOTAL.match(text)) is not None and found.group(1).count(".") <= 1:
            scale = 1000.0 if found.group(2).lower() == "ms" else 1.0
            self.times["eval_s"] = Located(value=float(found.group(1)) / scale, line=number)
        if before_training:
            self.smoke = self.smoke or _says_smoke(text)
            self._read_hyperparameters(number, text)

    def _read_hyperparameters(self, number: int, text: str) -> None:
        if len(text) > 2000:
            return
        if (found := _INDENTED.match(text)) is not None:
            self.hyperparameters.setdefault(
                found.group(1), Located(value=found.group(2).strip(), line=number)
            )
            return
        for found in _PAIR.finditer(text):
            self.hyperparameters.setdefault(found.group(1), Located(value=found.group(2), line=number))


def _says_smoke(text: str) -> bool:
    """Whether a header line turns a smoke mode on; `smoke_test:False` does not."""
    if _SMOKE.search(text) is None:
        return False
    return re.search(r"smoke\w*\s*[:=]\s*(?:False|0|no|off)\b", text, re.IGNORECASE) is None


def _read_section(path: str, lines: Sequence[_Line], digest: str) -> Run:
    section = _Section(path)
    for line in lines:
        section.read(*line)
    return Run(
        path=path,
        first_line=lines[0].number if lines else 1,
        last_line=lines[-1].number if lines else 1,
        digest=digest,
        smoke=section.smoke,
        metrics=tuple(section.metrics),
        steps=tuple(section.steps),
        seed=section.numbers.get("seed") or section.numbers.get("seed_loose"),
        world_size=section.numbers.get("world"),
        val_tokens=section.numbers.get("val_tokens"),
        tokenizer=section.words.get("tokenizer"),
        vocab_size=section.numbers.get("vocab"),
        data_path=section.words.get("data"),
        train_shards=section.numbers.get("shards"),
        train_time_ms=section.times.get("train_ms"),
        stop=section.words.get("stop"),
        reserve_s=section.times.get("reserve_s"),
        raw_models=tuple(section.sizes["raw"]),
        models=tuple(section.sizes["model"]),
        codes=tuple(section.sizes["code"]),
        totals=tuple(section.sizes["total"]),
        total_eval_s=section.times.get("eval_s"),
        calibrations=tuple(section.calibrations),
        hyperparameters=section.hyperparameters,
    )

"""The shapes of single log lines: metric lines, steps, sizes.

Some 560 labels occur in real logs, so a line is known by its shape and not by its label: words, then
`val_loss[:=]F`, `val_bpb[:=]F`, perhaps a time. Source text printed into a log has to be cut out before
(`log_source`); sections and whole runs are put together in `logs`.
"""

from __future__ import annotations

import re

from auditor.records.log_model import Calibration, MetricKind, MetricLine, SizeLine, StepLine

_NUMBER = r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
_PREFIX = re.compile(
    r"^(?:\s*(?:\[(?:default|rank)\s*\d+\]\s*:?|\[rank ?\d+\]:?|rank\d+:"
    r"|\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?"
    r"|\[\d\d:\d\d:\d\d\]|\d{10}\.\d+ |\[RANK \d+\]|\[(?:train|eval|quant|val|summary|info"
    r"|log)\]|INFO:|INFO\b|\|))*\s*",
    re.IGNORECASE,
)
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_BPB = re.compile(
    r"(?P<key>(?:[A-Za-z_]*_)?(?:bpb"
    r"|vbpb)(?:_[a-z]+)?)\b\"?\s*(?:\([^)]*\))?\s*[:=~≈]?\s*(?P<value>\d+\.\d+)(?![\d.]*%)",
    re.IGNORECASE,
)
_LOSS = re.compile(r"(?P<key>val_loss|\bvl|\bloss|nll)\"?\s*[:=]?\s*(?P<value>\d+\.\d+)", re.IGNORECASE)
_TRAIN_LOSS = re.compile(
    rf"(?:train_loss|\btl|(?<!val_)\bloss)\s*[:=]?\s*(?P<value>{_NUMBER}|nan)", re.IGNORECASE
)
_VAL_LOSS = re.compile(rf"(?:val_loss|\bvl)\s*[:=]?\s*(?P<value>{_NUMBER}|nan)", re.IGNORECASE)
_STEP = re.compile(
    r"^(?:step|s|iter|iteration)\s*[:=]?\s*(\d+)\s*(?:/\s*(\d+))?\b|^(\d+)/(\d+)\s+(?:train|val)_loss",
    re.IGNORECASE,
)
_TRAIN_TIME = re.compile(r"(?<!\w)(?:train_time|\btt)\s*[:=]\s*([\d.]+)\s*(ms|s|m)\b", re.IGNORECASE)
_TIME = re.compile(r"\b(?:eval_time|elapsed|eval|time|t)\s*[:=]\s*([\d.]+)\s*(ms|s)\b", re.IGNORECASE)
_EVAL_TOKENS = re.compile(r"\b(?:eval_tokens|N_tokens|tokens|tokens_scored)\s*[:=]\s*(\d+)")
_EVAL_BYTES = re.compile(r"\b(?:eval_bytes|N_sidecar_bytes|N_bytes|bytes)\s*[:=]\s*(\d+)")
_DIAGNOSTIC = re.compile(
    r"diag|pre[-_ ]?quant|post[-_ ]?ema|post[-_ ]?swa|post[-_ ]?average|\bema\b|ema_eval|\bswa\b"
    r"|swa_eval|lawa"
    r"|raw[ _]model|proxy|candidate|temp_|search|select|best|snapshot|pre[-_]?eval|pre[-_]?ttt"
    r"|applying|averag"
    r"|baseline|calib|sweep|trial|probe|ablat|neural[-_ ]only|_only|nn_|quick_metric|warmup"
    r"|smoke|preflight|fp32",
    re.IGNORECASE,
)
_PROGRESS = re.compile(
    r"running|progress|\[\s*[\d.]+ ?%|[\d.]+ ?%\]|\b\d+/\d+\b|chunk|\bepoch\b|\bep\d|batch[ :_]"
    r"|windows|gain|improve"
    r"|delta|gap|threshold|target|verdict|\bvs\.?\b|marginal|Δ|\bpass ?1\b|beats|expected|diff"
    r"|saved|headroom",
    re.IGNORECASE,
)
_SIZE = re.compile(r"(?P<number>\d[\d,]*)\s*(?:bytes|B)\b", re.IGNORECASE)
_TOTAL = re.compile(
    r"total[ _](?:trinity )?submission(?:[ _]size)?|^submission size|total[ _](?:artifact"
    r"|compressed)?[ _]?(?:size|bytes)"
    r"|^artifact(?:[ _](?:size|bytes|total))?\s*:|final artifact|total_artifact_bytes|^total\s*:",
    re.IGNORECASE,
)
_CODE = re.compile(r"^(?:packed )?code(?:[ _]size)?\b|^code_bytes|^submission code", re.IGNORECASE)
_MODEL = re.compile(
    r"^(?:trinity hybrid )?serialized[ _]model(?! file)|^compressed model|^model blob"
    r"|^model_bytes|^quantized model"
    r"|^model(?: size)?\s*:",
    re.IGNORECASE,
)
_KEYED_BYTES = re.compile(
    r"\b(?P<key>code|model|total|code_bytes|model_bytes|compressed_model_bytes"
    r"|total_artifact_bytes)\s*[:=]\s*(?P<value>\d[\d,]{2,})\b"
)
_CALIBRATION_TIME = re.compile(r"(?:\bin|time[:=])\s*(?P<seconds>[\d.]+)\s*(?P<unit>ms|s)\b")
_CALIBRATION = re.compile(
    r"^gptq\b.*(?:collect|calibrat|generat)|^(?:collected|calibrat)\w*.*hessian", re.IGNORECASE
)


def clean(line: str) -> str:
    """Drop what terminals, launchers and loggers put around a line; of `\\r` rewrites the last one stays."""
    if "\x1b" in line:
        line = _ANSI.sub("", line)
    if "\r" in line:
        line = next((part for part in reversed(line.split("\r")) if part.strip()), "")
    return line[_PREFIX.match(line).end() :].rstrip() if line else line  # type: ignore[union-attr]


def decimals(number: str) -> int:
    """Digits after the point of a printed number."""
    return len(number.partition(".")[2])


def read_step(text: str, line: int) -> StepLine | None:
    """Read a line of the training loop: a step number with a loss or a training time."""
    found = _STEP.match(text)
    if found is None:
        return None
    train, val, bpb = _TRAIN_LOSS.search(text), _VAL_LOSS.search(text), _BPB.search(text)
    time_ms = read_train_time_ms(text)
    if train is None and val is None and bpb is None and time_ms is None:
        return None
    step, total = found.group(1) or found.group(3), found.group(2) or found.group(4)
    return StepLine(
        line=line,
        step=int(step),
        total_steps=int(total) if total else None,
        train_loss=train.group("value") if train else None,
        val_loss=val.group("value") if val else None,
        val_bpb=bpb.group("value") if bpb else None,
        train_time_ms=time_ms,
    )


def read_train_time_ms(text: str) -> float | None:
    """The training time a line states, in ms; minutes with one decimal are too coarse and not read."""
    found = _TRAIN_TIME.search(text)
    if found is None or found.group(2).lower() == "m" or found.group(1).count(".") > 1:
        return None
    return float(found.group(1)) * (1.0 if found.group(2).lower() == "ms" else 1000.0)


def read_metrics(text: str, path: str, line: int) -> list[MetricLine]:
    """Read every bits-per-byte value of a line; [] where it has none."""
    found = list(_BPB.finditer(text))
    if not found:
        return []
    loss = _LOSS.search(text)
    step = _STEP.match(text)
    first = min([match.start() for match in found] + ([loss.start()] if loss else []))
    words = text[:first].strip(" \t:=-|\"'{,*#>[(")
    time = _TIME.search(text)
    tokens, size = _EVAL_TOKENS.search(text), _EVAL_BYTES.search(text)
    kind = _kind(text, words, step is not None)
    metrics = []
    for number, match in enumerate(found):
        key = match.group("key")
        metrics.append(
            MetricLine(
                path=path,
                line=line,
                text=text,
                label=words or key,
                key=key,
                kind=kind,
                val_bpb=float(match.group("value")),
                bpb_decimals=decimals(match.group("value")),
                val_loss=float(loss.group("value")) if loss and number == 0 else None,
                loss_decimals=decimals(loss.group("value")) if loss else 0,
                eval_time_ms=_milliseconds(time) if time else None,
                step=int(step.group(1) or step.group(3)) if step else None,
                eval_tokens=int(tokens.group(1)) if tokens else None,
                eval_bytes=int(size.group(1)) if size else None,
            )
        )
    return metrics


def _milliseconds(found: re.Match[str]) -> float | None:
    if found.group(1).count(".") > 1 or not found.group(1).strip("."):
        return None
    return float(found.group(1)) * (1.0 if found.group(2).lower() == "ms" else 1000.0)


def _kind(text: str, words: str, is_step: bool) -> MetricKind:
    if is_step:
        return MetricKind.STEP
    if _PROGRESS.search(text):
        return MetricKind.PROGRESS
    return MetricKind.DIAGNOSTIC if _DIAGNOSTIC.search(words) else MetricKind.FINAL


def read_sizes(text: str, line: int) -> list[tuple[str, SizeLine]]:
    """Read printed sizes as pairs of "raw", "model", "code" or "total" and the size."""
    if "_bytes" in text or "=" in text or "code:" in text:
        keyed = [
            (
                _size_kind(match.group("key")),
                SizeLine(line=line, size_bytes=int(match.group("value").replace(",", "")), codec=""),
            )
            for match in _KEYED_BYTES.finditer(text)
        ]
        if len(keyed) > 1 and text.lower().startswith("serialized model:"):
            # no codec is named: the model as it was trained
            return [("raw" if kind == "model" else kind, size) for kind, size in keyed]
        if len(keyed) > 1:
            return keyed
    number = _SIZE.search(text)
    if number is None or "limit" in text[: number.start()].lower():
        return []
    words = text[: number.start()].strip(" :=")
    size = int(number.group("number").replace(",", ""))
    for kind, shape in (("total", _TOTAL), ("code", _CODE), ("model", _MODEL)):
        found = shape.search(text)
        if found is not None and found.start() < number.start():
            codec = words[found.end() :].strip(" :=()_")
            if kind == "code" and "uncompressed" in codec:
                codec = "uncompressed"
            if kind == "model" and codec in ("", "raw", "fp32", "bf16", "pre-quantization"):
                kind = "raw"
            sized = [(kind, SizeLine(line=line, size_bytes=size, codec=codec))]
            rest = text[number.end() :].strip(" |,")
            return sized + (read_sizes(rest, line) if rest.lower().startswith(("code", "total")) else [])
    return []


def _size_kind(key: str) -> str:
    return "total" if key.startswith("total") else "code" if key.startswith("code") else "model"


def read_calibration(text: str, line: int) -> Calibration | None:
    """Read a line about the calibration of a quantiser."""
    if not _CALIBRATION.search(text):
        return None
    time = _CALIBRATION_TIME.search(text)
    seconds = None
    if time is not None and time.group("seconds").count(".") <= 1:
        seconds = float(time.group("seconds")) / (1000.0 if time.group("unit") == "ms" else 1.0)
    words = text.lower()
    data = "unknown"
    if "self-gen" in words or "autoregressive" in words or "generated" in words or "generating" in words:
        data = "generated"
    elif "source=val" in words or "validation" in words or " val data" in words:
        data = "val"
    elif "train" in words:
        data = "train"
    return Calibration(line=line, seconds=seconds, data=data)

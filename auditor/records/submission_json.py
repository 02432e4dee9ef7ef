"""Read a `submission.json` leniently: every problem with its key path, never stopping at the first.

Real files use some 1,860 keys, none of them in all, so values are found by what keys are called and not by a
fixed schema. Text that is no JSON is mended only where its meaning is certain (a byte-order mark, a comma too
many, a raw newline in a string); a shell command around an object is not. Nothing is compared with logs here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from auditor.json_text import MAX_NUMBER_DIGITS, JsonText, read_json
from auditor.json_value import Json
from auditor.records.log_lines import decimals

HEADLINE_KEYS = (
    "val_bpb",
    "mean_val_bpb",
    "val_bpb_mean",
    "mean_bpb",
    "bpb",
    "final_val_bpb",
    "val_bpb_exact",
)
SEED_CONTAINERS = (
    "seed_results",
    "seeds",
    "per_seed",
    "per_seed_results",
    "results",
    "val_bpb_seeds",
    "val_bpb_per_seed",
    "runs",
    "seed_bpbs",
)
_SEED_KEY = re.compile(r"^(?:seed[_ ]?)?(\d{1,7})$")
_SEED_TOP_KEY = re.compile(r"^seed_(\d{1,7})$")
_BPB_KEYS = ("val_bpb", "bpb", "val_bpb_exact", "final_bpb", "final_val_bpb", "ttt_bpb", "sliding_bpb")
_BYTES_KEYS = (
    "artifact_bytes",
    "bytes_total",
    "total_bytes",
    "artifact_size_bytes",
    "submission_bytes",
    "total_size_bytes",
)
_MEAN_KEY = re.compile(
    r"^(?:final_|mean_)?(?:val_)?bpb_(?:\w*_)?mean$|^(?:final|submission|headline|score)_(?:val_)?bpb$"
)
_TAKEN_BACK = re.compile(r"retract|withdr[ae]w", re.IGNORECASE)
_PLAUSIBLE_BPB = (0.01, 20.0)
"""Bits per byte outside this range are no score: 8 bits per byte is a coin toss per bit."""


MAX_TOLD = 4
"""Defects of one kind told of a file."""


class PrintedFloat(float):
    """A float that remembers how it was written, so that rounding can be judged."""

    text: str

    def __new__(cls, text: str) -> PrintedFloat:
        made = super().__new__(cls, text)
        made.text = text
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonProblem:
    """A defect of the file itself."""

    message: str
    line: int | None = None
    key_path: str = ""
    minor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedNumber:
    """A number with the key path it stands at and the digits it was written with."""

    value: float
    text: str
    key_path: str

    @property
    def decimals(self) -> int:
        return decimals(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedClaim:
    """What the file says of one seed; each value None where it does not."""

    seed: int | None
    key_path: str
    val_bpb: ClaimedNumber | None = None
    val_loss: ClaimedNumber | None = None
    artifact_bytes: ClaimedNumber | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionJson:
    """A read `submission.json`; `data` is empty where it could not be read at all."""

    path: str
    data: Mapping[str, Json]
    problems: tuple[JsonProblem, ...] = ()

    def headline(self) -> ClaimedNumber | None:
        """The claimed bits per byte: a number, a numeric string, or the mean inside a mapping."""
        named = [key for key in self.data if _MEAN_KEY.match(key) and key not in HEADLINE_KEYS]
        for key in (*HEADLINE_KEYS, *named):
            found = _as_number(self.data.get(key), key)
            if found is not None and _PLAUSIBLE_BPB[0] <= found.value <= _PLAUSIBLE_BPB[1]:
                return found
        return None

    def withdrawn(self) -> str:
        """The key that says the number was taken back, or ""; a file that still claims one has none."""
        if self.headline() is not None:
            return ""
        status = self.data.get("status")
        if isinstance(status, str) and _TAKEN_BACK.search(status):
            return "status"
        return next((key for key in self.data if _TAKEN_BACK.search(key)), "")

    def number(self, *keys: str) -> ClaimedNumber | None:
        """The first of some top-level keys that holds a number."""
        for key in keys:
            if (found := _as_number(self.data.get(key), key)) is not None:
                return found
        return None

    def artifact_bytes(self) -> ClaimedNumber | None:
        return self.number("bytes_total", "artifact_bytes", "total_bytes", "artifact_size_bytes")

    def seeds(self) -> tuple[SeedClaim, ...]:
        """What the file says per seed, from whatever container holds it; one entry a seed, merged."""
        found: dict[int | str, SeedClaim] = {}
        for claim in self._seed_claims():
            key: int | str = claim.seed if claim.seed is not None else claim.key_path
            before = found.get(key)
            found[key] = claim if before is None else _merged(before, claim)
        return tuple(found.values())

    def _seed_claims(self) -> Iterator[SeedClaim]:
        for name in SEED_CONTAINERS:
            yield from _seeds_in(self.data.get(name), name)
        for key, value in self.data.items():
            if (match := _SEED_TOP_KEY.match(key)) is not None:
                yield _seed_claim(int(match.group(1)), value, key)

    def seed_count(self) -> int:
        """How many seeds the file names, with or without values."""
        listed = self.data.get("seeds")
        plain = len({str(seed) for seed in listed}) if isinstance(listed, list) else 0
        return max(plain, sum(1 for claim in self.seeds() if claim.seed is not None))

    def walk(self) -> Iterator[tuple[str, Json]]:
        """Every leaf with its key path, depth first."""
        yield from _walk(dict(self.data), "")


def read_submission_json(path: str, text: str) -> SubmissionJson:
    """Read the text of a `submission.json`; what it means when it cannot be read stands in `problems`."""
    problems: list[JsonProblem] = []
    if text.startswith("\ufeff"):
        problems.append(JsonProblem(message="starts with a byte-order mark", line=1, minor=True))
        text = text.removeprefix("\ufeff")
    read = _NOTHING
    try:
        read = read_json(text, make_float=PrintedFloat)
    except json.JSONDecodeError as error:
        problems.append(JsonProblem(message=f"is no JSON: {error.msg}", line=error.lineno))
        read = _mended(text)
    except RecursionError:
        problems.append(JsonProblem(message="is nested too deeply to be read"))
    problems += [
        JsonProblem(message=f"holds {key!r} twice with different values; the last counts", minor=True)
        for key in read.repeated[:MAX_TOLD]
    ]
    problems += [
        JsonProblem(message=f"holds a number that is too large: {digits}")
        for digits in read.oversized[:MAX_TOLD]
    ]
    problems += [JsonProblem(message=f"holds {word}, which is no JSON", minor=True) for word in read.foreign]
    data = read.value
    if not isinstance(data, dict):
        if not problems:
            problems.append(
                JsonProblem(message=f"holds a {type(data).__name__} instead of an object", line=1)
            )
        data = {}
    return SubmissionJson(path=path, data=data, problems=tuple(problems))


_NOTHING = JsonText(value={}, repeated=(), oversized=(), foreign=())


def _mended(text: str) -> JsonText:
    """Read with commas too many dropped and raw newlines allowed, or give nothing."""
    without = re.sub(r",(\s*[}\]])", r"\1", text)
    try:
        return read_json(without, make_float=PrintedFloat, strict=False)
    except (json.JSONDecodeError, RecursionError):
        return _NOTHING


def _walk(value: Json, path: str) -> Iterator[tuple[str, Json]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _walk(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, f"{path}[{index}]")
    else:
        yield path, value


def _as_number(value: Json, path: str) -> ClaimedNumber | None:
    if isinstance(value, PrintedFloat):
        return ClaimedNumber(value=float(value), text=value.text, key_path=path)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return ClaimedNumber(value=float(value), text=str(value), key_path=path)
    if isinstance(value, str) and re.fullmatch(r"\s*~?\s*[\d,]*\d(?:\.\d+)?\s*", value):
        text = value.strip(" ~\t\n").replace(",", "")
        if not float(text) < 10.0**MAX_NUMBER_DIGITS:
            return None
        return ClaimedNumber(value=float(text), text=text, key_path=path)
    if isinstance(value, dict):
        for key in ("mean", "value", "val_bpb", "mean_val_bpb"):
            if (found := _as_number(value.get(key), f"{path}.{key}")) is not None:
                return found
    return None


def _first(value: Mapping[str, Json], keys: Sequence[str], path: str) -> ClaimedNumber | None:
    for key in keys:
        if (found := _as_number(value.get(key), f"{path}.{key}")) is not None:
            return found
    return None


def _seed_claim(seed: int | None, value: Json, path: str) -> SeedClaim:
    if not isinstance(value, dict):
        number = _as_number(value, path)
        plausible = number is not None and _PLAUSIBLE_BPB[0] <= number.value <= _PLAUSIBLE_BPB[1]
        return SeedClaim(seed=seed, key_path=path, val_bpb=number if plausible else None)
    return SeedClaim(
        seed=seed,
        key_path=path,
        val_bpb=_first(value, _BPB_KEYS, path),
        val_loss=_first(value, ("val_loss",), path),
        artifact_bytes=_first(value, _BYTES_KEYS, path),
    )


def _seeds_in(container: Json, name: str) -> Iterator[SeedClaim]:
    if isinstance(container, dict):
        for key, value in container.items():
            if (match := _SEED_KEY.match(key)) is not None:
                yield _seed_claim(int(match.group(1)), value, f"{name}.{key}")
    elif isinstance(container, list):
        for index, value in enumerate(container):
            if isinstance(value, dict):
                seed = value.get("seed")
                number = seed if isinstance(seed, int) and not isinstance(seed, bool) else None
                yield _seed_claim(number, value, f"{name}[{index}]")


def _merged(before: SeedClaim, more: SeedClaim) -> SeedClaim:
    return SeedClaim(
        seed=before.seed,
        key_path=before.key_path,
        val_bpb=before.val_bpb or more.val_bpb,
        val_loss=before.val_loss or more.val_loss,
        artifact_bytes=before.artifact_bytes or more.artifact_bytes,
    )

"""The statistics a folder claims: p-values from their own t and df, nats that are bits per byte."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean

from auditor.json_value import Json
from auditor.records.facts import FolderFacts
from auditor.records.findings import RecordFinding, finding
from auditor.records.log_lines import decimals
from auditor.records.submission_json import SubmissionJson
from auditor.stats.student import critical_value, lower_tail
from auditor.stats.units import bpb_to_nats_per_byte, bpb_to_nats_per_token, tokens_per_byte

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--")
_NUMBER = r"[-+−–]?\d+(?:\.\d+)?(?:\s*(?:e|×\s*10\^?|x\s*10\^|\*\s*10\^)\s*[-−]?\d+)?"
_T = re.compile(rf"\bt(?:[-_ ]?stat\w*)?\s*(?:\([^)]*\))?\s*[=:≈]\s*\**(?P<value>{_NUMBER})", re.IGNORECASE)
_DF = re.compile(r"\b(?:df|dof)\s*[=:≈]\s*\**(?P<value>\d+(?:\.\d+)?)", re.IGNORECASE)
_P = re.compile(rf"\bp(?:[-_ ]?value)?\s*(?P<sign>[<=:≈])\s*\**(?P<value>{_NUMBER})", re.IGNORECASE)
_GAIN_IN_NATS = re.compile(
    r"(?=.*nats)(?!.*(?:per_byte|bar|threshold|margin|required)).*(?:improve|delta|gain|diff|lower|better|_vs_)"
)
_FACTOR = 3.0
"""A stated p-value may be rounded or two-sided; further off it belongs to another t."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """One stated test: t with half its last digit, df, and p with whether it is an upper bound."""

    t: float
    t_slack: float
    df: float
    p: float
    bound: bool
    where: str
    text: str


def check_statistics(facts: FolderFacts) -> Iterator[RecordFinding]:
    """Yield claimed statistics that their own numbers contradict."""
    stated = []
    if facts.submission is not None:
        stated += list(_stated_in_json(dict(facts.submission.data), "", facts.submission.path))
        yield from _nats(facts, facts.submission)
    if facts.readme is not None and facts.folder.readme is not None:
        stated += list(_stated_in_text(facts.readme, facts.folder.relative(facts.folder.readme)))
    for test in stated:
        yield from _judge(test)


def _judge(test: Stated) -> Iterator[RecordFinding]:
    one_sided = lower_tail(-abs(test.t), test.df)
    candidates = (one_sided, 2.0 * one_sided)
    if test.bound:
        wrong = lower_tail(-abs(test.t) - test.t_slack, test.df) >= test.p
        needed = f" (needs |t| >= {critical_value(test.p, test.df):.1f})" if 0.0 < test.p < 0.5 else ""
    else:
        wrong = all(not 1.0 / _FACTOR <= (test.p + 1e-300) / (p + 1e-300) <= _FACTOR for p in candidates)
        needed = ""
    if wrong:
        yield finding(
            "p_value_wrong",
            test.where,
            f"t = {test.t:g} with df = {test.df:g} gives p = {one_sided:.2g} one-sided, not {test.text}"
            f"{needed}",
        )


def _float(text: str) -> float | None:
    plain = text.translate(_SUPERSCRIPTS).replace("–", "-").replace(" ", "")
    plain = re.sub(r"(?:×|x|\*)10\^?", "e", plain)
    try:
        return float(plain)
    except ValueError:
        return None


def _stated_in_json(value: Json, path: str, file: str) -> Iterator[Stated]:
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _stated_in_json(inner, f"{path}[{index}]", file)
    if not isinstance(value, dict):
        return
    found: dict[str, tuple[str, str]] = {}
    for key, inner in value.items():
        yield from _stated_in_json(inner, f"{path}.{key}" if path else key, file)
        kind = _kind_of_key(key)
        if kind and isinstance(inner, (float, int, str)) and not isinstance(inner, bool):
            found.setdefault(kind, (key, str(getattr(inner, "text", inner))))
    if found.keys() >= {"t", "df", "p"}:
        sign = found["p"][1].strip()[:1]
        numbers = [_float(found[kind][1].strip(" <=~")) for kind in ("t", "df", "p")]
        if None not in numbers and numbers[1] and numbers[2] is not None and numbers[0] is not None:
            yield Stated(
                t=numbers[0],
                t_slack=0.5 * 10.0 ** -decimals(found["t"][1]),
                df=numbers[1],
                p=numbers[2],
                bound=sign == "<",
                where=file,
                text=f"{found['p'][0]} = {found['p'][1]}",
            )


def _kind_of_key(key: str) -> str:
    words = set(re.split(r"[_\W]+", key.lower()))
    if "df" in words or "dof" in words:
        return "df"
    if "p" in words or "pvalue" in words or {"p", "value"} <= words:
        return "p"
    return "t" if "t" in words or "tstat" in words else ""


def _stated_in_text(text: str, file: str) -> Iterator[Stated]:
    """A line of prose that states t, df and p together."""
    for number, line in enumerate(text.translate(_SUPERSCRIPTS).split("\n"), start=1):
        t, df, p = _T.search(line), _DF.search(line), _P.search(line)
        if t is None or df is None or p is None:
            continue
        values = [_float(found.group("value")) for found in (t, df, p)]
        if values[0] is not None and values[1] and values[2] is not None and values[2] > 0.0:
            yield Stated(
                t=values[0],
                t_slack=0.5 * 10.0 ** -decimals(t.group("value")),
                df=values[1],
                p=values[2],
                bound=p.group("sign") == "<",
                where=f"{file}:{number}",
                text=p.group(0),
            )


def _nats(facts: FolderFacts, submission: SubmissionJson) -> Iterator[RecordFinding]:
    """A number under a key of nats that is the difference in bits per byte."""
    claim = facts.claim
    if claim.value is None:
        return
    pairs = [line for line in claim.lines if line.val_loss]
    if not pairs:
        return
    per_byte = fmean(tokens_per_byte(line.val_loss or 1.0, line.val_bpb) for line in pairs)
    for path, value in submission.walk():
        key = path.rsplit(".", 1)[-1].lower()
        if not _GAIN_IN_NATS.search(key) or isinstance(value, (bool, type(None))):
            continue
        text = str(getattr(value, "text", value)).strip("~ +")
        number = _float(text) if isinstance(value, (float, str)) else None
        if number is None or number == 0.0 or decimals(text) < 3 or abs(number) > 1.0:
            continue
        unit = 10.0 ** -decimals(text)
        for old in _older_values(submission, path):
            gain = old - claim.value
            right = (bpb_to_nats_per_token(gain, per_byte), bpb_to_nats_per_byte(gain))
            if abs(abs(number) - abs(gain)) <= unit and all(abs(abs(number) - abs(r)) > unit for r in right):
                yield finding(
                    "nats_unit_error",
                    submission.path,
                    f"{path} = {text} is the difference to {old} in bits per byte; it is {right[0]:.5f} "
                    f"nats per token ({right[1]:.5f} nats per byte)",
                )
                break


def _older_values(submission: SubmissionJson, path: str) -> list[float]:
    """Scores the file compares itself with: baselines in numbers or in prose, nearest first."""
    values = []
    for other, value in submission.walk():
        key = other.rsplit(".", 1)[-1].lower()
        if isinstance(value, float) and re.search(r"prior|base|prev|sota|record|merged|old|leader", key):
            values.append(float(value))
        elif isinstance(value, str) and re.search(
            r"prior|base|prev|sota|record|merged|old|leader", key + value[:200]
        ):
            values += [float(number) for number in re.findall(r"(?<![\d.])[01]\.\d{3,8}(?!\d)", value)]
    return [value for value in values if 0.6 < value < 2.0]

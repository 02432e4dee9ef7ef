"""The settings file: policy, exceptions with a reason and an end, limits of one's own.

`auditor.toml`, or `[tool.parameter-golf-auditor]` of a `pyproject.toml`. A pull request must not judge itself, so a
file is read only where it was named, or from the tip of the base branch; never from a submission.
"""

from __future__ import annotations

import datetime
import difflib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auditor.errors import InputError
from auditor.judgement.accepted import Accepted, Waiver
from auditor.records.findings import CODES
from rules import ALL
from rules.core.rule import Policy

FILES = ("auditor.toml", "pyproject.toml")
TABLE = "parameter-golf-auditor"
LONGEST = datetime.timedelta(days=366)
"""An exception ends within a year, or it is a rule of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one's own, for `preflight`; each can only be tighter than the challenge's."""

    bytes: int | None = None
    train_s: float | None = None
    eval_s: float | None = None


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a settings file says.

    Attributes:
        origin: where it was read, as reports name it.
    """

    origin: str = ""
    policy: Policy | None = None
    waivers: tuple[Waiver, ...] = ()
    limits: Limits = NO_LIMITS

    def accepted(self, baseline: frozenset[str], today: datetime.date) -> Accepted:
        """What it accepts on a day, with a baseline."""
        return Accepted(exceptions=self.waivers, baseline=baseline, today=today)


def parse_settings(text: str, origin: str, *, today: datetime.date) -> Settings | None:
    """The settings in a file; None for a `pyproject.toml` without our table.

    Raises:
        InputError: no TOML, an unknown key or rule, an exception without a reason or an end; says where.
    """
    try:
        whole: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{origin} is no TOML: {error}") from error
    if origin.endswith("pyproject.toml"):
        tool = whole.get("tool", {})
        if not isinstance(tool, dict) or TABLE not in tool:
            return None
        whole = tool[TABLE]
    _known(whole, ("policy", "ignore", "limits"), origin)
    policy = whole.get("policy")
    if policy is not None and policy not in [known.value for known in Policy]:
        raise InputError(f"{origin}: policy is rulings or strict, not {policy!r}")
    entries = whole.get("ignore", [])
    if not isinstance(entries, list):
        raise InputError(f"{origin}: ignore is a list of tables", hint="[[ignore]]")
    return Settings(
        origin=origin,
        policy=None if policy is None else Policy(policy),
        waivers=tuple(
            _waiver(entry, f"{origin}: ignore {number}", today) for number, entry in enumerate(entries, 1)
        ),
        limits=_limits(whole.get("limits", {}), f"{origin}: limits"),
    )


def _waiver(entry: object, where: str, today: datetime.date) -> Waiver:
    if not isinstance(entry, dict):
        raise InputError(f"{where} is no table")
    _known(entry, ("rule", "path", "reason", "expires"), where)
    rule, reason, expires = entry.get("rule"), entry.get("reason"), entry.get("expires")
    names = [*(known.slug for known in ALL), *CODES]
    if rule not in names:
        close = difflib.get_close_matches(str(rule), names, n=1)
        raise InputError(
            f"{where}: there is no rule or finding code {rule!r}",
            hint=f"did you mean {close[0]}?" if close else "auditor rules lists the rules",
        )
    if not isinstance(reason, str) or not reason.strip():
        raise InputError(f"{where} needs a reason", hint='reason = "…"')
    if not isinstance(expires, datetime.date) or isinstance(expires, datetime.datetime):
        raise InputError(f"{where} needs its last day", hint=f"expires = {today.isoformat()}")
    if expires - today > LONGEST:
        raise InputError(f"{where} lasts for more than a year", hint="an end within 366 days")
    path = entry.get("path", "*")
    if not isinstance(path, str):
        raise InputError(f"{where}: path is a pattern", hint='path = "records/track_10min_16mb/2026-*"')
    return Waiver(rule=str(rule), reason=" ".join(reason.split()), expires=expires, path=path)


def _limits(entry: object, where: str) -> Limits:
    if not isinstance(entry, dict):
        raise InputError(f"{where} is a table")
    _known(entry, ("bytes", "train_s", "eval_s"), where)
    for name, value in entry.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise InputError(f"{where}: {name} is a positive number, not {value!r}")
    cap = entry.get("bytes")
    return Limits(
        bytes=None if cap is None else int(cap), train_s=entry.get("train_s"), eval_s=entry.get("eval_s")
    )


def _known(table: Mapping[str, object], names: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in names:
            raise InputError(f"{where}: unknown key {key!r}", hint=f"there are {', '.join(names)}")


def read_baseline(text: str, origin: str) -> frozenset[str]:
    """The fingerprints of the findings in an earlier `--format json` of `audit` or `pr`.

    Raises:
        InputError: it is no JSON of ours.
    """
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{origin} is no JSON", hint="--format json -o FILE makes a baseline") from error
    found: set[str] = set()
    waiting: list[object] = [whole]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            mark = value.get("fingerprint")
            if isinstance(mark, str):
                found.add(mark)
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    if not isinstance(whole, dict) or "tool" not in whole:
        raise InputError(
            f"{origin} was not made by auditor audit or pr", hint="--format json -o FILE makes it"
        )
    return frozenset(found)

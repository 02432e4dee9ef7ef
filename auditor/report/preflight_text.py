"""A preflight for people (text within 80 columns) and as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence

from auditor.json_value import Json
from auditor.preflight.asked import State
from auditor.preflight.budget import Fit, Stage
from auditor.preflight.preflight import Plan, Preflight
from auditor.report.clean import clean_line
from auditor.report.json import as_object
from auditor.report.view import view
from auditor.versions import made_by

WIDTH = 80
_SIGNS = {State.THERE: "+", State.LATER: ".", State.UNSEEN: "?", State.MISSING: "x"}
_FITS = {Fit.FITS: "fits", Fit.OVER: "OVER", Fit.CLOSE: "may be over", Fit.UNKNOWN: "not known"}


def render_text(found: Sequence[Preflight]) -> str:
    """One section a folder."""
    return "\n".join("".join(f"{line}\n" for line in _lines(one)) for one in found)


def _lines(one: Preflight) -> Iterator[str]:
    yield clean_line(one.folder)
    yield f"before the runs: {conclusion(one)}"
    yield ""
    yield "code"
    for audit in one.audits:
        shown = view(audit)
        yield from _wrapped(f"{audit.target.path.rpartition('/')[2]}: {shown.headline}", "  ")
        for reason in shown.reasons:
            yield from _wrapped(f"because {reason}", "    ")
    if not one.audits:
        yield "  no script was judged"
    yield ""
    yield f"bytes, of {one.size.cap:,}"
    files = ", ".join(name for name, _ in one.size.files) or "no script"
    yield from _wrapped(f"code   {one.size.code:>12,}   {files}", "  ", hang=24)
    model = _range(one.size.low, one.size.high)
    yield from _wrapped(f"model  {model:>12}   {one.size.origin}", "  ", hang=24)
    yield from _wrapped(f"{_FITS[one.size.fit]}: the code leaves {one.size.room:,} to the model", "  ")
    yield ""
    yield "seconds"
    for stage in one.stages:
        yield from _wrapped(_stage(stage), "  ", hang=24)
    yield ""
    yield "what will be asked"
    unseen = [asked.what for asked in one.asked if asked.state is State.UNSEEN]
    for asked in one.asked:
        if asked.state is State.UNSEEN:
            continue
        state = "" if asked.state in (State.THERE, State.MISSING) else f" ({asked.state.value})"
        because = f": {asked.because}" if asked.because else ""
        yield from _wrapped(f"{_SIGNS[asked.state]} {asked.what}{state}{because}", "  ", hang=4)
    if unseen:
        names = ", ".join(what.removeprefix("printed: ") for what in unseen)
        yield from _wrapped(
            f"? not seen among what the script prints, and asked of its logs: {names}", "  ", hang=4
        )
    if one.plan is not None:
        yield ""
        yield from _plan(one.plan)
    for problem in one.problems:
        yield from _wrapped(f"not read: {problem}", "")
    yield ""
    yield f"before the runs: {conclusion(one)}"


def conclusion(one: Preflight) -> str:
    """The answer in one sentence."""
    parts = [view(audit).headline.partition(":")[0] for audit in one.audits] or ["no code to judge"]
    missing = [asked.what for asked in one.asked if asked.state is State.MISSING]
    told = f"code {', '.join(dict.fromkeys(parts))}"
    if one.over:
        over = [stage.name for stage in one.stages if stage.fit is Fit.OVER]
        told += f"; over a limit: {', '.join((['bytes'] if one.size.fit is Fit.OVER else []) + over)}"
    if missing:
        told += f"; missing: {len(missing)}"
    return told


def _range(low: int | None, high: int | None) -> str:
    if low is None or high is None:
        return "?"
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _stage(stage: Stage) -> str:
    seconds = "?" if stage.seconds is None else f"{stage.seconds:,.1f}"
    limit = "" if stage.limit is None else f" of {stage.limit:,.0f}: {_FITS[stage.fit]}"
    return f"{stage.name:<12} {seconds:>8}{limit}; {stage.origin}"


def _plan(made: Plan) -> Iterator[str]:
    beaten = made.beaten
    against = (
        "no record to beat is known (--beat)" if beaten is None else f"{beaten.mean:.5f}, {beaten.origin}"
    )
    yield from _wrapped(f"seeds, against {against}", "", hang=2)
    yield from _wrapped(f"spread over seeds {made.std:.5f} bpb ({made.std_origin})", "  ")
    yield from _wrapped(f"margin 0.005 nats per token = {made.margin:.5f} bpb ({made.margin_origin})", "  ")
    yield "         gain in bpb that is shown at p < 0.01 beyond the       at p < 0.25"
    yield "  seeds  margin by half of such samples   by four in five      by four in five"
    for row in made.rows:
        yield f"  {row.seeds:>5}  {row.readme:>29.5f}   {row.readme_sure:>15.5f}   {row.progression:>18.5f}"
    if beaten is not None:
        three = next((row for row in made.rows if row.seeds == 3), made.rows[0])
        yield from _wrapped(
            f"so {three.seeds} seeds should come to {beaten.mean - three.readme_sure:.5f} or less", "  "
        )


def _wrapped(text: str, indent: str, hang: int | None = None) -> list[str]:
    after = " " * (hang if hang is not None else len(indent) + 2)
    return textwrap.wrap(
        clean_line(text), WIDTH, initial_indent=indent, subsequent_indent=after, break_on_hyphens=False
    )


def render_json(found: Sequence[Preflight]) -> str:
    """An object with one element a folder; keys are only ever added."""
    whole: Json = {"schema": 1, "tool": made_by(), "folders": [_object(one) for one in found]}
    return json.dumps(whole, indent=1, allow_nan=False) + "\n"


def _object(one: Preflight) -> Json:
    audits: list[Json] = [as_object(audit) for audit in one.audits]
    return {
        "folder": one.folder,
        "record_track": one.is_record,
        "exit_code": int(one.exit_code()),
        "audits": audits,
        "bytes": {
            "limit": one.size.cap,
            "code": one.size.code,
            "files": [{"path": name, "bytes": size} for name, size in one.size.files],
            "model": {"low": one.size.low, "high": one.size.high, "from": one.size.origin},
            "room": one.size.room,
            "fit": one.size.fit.value,
        },
        "stages": [
            {"name": s.name, "seconds": s.seconds, "limit": s.limit, "from": s.origin, "fit": s.fit.value}
            for s in one.stages
        ],
        "asked": [{"what": a.what, "state": a.state.value, "because": a.because} for a in one.asked],
        "plan": None if one.plan is None else _plan_object(one.plan),
        "problems": list(one.problems),
    }


def _plan_object(made: Plan) -> Json:
    rows: list[Json] = [dict(row.to_json()) for row in made.rows]
    values: list[Json] = list(made.beaten.values) if made.beaten is not None else []
    return {
        "std": made.std,
        "std_from": made.std_origin,
        "margin_bpb": made.margin,
        "margin_from": made.margin_origin,
        "record": None if made.beaten is None else {"bpb": values, "from": made.beaten.origin},
        "rows": rows,
    }

"""A replay for the terminal: conditions with their witnesses, probes, and the timeline of what really ran."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from auditor.replay.probes.outcome import ConditionResult, LeakWitness, Outcome, ReplayResult
from auditor.report.clean import clean_line
from auditor.report.console import printed
from auditor.report.folding import WIDTH, folded
from auditor.trace.events import Place
from auditor.trace.lines import Mark, shown_place
from auditor.trace.render import timeline

if TYPE_CHECKING:
    from rich.text import Text

CONDITIONS = {
    "C1": "causal",
    "C2": "normalised",
    "C3": "score before update",
    "C4": "one pass",
}
_STYLE = {
    Outcome.PASS: "green",
    Outcome.FAIL: "bold red",
    Outcome.UNVERIFIED: "yellow",
    Outcome.NOTE: "cyan",
}
_MARKS = {Mark.HIT: "bold red", Mark.DOUBT: "yellow", Mark.DEAD: "dim", Mark.CLAIMED: "bold"}


def headline(result: ReplayResult) -> str:
    """The replay in one line."""
    failed = [name for name, c in sorted(result.conditions.items()) if c.outcome is Outcome.FAIL]
    if failed:
        return f"FAIL: {', '.join(f'{name} ({CONDITIONS[name]})' for name in failed)}"
    if not result.ran:
        return f"UNVERIFIED: it did not run: {clean_line(result.reason)}"
    if result.proven:
        return "PASS: all four conditions"
    open_ = [name for name, c in sorted(result.conditions.items()) if c.outcome is not Outcome.PASS]
    return f"UNVERIFIED: {', '.join(f'{name} ({CONDITIONS[name]})' for name in open_)}"


def render(
    results: Sequence[ReplayResult], *, colour: bool = False, brief: bool = False, width: int = WIDTH
) -> str:
    """The whole report in lines of at most `width` characters; with `brief` one line a submission."""
    return printed(_report(results, brief=brief, width=width), colour=colour, width=None if brief else width)


def _report(results: Sequence[ReplayResult], *, brief: bool, width: int) -> Iterator[str | Text]:
    for index, result in enumerate(results):
        if brief:
            yield f"{clean_line(result.path)}: {headline(result)}"
            continue
        if index:
            yield ""
        yield from _lines(result, width)


def _lines(result: ReplayResult, width: int) -> Iterator[Text]:
    from rich.text import Text

    style = "bold red" if result.failed else "bold green" if result.proven else "bold yellow"
    yield Text(headline(result), style=style)
    where = f"{result.path} at {result.ref} ({result.head[:12]})" if result.head else result.path
    yield Text(f"  script    {clean_line(where)}")
    if result.claimed:
        yield Text(f"  judged    {clean_line(result.claimed)[:100]}   ({result.claimed_how})")
    sizes = ", ".join(f"{name} {value:,}" for name, value in result.sizes.items())
    yield Text(f"  replayed  {result.runs} runs at toy size ({sizes}), {result.seconds:.0f} s")
    rung = result.sandbox.rung + (
        f" ({clean_line(result.sandbox.because)})" if result.sandbox.because else ""
    )
    yield Text(f"  sandbox   {rung}")
    for note in result.notes:
        yield Text(f"  note      {clean_line(note)}")
    yield from _section("Conditions")
    home = posixpath.dirname(result.trace.root.place.path) if result.trace is not None else ""
    told: dict[int, str] = {}
    for name, condition in sorted(result.conditions.items()):
        yield from _condition(name, condition, home, told)
    for suspicion in result.suspicions:
        yield Text(f"  !   {suspicion.rule}: {clean_line(suspicion.why)}", style="yellow")
    yield from _section("Probes")
    for probe in result.probes:
        line = Text(f"  {probe.slug:<4}")
        line.append(f"{probe.outcome.value:<11}", style=_STYLE[probe.outcome])
        line.append(f"{probe.title}: {clean_line(probe.why)}")
        yield line
    if result.trace is not None and (shown := timeline(result.trace, home=home)):
        yield from _section("Timeline of the first run")
        for text, row in folded(shown, width - 2):
            out = Text("  " + clean_line(text), style=_MARKS.get(row.mark, ""))
            if row.place and text.endswith(row.place):
                out.stylize("cyan", len(out) - len(row.place), len(out))
            yield out
    for access in result.accesses:
        yield Text(f"  access    {clean_line(access)}", style="dim")


def _section(title: str) -> Iterator[Text]:
    from rich.text import Text

    yield Text("")
    yield Text(title, style="bold")


def _condition(name: str, condition: ConditionResult, home: str, told: dict[int, str]) -> Iterator[Text]:
    """One condition with its witness; a witness that was told before is only pointed at."""
    from rich.text import Text

    known = told.get(id(condition.witness))
    if known is not None and condition.witness is not None:
        line = Text(f"  {name}  ")
        line.append(f"{condition.outcome.value.upper():<11}", style=_STYLE[condition.outcome])
        line.append(f"{CONDITIONS[name]}: by the witness of {known}")
        yield line
        return
    told[id(condition.witness)] = name

    line = Text(f"  {name}  ")
    line.append(f"{condition.outcome.value.upper():<11}", style=_STYLE[condition.outcome])
    line.append(f"{CONDITIONS[name]}: {clean_line(condition.why)}")
    yield line
    witness = condition.witness
    if witness is None:
        return
    worlds = f"shown in {len(witness.seeds)} worlds of different sizes"
    if isinstance(witness, LeakWitness):
        moved = (
            f"{witness.moved} of {witness.tested} earlier scores move"
            if witness.moved
            else "no earlier score moves"
        )
        yield Text(
            f"                   {moved}; the smallest stream that shows it has {witness.tokens:,} tokens; {worlds}"
        )
        for number, step in enumerate(witness.steps, 1):
            place = shown_place(Place(step.path, step.layer, step.line), home) if step.line else ""
            yield Text(f"                   {number}. {clean_line(step.text)}   {place}")
    else:
        yield Text(f"                   {worlds}")

"""A difference as terminal text or Markdown, the parts in the order in which a reviewer asks."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.diffing.settings_delta import SettingChange, SettingValue
from auditor.diffing.submissions_delta import SubmissionsDelta
from auditor.diffing.units import Unit
from auditor.diffing.units_delta import ChangedUnit
from auditor.report.clean import clean, clean_line
from auditor.report.folding import WIDTH, hung


def sections(delta: SubmissionsDelta) -> Iterator[tuple[str, list[str]]]:
    """Yield titles with their lines; empty parts are left out."""
    parts = [
        ("settings in force (old -> new)", [_setting(change) for change in delta.settings]),
        ("constants (old -> new)", [_setting(change) for change in delta.constants]),
        ("optimisers", _optimisers(delta)),
        ("changed functions and classes", [_changed(found) for found in delta.units.changed]),
        ("added functions and classes", [_unit(found) for found in delta.units.added]),
        ("removed functions and classes", [_unit(found) for found in delta.units.removed]),
        ("gain by label (mean over logs)", _gain(delta)),
        ("not read", list(delta.old.problems + delta.new.problems)),
    ]
    for title, lines in parts:
        if lines:
            yield title, [clean_line(line) for line in lines]
    if delta.old.timeline != delta.new.timeline:
        yield "evaluation, old", clean(delta.old.timeline).split("\n")
        yield "evaluation, new", clean(delta.new.timeline).split("\n")


def _value(side: SettingValue | None) -> str:
    return "absent" if side is None else f"{side.value!r} ({side.origin})"


def _setting(change: SettingChange) -> str:
    return f"{change.name}: {_value(change.old)} -> {_value(change.new)}"


def _optimisers(delta: SubmissionsDelta) -> list[str]:
    return [f"- {line}" for line in delta.optimisers_removed] + [
        f"+ {line}" for line in delta.optimisers_added
    ]


def _unit(unit: Unit) -> str:
    return f"{unit.name}  {unit.path}:{unit.line}"


def _changed(found: ChangedUnit) -> str:
    gained = [f"+{name}" for name in found.parameters_added] + [
        f"-{name}" for name in found.parameters_removed
    ]
    layers = f"  layers {' '.join(gained)}" if gained else ""
    return f"{found.new.name}  {found.old.line} -> {found.new.line}{layers}"


def _gain(delta: SubmissionsDelta) -> list[str]:
    lines = []
    for found in delta.gain:
        share = f"  {found.share:.0%} of the claimed difference" if found.share is not None else ""
        mark = "  (claimed)" if found.claimed else share
        lines.append(
            f"{found.label}: {found.old_bpb:.6f} -> {found.new_bpb:.6f}  "
            f"{found.difference_bpb:+.6f} bpb{mark}"
        )
    return lines


def render_text(delta: SubmissionsDelta, *, width: int = WIDTH) -> str:
    """Plain text of at most `width` characters a line: a title a part, its lines indented."""
    lines = [f"old: {clean_line(delta.old.path)}", f"new: {clean_line(delta.new.path)}"]
    if delta.empty:
        lines.append("nothing that computes differs")
    for title, body in sections(delta):
        lines += ["", f"{title}:", *(f"  {line}" for line in body)]
    return "\n".join(hung(lines, width)) + "\n"


def render_markdown(delta: SubmissionsDelta) -> str:
    """Markdown with one code block a part: nothing of a submission can come alive in it."""
    from auditor.report.markdown import code, fenced

    lines = [f"## {code(delta.old.path)} → {code(delta.new.path)}", ""]
    if delta.empty:
        lines += ["Nothing that computes differs.", ""]
    for title, body in sections(delta):
        lines += [f"**{title[:1].upper()}{title[1:]}**", "", fenced("\n".join(body)), ""]
    return "\n".join(lines)

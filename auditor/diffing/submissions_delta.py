"""The whole difference of two submissions, as one value: what `auditor diff` shows."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.diffing.gain import LabelGain, compare_gain
from auditor.diffing.optimisers import compare_optimisers
from auditor.diffing.settings_delta import SettingChange, compare_constants, compare_settings
from auditor.diffing.units import Unit, collect_units
from auditor.diffing.units_delta import UnitsDelta, compare_units
from auditor.program.model import Program
from auditor.program.unpacking.program import load_program
from auditor.reading.configuration import gathered_settings
from auditor.records.facts import read_folder
from auditor.submission.model import Submission


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a comparison: where it stands and its evaluation as a timeline ("" where it has none)."""

    path: str
    timeline: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionsDelta:
    """What changed from old to new."""

    old: Side
    new: Side
    settings: tuple[SettingChange, ...]
    constants: tuple[SettingChange, ...]
    units: UnitsDelta
    optimisers_removed: tuple[str, ...]
    optimisers_added: tuple[str, ...]
    gain: tuple[LabelGain, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing that computes differs."""
        units = self.units
        return not (self.settings or self.constants or units.added or units.removed or units.changed)

    def to_json(self) -> dict[str, object]:
        """A JSON value; keys are only ever added."""

        def change(found: SettingChange) -> dict[str, object]:
            sides = {"old": found.old, "new": found.new}
            return {
                "name": found.name,
                **{
                    name: None if side is None else {"value": side.value, "from": side.origin}
                    for name, side in sides.items()
                },
            }

        def unit(found: Unit) -> dict[str, object]:
            return {"name": found.name, "path": found.path, "layer": found.layer, "line": found.line}

        return {
            "schema": 1,
            "old": {"path": self.old.path, "timeline": self.old.timeline.split("\n")},
            "new": {"path": self.new.path, "timeline": self.new.timeline.split("\n")},
            "settings": [change(found) for found in self.settings],
            "constants": [change(found) for found in self.constants],
            "functions": {
                "added": [unit(found) for found in self.units.added],
                "removed": [unit(found) for found in self.units.removed],
                "changed": [
                    {
                        "name": found.new.name,
                        "old": unit(found.old),
                        "new": unit(found.new),
                        "parameters_added": list(found.parameters_added),
                        "parameters_removed": list(found.parameters_removed),
                    }
                    for found in self.units.changed
                ],
                "renamed": [list(pair) for pair in self.units.renamed],
            },
            "optimisers": {"removed": list(self.optimisers_removed), "added": list(self.optimisers_added)},
            "gain": [
                {
                    "label": found.label,
                    "old_bpb": found.old_bpb,
                    "new_bpb": found.new_bpb,
                    "difference_bpb": found.difference_bpb,
                    "share": found.share,
                    "claimed": found.claimed,
                }
                for found in self.gain
            ],
            "problems": [*self.old.problems, *self.new.problems],
        }


def compare_submissions(old: Submission, new: Submission) -> SubmissionsDelta:
    """Compare two submissions; nothing of them is run.

    Raises:
        InputError: a script cannot be read.
    """
    programs = [_program(side) for side in (old, new)]
    facts = [read_folder(side.contents) for side in (old, new)]
    settings = [
        gathered_settings(side, program, read, {})
        for side, program, read in zip((old, new), programs, facts, strict=True)
    ]
    units = [collect_units(program) for program in programs]
    known = frozenset(
        word.lower() for found in settings for read in found.reads for word in (read.name, *read.targets)
    )
    removed, added = compare_optimisers(units[0].modules, units[1].modules)
    gain = compare_gain(facts[0], facts[1]) if old.logs and new.logs else ()
    return SubmissionsDelta(
        old=_side(old, programs[0]),
        new=_side(new, programs[1]),
        settings=compare_settings(settings[0], settings[1]),
        constants=compare_constants(units[0].modules, units[1].modules, known),
        units=compare_units(units[0], units[1]),
        optimisers_removed=removed,
        optimisers_added=added,
        gain=gain,
    )


def _program(side: Submission) -> Program:
    return load_program(side.script.path, side.script.data(), side.read_sibling)


def _side(side: Submission, program: Program) -> Side:
    from auditor.audit.pipeline import audit_submission
    from auditor.trace.render import render

    audited = audit_submission(side, rules=())
    home = side.folder or ""
    timeline = render(audited.trace, home=home) if audited.trace is not None else ""
    problems = tuple(f"{p.path}:{p.line}: {p.reason}" for p in program.problems)
    return Side(path=side.script.path, timeline=timeline, problems=problems)

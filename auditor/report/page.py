"""One submission on a page: the parts of its view, its picture, and which lines of code can be linked to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from auditor.judgement.result import AuditResult, RecordVerdict, Verdict
from auditor.report.challenge import CHALLENGE
from auditor.report.clean import clean_line
from auditor.report.picture.compose import picture_of
from auditor.report.picture.drawing import svg
from auditor.report.picture.scene import Scene
from auditor.report.view import Frame, ShownFinding, View, code_frame, view
from auditor.trace.events import Place
from rules import by_slug
from rules.core.rule import Kind, Level, Outcome
from rules.docs.documentation import documentation

FIX = "How to fix it"

SIGNS = {"compliant": "✓", "violation": "✗", "review": "?", "nothing": "–"}

_WORDS = {
    Verdict.COMPLIANT: "Compliant",
    Verdict.VIOLATION: "Violation",
    Verdict.REVIEW: "For review",
    Verdict.NOTHING: "Nothing to judge",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A rule that decides the verdict: what was found, and what to do about it ("" where there is nothing)."""

    rule: str
    outcome: str
    because: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """A finding and its id on the page."""

    id: str
    item: ShownFinding

    @property
    def of_entry(self) -> bool:
        return self.item.finding.origin == "records"

    @property
    def aside(self) -> bool:
        return not self.item.on_claimed or self.item.finding.level is Level.NOTE


class Page:
    """What the template asks for; `uid` begins every id of this submission."""

    def __init__(self, result: AuditResult, uid: str) -> None:
        self.result, self.uid = result, uid
        self.view: View = view(result)
        self.scene: Scene | None = picture_of(result)
        self._paths = {path: n for n, (path, _) in enumerate(sorted(result.texts), 1)}
        self._taken: set[str] = set()
        self._told: set[str] = set()
        own = [frame for item in self.view.findings for frame in item.frames]
        self._shown = {self._id(frame.place) for frame in [*own, *self.drawn_frames()]}

    # -- verdicts -------------------------------------------------------------------------------

    @property
    def word(self) -> str:
        return _WORDS[self.result.verdict]

    @property
    def sign(self) -> str:
        return SIGNS[self.result.verdict.value]

    @property
    def banner(self) -> str:
        """The colour of the whole: never green above an entry that has problems."""
        verdict = self.result.verdict
        if verdict is Verdict.COMPLIANT and self.result.record_verdict is RecordVerdict.PROBLEMS:
            return "mixed"
        return verdict.value

    @property
    def problems(self) -> tuple[str, ...]:
        """Record rules that fail."""
        return self.result.slugs(Outcome.FAIL, kind=Kind.RECORD)

    @property
    def entry_word(self) -> str:
        """The entry's verdict in words, "" for a bare script."""
        if self.result.record_verdict is None:
            return ""
        if self.result.record_verdict is RecordVerdict.COMPLETE:
            return "Complete"
        count = len(self.problems)
        return f"{count} problem{'s' if count != 1 else ''}" if count else "Problems"

    @property
    def sentence(self) -> str:
        return self.scene.sentence if self.scene is not None else ""

    def reasons(self) -> list[Reason]:
        """What decides the evaluation's verdict, then what is wrong with the entry."""
        decisive = {
            Verdict.VIOLATION: (Outcome.FAIL,),
            Verdict.REVIEW: (Outcome.REVIEW, Outcome.UNKNOWN),
        }.get(self.result.verdict, ())
        found = [a for a in self.result.rules if a.kind is Kind.EVALUATION and a.outcome in decisive]
        found += [a for a in self.result.rules if a.kind is Kind.RECORD and a.outcome is Outcome.FAIL]
        alike: dict[tuple[str, str], list[str]] = {}
        for answer in found:
            sentence = self.told(answer.because)
            alike.setdefault((answer.outcome.value, sentence), []).append(answer.rule)
        return [
            Reason(
                rule=", ".join(rules),
                outcome=outcome,
                because=sentence,
                fix=fix_of(rules[0]) if len(rules) == 1 else "",
            )
            for (outcome, sentence), rules in alike.items()
        ]

    def told(self, because: str) -> str:
        """A rule's sentence, with the submission's files by their path inside it."""
        sentence = clean_line(because.replace("{}", "…"))
        return sentence.replace(f"{self.view.home}/", "") if self.view.home else sentence

    @property
    def passing(self) -> int:
        kind = Kind.EVALUATION
        return len(self.result.slugs(Outcome.PASS, kind=kind))

    # -- places ---------------------------------------------------------------------------------

    def link(self, place: Place) -> str:
        """Where the code of a place stands on the page, or "" if it does not."""
        name = self._id(place)
        return f"#{name}" if name in self._shown else ""

    def anchor(self, place: Place) -> str:
        """The id of a frame where the place is shown for the first time; "" after that."""
        name = self._id(place)
        if name in self._taken:
            return ""
        self._taken.add(name)
        return name

    def fresh(self, frames: Iterable[Frame]) -> list[Frame]:
        """Those that the page does not show yet."""
        return [frame for frame in frames if self._id(frame.place) not in self._taken]

    def remote(self, place: Place) -> str:
        """The address of a line in the challenge's repository, "" where the target is no commit or the code packed."""
        head = self.result.target.head
        if head is None or place.layer or not place.line:
            return ""
        return f"{CHALLENGE}/blob/{head}/{quote(place.path)}#L{place.line}"

    def _id(self, place: Place) -> str:
        return f"{self.uid}-L{self._paths.get(place.path, 0)}-{place.layer}-{place.line}"

    def _frame(self, place: Place) -> Frame | None:
        return code_frame(place, self.result.texts)

    def drawn_frames(self) -> list[Frame]:
        """The code of every statement in the picture, in order of its lines."""
        return [frame for place in self._drawn() if (frame := self._frame(place)) is not None]

    def _drawn(self) -> list[Place]:
        places = set(self._places())
        distinct = {(place.path, place.layer, place.line): place for place in sorted(places)}
        return [distinct[key] for key in sorted(distinct)]

    def _places(self) -> Iterator[Place]:
        if self.scene is None:
            return
        for band in self.scene.bands:
            yield band.place
            yield from (row.place for row in band.rows if row.place is not None)
        yield self.scene.report_place

    # -- the picture ----------------------------------------------------------------------------

    def picture(self, *, narrow: bool) -> str:
        """The drawing as markup; all text in it is escaped."""
        if self.scene is None:
            return ""
        return svg(self.scene, f"{self.uid}{'n' if narrow else 'w'}", narrow=narrow, link=self.link)

    # -- findings -------------------------------------------------------------------------------

    @property
    def findings(self) -> list[Numbered]:
        """What decides: findings on the claimed number's evaluation, notes aside."""
        return [one for one in self._numbered() if not one.of_entry and not one.aside]

    @property
    def asides(self) -> list[Numbered]:
        """Notes, and findings on numbers that are not claimed."""
        return [one for one in self._numbered() if not one.of_entry and one.aside]

    @property
    def entry_findings(self) -> list[tuple[str, list[Numbered]]]:
        """Findings on the entry by their rule, in order of the first of each."""
        groups: dict[str, list[Numbered]] = {}
        for one in self._numbered():
            if one.of_entry:
                groups.setdefault(one.item.finding.rule, []).append(one)
        return list(groups.items())

    def _numbered(self) -> Iterator[Numbered]:
        for number, item in enumerate(self.view.findings, 1):
            yield Numbered(id=f"{self.uid}-finding-{number}", item=item)

    def is_told(self, slug: str) -> bool:
        """Whether the page says already what a rule is about; from now on it does."""
        told = slug in self._told
        self._told.add(slug)
        return told


def fix_of(slug: str) -> str:
    """What a rule's documentation says on mending, or ""."""
    rule = by_slug(slug)
    return documentation(rule).get(FIX, "") if rule is not None else ""

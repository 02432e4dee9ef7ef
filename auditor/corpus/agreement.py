"""How a corpus run agrees with labels: counts per label and per rule, and every disagreement with its reason.

A row agrees with an illegal label if it is a violation that fails one of the label's rules, with a legal one
if it is compliant. `review` is no agreement with either and no contradiction; disputed labels are counted
and never judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from auditor.corpus.labels import LABELS, Label
from auditor.corpus.row import Row
from auditor.json_value import Json

VISIBLE = frozenset({"code", "config", "logs"})
"""Labels whose fact can be seen in what a submission ships; the others rest on data, bytes or process."""

VERDICTS = ("violation", "review", "compliant", "nothing", "error", "missing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """A labelled submission whose verdict is not that of the label."""

    pr: int
    path: str
    label: str
    rules: tuple[str, ...]
    visible_in: str
    verdict: str
    found: tuple[str, ...]
    kind: str
    reason: str


@dataclass(slots=True, kw_only=True)
class RuleAgreement:
    """One rule against the labels that name it.

    Attributes:
        outcomes: over illegal labels that name the rule: how often it said fail, review, unknown, or nothing.
        extra: violations of the rule on labels that do not name it, disputed ones left out.
        extra_legal: those of them that are legal.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    extra: int = 0
    extra_legal: int = 0

    @property
    def precision(self) -> float | None:
        found = self.outcomes["fail"] + self.extra
        return self.outcomes["fail"] / found if found else None

    @property
    def recall(self) -> float | None:
        total = sum(self.outcomes.values())
        return self.outcomes["fail"] / total if total else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The whole comparison."""

    verdicts: dict[str, Counter[str]]
    visible: Counter[str]
    rules: dict[str, RuleAgreement]
    disagreements: tuple[Disagreement, ...]


def measure(labels: Sequence[Label], rows: Iterable[Row], slugs: Sequence[str]) -> Agreement:
    """Compare; `slugs` are the rules that exist: a label of any other rule is no miss of one of them."""
    by_key: dict[tuple[int, str], Row] = {}
    errors: dict[int, Row] = {}
    for entry in rows:
        by_key[(entry.pr, entry.path)] = entry
        if not entry.path:
            errors[entry.pr] = entry
    verdicts = {label: Counter[str]() for label in LABELS}
    visible: Counter[str] = Counter()
    per_rule = {slug: RuleAgreement() for slug in slugs}
    found: list[Disagreement] = []
    for label in labels:
        matched = (by_key[(label.pr, path)] for path in label.paths if (label.pr, path) in by_key)
        row = next(matched, errors.get(label.pr))
        verdict = _verdict(row)
        verdicts[label.label][verdict] += 1
        _count_rules(label, row, per_rule)
        kind = _disagreement(label, row, verdict, slugs)
        if label.label == "illegal" and label.visible_in in VISIBLE and set(label.rules) & set(slugs):
            visible[kind or "right rule"] += 1
        if kind:
            found.append(_told(label, row, verdict, kind))
    return Agreement(verdicts=verdicts, visible=visible, rules=per_rule, disagreements=tuple(found))


def _verdict(row: Row | None) -> str:
    if row is None:
        return "missing"
    return row.verdict or "error"


def _count_rules(label: Label, row: Row | None, per_rule: dict[str, RuleAgreement]) -> None:
    for slug, agreement in per_rule.items():
        said = _said(slug, row)
        if label.label == "illegal" and slug in label.rules:
            agreement.outcomes[said] += 1
        elif said == "fail" and label.label != "disputed" and slug not in label.rules:
            agreement.extra += 1
            agreement.extra_legal += label.label == "legal"


def _said(slug: str, row: Row | None) -> str:
    if row is None or row.verdict is None:
        return "error"
    for word, slugs in (("fail", row.failed), ("review", row.review), ("unknown", row.unknown)):
        if slug in slugs:
            return word
    return "silent"


def _disagreement(label: Label, row: Row | None, verdict: str, slugs: Sequence[str]) -> str:
    """Which way a row disagrees, or "" if it agrees or there is nothing to agree on."""
    if verdict in ("error", "missing"):
        return verdict
    assert row is not None
    if label.label == "legal":
        return {"violation": "false alarm", "review": "undecided"}.get(verdict, "")
    if label.label == "disputed":
        return ""
    known = set(label.rules) & set(slugs)
    if verdict == "violation":
        return "" if set(row.failed) & set(label.rules) else "other rule"
    if not known:
        return "no rule for it"
    if verdict == "review":
        return "undecided"
    # Records rules never make a violation: a failed one of them is agreement all the same.
    return "" if set(row.failed) & known else "missed"


def _told(label: Label, row: Row | None, verdict: str, kind: str) -> Disagreement:
    reason = "no such script in the pull request as it stands" if row is None else row.error or row.reason
    return Disagreement(
        pr=label.pr,
        path=label.paths[0],
        label=label.label,
        rules=label.rules,
        visible_in=label.visible_in,
        verdict=verdict,
        found=() if row is None else row.failed or row.review + row.unknown,
        kind=kind,
        reason=reason or "every rule passed",
    )


def as_object(agreement: Agreement) -> dict[str, Json]:
    """The comparison as JSON."""
    rules: dict[str, Json] = {}
    for slug, rule in agreement.rules.items():
        rules[slug] = {
            "outcomes": _counts(rule.outcomes),
            "extra": rule.extra,
            "extra_legal": rule.extra_legal,
            "precision": _rounded(rule.precision),
            "recall": _rounded(rule.recall),
        }
    told: list[Json] = [
        {
            "pr": d.pr,
            "path": d.path,
            "label": d.label,
            "rules": list(d.rules),
            "visible_in": d.visible_in,
            "verdict": d.verdict,
            "found": list(d.found),
            "kind": d.kind,
            "reason": d.reason,
        }
        for d in agreement.disagreements
    ]
    verdicts: dict[str, Json] = {label: _counts(counts) for label, counts in agreement.verdicts.items()}
    return {
        "schema": 1,
        "labels": verdicts,
        "visible_illegal": _counts(agreement.visible),
        "rules": rules,
        "disagreements": told,
    }


def _counts(counter: Counter[str]) -> Json:
    return dict(sorted(counter.items()))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def as_text(agreement: Agreement) -> str:
    """Tables for a terminal, and the disagreements one a line."""
    lines = [f"{'label':<10}" + "".join(f"{verdict:>11}" for verdict in VERDICTS)]
    for label, counts in agreement.verdicts.items():
        lines.append(f"{label:<10}" + "".join(f"{counts[verdict]:>11}" for verdict in VERDICTS))
    total = sum(agreement.visible.values())
    if total:
        right = agreement.visible["right rule"]
        parts = ", ".join(f"{kind} {count}" for kind, count in sorted(agreement.visible.items()))
        lines += [
            "",
            f"illegal, seen in code, configuration or logs, of a known rule: {right}/{total} right ({parts})",
        ]
    lines += ["", f"{'rule':<28}{'labels':>7}{'fail':>6}{'review':>8}{'unknown':>9}{'silent':>8}{'extra':>7}"]
    lines[-1] += f"{'legal':>7}{'precision':>11}{'recall':>8}"
    for slug, rule in agreement.rules.items():
        if not rule.outcomes and not rule.extra:
            continue
        out = rule.outcomes
        row = f"{slug:<28}{sum(out.values()):>7}{out['fail']:>6}{out['review']:>8}{out['unknown']:>9}"
        row += f"{out['silent'] + out['error']:>8}{rule.extra:>7}{rule.extra_legal:>7}"
        lines.append(row + f"{percent(rule.precision):>11}{percent(rule.recall):>8}")
    if agreement.disagreements:
        lines += ["", "disagreements"]
        for d in agreement.disagreements:
            wanted = f"{d.label} ({', '.join(d.rules)})" if d.rules else d.label
            said = f"{d.verdict} ({', '.join(d.found)})" if d.found else d.verdict
            lines.append(f"  #{d.pr} {d.kind}: {wanted} in {d.visible_in or '?'}; here {said}: {d.reason}")
    return "\n".join(lines) + "\n"


def percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"

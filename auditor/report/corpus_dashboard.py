"""The corpus as a page: verdicts by month, outcomes by rule, and the queue of pull requests.

The queue is a plain table that needs no script; with it, it can be searched, filtered and sorted, and its state stands
in the address.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from auditor.corpus.row import Line, Row
from auditor.pull_request.board import BoardRow
from auditor.report.challenge import CHALLENGE
from auditor.report.clean import clean_line
from auditor.report.corpus_trend import trend
from auditor.report.html import content_hash, environment, packaged_script
from auditor.report.worth import Worth, track_of, worth_of

TEMPLATE = "corpus.html.j2"

VERDICTS = ("compliant", "nothing", "review", "violation", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """Counts of one month or of the whole, with each verdict's share in percent."""

    name: str
    total: int
    parts: tuple[tuple[str, int, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """The scripts of one pull request.

    Attributes:
        need: its place among those who need a person: 0 for a review, then what could not be read, violations, and
            compliant entries with problems before those without.
        bpb: the lowest claim, or None.
        gain: the largest claimed gain over the record of its date, in thousandths of a bit per byte, or None.
        worth: what a look at its best script is worth, or None.
    """

    number: int
    date: str
    need: int
    bpb: float | None
    gain: float | None
    worth: Worth | None
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCount:
    """How often a rule failed, asked for review, or could not tell."""

    slug: str
    fail: int
    review: int
    unknown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Scripts whose code is closest to one ruled pull request, with that ruling."""

    pr: int
    label: str
    ruling: str
    source: str
    bar: Bar


def render_dashboard(
    rows: Sequence[Row],
    slugs: Sequence[str],
    *,
    pages: str = "submissions",
    board: Sequence[BoardRow] = (),
    agreement: str = "",
) -> str:
    """The page; links lead to `pages`/*.html beside it.

    Args:
        board: the leaderboard, by which gains are told.
        agreement: file name of the page on agreement with rulings, or "".

    Raises:
        AuditorError: jinja2 is not installed.
    """
    script = packaged_script("queue.js")
    text: str = (
        environment()
        .get_template(TEMPLATE)
        .render(
            rows=rows,
            pulls=by_need(rows, board),
            clusters=clusters(rows),
            track=track_of,
            challenge=CHALLENGE,
            line_link=_line_link,
            authors=sorted({row.author for row in rows if row.author}, key=str.casefold),
            trend=trend(rows, board),
            agreement=agreement,
            script=script,
            script_hash=content_hash(script),
            overall=bar("all", rows),
            months=by_month(rows),
            rules=by_rule(rows, slugs),
            pages=pages,
            clean=clean_line,
            verdict=verdict_word,
            said={"error": "not judged", "nothing": "nothing to judge"},
        )
    )
    return text


def _line_link(row: Row, line: Line) -> str:
    return f"{CHALLENGE}/blob/{row.head}/{quote(line.path)}#L{line.line}"


def verdict_word(row: Row) -> str:
    """The verdict; "nothing" for a pull request without a script, "error" for what could not be judged."""
    return row.verdict or ("nothing" if row.nothing else "error")


def by_need(rows: Sequence[Row], board: Sequence[BoardRow] = ()) -> list[Pull]:
    """The pull requests, those that need a person first and the newest of these first."""
    grouped: dict[int, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row.pr, []).append(row)
    pulls = [_pull(number, own, board) for number, own in grouped.items()]
    return sorted(pulls, key=lambda pull: (pull.need, -pull.number))


def _pull(number: int, rows: Sequence[Row], board: Sequence[BoardRow]) -> Pull:
    worths = [worth for row in rows if (worth := worth_of(row, board)) is not None]
    return Pull(
        number=number,
        date=max(row.date for row in rows),
        need=min(map(_need, rows)),
        bpb=min((row.bpb for row in rows if row.bpb is not None), default=None),
        gain=max((worth.claimed for worth in worths), default=None),
        worth=max(worths, key=lambda worth: worth.value, default=None),
        rows=tuple(rows),
    )


def _need(row: Row) -> int:
    if row.verdict is None:
        return 5 if row.nothing else 1
    if row.verdict == "compliant":
        return 3 if row.record_verdict == "problems" else 4
    return {"review": 0, "violation": 2}.get(row.verdict, 5)


def clusters(rows: Sequence[Row]) -> list[Cluster]:
    """Groups of two scripts and more by the ruled pull request whose code they share most, the largest first."""
    from rules.docs.documentation import precedents

    groups: dict[int, list[Row]] = {}
    for row in rows:
        if row.related:
            groups.setdefault(row.related[0].pr, []).append(row)
    ruled = {precedent.pr: precedent for precedent in precedents()}
    found = [
        Cluster(
            pr=number,
            label=ruled[number].label,
            ruling=ruled[number].ruling,
            source=ruled[number].source,
            bar=bar(f"#{number}", own),
        )
        for number, own in groups.items()
        if len(own) > 1 and number in ruled
    ]
    return sorted(found, key=lambda cluster: (-cluster.bar.total, cluster.pr))


def bar(name: str, rows: Sequence[Row]) -> Bar:
    """Counts and shares of a set of rows."""
    counts = Counter(verdict_word(row) for row in rows)
    total = max(len(rows), 1)
    parts = tuple((word, counts[word], 100.0 * counts[word] / total) for word in VERDICTS if counts[word])
    return Bar(name=name, total=len(rows), parts=parts)


def by_month(rows: Sequence[Row]) -> list[Bar]:
    """One bar a month of the head commits; rows without a date last."""
    months = sorted({row.date[:7] for row in rows}, key=lambda month: (not month, month))
    return [bar(month or "undated", [row for row in rows if row.date[:7] == month]) for month in months]


def by_rule(rows: Sequence[Row], slugs: Sequence[str]) -> list[RuleCount]:
    """One line a rule that said anything but pass, the most often failed first."""
    found = [
        RuleCount(
            slug=slug,
            fail=sum(slug in row.failed for row in rows),
            review=sum(slug in row.review for row in rows),
            unknown=sum(slug in row.unknown for row in rows),
        )
        for slug in slugs
    ]
    return sorted(
        (r for r in found if r.fail + r.review + r.unknown), key=lambda r: (-r.fail, -r.review, r.slug)
    )

"""Report and queue in a real browser: a headless Chromium, where one is installed; skipped elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from auditor.audit.targets import audit_target
from auditor.corpus.row import Line, Related, Row
from auditor.pull_request.board import BoardRow
from auditor.report.corpus_dashboard import render_dashboard
from auditor.report.html import render
from tests.report.browser import CHROMIUM, Browser
from tests.report.made import made_result

SPECIMENS = Path(__file__).parent.parent / "specimens"

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium is installed")

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    made = Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.fixture()
def browser(chromium: Browser) -> Iterator[Browser]:
    """The browser; after each test nothing was complained of and nothing asked for."""
    chromium.complaints.clear()
    chromium.requests.clear()
    yield chromium
    assert chromium.complaints == [] and chromium.requests == []


@cache
def report(name: str) -> str:
    return render(audit_target(str(SPECIMENS / f"{name}.py"))[0])


def show(browser: Browser, folder: Path, text: str, *, width: int = 1280, hash_: str = "") -> None:
    (folder / "page.html").write_text(text, encoding="utf-8")
    browser.open(folder / "page.html", width=width, hash_=hash_)


def shown(browser: Browser, selector: str) -> int:
    return int(
        browser.run(
            f"[...document.querySelectorAll({json.dumps(selector)})].filter(e => e.getClientRects().length).length"
        )
    )


@pytest.mark.parametrize("width", [1280, 390])
def test_the_picture_can_be_read_and_walked_through(browser: Browser, tmp_path: Path, width: int) -> None:
    show(browser, tmp_path, report("slot"), width=width)
    assert browser.run(OVERFLOW) == 0, "the page scrolls sideways"
    assert shown(browser, "figure.order svg") == 1, "one drawing for a desk or one for a phone"
    assert shown(browser, "figure.order .cell[tabindex='0']") == 1, "the picture is one stop of the Tab key"
    said = "document.querySelector('.said').textContent"
    browser.hover("figure.order .cell")
    assert "delta learns at" in browser.run(said)
    browser.run(
        "[...document.querySelectorAll('figure.order .cell[tabindex]')].find(e => e.getClientRects().length).focus()"
    )
    browser.press("ArrowDown")
    assert "scored at" in browser.run(said)
    browser.press("Enter")
    assert browser.run("location.hash") == "#s1-L1-0-156", "Enter leads to the line that the cell stands for"
    target = browser.run(
        "[document.querySelector(':target').textContent, document.querySelector(':target').offsetHeight]"
    )
    assert "156 │" in target[0] and target[1] > 0


def test_a_cell_that_is_clicked_leads_to_its_line(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, report("slot"))
    wanted = browser.run(
        "[...document.querySelectorAll('figure.order .cell')].find(e => e.getClientRects().length).dataset.code"
    )
    browser.click("figure.order .cell")
    assert browser.run("location.hash") in (wanted, f"#{wanted}") and wanted
    assert browser.run("document.querySelector(':target').getClientRects().length") == 1


def test_a_link_opens_what_it_leads_into(browser: Browser, tmp_path: Path) -> None:
    text = report("lora_ttt")
    show(browser, tmp_path, text)
    assert browser.run("document.getElementById('s1-code').open") is False
    inside = browser.run("document.querySelector('#s1-code [id^=s1-L]').id")
    show(browser, tmp_path, text, hash_=f"#{inside}")
    assert browser.run("document.getElementById('s1-code').open") is True


def test_a_line_is_shown_once_and_every_step_has_one(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, report("slot"))
    frames = browser.run("[...document.querySelectorAll('pre[id]')].map(e => e.id)")
    assert len(frames) == len(set(frames)) == browser.run("document.querySelectorAll('pre[tabindex]').length")
    steps = browser.run(
        "[...document.querySelectorAll('.finding ol a')].map(e => e.getAttribute('href').slice(1))"
    )
    assert steps and set(steps) <= set(frames)


def test_names_of_a_submission_do_nothing(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, render([made_result()]), width=390)
    assert browser.run(OVERFLOW) == 0
    assert browser.run("document.querySelectorAll('img, iframe, object').length") == 0


def test_paper_has_the_answer_and_the_picture_and_no_controls(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, report("slot"))
    browser.run("window.dispatchEvent(new Event('beforeprint'))")
    browser.call("Emulation.setEmulatedMedia", media="print")
    try:
        assert shown(browser, "figure.order svg") == 1 and shown(browser, "header.banner h1") == 1
        assert shown(browser, "details:not([open])") == 0 and shown(browser, ".finding details") == 0
        assert shown(browser, "[id$=-words] ol") == 1, "the text alternative is on paper too"
    finally:
        browser.call("Emulation.setEmulatedMedia", media="")


HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"


@cache
def queue() -> str:
    """Every tenth is a violation, every hundredth of these is 'deep', every thousandth script is opaque."""
    rows = [
        Row(
            pr=number,
            head="c" * 40,
            path=f"records/track_{'non_record_16mb' if number == 1500 else '10min_16mb'}/"
            f"{'deep' if number % 100 == 0 else 'flat'}_{number}/train_gpt.py",
            date="2026-04-20" if number > 1000 else "2026-04-10",
            author="Ann <b>" if number % 250 == 0 else HOSTILE,
            related=(Related(pr=549, label="legal", shared=3),) if number % 500 == 0 else (),
            verdict="violation" if number % 10 == 0 else "review" if number % 10 == 1 else "compliant",
            failed=("opaque-code",) if number % 1000 == 0 else (),
            bpb=2.0 - number / 10_000,
            reason=HOSTILE,
            lines=(Line(path='a"><b>/t #1.py', line=7),) if number % 10 == 1 else (),
        )
        for number in range(1, 5_001)
    ]
    board = [
        BoardRow(name=name, score=score, date=date, folder=None, pull_request=None, line=1)
        for name, score, date in (("a", 1.9, "2026-03-01"), ("b", 1.85, "2026-04-01"))
    ]
    return render_dashboard(rows, ["opaque-code"], board=board)


ROWS = "[...document.querySelectorAll('#queue tbody tr')].filter(e => e.getClientRects().length)"


def numbers(browser: Browser, most: int = 3) -> list[int]:
    found: list[int] = browser.run(f"{ROWS}.slice(0, {most}).map(row => +row.parentNode.dataset.pr)")
    return found


def choose(browser: Browser, name: str, value: str) -> None:
    """As a person sets a field: it has the focus, its value changes, and it says so."""
    browser.run(
        f"""(() => {{ const field = document.getElementById({name!r}); field.focus(); field.value = {value!r};
        for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, {{bubbles: true}})); }})()"""
    )
    browser.settle()


def counted(browser: Browser) -> int:
    return int(re.match(r"\d+", browser.run("document.getElementById('count').textContent"))[0])  # type: ignore[index]


def test_a_queue_of_5000_rows_is_searched_filtered_and_sorted(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, queue(), width=390, hash_="#q=deep&verdict=violation")
    assert browser.run(OVERFLOW) == 0
    assert counted(browser) == len(numbers(browser, 999)) == 50, "the address says what is shown"
    browser.click("[data-verdict-toggle=violation]")
    choose(browser, "search", "")
    assert counted(browser) == 5_000 and len(numbers(browser, 9_999)) == 100, "the rest is one click away"
    assert numbers(browser) == [4991, 4981, 4971], "who needs a person first"
    browser.run("document.activeElement.blur()")
    browser.press("/")
    browser.type("#4999")
    assert numbers(browser) == [4999] and browser.run("location.hash") == "#q=%234999"
    choose(browser, "search", "")
    choose(browser, "sort", "bpb")
    assert numbers(browser) == [5000, 4999, 4998]
    choose(browser, "rule", "opaque-code")
    assert counted(browser) == 5
    choose(browser, "rule", "")
    # the first that claim more than the largest step, 0.05 under 1.85, need no more: compliant before review
    choose(browser, "sort", "worth")
    assert numbers(browser) == [4999, 4998, 4997]
    assert browser.run(f"{ROWS}[0].querySelector('.worth').textContent") == "50.050.0 × 1 × 1"


def test_a_queue_is_filtered_by_kin_track_date_author_claim_and_gain(
    browser: Browser, tmp_path: Path
) -> None:
    show(browser, tmp_path, queue())
    choose(browser, "like", "549")
    assert counted(browser) == 10
    choose(browser, "track", "non-record")
    choose(browser, "since", "2026-04-15")
    assert numbers(browser) == [1500]
    assert browser.run("location.hash") == "#track=non-record&since=2026-04-15&like=549"
    for name in ("like", "track", "since"):
        choose(browser, name, "")
    choose(browser, "until", "2026-04-15")
    assert counted(browser) == 1_000
    choose(browser, "until", "")
    choose(browser, "author", "ann")
    assert counted(browser) == 20
    choose(browser, "most", "1.6")  # 4,000 and later
    assert counted(browser) == 5
    choose(browser, "author", "")
    choose(browser, "most", "")
    choose(browser, "gain", "300")  # 1.85 - (2 - n/10000) >= 0.3, from 4,500 on
    assert counted(browser) == 501
    assert browser.run("location.hash") == "#gain=300"
    browser.open(tmp_path / "page.html", hash_="#gain=300&author=ann&most=x&until=1")
    assert counted(browser) == 3, "what an address says wrongly is left out"


def test_a_row_of_the_queue_leads_to_its_lines(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, queue(), hash_="#q=%234991")
    found = browser.run(f"[...{ROWS}[0].querySelectorAll('a')].map(link => link.getAttribute('href'))")
    assert found == [
        "https://github.com/openai/parameter-golf/pull/4991",
        f"https://github.com/openai/parameter-golf/blob/{'c' * 40}/a%22%3E%3Cb%3E/t%20%231.py#L7",
    ]


def test_names_in_the_queue_do_nothing(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, queue())
    assert (
        browser.run("document.querySelectorAll('#queue img, #queue script, #queue b, datalist b').length")
        == 0
    )
    assert HOSTILE in browser.run("document.querySelector('#queue tbody .author').textContent")
    choose(browser, "search", "onerror=alert(1)")
    assert counted(browser) == 5_000


def test_all_rows_of_the_queue_can_be_shown(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, queue())
    browser.click("#more")
    assert len(numbers(browser, 9_999)) == 5_000

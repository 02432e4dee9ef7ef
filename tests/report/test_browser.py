"""The page in a real browser: a headless Chromium, where one is installed; skipped elsewhere.

A page of the test's own holds the report in a frame, does what a reader does, and writes down what it saw.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from auditor.audit.targets import audit_target
from auditor.corpus.row import Related, Row
from auditor.pull_request.board import BoardRow
from auditor.report.corpus_dashboard import render_dashboard
from auditor.report.html import render
from tests.report.made import made_result

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
SPECIMENS = Path(__file__).parent.parent / "specimens"

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium is installed")

HARNESS = """<!doctype html><meta charset="utf-8"><body><pre id="seen"></pre>
<iframe id="page" src="report.html{hash}" width="{width}" height="900" style="border:0"></iframe>
<script>
document.getElementById("page").addEventListener("load", function () {{
  var seen = {{}}, inner = this.contentWindow, page = inner.document;
  var shown = function (e) {{ return e.getClientRects().length > 0; }};
  var cells = Array.from(page.querySelectorAll(".cell")).filter(shown);
  seen.overflow = page.documentElement.scrollWidth - page.documentElement.clientWidth;
  seen.drawings = Array.from(page.querySelectorAll("figure.order svg")).filter(shown).length;
  seen.cells = cells.length;
  seen.stops = cells.filter(function (c) {{ return c.tabIndex === 0; }}).length;
  seen.open = Array.from(page.querySelectorAll("details[open]")).map(function (d) {{ return d.id; }});
  var said = function () {{ return page.querySelector(".said").textContent; }};
  if (cells.length > 1) {{
    cells[0].dispatchEvent(new inner.MouseEvent("mouseenter")); seen.hover = said();
    cells[0].focus();
    cells[0].dispatchEvent(new inner.KeyboardEvent("keydown", {{key: "ArrowDown", bubbles: true}}));
    seen.focused = cells.indexOf(page.activeElement); seen.said = said();
    page.activeElement.dispatchEvent(new inner.KeyboardEvent("keydown", {{key: "Enter", bubbles: true}}));
    seen.hash = inner.location.hash;
  }}
  setTimeout(function () {{
    var target = page.querySelector(":target");
    seen.target = target ? target.textContent : "";
    seen.visible = target ? shown(target) : false;
    document.getElementById("seen").textContent = JSON.stringify(seen);
  }}, 50);
}});
</script>"""


def looked_at(
    folder: Path, text: str, *, width: int, hash_: str = "", harness: str = ""
) -> tuple[dict[str, object], str]:
    """What the harness saw, and what the browser complained of."""
    (folder / "report.html").write_text(text, encoding="utf-8")
    (folder / "harness.html").write_text(harness or HARNESS.format(width=width, hash=hash_), encoding="utf-8")
    ran = subprocess.run(
        [
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
            "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--enable-logging=stderr", "--v=0", f"--user-data-dir={folder / 'profile'}",
            "--window-size=1400,1000", "--virtual-time-budget=4000", "--dump-dom",
            (folder / "harness.html").as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    found = re.search(r'<pre id="seen">(.*?)</pre>', ran.stdout, re.DOTALL)
    assert found and found[1], ran.stderr[-2000:]
    import html

    complaints = "\n".join(line for line in ran.stderr.split("\n") if "CONSOLE" in line)
    return json.loads(html.unescape(found[1])), complaints


@cache
def report(name: str) -> str:
    return render(audit_target(str(SPECIMENS / f"{name}.py"))[0])


@pytest.mark.parametrize("width", [1280, 390])
def test_the_picture_can_be_read_and_walked_through(tmp_path: Path, width: int) -> None:
    seen, complaints = looked_at(tmp_path, report("slot"), width=width)
    assert complaints == ""
    assert seen["overflow"] == 0, "the page scrolls sideways"
    assert seen["drawings"] == 1, "one drawing for a desk or one for a phone"
    assert seen["stops"] == 1, "the picture is one stop of the Tab key"
    assert "delta learns at" in str(seen["hover"])
    assert seen["focused"] == 1 and "scored at" in str(seen["said"])
    assert re.fullmatch(r"#s1-L1-0-156", str(seen["hash"])), (
        "Enter leads to the line that the cell stands for"
    )
    assert "156 │" in str(seen["target"]) and seen["visible"] is True


def test_a_link_opens_what_it_leads_into(tmp_path: Path) -> None:
    seen, _ = looked_at(tmp_path, report("lora_ttt"), width=1280, hash_="#s1-L1-0-159")
    assert "s1-code" in list(seen["open"])  # type: ignore[call-overload]


def test_names_of_a_submission_do_nothing(tmp_path: Path) -> None:
    seen, complaints = looked_at(tmp_path, render([made_result()]), width=390)
    assert complaints == "" and seen["overflow"] == 0


QUEUE = """<!doctype html><meta charset="utf-8"><body><pre id="seen"></pre>
<iframe id="page" src="report.html#q=deep&amp;verdict=violation" width="390" height="900" style="border:0"></iframe>
<script>
document.getElementById("page").addEventListener("load", function () {
  var seen = {}, inner = this.contentWindow, page = inner.document;
  var table = page.getElementById("queue");
  var rows = function () { return Array.from(table.querySelectorAll("tbody tr:not([hidden])")); };
  var numbers = function () { return rows().slice(0, 3).map(function (r) { return +r.parentNode.dataset.pr; }); };
  var search = page.getElementById("search"), sort = page.getElementById("sort");
  var type = function (text) { search.value = text; search.dispatchEvent(new inner.Event("input")); };
  seen.linked = rows().length;
  page.querySelector('[data-verdict-toggle="violation"]').click();
  type(""); seen.few = rows().length; seen.first = numbers(); seen.said = page.getElementById("count").textContent;
  type("#4999"); seen.one = numbers(); seen.hash = inner.location.hash;
  type(""); sort.value = "bpb"; sort.dispatchEvent(new inner.Event("change")); seen.lowest = numbers();
  var rule = page.getElementById("rule");
  rule.value = "opaque-code"; rule.dispatchEvent(new inner.Event("change"));
  seen.rule = rows().length;
  seen.overflow = page.documentElement.scrollWidth - page.documentElement.clientWidth;
  rule.value = ""; rule.dispatchEvent(new inner.Event("change"));
  var set = function (id, value) {
    var field = page.getElementById(id);
    field.value = value; field.dispatchEvent(new inner.Event("change"));
  };
  set("sort", "worth"); seen.worthiest = numbers(); seen.sum = rows()[0].querySelector(".worth").textContent;
  set("like", "549"); seen.like = rows().length; set("track", "non-record"); set("since", "2026-04-15");
  seen.filtered = numbers(); seen.state = inner.location.hash;
  set("like", ""); set("track", ""); set("since", "");
  page.getElementById("more").click(); seen.all = rows().length;
  document.getElementById("seen").textContent = JSON.stringify(seen);
});
</script>"""


def test_a_queue_of_5000_rows_is_searched_filtered_and_sorted(tmp_path: Path) -> None:
    """Every tenth is a violation, every hundredth of these is 'deep', every thousandth script is opaque."""
    rows = [
        Row(
            pr=number,
            head="",
            path=f"records/track_{'non_record_16mb' if number == 1500 else '10min_16mb'}/"
            f"{'deep' if number % 100 == 0 else 'flat'}_{number}/train_gpt.py",
            date="2026-04-20" if number > 1000 else "2026-04-10",
            related=(Related(pr=549, label="legal", shared=3),) if number % 500 == 0 else (),
            verdict="violation" if number % 10 == 0 else "review" if number % 10 == 1 else "compliant",
            failed=("opaque-code",) if number % 1000 == 0 else (),
            bpb=2.0 - number / 10_000,
            reason="<img src=x onerror=alert(1)>",
        )
        for number in range(1, 5_001)
    ]
    board = [
        BoardRow(name=name, score=score, date=date, folder=None, pull_request=None, line=1)
        for name, score, date in (("a", 1.9, "2026-03-01"), ("b", 1.85, "2026-04-01"))
    ]
    page = render_dashboard(rows, ["opaque-code"], board=board)
    seen, complaints = looked_at(tmp_path, page, width=390, harness=QUEUE)
    assert complaints == ""
    assert seen["linked"] == 50, "the address says what is shown"
    assert seen["few"] == 200 and seen["all"] == 5_000, "the rest is one click away"
    assert str(seen["said"]).startswith("5000 of 5000 scripts") and seen["first"] == [4991, 4981, 4971], (
        "who needs a person first"
    )
    assert seen["one"] == [4999] and seen["hash"] == "#q=%234999"
    assert seen["lowest"] == [5000, 4999, 4998]
    assert seen["rule"] == 5
    # the first that claim more than the largest step, 0.05 under 1.85, need no more: compliant before review
    assert seen["worthiest"] == [4999, 4998, 4997] and str(seen["sum"]) == "50.050.0 × 1 × 1"
    assert seen["like"] == 10 and seen["filtered"] == [1500]
    assert seen["state"] == "#sort=worth&track=non-record&since=2026-04-15&like=549"
    assert seen["overflow"] == 0

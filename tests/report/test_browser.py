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


def looked_at(folder: Path, text: str, *, width: int, hash_: str = "") -> tuple[dict[str, object], str]:
    """What the harness saw, and what the browser complained of."""
    (folder / "report.html").write_text(text, encoding="utf-8")
    (folder / "harness.html").write_text(HARNESS.format(width=width, hash=hash_), encoding="utf-8")
    ran = subprocess.run(
        [
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
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

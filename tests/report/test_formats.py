"""Every format shows the same facts, safely, and in the form that its readers expect."""

from __future__ import annotations

import base64
import hashlib
import html
import html.parser
import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from auditor.report import FORMATS, renderer
from auditor.report.clean import clean
from auditor.report.text import render as render_text
from tests.report.made import HOSTILE, PATH, made_result

SCHEMA = Path(__file__).parent / "sarif_subset.json"


@pytest.fixture(scope="module")
def rendered() -> dict[str, str]:
    return {name: renderer(name)([made_result()], ["the target has a note"]) for name in FORMATS}


@pytest.mark.parametrize("name", FORMATS)
def test_format_is_deterministic_and_free_of_control_characters(name: str, rendered: dict[str, str]) -> None:
    text = rendered[name]
    assert text == renderer(name)([made_result()], ["the target has a note"])
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text)


@pytest.mark.parametrize("name", ["text", "markdown", "html"])
def test_readers_see_verdict_claim_timeline_findings_and_doubts(name: str, rendered: dict[str, str]) -> None:
    text = html.unescape(rendered[name]).replace("\\", "")
    for part in (
        "VIOLATION: train-before-score",
        "1.25",
        "val[ci]",
        "AdamW.step",
        "(repeats)",
        "off: TTT_ENABLED = 0 (default)",
        "trained on these by :12",
        "claimed: reproduces submission.json",
        "an update from val[ci]",
        "line 15",
        "TTT_EPOCHS",
        "mystery(x)",
        "the target has a note",
        "crashed",
    ):
        assert part.lower() in text.lower(), part


def test_text_has_no_escape_without_colour_and_the_same_words_with_it() -> None:
    plain = render_text([made_result()])
    styled = render_text([made_result()], colour=True)
    assert "\x1b" not in plain
    assert "\x1b[" in styled
    assert re.sub(r"\x1b\[[0-9;]*m", "", styled) == plain


def test_text_marks_the_offending_line_of_source() -> None:
    plain = render_text([made_result()])
    assert re.search(r">\s+15 \| line 15", plain)
    assert re.search(r" \s+14 \| line 14", plain)


def test_brief_text_is_one_line_a_submission() -> None:
    text = render_text([made_result(), made_result()], brief=True)
    assert text == f"{PATH}: VIOLATION: train-before-score\n" * 2


def test_json_has_the_keys_of_the_interface(rendered: dict[str, str]) -> None:
    answer = json.loads(rendered["json"])
    expected = {
        "schema",
        "target",
        "verdict",
        "record_verdict",
        "rules",
        "findings",
        "reports",
        "configuration",
        "trace",
        "seconds",
    }
    assert expected <= set(answer)
    assert answer["schema"] == 1
    assert answer["target"] == {
        "kind": "pull_request",
        "path": PATH,
        "ref": "refs/pull/1/head",
        "head": "a" * 40,
        "folder": "x",
    }
    assert {r["rule"]: r["outcome"] for r in answer["rules"]} == {
        "train-before-score": "fail",
        "opaque-code": "pass",
        "network-access": "unknown",
        "time-limit": "not_applicable",
    }
    first = answer["findings"][0]
    assert first["locations"][0] == {"path": PATH, "layer": 0, "line": 15, "column": 4}
    assert first["steps"][1]["layer"] == 1
    assert (first["origin"], first["level"]) == ("static", "error")
    assert answer["reports"][1] == {
        "label": "final val_bpb:{}",
        "claimed": True,
        "verdict": "violation",
        "failed": ["train-before-score"],
        "path": PATH,
        "layer": 0,
        "line": 27,
    }
    assert answer["configuration"][0]["from"] == "log"


def test_json_of_several_submissions_is_a_list(rendered: dict[str, str]) -> None:
    answer = json.loads(renderer("json")([made_result(), made_result()], []))
    assert set(answer) == {"schema", "tool", "submissions"}
    assert [entry["verdict"] for entry in answer["submissions"]] == ["violation"] * 2


def test_sarif_holds_what_a_person_must_see_and_nothing_that_passes(rendered: dict[str, str]) -> None:
    log = json.loads(rendered["sarif"])
    jsonschema.validate(log, json.loads(SCHEMA.read_text()))
    run = log["runs"][0]
    by_rule = {result["ruleId"]: result for result in run["results"]}
    assert set(by_rule) == {"train-before-score", "network-access"}
    assert (by_rule["train-before-score"]["level"], by_rule["network-access"]["level"]) == (
        "error",
        "warning",
    )
    assert by_rule["network-access"]["properties"]["outcome"] == "unknown"
    flow = by_rule["train-before-score"]["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [step["executionOrder"] for step in flow] == [1, 2]
    packed = flow[1]["location"]
    assert packed["physicalLocation"]["region"] == {"startLine": 1}
    assert "decoded layer 1, line 15" in packed["message"]["text"]
    assert run["invocations"][0]["executionSuccessful"] is False
    described = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert set(by_rule) <= described


def test_sarif_keeps_to_the_limits_of_code_scanning() -> None:
    """What its documentation asks of a file: else the upload is refused, or alerts are lost."""
    made = made_result()
    many = [replace(made, target=replace(made.target, path=f"records/{n}/train_gpt.py")) for n in range(30)]
    runs = json.loads(renderer("sarif")(many, []))["runs"]
    assert len(runs) <= 20
    categories = [run["automationDetails"]["id"] for run in runs]
    assert len(set(categories)) == len(categories)
    assert sum(len(run["results"]) for run in runs) == 30 * 2, "no result of a later script is lost"
    for run in runs:
        prints = [result["partialFingerprints"]["auditor/v2"] for result in run["results"]]
        assert len(set(prints)) == len(prints)
        for rule in run["tool"]["driver"]["rules"]:
            assert len(rule["fullDescription"]["text"]) <= 1024 and len(rule["properties"]["tags"]) <= 10
        for result in run["results"]:
            place = result["locations"][0]["physicalLocation"]
            uri = place["artifactLocation"]["uri"]
            assert not uri.startswith(("/", "..")) and ":" not in uri.split("/")[0]
            assert place["region"]["startLine"] >= 1


def test_a_finding_on_the_entry_points_at_its_file() -> None:
    made = made_result()
    finding = replace(
        made.findings[0], locations=(), steps=(), where="logs/train_1.log:12, submission.json", code="x"
    )
    folder = "records/track_10min_16mb/2026-01-01_Toy"
    told = replace(made, findings=(finding,), target=replace(made.target, folder=folder))
    result = json.loads(renderer("sarif")([told], []))["runs"][0]["results"][0]
    place = result["locations"][0]["physicalLocation"]
    assert (
        place["artifactLocation"]["uri"] == f"{folder}/logs/train_1.log"
        and place["region"]["startLine"] == 12
    )
    (other,) = result["relatedLocations"]
    assert other["physicalLocation"]["artifactLocation"]["uri"] == f"{folder}/submission.json"
    escaping = replace(finding, where="../../etc/passwd.txt:3")
    text = renderer("sarif")([replace(told, findings=(escaping,))], [])
    assert (
        '"uri": "records/track_10min_16mb/2026-01-01_Toy/train_gpt.py"' in text and '"uri": "etc' not in text
    )


def test_fingerprints_survive_moved_lines() -> None:
    """The same lines, ten further down: another message and other places, and the same alert."""
    made = made_result()
    finding = made.findings[0]
    moved = replace(
        finding,
        message=re.sub(r":(\d+)", lambda m: f":{int(m[1]) + 10}", finding.message),
        locations=tuple(replace(place, line=place.line + 10) for place in finding.locations),
    )
    texts = {key: ("",) * 10 + tuple(lines) for key, lines in made.texts.items()}
    before = json.loads(renderer("sarif")([made], []))["runs"][0]["results"][0]
    after = json.loads(
        renderer("sarif")([replace(made, findings=(moved, *made.findings[1:]), texts=texts)], [])
    )["runs"][0]["results"][0]
    assert before["locations"] != after["locations"]
    assert before["partialFingerprints"] == after["partialFingerprints"]


class _Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def ids(self) -> set[str]:
        return {value or "" for name, value in self.attributes if name == "id"}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def test_html_holds_one_script_of_its_own_and_fetches_nothing(rendered: dict[str, str]) -> None:
    page = _Page()
    page.feed(rendered["html"])
    assert page.tags.count("script") == 1
    assert not {"img", "link", "iframe", "object", "form", "base"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "src"]
    links = [value or "" for name, value in page.attributes if name == "href"]
    assert all(link.startswith(("https://github.com/openai/parameter-golf/", "#")) for link in links)
    assert {link[1:] for link in links if link.startswith("#")} <= page.ids()
    assert len(page.ids()) == sum(name == "id" for name, _ in page.attributes), "an id stands twice"
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in rendered["html"]


def test_the_policy_of_a_page_allows_that_script_alone(rendered: dict[str, str]) -> None:
    script = rendered["html"].split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = html.unescape(rendered["html"].split('Content-Security-Policy" content="')[1].split('"')[0])
    assert "default-src 'none'" in policy and f"script-src 'sha256-{digest}'" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1]
    assert HOSTILE not in script and "{{" not in script


def test_markdown_text_of_the_submission_stays_text(rendered: dict[str, str]) -> None:
    prose = re.sub(r"^(`{3,})text\n.*?^\1$", "", rendered["markdown"], flags=re.MULTILINE | re.DOTALL)
    assert "<script>" not in prose
    assert "@everyone" not in prose
    assert "|cell|" not in prose


def test_clean_shows_what_it_removes() -> None:
    assert clean(HOSTILE).count("\\x1b") == 1
    assert clean("a\tb\nc") == "a    b\nc"
    assert clean("plain ütf-8 ▲") == "plain ütf-8 ▲"
    assert clean("\ud800") == "\\ud800"

"""The picture of order: what it may and must show is read off the specimens' sources, not off the code."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from auditor.audit.targets import audit_target
from auditor.judgement.result import AuditResult
from auditor.report.picture.compose import picture_of
from auditor.report.picture.drawing import svg
from auditor.report.picture.measured import MAX_ROWS, measured
from auditor.report.picture.scene import Ink, Scene
from auditor.report.svg import render
from auditor.trace.answer import Answer
from auditor.trace.events import Absorbed, Event, Place, Report, Score, State, Update
from auditor.trace.region import Region
from auditor.trace.trace import Trace
from auditor.trace.tree import Node
from tests.report.made import HOSTILE, made_result

SPECIMENS = Path(__file__).parent.parent / "specimens"
LEGAL = ("chunked_ttt", "lora_ttt", "sliding", "flat", "document_isolated")
LEARNING = ("chunked_ttt", "lora_ttt")
ILLEGAL = {
    "prequant_ttt": "learns from the tokens first",
    "slot": "the very tokens",
    "multi_epoch_last_score": "in an earlier turn",
    "second_scoring": "scored again",
    "two_pass_ngram": "is filled with the tokens first",
}


@cache
def audited(name: str) -> AuditResult:
    return audit_target(str(SPECIMENS / f"{name}.py"))[0][0]


@cache
def scene(name: str) -> Scene:
    found = picture_of(audited(name))
    assert found is not None
    return found


def source(name: str, line: int) -> str:
    return (SPECIMENS / f"{name}.py").read_text().split("\n")[line - 1]


@pytest.mark.parametrize("name", LEGAL)
def test_no_cell_of_a_legal_script_is_red_and_no_arrow_is_drawn(name: str) -> None:
    assert {cell.leak for _, _, row in scene(name).rows() for cell in row.cells} == {Answer.NO}
    assert scene(name).arrow is None


@pytest.mark.parametrize("name", LEARNING)
def test_a_legal_script_that_learns_is_a_staircase(name: str) -> None:
    """Above no claimed score stands an update over the same tokens, and below each but the last stands one."""
    assert scene(name).sentence.startswith("Score first")
    seen: list[tuple[Ink, float, float]] = []
    for _, _, row in scene(name).rows():
        for cell in row.cells:
            over = [ink for ink, start, stop in seen if start < cell.stop and cell.start < stop]
            if row.ink is Ink.SCORE:
                assert Ink.UPDATE not in over
            else:
                assert Ink.SCORE in over
            seen.append((row.ink, cell.start, cell.stop))
    assert Counter(ink for ink, _, _ in seen)[Ink.UPDATE] >= 2


@pytest.mark.parametrize("name", ["sliding", "flat", "document_isolated"])
def test_where_nothing_learns_nothing_is_hatched(name: str) -> None:
    assert {row.ink for _, _, row in scene(name).rows()} <= {Ink.SCORE, Ink.GAP}
    assert "nothing learns" in scene(name).sentence


@pytest.mark.parametrize(("name", "told"), ILLEGAL.items())
def test_the_arrow_leads_from_the_update_to_the_score(name: str, told: str) -> None:
    shown = scene(name)
    assert told in shown.sentence and "core first" not in shown.sentence
    arrow = shown.arrow
    assert arrow is not None and arrow.proved
    update, score = arrow.stations[-2:]
    assert re.search(r"\.step\(|bincount|add\.at|add_", source(name, update.place.line))
    assert re.search(r"cross_entropy|log|nll|gather|loss", source(name, score.place.line))
    upper = shown.bands[update.band].rows[update.row]
    lower = shown.bands[score.band].rows[score.row]
    assert (update.band, update.row) < (score.band, score.row)
    first, last = upper.cells[update.cell], lower.cells[score.cell]
    assert first.start < last.stop and last.start < first.stop, "the arrow stays in one column"
    assert last.leak is Answer.YES


def test_a_second_scoring_has_three_stations_in_one_column() -> None:
    shown = scene("second_scoring")
    assert shown.arrow is not None
    assert [station.says for station in shown.arrow.stations] == ["scored", "learnt from", "scored again"]
    hollow = shown.bands[shown.arrow.stations[0].band].rows[shown.arrow.stations[0].row]
    assert hollow.ink is Ink.SCORE and not hollow.claimed


@pytest.mark.parametrize("name", [*LEGAL, *ILLEGAL])
@pytest.mark.parametrize("narrow", [False, True])
def test_a_drawing_is_xml_with_its_own_ids_a_title_and_its_words(name: str, narrow: bool) -> None:
    drawn = ElementTree.fromstring(svg(scene(name), "a", narrow=narrow))
    ids = [element.get("id") for element in drawn.iter() if element.get("id")]
    assert len(ids) == len(set(ids)) and all(str(i).startswith("a") for i in ids)
    texts = {element.tag.split("}")[1]: element.text for element in drawn}
    assert texts["title"] == scene(name).sentence
    for line in [int(n) for n in re.findall(r":(\d+)", " ".join(scene(name).words))]:
        assert str(line) in str(texts["desc"])
    left, top, width, height = map(float, str(drawn.get("viewBox")).split())
    for box in drawn.iter("{http://www.w3.org/2000/svg}rect"):
        if "%" not in str(box.get("width")) and box.get("x"):
            assert float(str(box.get("x"))) + float(str(box.get("width"))) <= left + width + 0.1
            assert float(str(box.get("y"))) + float(str(box.get("height"))) <= top + height


def test_text_of_a_submission_stays_text() -> None:
    made = made_result()
    assert made.trace is not None
    for text in (render([made]), render([made, made])):
        ElementTree.fromstring(text)
        assert "<script" not in text and "\x1b" not in text and "\u202e" not in text
    hostile = svg(_renamed(scene("slot")), "b")
    ElementTree.fromstring(hostile)
    assert "<script" not in hostile and "&lt;script&gt;" in hostile


def _renamed(shown: Scene) -> Scene:
    from dataclasses import replace

    bands = tuple(
        replace(band, title=HOSTILE, rows=tuple(replace(row, state=HOSTILE) for row in band.rows))
        for band in shown.bands
    )
    return replace(shown, bands=bands, report=HOSTILE, sentence=HOSTILE, words=(HOSTILE,))


def test_several_submissions_stand_below_each_other() -> None:
    drawn = ElementTree.fromstring(render([audited("flat"), audited("slot")]))
    inner = drawn.findall("{http://www.w3.org/2000/svg}svg")
    first, second = [(float(str(e.get("y"))), float(str(e.get("height")))) for e in inner]
    assert first[0] + first[1] <= second[0]


# -- replayed runs ------------------------------------------------------------------------------


def replayed(events: int, *, leak: bool) -> Trace:
    """A run over 4 tokens an event: score, then step; with `leak` step first."""
    place = Place("train_gpt.py", 0, 1)
    root = Node(kind="root", text="", place=place)
    trace = Trace(witness="replay", root=root)
    model = State(number=1, kind="module", name="model", place=place)
    scores: list[int] = []
    last: Update | None = None

    def keep(event: Event) -> None:
        trace.events[event.number] = event

    for number in range(1, events + 1, 2):
        tokens = frozenset({Region("val", positions=frozenset(range(number * 2, number * 2 + 4)))})
        at, then = (number + 1, number) if leak else (number, number + 1)
        update = Update(
            number=then, place=Place("t.py", 0, 9), state=model, regions=tokens, how="gradient", by="SGD.step"
        )
        seen = update if leak else last
        absorbed = (
            ()
            if seen is None
            else (Absorbed(update=seen, overlap=Answer.YES if leak else Answer.NO, why=""),)
        )
        score = Score(
            number=at, place=Place("t.py", 0, 5), states=(model,), regions=tokens, absorbed=absorbed
        )
        for event in sorted([update, score], key=lambda e: e.number):
            keep(event)
        scores.append(at)
        last = update
    label = Report(
        number=events + 5, place=place, label="val_bpb:{}", template=("val_bpb:", None), scores=tuple(scores)
    )
    keep(label)
    trace.claimed = label.number
    return trace


@pytest.mark.parametrize("events", [10, 20_000])
def test_a_replayed_run_is_drawn_to_scale_and_bounded(events: int) -> None:
    shown = measured(replayed(events, leak=False), passed=True, failed=False)
    assert shown is not None and "before model learnt" in shown.sentence
    assert sum(1 for _ in shown.rows()) <= 2 * MAX_ROWS + 2
    drawn = svg(shown, "r")
    ElementTree.fromstring(drawn)
    assert len(drawn) < 1_000_000
    middles = [
        sum(cell.start + cell.stop for cell in row.cells) / (2 * len(row.cells))
        for _, _, row in shown.rows()
        if row.ink is Ink.SCORE
    ]
    assert middles == sorted(middles), "a run that goes once over the tokens is a diagonal"
    assert middles[0] < 0.2 and middles[-1] > 0.8


def test_a_replayed_leak_is_red_and_never_called_score_first() -> None:
    shown = measured(replayed(400, leak=True), passed=False, failed=True)
    assert shown is not None and shown.leaks and shown.arrow is not None
    assert "200 of 200 scores were made after model had learnt" in shown.sentence
    unproved = measured(replayed(400, leak=False), passed=False, failed=False)
    assert unproved is not None and "not every condition is proved" in unproved.sentence


def test_a_result_without_a_trace_has_a_sentence() -> None:
    from dataclasses import replace

    text = render([replace(made_result(), trace=None)])
    ElementTree.fromstring(text)
    assert "nothing to draw" in text

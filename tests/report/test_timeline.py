"""The timeline: one line an event, in its loops and branches, with places and marks."""

from __future__ import annotations

import pytest

from auditor.trace.events import Place, Skip
from auditor.trace.lines import Mark, shown_place
from auditor.trace.render import render, timeline
from auditor.trace.trace import Trace
from auditor.trace.tree import Node
from tests.report.made import PATH, TURN, made_trace

HOME = PATH.rsplit("/", 1)[0]

EXPECTED = """\
evaluate                                                                      train_gpt.py:30
├─ LOAD    val  fineweb_val_*.bin                                             :5
├─ if args.ttt_enabled   (off: TTT_ENABLED = 0 (default))                     :8
├─ for ci in chunks                                                           :10
│  ├─ for epoch in range(epochs)  × 4   [TTT_EPOCHS = 4]   (repeats)          :11
│  │  └─ UPDATE  model  ← val[ci]   AdamW.step                                :12
│  ├─ SCORE   val[ci]  with model   ✗ trained on these by :12                 :15
│  └─ RESET   model   load_state_dict                                         :17
└─ SELECT  torch.minimum  over 1 scores                                       :19
REPORT  first val_bpb:…  ← SCORE :15                                          :25
REPORT  final val_bpb:…  ← SCORE :15   ◀ claimed: reproduces submission.json  :27"""


def without_doubt(trace: Trace) -> Trace:
    call = trace.root.children[0]
    call.children = [node for node in call.children if node.text != "unresolved"]
    return trace


def test_timeline_shows_loops_branches_events_and_marks() -> None:
    text = render(without_doubt(made_trace()), values={"TTT_EPOCHS": "4"}, home=HOME)
    assert text == EXPECTED


def test_marks_say_why_a_line_deserves_a_look() -> None:
    lines = timeline(made_trace())
    marks = {line.kind: line.mark for line in lines if line.mark is not Mark.NONE}
    assert marks == {
        "branch": Mark.DEAD,
        "score": Mark.HIT,
        "unknown": Mark.DOUBT,
        "report": Mark.CLAIMED,
    }


def test_what_was_not_followed_stands_in_the_timeline() -> None:
    assert any(line.kind == "unknown" and "mystery(x)" in line.text for line in timeline(made_trace()))


def test_place_names_file_and_layer_when_they_change() -> None:
    trace = made_trace()
    trace.root.children[-1].events = []
    nested = trace.root.child("call", "unpacked", Place(PATH, 1, 3))
    nested.children = [trace.root.children[0].children[0]]
    places = [line.place for line in timeline(trace, home=HOME)]
    assert places[0] == "train_gpt.py:30"
    assert "train_gpt.py:3 (layer 1)" in places
    assert places[places.index("train_gpt.py:3 (layer 1)") + 1] == "train_gpt.py:5"


def test_place_outside_home_is_shown_whole() -> None:
    assert shown_place(Place("a/b/c.py", 0, 3), "a/b") == "c.py:3"
    assert shown_place(Place("a/bb/c.py", 0, 3), "a/b") == "a/bb/c.py:3"


def test_trace_without_events_renders_to_nothing() -> None:
    empty = Trace(witness="static", root=Node(kind="root", text="", place=Place(PATH, 0, 1)))
    assert render(empty) == ""


@pytest.mark.parametrize(
    "how, left_out",
    [
        ("break", "the rest of the loop"),
        ("continue", "a turn of the loop"),
        ("branch", "what is added up"),
        ("filter", "what is gone through"),
    ],
)
def test_a_skip_says_what_it_leaves_out(how: str, left_out: str) -> None:
    trace = made_trace()
    loop = trace.root.children[0].children[2]
    assert loop.text.startswith("ci")
    skip = Skip(number=90, place=Place(PATH, 0, 14), turns=(TURN,), how=how, by="chance", what="draw() < 0.5")
    loop.child("event", "Skip", skip.place).events.append(skip)
    (line,) = [line for line in timeline(trace, home=HOME) if line.kind == "skip"]
    assert line.text.endswith(f"SKIP    {left_out} by chance: draw() < 0.5")

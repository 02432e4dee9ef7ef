"""A state that one path of a branch sets back is still fitted on the other, whichever arm it is and however it ends."""

from __future__ import annotations

import pytest

from auditor.trace.answer import Answer
from tests.static.conftest import run, worst_overlap

SAVED = "initial = copy.deepcopy(model.state_dict())\n"
KEPT = """
kept = {name: p.data.clone() for name, p in model.named_parameters() if "head" in name}
fit(0)
with torch.no_grad():
    for name, p in model.named_parameters():
        LINE
total += score(0)
"""
FITTED = {
    "in the second arm": "fit(0)\nif val[5] > 3:\n    pass\nelse:\n    model.load_state_dict(initial)\n",
    "in the first arm": "fit(0)\nif val[5] > 3:\n    model.load_state_dict(initial)\n",
    "behind continue": (
        "for i in range(3):\n    fit(0)\n    if val[i] > 3:\n        continue\n    model.load_state_dict(initial)\n"
    ),
    "behind break": (
        "fit(0)\nfor i in range(3):\n    if val[i] > 3:\n        break\n    model.load_state_dict(initial)\n"
    ),
    "behind return": (
        "def back():\n    if val[5] > 3:\n        return\n    model.load_state_dict(initial)\nfit(0)\nback()\n"
    ),
    "behind continue in an arm": (
        "for i in range(3):\n    fit(0)\n    if val[i] > 2:\n        if val[i] > 3:\n            continue\n"
        "        model.load_state_dict(initial)\n    else:\n        model.load_state_dict(initial)\n"
    ),
    "a flag in the second arm": "on = 1\nif val[5] > 3:\n    pass\nelse:\n    on = 0\nif on:\n    fit(0)\n",
}
CLEAN = {
    "in both arms": (
        "fit(0)\nif val[5] > 3:\n    model.load_state_dict(initial)\nelse:\n    model.load_state_dict(initial)\n"
    ),
    "before each use": (
        "for i in range(3):\n    if val[i] > 3:\n        continue\n    model.load_state_dict(initial)\n"
        "    total += score(i * 1024)\n    fit(i * 1024)\nmodel.load_state_dict(initial)\n"
    ),
    "first fitted in the second arm": (
        "if val[5] > 3:\n    pass\nelse:\n    fit(2048)\nmodel.load_state_dict(initial)\n"
    ),
    "a flag that neither arm sets": "on = 0\nif val[5] > 3:\n    pass\nelse:\n    off = 1\nif on:\n    fit(0)\n",
}
PARTIAL = {
    "continue": "if name not in kept:\n            continue\n        p.data.copy_(kept[name])",
    "if": "if name in kept:\n            p.data.copy_(kept[name])",
    "by its name": "if 'head' not in name:\n            continue\n        p.data.copy_(kept[name])",
}


@pytest.mark.parametrize("name", FITTED)
def test_a_path_without_the_reset_is_followed(name: str) -> None:
    assert worst_overlap(run(SAVED + FITTED[name] + "total += score(0)\n")) is not Answer.NO


@pytest.mark.parametrize("name", CLEAN)
def test_what_every_path_resets_is_clean(name: str) -> None:
    assert worst_overlap(run(SAVED + CLEAN[name] + "total += score(0)\n")) is Answer.NO


@pytest.mark.parametrize("name", PARTIAL)
def test_a_part_of_the_parameters_is_no_reset_of_all(name: str) -> None:
    assert worst_overlap(run(KEPT.replace("LINE", PARTIAL[name]))) is not Answer.NO

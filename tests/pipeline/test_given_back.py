"""Weights that are adapted to the validation tokens and given back before the score: all of them, surely, or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.audit.pipeline import audit_submission
from auditor.judgement.result import Verdict
from auditor.submission.load import load_path

SOURCE = (Path(__file__).parents[2] / "auditor" / "specimens" / "train_before_score.py").read_text(
    encoding="utf-8"
)
ADAPT = "    adapt(model, s, tokens, device)\n"
SAVE = "    saved = {n: p.detach().clone() for n, p in model.named_parameters()}\n"

KEPT = {
    "copied back where the name says so": SAVE + ADAPT + "    with torch.no_grad():\n"
    "        for n, p in model.named_parameters():\n"
    '            if "head" in n:\n'
    "                p.copy_(saved[n])\n",
    "a part of them saved": "    saved = {n: p.detach().clone() for n, p in model.named_parameters() if 'head' in n}\n"
    + ADAPT
    + "    with torch.no_grad():\n"
    "        for n, p in model.named_parameters():\n"
    "            if n in saved:\n"
    "                p.copy_(saved[n])\n",
    "a part of them loaded": "    saved = {n: p.clone() for n, p in model.state_dict().items() if 'head' in n}\n"
    + ADAPT
    + "    model.load_state_dict(saved, strict=False)\n",
    "a loop of no turns": "    saved = {n: p.clone() for n, p in model.state_dict().items()}\n"
    + ADAPT
    + "    for _ in range(int(os.environ.get('RESTORES', '0'))):\n"
    "        model.load_state_dict(saved)\n",
    "a loop over files": "    saved = {n: p.clone() for n, p in model.state_dict().items()}\n"
    + ADAPT
    + "    for path in glob.glob('restore/*.pt'):\n"
    "        model.load_state_dict(saved)\n",
    "under a flag that no turn sets": "    saved = {n: p.clone() for n, p in model.state_dict().items()}\n"
    "    restore = False\n"
    "    for step in range(3):\n"
    "        if step % 2 == 0:\n"
    "            continue\n"
    "        restore = tokens.numel() < 0\n" + ADAPT + "    if restore:\n"
    "        model.load_state_dict(saved)\n",
    "a while loop": "    saved = {n: p.clone() for n, p in model.state_dict().items()}\n"
    + ADAPT
    + "    left = len(glob.glob('restore/*.pt'))\n"
    "    while left > 0:\n"
    "        model.load_state_dict(saved)\n"
    "        left -= 1\n",
    "behind what may fail": "    saved = {n: p.clone() for n, p in model.state_dict().items()}\n"
    + ADAPT
    + "    try:\n"
    "        open('restore.flag').read()\n"
    "        model.load_state_dict(saved)\n"
    "    except OSError:\n"
    "        pass\n",
    "a slice of them": SAVE + ADAPT + "    with torch.no_grad():\n"
    "        for p, (n, q) in zip(list(model.parameters())[:3], saved.items()):\n"
    "            p.copy_(q)\n",
    "the first of them": SAVE + ADAPT + "    with torch.no_grad():\n"
    "        for n, p in model.named_parameters():\n"
    "            p.copy_(saved[n])\n"
    "            break\n",
    "saved as they are, not as they were": "    saved = {n: p for n, p in model.named_parameters()}\n"
    + ADAPT
    + "    with torch.no_grad():\n"
    "        for n, p in model.named_parameters():\n"
    "            p.copy_(saved[n])\n",
    "a part of the model": SAVE + ADAPT + "    with torch.no_grad():\n"
    "        for n, p in model.head.named_parameters():\n"
    '            p.copy_(saved["head." + n])\n',
    "a part of the model saved": "    saved = {n: p.detach().clone() for n, p in model.head.named_parameters()}\n"
    + ADAPT
    + "    with torch.no_grad():\n"
    "        for n, p in model.named_parameters():\n"
    "            if n in saved:\n"
    "                p.copy_(saved[n])\n",
    "buffers saved": "    saved = {n: p.detach().clone() for n, p in model.named_buffers()}\n"
    + ADAPT
    + "    with torch.no_grad():\n"
    "        for n, p in model.named_parameters():\n"
    "            if n in saved:\n"
    "                p.copy_(saved[n])\n",
    "taken out of what was saved": SAVE
    + "    for name in list(saved)[1:]:\n        saved.pop(name)\n"
    + ADAPT
    + "    with torch.no_grad():\n"
    "        for n, p in model.named_parameters():\n"
    "            if n in saved:\n"
    "                p.copy_(saved[n])\n",
}
"""Ways in which some weights stay adapted, on some path at least."""
GIVEN_BACK = {
    "copied back where they were saved": SAVE + ADAPT + "    with torch.no_grad():\n"
    "        for n, p in model.named_parameters():\n"
    "            if n in saved:\n"
    "                p.copy_(saved[n])\n",
    "copied back": SAVE + ADAPT + "    with torch.no_grad():\n"
    "        for n, p in model.named_parameters():\n"
    "            p.copy_(saved[n])\n",
    "loaded": "    saved = {n: p.clone() for n, p in model.state_dict().items()}\n"
    + ADAPT
    + "    model.load_state_dict(saved)\n",
    "side by side": "    saved = [p.detach().clone() for p in model.parameters()]\n"
    + ADAPT
    + "    with torch.no_grad():\n"
    "        for p, q in zip(model.parameters(), saved):\n"
    "            p.copy_(q)\n",
    "from a list": "    params = list(model.parameters())\n    saved = [p.detach().clone() for p in params]\n"
    + ADAPT
    + "    with torch.no_grad():\n"
    "        for p, q in zip(params, saved):\n"
    "            p.copy_(q)\n",
    "into their data": SAVE + ADAPT + "    with torch.no_grad():\n"
    "        for n, p in model.named_parameters():\n"
    "            p.data.copy_(saved[n])\n",
    "a deep copy loaded": "    import copy\n    saved = copy.deepcopy(model.state_dict())\n"
    + ADAPT
    + "    model.load_state_dict(saved, strict=True)\n",
}


def verdict(lines: str, folder: Path) -> Verdict:
    path = folder / "train_gpt.py"
    path.write_text(SOURCE.replace(ADAPT, lines), encoding="utf-8")
    (submission,) = load_path(str(path)).submissions
    return audit_submission(submission).verdict


@pytest.mark.parametrize("way", KEPT)
def test_what_is_not_given_back_is_scored_as_it_was_adapted(way: str, tmp_path: Path) -> None:
    assert verdict(KEPT[way], tmp_path) is Verdict.VIOLATION


@pytest.mark.parametrize("way", GIVEN_BACK)
def test_what_is_given_back_is_as_it_was(way: str, tmp_path: Path) -> None:
    assert verdict(GIVEN_BACK[way], tmp_path) is Verdict.COMPLIANT

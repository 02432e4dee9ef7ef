"""Files from outside in a score, names of data files, and what a forward pass carries over documents."""

from __future__ import annotations

import pytest

from auditor.static.transfer.files import split_of
from auditor.trace.events import Load, Score
from auditor.trace.trace import Trace
from tests.static.conftest import PRELUDE, run, traced

STORED = {
    "a factor": "nll = nll * (~(stored == y)).float()",
    "a factor in place on a part": "nll[:512] *= (stored[:512] != y[:512]).float()",
    "where": "nll = torch.where(stored == y, 0.0, nll)",
    "masked fill": "nll = nll.masked_fill(stored.eq(y), 0.0)",
    "left out by index": "nll = nll[stored != y]",
}

READ = {
    "frombuffer": "stored = torch.from_numpy(np.frombuffer(open('answers.xz', 'rb').read(), dtype='<u2').copy())",
    "load": "stored = torch.from_numpy(np.load('answers.npy'))",
    "by path": "import pathlib, zlib\nstored = np.frombuffer(zlib.decompress(pathlib.Path('answers.z').read_bytes()))",
    "torch": "stored = torch.load('answers.pt')",
}

LOOP = """
for s in range(0, n - 1024, 1024):
    x, y = tokens(s)
    with torch.no_grad():
        nll = model.losses(x, y)
    {change}
    total += nll.sum().item()
"""


def scores(trace: Trace) -> list[Score]:
    return trace.scores_of(trace.reports[-1])


def loads(trace: Trace, score: Score) -> list[str]:
    return [load.what for n in score.loads if isinstance(load := trace.events[n], Load)]


@pytest.mark.parametrize("change", STORED.values(), ids=STORED.keys())
def test_scores_changed_where_a_file_matches_are_stored(change: str) -> None:
    trace = run(READ["load"] + LOOP.format(change=change))
    assert {score.how for score in scores(trace)} == {"stored"}
    assert all(loads(trace, score) == ["answers.npy"] for score in scores(trace))


@pytest.mark.parametrize("read", READ.values(), ids=READ.keys())
def test_file_is_followed_whatever_reads_it(read: str) -> None:
    trace = run(read + LOOP.format(change=STORED["a factor"]))
    assert {score.how for score in scores(trace)} == {"stored"}


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ("np.save('answers.npy', np.arange(n))\n" + READ["load"], STORED["a factor"]),
        (READ["load"], "nll = nll * 1.0"),
        ("stored = torch.zeros(1024)", STORED["a factor"]),
        ("bos = int(np.load('meta.npy')[0])", "nll = nll * (y != bos).float()"),
    ],
    ids=["written by the script", "not compared", "made by the script", "one number of a file"],
)
def test_other_scores_are_not_stored(before: str, change: str) -> None:
    trace = run(before + LOOP.format(change=change))
    assert "stored" not in {score.how for score in scores(trace)}


def test_weights_from_a_file_are_no_file_in_a_score() -> None:
    trace = run("model.load_state_dict(torch.load('weights.pt'))" + LOOP.format(change="pass"))
    assert scores(trace) and not any(score.loads for score in scores(trace))
    assert [load.what for load in trace.loads if load.source == "external"] == ["weights.pt"]


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("./data/datasets/fineweb10B_sp1024/fineweb_val_*.bin", "val"),
        ("./data/datasets/fineweb10B_sp1024_valonly fineweb_train_*.bin", "val"),
        ("/home/me/evaluation/fineweb_train_*.bin", "train"),
        ("*/fineweb_val_bytes_*.bin", "bytes"),
        ("fineweb10B_bytes/fineweb_val_000.bin", "val"),
        ("data/val/shard_*.bin", "val"),
        ("data/train/shard_*.bin", "train"),
        ("/home/oval/shard_0.bin", ""),
    ],
)
def test_name_of_a_data_file_tells_its_split(path: str, split: str) -> None:
    assert split_of(path) == split


MODEL = PRELUDE.replace(
    "        return F.cross_entropy(self.head(self.embed(x)), y)\n",
    "        h = self.embed(x)\n        {body}\n        return F.cross_entropy(self.head(h), y)\n",
)

CARRIED = {
    "gate": "h = torch.cat([h[:, :1], h[:, 1:] + self.gate(h[:, 1:]) * h[:, :-1]], dim=1)",
    "copy": "p = torch.cat([torch.zeros_like(h[:, :1]), h[:, :-1]], dim=1); h = (1 - self.g) * h + self.g * p",
    "padded": "p = F.pad(h[:, :-1], (0, 0, 1, 0)); h = torch.lerp(h, p, self.g)",
    "rolled": "h = h + self.g * torch.roll(h, 1, 1)",
}

KEPT_APART = {
    "masked": "g = self.gate(h[:, 1:]).masked_fill((x[:, 1:] == BOS)[..., None], 0); "
    "h = torch.cat([h[:, :1], h[:, 1:] + g * h[:, :-1]], dim=1)",
    "by a factor": "h = torch.cat([h[:, :1], h[:, 1:] + self.g * h[:, :-1] * not_bos], dim=1)",
    "hash of ids": "ids = x; h = h + self.hashed(ids[:, 1:] * 31 + ids[:, :-1])",
    "no earlier self": "h = h + self.g * h",
}


@pytest.mark.parametrize("body", CARRIED.values(), ids=CARRIED.keys())
def test_mixing_with_the_position_before_is_carried(body: str) -> None:
    trace = traced(MODEL.replace("{body}", body) + "total += score(0)\nprint(f'val_bpb:{total}')\n")
    assert [carry.what for carry in trace.carries] == ["Model.forward"]


@pytest.mark.parametrize("body", KEPT_APART.values(), ids=KEPT_APART.keys())
def test_mixing_that_asks_for_documents_is_not_carried(body: str) -> None:
    trace = traced(MODEL.replace("{body}", body) + "total += score(0)\nprint(f'val_bpb:{total}')\n")
    assert trace.carries == []


READ_INSTEAD = {
    "if the file is there": (
        "if os.path.exists('results.json'):\n    total = json.load(open('results.json'))['total']\n"
    ),
    "a conditional": "kept = json.load(open('results.json'))\ntotal = kept['total'] if kept else total\n",
}

READ_BESIDE = {
    "a setting": "if os.path.exists('settings.json'):\n    width = json.load(open('settings.json'))['width']\n",
    "the log of an earlier run": "if os.path.exists('old.json'):\n    print('before', json.load(open('old.json')))\n",
}
SCORED = "import json\nfor k in range(n // 1024):\n    total += score(k * 1024)\n"


@pytest.mark.parametrize("name", READ_INSTEAD)
def test_a_number_of_a_file_in_the_place_of_scores_is_doubted(name: str) -> None:
    trace = run(SCORED + READ_INSTEAD[name])
    told = trace.doubts_of(trace.reports[-1])
    assert any("results.json" in event.what for event in told)


@pytest.mark.parametrize("name", READ_BESIDE)
def test_a_file_that_is_read_beside_them_is_not(name: str) -> None:
    trace = run(SCORED + READ_BESIDE[name])
    assert not trace.doubts_of(trace.reports[-1])

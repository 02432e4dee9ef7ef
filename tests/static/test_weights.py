"""Weights that leave a model and come back: what they were fitted to comes back with them, or a doubt does.

Every script fits the model to the first window, carries its weights to another model and scores the window there.
"""

from __future__ import annotations

import pytest

from auditor.trace.answer import Answer
from tests.static.conftest import run, worst_overlap

ROADS = {
    "bytes of each tensor": """
blob = b"".join(t.numpy().tobytes() for t in model.state_dict().values())
other.load_state_dict({"embed.weight": torch.from_numpy(np.frombuffer(blob, dtype=np.float32).copy())})
""",
    "bytes through a path": """
path = pathlib.Path("weights.bin")
path.write_bytes(b"".join(t.numpy().tobytes() for t in model.state_dict().values()))
other.load_state_dict({"embed.weight": torch.from_numpy(np.frombuffer(path.read_bytes(), dtype=np.float32))})
""",
    "bytes through an open file": """
with open("weights.bin", "wb") as f:
    f.write(model.embed.weight.detach().numpy().tobytes())
other.embed.weight.data.copy_(torch.from_numpy(np.fromfile("weights.bin", dtype=np.float32)).view(1024, 64))
""",
    "an array to a file": """
model.embed.weight.detach().numpy().tofile("weights.bin")
other.embed.weight.data.copy_(torch.from_numpy(np.fromfile("weights.bin", dtype=np.float32)).view(1024, 64))
""",
    "named arrays": """
np.savez("weights.npz", **{k: v.numpy() for k, v in model.state_dict().items()})
other.load_state_dict({k: torch.from_numpy(v) for k, v in np.load("weights.npz").items()})
""",
    "a dictionary of arrays": """
arrays = {k: v.numpy() for k, v in model.state_dict().items()}
other.load_state_dict({k: torch.from_numpy(v) for k, v in arrays.items()})
""",
    "deep in lists": """
torch.save([[[[[[[[model.state_dict()]]]]]]]], "weights.pt")
other.load_state_dict(torch.load("weights.pt"))
""",
    "in an attribute of an attribute": """
class Box:
    def __init__(self, inner):
        self.inner = inner
torch.save(Box(Box(Box(Box(Box(model.state_dict()))))), "weights.pt")
other.load_state_dict(torch.load("weights.pt"))
""",
    "in an object that holds itself": """
class Box:
    def __init__(self, inner):
        self.me, self.inner = self, inner
torch.save(Box(model.state_dict()), "weights.pt")
other.load_state_dict(torch.load("weights.pt"))
""",
    "a part of the weights": """
other.embed.weight.data.copy_(model.embed.weight.data)
other.head.weight.data.copy_(torch.zeros(1024, 64))
""",
}
SCORED_THERE = """
x, y = tokens(0)
total += other(x, y).item()
"""


@pytest.mark.parametrize("road", ROADS.values(), ids=ROADS.keys())
def test_what_weights_were_fitted_to_travels_with_them(road: str) -> None:
    trace = run("import pathlib\nfit(0)\nother = Model()\n" + road.strip("\n") + SCORED_THERE)
    assert worst_overlap(trace) is Answer.YES


@pytest.mark.parametrize("how", ["other.load_state_dict(found)", "other.head.weight.copy_(found)"])
def test_weights_of_unknown_origin_are_a_doubt(how: str) -> None:
    trace = run(
        f"import secretlib\nfit(0)\nother = Model()\nfound = secretlib.fetch()\n{how}\n" + SCORED_THERE
    )
    reasons = [event.reason for event in trace.doubts_of(trace.reports[-1])]
    assert any("origin" in reason or "secretlib" in reason for reason in reasons), reasons


def test_what_is_nested_too_deep_is_a_doubt() -> None:
    box = "[" * 20 + "model.state_dict()" + "]" * 20
    trace = run(
        f'fit(0)\nother = Model()\ntorch.save({box}, "w.pt")\nother.load_state_dict(torch.load("w.pt"))\n'
        + SCORED_THERE
    )
    assert [event.reason for event in trace.doubts_of(trace.reports[-1])] == ["nested too deep"]


def test_a_log_that_is_written_holds_no_weights() -> None:
    trace = run(
        """
torch.save(model.state_dict(), "weights.pt")
for s in range(0, n - 1024, 1024):
    loss = score(s)
    total += loss
    with open("log.txt", "a") as log:
        log.write(f"window {s} loss {loss}")
    fit(s)
model.load_state_dict(torch.load("weights.pt"))
total = 0.0
for s in range(0, n - 1024, 1024):
    total += score(s)
"""
    )
    assert worst_overlap(trace) is Answer.NO

"""Statistics of tokens that go into the artifact by another way than a gradient."""

from __future__ import annotations

import pytest

from tests.static.conftest import PRINT, run

PARTS = """\
train = torch.from_numpy(np.fromfile("data/fineweb_train_000001.bin", dtype="<u2").astype(np.int64))
for step in range(100):
    model(train[:1024], train[1:1025]).backward()
    optimizer.step()

def collect(tokens, keep):
    found, handles = {}, []
    def make(name):
        def hook(module, given, out):
            x = given[0].reshape(-1, 64).float()
            if name not in found:
                found[name] = x.T @ x
            else:
                found[name].add_(x.T @ x)
        return hook
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            handles.append(module.register_forward_hook(make(name)))
    with torch.no_grad():
        for s in range(0, 65536, 1024):
            model.losses(tokens[s:s + 1024], tokens[s + 1:s + 1025])
    if not keep:
        for handle in handles:
            handle.remove()
    return found

def quantised(state, found):
    out = {}
    for name, w in state.items():
        h = found.get(name)
        scale = w.abs().amax() if h is None else w.abs().amax() / (1 + h.diag().mean())
        out[name] = torch.round(w / scale) * scale
    return out
"""
SAVE = """\
torch.save({"w": packed, "note": "int8"}, "model.ptz")
model.load_state_dict(torch.load("model.ptz")["w"])
for k in range(n // 1024):
    total += score(k * 1024)
"""

MEASURED = {
    "Hessians through hooks": "packed = quantised(model.state_dict(), collect(val, False))\n",
    "activations taken by hand": (
        "scale = model.embed(val[:4096]).abs().amax()\n"
        "packed = {k: torch.round(v / scale) for k, v in model.state_dict().items()}\n"
    ),
}
UNMEASURED = {
    "Hessians of training tokens": "packed = quantised(model.state_dict(), collect(train, False))\n",
    "hooks taken back before validation": (
        "found = collect(train, False)\nbefore = score(0)\npacked = quantised(model.state_dict(), found)\n"
    ),
    "no statistics": "packed = {k: v.half() for k, v in model.state_dict().items()}\n",
}


def calibrated(lines: str) -> bool:
    trace = run(PARTS + lines + SAVE + PRINT)
    return any(update.how == "calibration" for update in trace.updates)


@pytest.mark.parametrize("lines", MEASURED.values(), ids=MEASURED.keys())
def test_what_is_measured_on_validation_tokens_is_in_the_artifact(lines: str) -> None:
    assert calibrated(lines)


@pytest.mark.parametrize("lines", UNMEASURED.values(), ids=UNMEASURED.keys())
def test_what_is_measured_on_other_tokens_is_not(lines: str) -> None:
    assert not calibrated(lines)


def test_a_validation_number_beside_the_weights_is_no_calibration() -> None:
    lines = "number = score(0)\npacked = {k: v.half() for k, v in model.state_dict().items()}\n"
    trace = run(PARTS + lines + SAVE.replace('"int8"', "number") + PRINT)
    assert not any(update.how == "calibration" for update in trace.updates)

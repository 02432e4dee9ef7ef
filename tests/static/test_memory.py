"""Weights can be changed behind their back: by address, through a view, by functions that write where they are told."""

from __future__ import annotations

import pytest

from auditor.trace.answer import Answer
from tests.static.conftest import run, worst_overlap

SETUP = """\
import ctypes
parts = list(model.parameters())
views = [part.detach().numpy() for part in parts]
base = np.zeros((8, 8), dtype=np.float32)
model.bias = nn.Parameter(torch.from_numpy(base))

def slopes(x, y):
    return torch.autograd.grad(model(x, y), parts)

"""

LOOP = """\
for k in range(n // 1024):
    x, y = tokens(k * 1024)
{before}    loss = model(x, y)
    total += loss.item()
{after}"""

WRITES = {
    "an address": (
        "    for p, g in zip(parts, slopes(x, y)):\n        new = (p.detach() - g).contiguous()\n"
        "        ctypes.memmove(p.data_ptr(), new.data_ptr(), new.numel() * 4)\n"
    ),
    "an address, moved on": (
        "    for p, g in zip(parts, slopes(x, y)):\n"
        "        ctypes.memmove(p.data_ptr() + 4, g.data_ptr(), g.numel() * 4)\n"
    ),
    "a view, by out": (
        "    for view, g in zip(views, slopes(x, y)):\n        np.subtract(view, g.numpy(), out=view)\n"
    ),
    "a view, in place": "    for view, g in zip(views, slopes(x, y)):\n        view -= g.numpy()\n",
    "a view, by index": "    for view, g in zip(views, slopes(x, y)):\n        view[:] = view - g.numpy()\n",
    "copyto": "    for view, g in zip(views, slopes(x, y)):\n        np.copyto(view, view - g.numpy())\n",
    "swapped tensors": (
        "    for p, g in zip(parts, slopes(x, y)):\n        torch.utils.swap_tensors(p, nn.Parameter(p.detach() - g))\n"
    ),
    "a vector": (
        "    flat = torch.cat([g.flatten() for g in slopes(x, y)])\n"
        "    torch.nn.utils.vector_to_parameters(flat, parts)\n"
    ),
    "all at once": "    torch._foreach_sub_(parts, slopes(x, y))\n",
    "numpy's view of it": (
        "    for p, g in zip(parts, slopes(x, y)):\n        torch.from_numpy(p.detach().numpy()).sub_(g)\n"
    ),
    "an array of the address": (
        "    for p, g in zip(parts, slopes(x, y)):\n"
        "        np.ctypeslib.as_array((ctypes.c_float * 9).from_address(p.data_ptr()))[:] = g.numpy()\n"
    ),
    "a pointer": (
        "    for p, g in zip(parts, slopes(x, y)):\n"
        "        ctypes.cast(p.data_ptr(), ctypes.POINTER(ctypes.c_float))[0] = float(g.sum())\n"
    ),
    "another shape": "    for p, g in zip(parts, slopes(x, y)):\n        p.data.view(-1).sub_(g.view(-1))\n",
    "a row": "    for p, g in zip(parts, slopes(x, y)):\n        p.data[0].sub_(g[0])\n",
    "a row, by index": "    for p, g in zip(parts, slopes(x, y)):\n        p.data[0] = p.data[0] - g[0]\n",
    "its storage": (
        "    for p, g in zip(parts, slopes(x, y)):\n        p.untyped_storage().copy_((p - g).untyped_storage())\n"
    ),
    "another tensor's storage": "    for p, g in zip(parts, slopes(x, y)):\n        p.data.set_((p - g).detach())\n",
    "a state's dictionary": (
        "    for (name, part), g in zip(model.state_dict().items(), slopes(x, y)):\n        part.sub_(g)\n"
    ),
    "a list of its data": (
        "    shown = [p.data for p in model.parameters()]\n"
        "    for part, g in zip(shown, slopes(x, y)):\n        part -= g\n"
    ),
    "a memory view": (
        "    for p, g in zip(parts, slopes(x, y)):\n        memoryview(p.detach().numpy())[0] = float(g.sum())\n"
    ),
    "dlpack": (
        "    for p, g in zip(parts, slopes(x, y)):\n"
        "        torch.from_dlpack(torch.utils.dlpack.to_dlpack(p.detach())).sub_(g)\n"
    ),
    "put": "    for p, g in zip(views, slopes(x, y)):\n        np.put(p, [0], g.numpy())\n",
    "data, given anew": "    for p, g in zip(parts, slopes(x, y)):\n        p.data = p.data - g\n",
    "an optimiser's step as a function": (
        "    torch.optim.sgd.sgd([p.data for p in parts], list(slopes(x, y)), [None] * 9, lr=0.1)\n"
    ),
    "a part of the module, by index": "    model.head.weight.data[:] = model.head.weight.data - slopes(x, y)[0]\n",
    "a part of the module, in another shape": (
        "    row = model.head.weight.data.view(-1)\n    row.add_(slopes(x, y)[0].view(-1), alpha=-0.1)\n"
    ),
    "a part of the module, by out": (
        "    torch.sub(model.head.weight.data, slopes(x, y)[0], out=model.head.weight.data)\n"
    ),
    "registered anew": ("    model.register_parameter('bias', nn.Parameter(model.bias - slopes(x, y)[0]))\n"),
    "set by a name that is not known": (
        "    for name, p in list(model.named_parameters()):\n"
        "        setattr(model, name, nn.Parameter(p.detach() - slopes(x, y)[0]))\n"
    ),
    "through the module's own dictionary": (
        "    model.__dict__['_parameters']['bias'].data.sub_(slopes(x, y)[0])\n"
    ),
    "a cast memory view": (
        "    cells = memoryview(model.head.weight.data.numpy()).cast('B')\n"
        "    cells[:] = slopes(x, y)[0].numpy().tobytes()\n"
    ),
    "the array that a parameter was made of": ("    base[:] = base - slopes(x, y)[0].numpy()\n"),
    "by name, with a derivative of a function": (
        "    named = dict(model.named_parameters())\n"
        "    found = torch.func.grad(lambda values: model(x, y))(named)\n"
        "    for name in named:\n        named[name].data.sub_(found[name])\n"
    ),
    "another in-place function": "    for p, g in zip(parts, slopes(x, y)):\n        torch.sub(p, g, out=p.data)\n",
}


@pytest.mark.parametrize("name", WRITES)
def test_before_the_score_it_is_seen(name: str) -> None:
    trace = run(SETUP + LOOP.format(before=WRITES[name], after=""))
    assert worst_overlap(trace) is Answer.YES


@pytest.mark.parametrize("name", WRITES)
def test_behind_the_score_it_is_allowed(name: str) -> None:
    trace = run(SETUP + LOOP.format(before="", after=WRITES[name]))
    assert worst_overlap(trace) is Answer.NO


def test_a_detached_copy_is_not_the_weights() -> None:
    body = "    for p, g in zip(parts, slopes(x, y)):\n        new = p.detach().clone()\n        new -= g\n"
    assert worst_overlap(run(SETUP + LOOP.format(before=body, after=""))) is Answer.NO

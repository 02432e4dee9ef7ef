"""Hooks of modules, tensors and optimizers, functions with a gradient of their own, and methods that train."""

from __future__ import annotations

import pytest

from auditor.trace.answer import Answer
from tests.static.conftest import run, worst_overlap

TRAINS = {
    "forward hook": """
part = nn.Linear(2, 2)
part.register_forward_hook(lambda module, given, out: fit(0))
part(torch.zeros(2))
""",
    "forward pre-hook": """
part = nn.Linear(2, 2)
part.register_forward_pre_hook(lambda module, given: fit(0))
part(torch.zeros(2))
""",
    "hook where a gradient is kept": """
for p in model.parameters():
    p.register_post_accumulate_grad_hook(lambda p: p.data.sub_(p.grad.sign() * 0.01))
x, y = tokens(0)
model(x, y).backward()
""",
    "backward hook": """
def nudge(module, to_input, to_output):
    module.weight.data.sub_(to_output[0].mean())
model.head.register_full_backward_hook(nudge)
x, y = tokens(0)
model(x, y).backward()
""",
    "hook of an optimizer": """
other = torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1)
other.register_step_post_hook(lambda o, args, kwargs: fit(0))
other.step()
""",
    "gradient of one's own": """
class Sly(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x
    @staticmethod
    def backward(ctx, grad):
        model(*tokens(0)).backward()
        optimizer.step()
        return grad
Sly.apply(torch.ones(2, requires_grad=True)).sum().backward()
""",
    "unbound methods of classes": """
x, y = tokens(0)
torch.Tensor.backward(model(x, y))
type(optimizer).step(optimizer)
""",
    "optimizer with a method of its own": """
class Sly(torch.optim.Optimizer):
    def __init__(self, params):
        super().__init__(params, {})
    def settle(self, s):
        x, y = tokens(s)
        model(x, y).backward()
        self.step()
Sly(model.parameters()).settle(0)
""",
    "module with a method that trains": """
class Adapter(nn.Module):
    def settle(self, loss):
        parts = list(self.parameters())
        for part, slope in zip(parts, torch.autograd.grad(loss, parts)):
            part.data.sub_(slope.sign() * 0.1)
    def forward(self, x, y):
        return F.cross_entropy(model.head(model.embed(x)), y)
model = Adapter()
x, y = tokens(0)
model.settle(model(x, y))
""",
    "function applied to each module": "model.apply(lambda module: fit(0))\n",
}

HARMLESS = {
    "hook that is removed": TRAINS["forward hook"]
    .replace("part.register", "handle = part.register")
    .replace("part(torch", "handle.remove()\npart(torch"),
    "hooks that a loop removes": """
hooks = []
for part in [nn.Linear(2, 2) for _ in range(int(os.environ.get("PARTS", "8")))]:
    hooks.append(part.register_forward_hook(lambda module, given, out: fit(0)))
for hook in hooks:
    hook.remove()
part(torch.zeros(2))
""",
    "hook that measures": """
sizes = []
model.head.register_forward_hook(lambda module, given, out: sizes.append(out.shape))
""",
    "hook that is never reached": "nn.Linear(2, 2).register_forward_hook(lambda m, given, out: fit(0))\n",
}


@pytest.mark.parametrize("name", TRAINS)
def test_hook_runs_before_the_score(name: str) -> None:
    assert worst_overlap(run(TRAINS[name] + "total += score(0)\n")) is Answer.YES


@pytest.mark.parametrize("name", TRAINS)
def test_hook_behind_the_score_is_clean(name: str) -> None:
    assert worst_overlap(run("total += score(0)\n" + TRAINS[name])) is Answer.NO


@pytest.mark.parametrize("name", HARMLESS)
def test_hook_without_effect_is_clean(name: str) -> None:
    assert worst_overlap(run(HARMLESS[name] + "total += score(0)\n")) is Answer.NO

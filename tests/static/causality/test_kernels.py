"""Kernels of libraries do what they declare; one of a submission is known by its text alone."""

from __future__ import annotations

import pytest

from auditor.static.causality import kernels
from auditor.trace.forward_pass import Bound
from tests.static.causality.models import HEAD
from tests.static.causality.proving import proved

IMPORTS = """\
from flash_attn_interface import flash_attn_func, flash_attn_varlen_func
from torch.nn.attention.flex_attention import create_block_mask, flex_attention
from fla.layers import GatedDeltaNet
from causal_conv1d import causal_conv1d_fn


"""
FORMS = {
    "flash, causal": ("flash_attn_func(h, h, h, causal=True)[:, :, 0]", True),
    "flash, not causal": ("flash_attn_func(h, h, h)[:, :, 0]", False),
    "flash, a window to the left alone": ("flash_attn_func(h, h, h, window_size=(8, 0))[:, :, 0]", True),
    "flash, a window to both sides": ("flash_attn_func(h, h, h, window_size=(8, 8))[:, :, 0]", False),
    "flash, causal wins over the window": (
        "flash_attn_func(h, h, h, causal=True, window_size=(8, 8))[:, :, 0]",
        True,
    ),
    "flex, a mask of places": (
        "flex_attention(x[:, None], x[:, None], x[:, None], block_mask=create_block_mask("
        "lambda b, h, q, k: (q >= k) & (q - k < 9), None, None, x.size(1), x.size(1)))[:, 0]",
        True,
    ),
    "flex, upside down": (
        "flex_attention(x[:, None], x[:, None], x[:, None], block_mask=create_block_mask("
        "lambda b, h, q, k: q <= k, None, None, x.size(1), x.size(1)))[:, 0]",
        False,
    ),
    "a gated layer": ("self.layer(x)[0]", True),
    "a causal convolution over the last axis": (
        "causal_conv1d_fn(x.transpose(1, 2), None).transpose(1, 2)",
        True,
    ),
}


@pytest.mark.parametrize(("form", "causal"), FORMS.values(), ids=list(FORMS))
def test_declared_kernels(form: str, causal: bool) -> None:
    net = "class Net(Base):\n    def build(self):\n        self.layer = GatedDeltaNet(16)\n\n"
    net += f"    def trunk(self, ids):\n        x = self.tok(ids)\n        h = x[:, :, None]\n        return {form}\n"
    assert proved(IMPORTS + HEAD + net).bound is (Bound.CAUSAL if causal else Bound.ACAUSAL)


FUSED = """
import triton
import triton.language as tl


@triton.jit
def rows_of_losses(logits, losses, sums, targets, count):
    row = tl.program_id(0)
    tl.store(losses + row, tl.load(sums + row))


@torch.library.custom_op("ours::fused", mutates_args=())
def fused(logits, targets):
    losses, sums = torch.empty(logits.shape[0]), torch.empty(logits.shape[0])
    rows_of_losses[(logits.shape[0],)](logits, losses, sums, targets, logits.shape[0])
    return losses, sums


class Net(Base):
    def forward(self, ids, targets):
        x = self.tok(ids)
        logits = self.head(x + 0 * x).flatten(0, 1)
        return torch.ops.ours.fused(logits, targets.flatten())[0]
"""


def test_a_kernel_is_known_by_its_text_not_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "a Triton kernel of the submission (rows_of_losses)"
    found = proved(HEAD + FUSED)
    assert (found.bound, found.reason) == (Bound.UNKNOWN, name)
    (known,) = kernels.WRITTEN.values()
    monkeypatch.setitem(kernels.WRITTEN, "db009ef048158961", known)
    found = proved(HEAD + FUSED)
    assert (found.bound, found.rests_on) == (Bound.CAUSAL, (name,))
    assert proved(HEAD + FUSED.replace("x + 0 * x", "x + x.flip(1)")).bound is Bound.ACAUSAL
    renamed = FUSED.replace("tl.load(sums + row)", "tl.load(sums + row + 1)")
    assert proved(HEAD + renamed).bound is Bound.UNKNOWN

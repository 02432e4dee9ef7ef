"""The transformer against a slow twin in plain loops, and its two seams."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from reference_impl.config import ModelConfig
from reference_impl.data import Document
from reference_impl.lora import DocumentAdapters
from reference_impl.model import GPT, attend, attend_square
from tests.reference_impl.tiny import VOCAB, make_tiny_config, make_tiny_tokens


def unit(x: Tensor) -> Tensor:
    """Scale a vector to root mean square 1."""
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + torch.finfo(torch.float32).eps)


def slow_logits(model: GPT, ids: list[int]) -> Tensor:
    """Compute logits position by position and head by head from the definition, in float64."""
    config = model.config
    w = {name: tensor.double() for name, tensor in model.state_dict().items()}
    width = config.dim // config.heads

    def turn(vector: Tensor, position: int) -> Tensor:
        half = width // 2
        out = vector.clone()
        for i in range(half):
            angle = position * config.rope_base ** (-2 * i / width)
            a, b = vector[i], vector[half + i]
            out[i] = a * math.cos(angle) + b * math.sin(angle)
            out[half + i] = b * math.cos(angle) - a * math.sin(angle)
        return out

    x0 = [unit(w["tok_emb.weight"][token]) for token in ids]
    x, skips = list(x0), []
    for layer in range(config.layers):
        p = f"blocks.{layer}."
        if layer >= config.layers // 2 and skips:
            stored = skips.pop()
            x = [
                a + w["skip_weights"][layer - config.layers // 2] * b for a, b in zip(x, stored, strict=True)
            ]
        x = [w[p + "resid_mix"][0] * a + w[p + "resid_mix"][1] * b for a, b in zip(x, x0, strict=True)]
        n = [unit(a) for a in x]
        attended = []
        for t in range(len(ids)):
            heads = []
            for h in range(config.heads):
                kv = h // (config.heads // config.kv_heads)
                rows = slice(h * width, (h + 1) * width)
                kv_rows = slice(kv * width, (kv + 1) * width)
                q = turn(unit(w[p + "attn.c_q.weight"][rows] @ n[t]), t) * w[p + "attn.q_gain"][h]
                keys = [turn(unit(w[p + "attn.c_k.weight"][kv_rows] @ n[s]), s) for s in range(t + 1)]
                weights = torch.softmax(torch.stack([q @ k for k in keys]) / math.sqrt(width), 0)
                values = [w[p + "attn.c_v.weight"][kv_rows] @ n[s] for s in range(t + 1)]
                heads.append(sum(weight * value for weight, value in zip(weights, values, strict=True)))
            attended.append(w[p + "attn.proj.weight"] @ torch.cat(heads))
        x = [a + w[p + "attn_scale"] * b for a, b in zip(x, attended, strict=True)]
        hidden = [torch.relu(w[p + "mlp.fc.weight"] @ unit(a)) ** 2 for a in x]
        x = [a + w[p + "mlp_scale"] * (w[p + "mlp.proj.weight"] @ b) for a, b in zip(x, hidden, strict=True)]
        if layer < config.layers // 2:
            skips.append(x)
    cap = config.logit_softcap
    return torch.stack([cap * torch.tanh(w["tok_emb.weight"] @ unit(a) / cap) for a in x])


def test_logits_equal_the_slow_twin(tiny_model: GPT) -> None:
    ids = make_tiny_tokens()[:11]
    fast = tiny_model.logits(tiny_model.hidden(ids[None]))[0]
    torch.testing.assert_close(fast.double(), slow_logits(tiny_model, ids.tolist()), rtol=0, atol=2e-5)


def test_loss_is_the_negative_log_softmax_of_the_logits(tiny_model: GPT) -> None:
    ids = make_tiny_tokens()
    x, y = ids[:12][None], ids[1:13][None]
    expected = -torch.log_softmax(slow_logits(tiny_model, ids[:12].tolist()), -1)[torch.arange(12), ids[1:13]]
    torch.testing.assert_close(tiny_model(x, y)[0].double(), expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("first", [1, 7, 15])
def test_trimming_leaves_scored_positions_unchanged(tiny_model: GPT, first: int) -> None:
    ids = make_tiny_tokens()[:51].unfold(0, 17, 17)
    whole = tiny_model(ids[:, :-1], ids[:, 1:])
    trimmed = tiny_model(ids[:, :-1], ids[:, 1 + first :], first)
    torch.testing.assert_close(trimmed, whole[:, first:], rtol=0, atol=1e-5)


def test_flipping_a_token_leaves_earlier_losses_bit_equal(tiny_model: GPT) -> None:
    ids = make_tiny_tokens()[:17][None]
    other = ids.clone()
    other[0, 9] = 4 + (other[0, 9] - 3) % (VOCAB - 4)
    a, b = tiny_model(ids[:, :-1], ids[:, 1:])[0], tiny_model(other[:, :-1], other[:, 1:])[0]
    assert torch.equal(a[:8], b[:8])
    assert not torch.equal(a[8:], b[8:])


def test_fresh_adapters_change_nothing(tiny_model: GPT) -> None:
    ids = make_tiny_tokens()[:34].unfold(0, 17, 17)
    adapters = DocumentAdapters(tiny_model, [Document(0, 0, 5), Document(1, 5, 5)], rank=2, seed=0).split(
        0, 2
    )
    plain, adapted = tiny_model(ids[:, :-1], ids[:, 1:]), tiny_model(ids[:, :-1], ids[:, 1:], 0, adapters)
    assert torch.equal(plain, adapted)


def test_adapters_are_the_low_rank_update_they_claim_to_be(tiny_model: GPT) -> None:
    # The same function by adding up @ down to the weights of a copy, one document at a time.
    documents = [Document(0, 0, 5), Document(1, 5, 5)]
    adapters = DocumentAdapters(tiny_model, documents, rank=2, seed=0)
    with torch.no_grad():
        adapters.weights_BP.normal_(std=0.2, generator=torch.Generator().manual_seed(1))
    deltas = adapters.split(0, 2)
    ids = make_tiny_tokens()[:34].unfold(0, 17, 17)
    together = tiny_model(ids[:, :-1], ids[:, 1:], 0, deltas)
    for row in range(2):
        model = GPT(tiny_model.config)
        model.load_state_dict(tiny_model.state_dict())
        with torch.no_grad():
            for block, delta in zip(model.blocks, deltas.blocks, strict=True):
                q_down, v_down = delta.down_B2RD[row].chunk(2)
                block.attn.c_q.weight += delta.q_up_BDR[row] @ q_down
                block.attn.c_v.weight += delta.v_up_BER[row] @ v_down
            head = model.tok_emb.weight + deltas.head.up_BVR[row] @ deltas.head.down_BRD[row]
            hidden = model.hidden(ids[row : row + 1, :-1])
            cap = model.config.logit_softcap
            logits = cap * torch.tanh(hidden[0] @ head.T / cap)
            expected = -torch.log_softmax(logits, -1)[torch.arange(16), ids[row, 1:]]
        torch.testing.assert_close(together[row], expected, rtol=0, atol=2e-5)


def test_baseline_shape_has_the_published_parameter_count() -> None:
    model = GPT(ModelConfig())
    assert sum(param.numel() for param in model.parameters()) == 17_059_912


def test_a_fresh_model_is_uniform_over_the_vocabulary() -> None:
    # Zero projections and a tiny embedding: the loss starts near log V.
    torch.manual_seed(0)
    ids = make_tiny_tokens()[:33][None]
    loss = GPT(make_tiny_config())(ids[:, :-1], ids[:, 1:]).mean()
    assert loss.item() == pytest.approx(math.log(VOCAB), abs=0.05)


def test_queries_filled_up_in_front_attend_as_under_a_mask() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, heads, 12, 8, generator=generator) for heads in (4, 2, 2))
    masked = attend(q[:, :, 7:], k, v)
    torch.testing.assert_close(attend_square(q[:, :, 7:], k, v, 7, True), masked, rtol=0, atol=1e-6)
    assert torch.equal(attend(q, k, v), attend_square(q, k, v, 0, True))


def test_weights_cast_once_multiply_as_weights_cast_each_time(tiny_model: GPT) -> None:
    tiny_model.compute_dtype = torch.bfloat16
    ids = make_tiny_tokens()[:17][None]
    with torch.no_grad():
        before = tiny_model(ids[:, :-1], ids[:, 1:])
        tiny_model.freeze()
        assert torch.equal(tiny_model(ids[:, :-1], ids[:, 1:]), before)
    assert not any(param.requires_grad for param in tiny_model.parameters())
    assert tiny_model.blocks[0].attn.c_q.cast_PQ.dtype == torch.bfloat16
    tiny_model.freeze(False)
    assert tiny_model.blocks[0].attn.c_q.cast_PQ is None


@pytest.mark.parametrize("precision", ["float32", "upstream"])
def test_precision_says_where_bfloat16_begins(precision: str) -> None:
    model = GPT(replace(make_tiny_config(), precision=precision, compute_dtype="bfloat16"))
    torch.nn.init.normal_(model.tok_emb.weight, std=2.0)
    ids = make_tiny_tokens()[:17][None]
    logits = model.logits(model.hidden(ids))
    assert logits.dtype == torch.float32
    rounded = torch.equal(logits, logits.bfloat16().float())
    assert rounded == (precision == "upstream")
    assert model.tok_emb.weight.dtype == (torch.bfloat16 if rounded else torch.float32)
    # The loss is of one distribution either way.
    total = torch.logsumexp(logits, -1)
    nll = model(ids[:, :-1], ids[:, 1:])[0]
    expected = total[0, :-1] - logits[0, :-1].gather(1, ids[0, 1:, None])[:, 0]
    torch.testing.assert_close(nll, expected, rtol=0, atol=2e-5)

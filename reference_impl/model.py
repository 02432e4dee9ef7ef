"""The challenge's baseline transformer, with two seams for evaluation.

* 9 blocks of width 512, 8 heads over 4 key/value heads (arXiv:2305.13245), tied embeddings
  (arXiv:1608.05859), relu² MLP (arXiv:2109.08668), RoPE (arXiv:2104.09864), RMSNorm without gain
  (arXiv:1910.07467)
* queries and keys normed (arXiv:2010.04245), with a learned gain per head on the queries that takes the place of
  the fixed temperature (the start of 1.5 is the baseline's)
* skips as in a U-Net (arXiv:1505.04597): the first half stores, the second half adds in reverse; each block
  starts from a learned mix of stream and embedding (both from github.com/KellerJordan/modded-nanogpt)
* logits capped by tanh (Gemma 2, arXiv:2408.00118)
* `first`: only positions from `first` on are scored, so the last block computes queries, MLP and head there
  alone
* `adapters`: low-rank deltas on c_q, c_v and the head, one set per row of the batch (see `lora`)

Parameter names are the baseline's, so state dicts interchange. No loss reduction, no training here.

Tensor suffixes: B rows, T positions of a window, S scored positions (T - first), D width, H heads, K
key/value heads, N head width, R adapter rank, V vocabulary. `exec_BTD` has shape [B, T, D].
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reference_impl.config import ModelConfig

MAX_WINDOW = 8192  # positions RoPE is tabled for; costs 2 x 8192 x N/2 floats


@dataclass(frozen=True)
class BlockAdapter:
    """Low-rank deltas of one block, per row: down-projections of q and v stacked, up-projections apart."""

    down_B2RD: Tensor
    q_up_BDR: Tensor
    v_up_BER: Tensor  # E = K * N


@dataclass(frozen=True)
class HeadAdapter:
    """Low-rank delta of the output head, per row."""

    down_BRD: Tensor
    up_BVR: Tensor


@dataclass(frozen=True)
class ModelAdapters:
    """All deltas for one batch."""

    blocks: list[BlockAdapter]
    head: HeadAdapter


class Linear(nn.Linear):
    """A matrix kept in float32 for the optimiser and cast to the activations' dtype when it multiplies."""

    def __init__(self, fan_in: int, fan_out: int, zero: bool = False) -> None:
        super().__init__(fan_in, fan_out, bias=False)
        self.cast_PQ: Tensor | None = None
        if zero:
            nn.init.zeros_(self.weight)

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.weight.to(input.dtype) if self.cast_PQ is None else self.cast_PQ)


def rms_norm(x: Tensor) -> Tensor:
    """Scale the last axis to root mean square 1, without a gain."""
    return F.rms_norm(x, (x.size(-1),))


def rotate(exec_BHTN: Tensor, cos_TN: Tensor, sin_TN: Tensor) -> Tensor:
    """Rotary position embedding in the baseline's half-split layout (arXiv:2104.09864)."""
    left, right = exec_BHTN.chunk(2, dim=-1)
    return torch.cat((left * cos_TN + right * sin_TN, right * cos_TN - left * sin_TN), dim=-1)


def attend(q_BHSN: Tensor, k_BKTN: Tensor, v_BKTN: Tensor) -> Tensor:
    """Causal attention of the last S positions over all T; heads share keys in groups.

    On a GPU fewer queries than keys are filled up in front: the square kernels take grouped heads and lay no mask
    out (in the last block alone, so it is one attention in 18 that does idle work). On a CPU the mask is three
    times as fast.
    """
    gqa = q_BHSN.size(1) != k_BKTN.size(1)
    missing = k_BKTN.size(2) - q_BHSN.size(2)
    if missing > 0 and not q_BHSN.is_cuda:
        mask_ST = torch.ones(q_BHSN.size(2), k_BKTN.size(2), dtype=torch.bool).tril(missing)
        return F.scaled_dot_product_attention(q_BHSN, k_BKTN, v_BKTN, attn_mask=mask_ST, enable_gqa=gqa)
    return attend_square(q_BHSN, k_BKTN, v_BKTN, missing, gqa)


def attend_square(q_BHSN: Tensor, k_BKTN: Tensor, v_BKTN: Tensor, missing: int, gqa: bool) -> Tensor:
    """Causal attention with `missing` queries of zeros in front, whose answers are cut off."""
    q_BHTN = F.pad(q_BHSN, (0, 0, missing, 0)) if missing else q_BHSN
    y_BHTN = F.scaled_dot_product_attention(q_BHTN, k_BKTN, v_BKTN, is_causal=True, enable_gqa=gqa)
    return y_BHTN[:, :, missing:]


class CausalSelfAttention(nn.Module):
    """Grouped-query attention with RMS-normed, rotated, gained queries."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads, self.kv_heads = config.heads, config.kv_heads
        self.head_dim = config.dim // config.heads
        kv_dim = self.kv_heads * self.head_dim
        self.c_q = Linear(config.dim, config.dim)
        self.c_k = Linear(config.dim, kv_dim)
        self.c_v = Linear(config.dim, kv_dim)
        self.proj = Linear(config.dim, config.dim, zero=True)
        self.q_gain = nn.Parameter(torch.full((config.heads,), config.qk_gain_init))

    def forward(
        self,
        exec_BTD: Tensor,
        cos_TN: Tensor,
        sin_TN: Tensor,
        first: int = 0,
        adapter: BlockAdapter | None = None,
    ) -> Tensor:
        """Return the attention output at positions `first` and after, [B, S, D]."""
        rows, length, _ = exec_BTD.shape
        q_BSD, k_BTE, v_BTE = self.c_q(exec_BTD[:, first:]), self.c_k(exec_BTD), self.c_v(exec_BTD)
        if adapter is not None:
            down_BT2R = exec_BTD @ adapter.down_B2RD.to(exec_BTD.dtype).transpose(1, 2)
            q_down_BTR, v_down_BTR = down_BT2R.chunk(2, dim=-1)
            q_BSD = q_BSD + q_down_BTR[:, first:] @ adapter.q_up_BDR.to(exec_BTD.dtype).transpose(1, 2)
            v_BTE = v_BTE + v_down_BTR @ adapter.v_up_BER.to(exec_BTD.dtype).transpose(1, 2)
        q_BHSN = q_BSD.view(rows, length - first, self.heads, self.head_dim).transpose(1, 2)
        k_BKTN = k_BTE.view(rows, length, self.kv_heads, self.head_dim).transpose(1, 2)
        v_BKTN = v_BTE.view(rows, length, self.kv_heads, self.head_dim).transpose(1, 2)
        q_BHSN = rotate(rms_norm(q_BHSN), cos_TN[first:], sin_TN[first:])
        k_BKTN = rotate(rms_norm(k_BKTN), cos_TN, sin_TN)
        q_BHSN = q_BHSN * self.q_gain.to(q_BHSN.dtype)[:, None, None]
        y_BHSN = attend(q_BHSN, k_BKTN, v_BKTN)
        out_BSD: Tensor = self.proj(y_BHSN.transpose(1, 2).reshape(rows, length - first, -1))
        return out_BSD


class MLP(nn.Module):
    """Two matrices around a squared ReLU."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.fc = Linear(config.dim, config.mlp_mult * config.dim)
        self.proj = Linear(config.mlp_mult * config.dim, config.dim, zero=True)

    def forward(self, exec_BSD: Tensor) -> Tensor:
        out_BSD: Tensor = self.proj(torch.relu(self.fc(exec_BSD)).square())
        return out_BSD


class Block(nn.Module):
    """Attention and MLP, each with a learned scale per channel, on a learned mix of stream and embedding."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attn = CausalSelfAttention(config)
        self.mlp = MLP(config)
        self.attn_scale = nn.Parameter(torch.ones(config.dim))
        self.mlp_scale = nn.Parameter(torch.ones(config.dim))
        self.resid_mix = nn.Parameter(torch.stack((torch.ones(config.dim), torch.zeros(config.dim))))

    def forward(
        self,
        exec_BTD: Tensor,
        x0_BTD: Tensor,
        cos_TN: Tensor,
        sin_TN: Tensor,
        first: int = 0,
        adapter: BlockAdapter | None = None,
    ) -> Tensor:
        """Return the residual stream at positions `first` and after, [B, S, D]."""
        dtype = exec_BTD.dtype
        mix_2D = self.resid_mix.to(dtype)
        exec_BTD = torch.addcmul(mix_2D[1] * x0_BTD, mix_2D[0], exec_BTD)
        attended_BSD = self.attn(rms_norm(exec_BTD), cos_TN, sin_TN, first, adapter)
        exec_BSD = torch.addcmul(exec_BTD[:, first:], self.attn_scale.to(dtype), attended_BSD)
        return torch.addcmul(exec_BSD, self.mlp_scale.to(dtype), self.mlp(rms_norm(exec_BSD)))


def mark_rows_dynamic(exec_BTD: Tensor, x0_BTD: Tensor, adapter: BlockAdapter | None) -> None:
    """Tell the compiler that the number of rows changes from call to call, and nothing else."""
    tensors = [exec_BTD, x0_BTD]
    if adapter is not None:
        tensors += [adapter.down_B2RD, adapter.q_up_BDR, adapter.v_up_BER]
    for tensor in tensors:
        torch._dynamo.maybe_mark_dynamic(tensor, 0)


class GPT(nn.Module):
    """Token ids to the cross-entropy of every scored target, in nats.

    `precision` is one of two. "float32": the embedding is kept in float32 and the logits are capped in
    float32. "upstream": the embedding, and with it its optimiser's state, is kept in bfloat16 and logits are
    capped in the compute dtype, as in the baseline and in pull request 77. Either way the loss is taken in
    float32.
    """

    cos_TN: Tensor
    sin_TN: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.compute_dtype = torch.bfloat16 if config.compute_dtype == "bfloat16" else torch.float32
        self.rows_vary = False  # set by compile_blocks
        self.tok_emb = nn.Embedding(config.vocab_size, config.dim)
        self.encoder_layers = config.layers // 2
        skips = min(self.encoder_layers, config.layers - self.encoder_layers)
        self.skip_weights = nn.Parameter(torch.ones(skips, config.dim))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        nn.init.normal_(self.tok_emb.weight, std=config.embed_init_std)
        if config.precision == "upstream":
            self.tok_emb.to(torch.bfloat16)
        pairs = torch.arange(0, config.dim // config.heads, 2, dtype=torch.float32)
        frequency_N = config.rope_base ** (-pairs / (config.dim // config.heads))
        angle_TN = torch.outer(torch.arange(MAX_WINDOW, dtype=torch.float32), frequency_N)
        self.register_buffer("cos_TN", angle_TN.cos(), persistent=False)
        self.register_buffer("sin_TN", angle_TN.sin(), persistent=False)

    def hidden(self, ids_BT: Tensor, first: int = 0, adapters: ModelAdapters | None = None) -> Tensor:
        """Return the normed final states at positions `first` and after, [B, S, D] in the compute dtype."""
        length = ids_BT.size(1)
        cos_TN, sin_TN = (
            self.cos_TN[:length].to(self.compute_dtype),
            self.sin_TN[:length].to(self.compute_dtype),
        )
        exec_BTD = rms_norm(self.tok_emb(ids_BT).to(self.compute_dtype))
        x0_BTD = exec_BTD
        skips: list[Tensor] = []
        last = len(self.blocks) - 1
        for i, block in enumerate(self.blocks):
            if i >= self.encoder_layers and skips:
                skip_D = self.skip_weights[i - self.encoder_layers].to(exec_BTD.dtype)
                exec_BTD = torch.addcmul(exec_BTD, skip_D, skips.pop())
            adapter = None if adapters is None else adapters.blocks[i]
            if self.rows_vary:
                mark_rows_dynamic(exec_BTD, x0_BTD, adapter)
            exec_BTD = block(exec_BTD, x0_BTD, cos_TN, sin_TN, first if i == last else 0, adapter)
            if i < self.encoder_layers:
                skips.append(exec_BTD)
        return rms_norm(exec_BTD)

    def freeze(self, frozen: bool = True) -> None:
        """Stop gradients to the weights and cast the matrices once instead of in each call, or undo both."""
        self.requires_grad_(not frozen)
        for module in self.modules():
            if isinstance(module, Linear):
                module.cast_PQ = module.weight.to(self.compute_dtype) if frozen else None

    def logits(self, hidden_BSD: Tensor, head: HeadAdapter | None = None) -> Tensor:
        """Return the capped logits in float32, [B, S, V]; their softmax over V is what is scored."""
        logits_BSV = F.linear(hidden_BSD, self.tok_emb.weight.to(hidden_BSD.dtype))
        if head is not None:
            down_BSR = hidden_BSD @ head.down_BRD.to(hidden_BSD.dtype).transpose(1, 2)
            logits_BSV = logits_BSV + down_BSR @ head.up_BVR.to(hidden_BSD.dtype).transpose(1, 2)
        if self.config.precision == "float32":
            logits_BSV = logits_BSV.float()
        cap = self.config.logit_softcap
        return (cap * torch.tanh(logits_BSV / cap)).float()

    def forward(
        self, ids_BT: Tensor, targets_BS: Tensor, first: int = 0, adapters: ModelAdapters | None = None
    ) -> Tensor:
        """Return -log p(target) in nats for positions `first` and after.

        Args:
            ids_BT: input ids, int64.
            targets_BS: the id that follows each scored position, int64; S = T - first.
            first: the first scored position of the window.
            adapters: per-row deltas, or None for the plain model.
        """
        hidden_BSD = self.hidden(ids_BT, first, adapters)
        logits_BSV = self.logits(hidden_BSD, None if adapters is None else adapters.head)
        nll = F.cross_entropy(logits_BSV.flatten(0, 1), targets_BS.flatten(), reduction="none")
        return nll.view(targets_BS.shape)

"""Quantisers: bounds of the round trip, and the artifact's bytes."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.artifact import load_artifact, pack, save_artifact, unpack
from reference_impl.model import GPT
from reference_impl.quantize import SCHEMES, dequantize_state, quantize_rows, quantize_state


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    largest=st.sampled_from([15, 31, 127]),
    scale=st.floats(1e-3, 100.0),
    floor=st.sampled_from([1e-12, 1 / 127]),
)
def test_round_trip_error_is_at_most_half_a_step(seed: int, largest: int, scale: float, floor: float) -> None:
    weight = torch.randn(7, 33, generator=torch.Generator().manual_seed(seed)) * scale
    values, row_scale = quantize_rows(weight, largest, floor)
    assert values.dtype == torch.int8 and row_scale.dtype == torch.float16
    assert int(values.abs().max()) <= largest
    peak = weight.abs().amax(dim=1)
    step = torch.clamp(peak / largest, min=floor)
    error = (values.float() * row_scale.float()[:, None] - weight).abs().amax(dim=1)
    # Half a step; the scale's rounding to float16 (2^-11, subnormal below 6e-5); what the quantile clips.
    rounding = peak * 2**-11 + largest * 2**-24
    clipped = peak - torch.quantile(weight.abs(), 0.9999984, dim=1)
    assert (error <= 0.5 * step * (1 + 1e-5) + rounding + clipped + 1e-7).all()


def test_the_floor_of_the_scale_makes_small_rows_use_few_levels() -> None:
    weight = torch.full((1, 8), 0.25)
    values, row_scale = quantize_rows(weight, 127, 1 / 127)
    assert values.tolist() == [[32] * 8]  # 0.25 / (1/127) = 31.75
    assert float(row_scale) == pytest.approx(1 / 127, rel=2**-11)
    assert quantize_rows(weight, 127, 1e-12)[0].tolist() == [[127] * 8]


def test_each_kind_of_tensor_gets_its_own_precision(tiny_model: GPT) -> None:
    scheme = replace(SCHEMES["int5"], keep_numel=0)
    stored = quantize_state(tiny_model.state_dict(), scheme)
    peaks = {name: int(t.values.abs().max()) for name, t in stored.items() if t.row_scale is not None}
    assert peaks["tok_emb.weight"] == 127
    assert {peak for name, peak in peaks.items() if ".attn." in name} == {31}
    assert {peak for name, peak in peaks.items() if ".mlp." in name} == {15}
    kept = {name: t.values.dtype for name, t in stored.items() if t.row_scale is None}
    assert set(kept.values()) == {torch.float32}
    assert {name.split(".")[-1] for name in kept} == {
        "attn_scale",
        "mlp_scale",
        "resid_mix",
        "q_gain",
        "skip_weights",
    }


def test_small_matrices_stay_float16(tiny_model: GPT) -> None:
    stored = quantize_state(tiny_model.state_dict(), SCHEMES["int8"])
    assert stored["tok_emb.weight"].values.dtype == torch.float16


@pytest.mark.parametrize("name", sorted(SCHEMES))
def test_artifact_gives_back_what_was_quantised(tiny_model: GPT, name: str) -> None:
    scheme = replace(SCHEMES[name], keep_numel=64)
    state = tiny_model.state_dict()
    restored = load_artifact(save_artifact(state, scheme), scheme)
    expected = dequantize_state(quantize_state(state, scheme))
    assert restored.keys() == state.keys()
    assert all(torch.equal(restored[key], expected[key]) for key in state)


def test_layout_is_header_and_raw_arrays(tiny_model: GPT) -> None:
    stored = quantize_state(tiny_model.state_dict(), replace(SCHEMES["int8"], keep_numel=0))
    raw = pack(stored)
    (size,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + size])
    arrays = sum(np.dtype(dtype).itemsize * int(np.prod(shape)) for _, dtype, shape in header)
    assert len(raw) == 8 + size + arrays
    assert unpack(raw).keys() == stored.keys()
    first = stored[header[0][0]].values.numpy().tobytes()
    assert raw[8 + size : 8 + size + len(first)] == first


def test_same_weights_give_the_same_bytes_and_codecs_are_the_named_ones(tiny_model: GPT) -> None:
    state = tiny_model.state_dict()
    for name, undo in (("int8", zlib.decompress), ("int6", zstandard.ZstdDecompressor().decompress)):
        blob = save_artifact(state, SCHEMES[name])
        assert blob == save_artifact({key: tensor.clone() for key, tensor in state.items()}, SCHEMES[name])
        assert undo(blob) == pack(quantize_state(state, SCHEMES[name]))

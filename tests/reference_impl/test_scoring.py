"""Gathering windows, padded or not, compiled or not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from reference_impl.demo import demo_settings
from reference_impl.dist import Ranks
from reference_impl.model import GPT
from reference_impl.run import compile_blocks
from reference_impl.scoring import Metric, Validation, empty_scores, gather_windows
from reference_impl.train import Observer, build_model, train
from reference_impl.windows import Window
from tests.reference_impl.roster import COMPLIANT, evaluate

WINDOWS = [Window(0, 10, 5), Window(3, 16, 9), Window(90, 7, 5)]

# torch 2.13 itself still uses what it deprecates.
INDUCTOR = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_gathered_rows_hold_the_windows(tiny_val: Validation) -> None:
    batch = gather_windows(tiny_val, WINDOWS, 3)
    assert batch.ids_BT.shape == (3, 16) and batch.targets_BS.shape == (3, 11) and batch.first == 5
    scores = empty_scores(tiny_val)
    scores.record(batch, torch.arange(33.0).view(3, 11))
    for row, window in enumerate(WINDOWS):
        end = window.start + window.length
        assert batch.ids_BT[row, : window.length].tolist() == tiny_val.tokens_N[window.start : end].tolist()
        expected = list(range(window.start + window.first + 1, end + 1))
        assert batch.targets_BS[row][batch.scored_BS[row]].tolist() == tiny_val.tokens_N[expected].tolist()
        assert batch.index_BS[row][batch.scored_BS[row]].tolist() == expected
        assert not batch.targets_BS[row][~batch.scored_BS[row]].any()
        places = torch.nonzero(batch.scored_BS[row]).flatten()
        assert scores.nll_N[expected].tolist() == (11 * row + places).tolist()
    scores.gather(Ranks())
    assert int(scores.times_N.sum()) == 5 + 7 + 2 and float(scores.nll_N[0]) == 0.0


def test_padding_adds_nothing_that_counts(tiny_model: GPT, tiny_val: Validation) -> None:
    plain = gather_windows(tiny_val, WINDOWS, 5)
    padded = gather_windows(tiny_val, WINDOWS, 5, pad=4)
    assert padded.ids_BT.shape == (5, 16) and padded.first == 4
    assert plain.targets_BS[plain.scored_BS].tolist() == padded.targets_BS[padded.scored_BS].tolist()
    nll = [tiny_model(b.ids_BT, b.targets_BS, b.first)[b.scored_BS] for b in (plain, padded)]
    torch.testing.assert_close(nll[0], nll[1], rtol=0, atol=1e-5)


@pytest.mark.slow
@INDUCTOR
def test_compiled_blocks_score_the_same(tiny_model: GPT, tiny_val: Validation) -> None:
    assert tiny_val.targets == 117
    one_length = {"window": 39, "stride": 39, "rows": 2}
    eager = evaluate("flat", tiny_model, tiny_val, **one_length).nll_N
    compile_blocks(tiny_model)
    compiled = evaluate("flat", tiny_model, tiny_val, **one_length).nll_N
    torch.testing.assert_close(compiled, eager, rtol=0, atol=1e-4)


@pytest.mark.slow
@INDUCTOR
def test_compiled_training_follows_the_same_losses(toy_data: Path) -> None:
    base = demo_settings(toy_data, 0)
    model_config = replace(base.model, dim=32, heads=4, kv_heads=2)
    config = replace(
        base.train, iterations=4, batch_tokens=512, seq_len=64, log_every=1, compile_warmup_steps=2
    )
    losses = []
    nothing = Metric(val_loss=0.0, val_bpb=0.0)
    for compiled in (False, True):
        model = build_model(model_config, 0, Ranks())
        result = train(
            model,
            config,
            str(toy_data),
            Ranks(),
            lambda line: None,
            lambda: nothing,
            Observer(),
            compile_model=compiled,
        )
        losses.append(result.losses)
    assert losses[1] == pytest.approx(losses[0], abs=1e-3)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", COMPLIANT)
def test_a_gpu_scores_what_a_cpu_scores_but_for_bfloat16(
    name: str, tiny_model: GPT, tiny_val: Validation
) -> None:
    # Adapter starts differ between devices.
    still = {"lora_ttt": {"lr": 0.0}, "chunk_ttt": {"epochs": 0}}.get(name, {})
    expected = evaluate(name, tiny_model, tiny_val, **still).nll_N
    ranks = Ranks(device=torch.device("cuda", 0))
    model = tiny_model.to(ranks.device)
    model.compute_dtype = ranks.compute_dtype
    val = replace(tiny_val, device=ranks.device)
    found = evaluate(name, model, val, ranks, **still).nll_N.cpu()
    assert (found - expected).abs().mean() < 0.05

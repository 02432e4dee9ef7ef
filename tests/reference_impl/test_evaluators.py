"""Every evaluator: each token once, equal to its slow twin, independent of batches, the model left alone."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from reference_impl.lora import deal_batches, document_batches
from reference_impl.model import GPT
from reference_impl.scoring import (
    CoverageError,
    TokenScores,
    Validation,
    empty_scores,
    gather_windows,
    summarize,
)
from reference_impl.windows import Window
from tests.reference_impl.roster import COMPLIANT, CONFIGS, VIOLATING, evaluate
from tests.reference_impl.slow_twins import TWINS

ALL = {**COMPLIANT, **VIOLATING}


@pytest.mark.parametrize("name", ALL)
def test_every_token_but_the_first_is_scored_exactly_once(
    name: str, tiny_model: GPT, tiny_val: Validation
) -> None:
    scores = evaluate(name, tiny_model, tiny_val)
    assert scores.times_N.tolist() == [0] + [1] * tiny_val.targets
    assert float(scores.nll_N[0]) == 0.0 and (scores.nll_N[1:] > 0).all()


@pytest.mark.parametrize("name", ALL)
def test_the_model_is_left_as_it_was(name: str, tiny_model: GPT, tiny_val: Validation) -> None:
    before = {key: tensor.clone() for key, tensor in tiny_model.state_dict().items()}
    evaluate(name, tiny_model, tiny_val)
    assert all(torch.equal(before[key], tensor) for key, tensor in tiny_model.state_dict().items())
    assert all(param.requires_grad for param in tiny_model.parameters())


@pytest.mark.parametrize("name", COMPLIANT)
def test_evaluator_equals_its_slow_twin(name: str, tiny_model: GPT, tiny_val: Validation) -> None:
    fast = evaluate(name, tiny_model, tiny_val).nll_N
    slow = TWINS[name](tiny_model, tiny_val, CONFIGS[name])
    torch.testing.assert_close(fast, slow, rtol=0, atol=2e-4 if name.endswith("ttt") else 2e-5)


@pytest.mark.parametrize("name", COMPLIANT)
def test_batch_sizes_do_not_matter(name: str, tiny_model: GPT, tiny_val: Validation) -> None:
    a = evaluate(name, tiny_model, tiny_val, rows=1)
    b = evaluate(name, tiny_model, tiny_val, rows=100)
    torch.testing.assert_close(a.nll_N, b.nll_N, rtol=0, atol=2e-4)
    assert summarize(a, tiny_val).val_bpb == pytest.approx(summarize(b, tiny_val).val_bpb, abs=2e-6)


def test_the_order_documents_are_worked_through_does_not_matter(
    tiny_model: GPT, tiny_val: Validation
) -> None:
    shuffled = replace(tiny_val, documents=list(reversed(tiny_val.documents)))
    a = evaluate("lora_ttt", tiny_model, tiny_val)
    b = evaluate("lora_ttt", tiny_model, shuffled)
    assert torch.equal(a.nll_N, b.nll_N)


def test_lora_ttt_without_learning_is_the_stride_evaluation(tiny_model: GPT, tiny_val: Validation) -> None:
    a = evaluate("lora_ttt", tiny_model, tiny_val, lr=0.0).nll_N
    b = evaluate("stride", tiny_model, tiny_val).nll_N
    torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


def test_documents_within_one_chunk_never_train(tiny_model: GPT, tiny_val: Validation) -> None:
    a = evaluate("lora_ttt", tiny_model, tiny_val, chunk=64, window=64).nll_N
    b = evaluate("document", tiny_model, tiny_val, window=64).nll_N
    torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


def test_adaptation_changes_later_chunks_alone(tiny_model: GPT, tiny_val: Validation) -> None:
    adapted = evaluate("lora_ttt", tiny_model, tiny_val).nll_N
    still = evaluate("stride", tiny_model, tiny_val).nll_N
    moved = (adapted - still).abs() > 1e-3
    for document in tiny_val.documents:
        chunk = slice(
            document.start + 1, document.start + 1 + min(CONFIGS["lora_ttt"].chunk, document.targets)
        )
        rest = slice(chunk.stop, document.start + 1 + document.targets)
        assert not moved[chunk].any()
        assert rest.stop <= rest.start or moved[rest].any()


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("freeze", [0, 2])
def test_chunk_ttt_leaves_the_first_chunk_and_moves_the_others(
    tiny_model: GPT, tiny_val: Validation, optimizer: str, freeze: int
) -> None:
    how = {"optimizer": optimizer, "freeze_blocks": freeze}
    adapted = evaluate("chunk_ttt", tiny_model, tiny_val, **how).nll_N
    still = evaluate("chunk_ttt", tiny_model, tiny_val, **how, epochs=0).nll_N
    first = CONFIGS["chunk_ttt"].chunk + 1
    assert torch.equal(adapted[:first], still[:first])
    assert (adapted[first:] - still[first:]).abs().max() > 1e-3


def test_summary_is_total_nats_over_total_bytes(tiny_val: Validation) -> None:
    scores = empty_scores(tiny_val)
    batch = gather_windows(tiny_val, [Window(0, tiny_val.targets, 0)], 1)
    scores.record(batch, torch.full((1, tiny_val.targets), 0.5))
    metric = summarize(scores, tiny_val)
    size_bytes = sum(
        (int(t) % 5 + 1 if t >= 4 else 0) + (1 if t >= 4 and t % 3 == 0 and s >= 4 else 0)
        for s, t in zip(tiny_val.tokens_N[:-1].tolist(), tiny_val.tokens_N[1:].tolist(), strict=True)
    )
    assert metric.val_loss == pytest.approx(0.5, abs=1e-12)
    assert metric.val_bpb == pytest.approx(0.5 * tiny_val.targets / math.log(2) / size_bytes, rel=1e-12)


@pytest.mark.parametrize("times", [0, 2])
def test_missing_and_doubled_scores_are_refused(tiny_val: Validation, times: int) -> None:
    scores = TokenScores(
        torch.ones(tiny_val.tokens_N.numel()), torch.ones(tiny_val.tokens_N.numel(), dtype=torch.int32)
    )
    scores.times_N[0] = 0
    scores.times_N[7] = times
    with pytest.raises(CoverageError, match=f"token 7 was scored {times} times"):
        summarize(scores, tiny_val)


def test_batches_are_dealt_completely_and_evenly(tiny_val: Validation) -> None:
    groups = document_batches(tiny_val.documents, 2)
    for world in (1, 2, 3, 8):
        dealt = [deal_batches(groups, rank, world) for rank in range(world)]
        assert sorted(d.index for share in dealt for g in share for d in g) == list(
            range(len(tiny_val.documents))
        )
        loads = [sum(d.targets for g in share for d in g) for share in dealt]
        assert max(loads) - min(loads) <= max(sum(d.targets for d in g) for g in groups)

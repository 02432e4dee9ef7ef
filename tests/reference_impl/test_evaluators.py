"""Every evaluator: each token once, equal to its slow twin, independent of batches, the model left alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import reference_impl.evaluators.lora_ttt_fixed as fixed_module
from reference_impl.data import Document
from reference_impl.dist import Ranks
from reference_impl.evaluators.lora_ttt_graphs import Graphs, evaluate_lora_ttt_graphs
from reference_impl.lora import (
    DocumentAdapters,
    LoraConfig,
    adapter_optimizer,
    batch_cost,
    deal_batches,
    document_batches,
)
from reference_impl.model import GPT
from reference_impl.scoring import (
    CoverageError,
    TokenScores,
    Validation,
    WindowBatch,
    empty_scores,
    gather_windows,
    summarize,
)
from reference_impl.windows import Window, chunk_count
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
    torch.testing.assert_close(fast, slow, rtol=0, atol=2e-4 if "ttt" in name else 2e-5)


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
        dealt = [deal_batches(groups, CONFIGS["lora_ttt"], rank, world) for rank in range(world)]
        assert sorted(d.index for share in dealt for g in share for d in g) == list(
            range(len(tiny_val.documents))
        )


def lognormal_documents(count: int) -> list[Document]:
    """Documents with lengths as long-tailed as those of web text."""
    lengths = np.random.default_rng(0).lognormal(np.log(1240) - 0.5, 1.0, count).astype(int) + 1
    return [Document(index, 0, int(length)) for index, length in enumerate(lengths)]


def test_ranks_are_equally_busy_by_steps_and_by_positions() -> None:
    config = LoraConfig(chunk=256, window=1024, rows=64)
    groups = document_batches(lognormal_documents(20_000), 64)
    costs = [sum(batch_cost(g, config) for g in deal_batches(groups, config, rank, 8)) for rank in range(8)]
    assert max(costs) < 1.02 * sum(costs) / 8
    # By tokens alone, few long documents go where many short steps already wait.
    (one,) = [[Document(0, 0, 1000)]]
    assert batch_cost(one, config) == 4 * 8192  # four steps of one row, each as long as the shortest step
    assert batch_cost([Document(i, 0, 1000) for i in range(64)], config) == 64 * (256 + 512 + 768 + 1024)


def test_no_order_of_work_takes_fewer_steps() -> None:
    # A step holds up to 64 windows of one length, so chunk c of n documents needs ceil(n / 64) steps however slots are
    # refilled; sorted batches take just these.
    documents, config = lognormal_documents(3_000), LoraConfig(chunk=256, window=1024, rows=64)
    taken = sum(chunk_count(group[0], config.chunk) for group in document_batches(documents, config.rows))
    chunks = [chunk_count(document, config.chunk) for document in documents]
    needed = sum(-(-sum(count > chunk for count in chunks) // 64) for chunk in range(max(chunks)))
    assert taken == needed


def test_fixed_shapes_change_no_score(tiny_model: GPT, tiny_val: Validation) -> None:
    # In float64, where what is left is no rounding: the same scores to 1e-6 nats a token, as the slow twin's.
    model = tiny_model.double()
    model.compute_dtype = torch.float64
    plain = evaluate("lora_ttt", model, tiny_val).nll_N
    fixed = evaluate("lora_ttt_fixed", model, tiny_val).nll_N
    twin = TWINS["lora_ttt"](model, tiny_val, CONFIGS["lora_ttt"])
    torch.testing.assert_close(fixed, plain, rtol=0, atol=1e-6)
    torch.testing.assert_close(fixed, twin, rtol=0, atol=1e-6)


def test_fixed_shapes_are_few(tiny_model: GPT, tiny_val: Validation, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = set()
    learn = fixed_module.score_and_learn

    def spy(
        model: GPT, adapters: DocumentAdapters, optimizer: Any, batch: WindowBatch, *rest: Any
    ) -> torch.Tensor:
        shapes.add((*batch.ids_BT.shape, *batch.targets_BS.shape, batch.first))
        return learn(model, adapters, optimizer, batch, *rest)

    monkeypatch.setattr(fixed_module, "score_and_learn", spy)
    evaluate("lora_ttt_fixed", tiny_model, tiny_val)
    assert shapes == {(4, length, 4, 4, length - 4) for length in (4, 8, 12, 16)}


def test_recorded_steps_score_what_steps_score(tiny_model: GPT, tiny_val: Validation) -> None:
    # A stand-in for CUDA's recording: it runs the step three times, as recording does, and replays it by running it.
    recordings = []

    def record(step: Callable[[], torch.Tensor]) -> Any:
        for _ in range(3):
            nll_BS = step().clone()
        recordings.append(nll_BS.shape)
        return lambda: nll_BS.copy_(step()), nll_BS

    config = CONFIGS["lora_ttt_fixed"]
    adapters = DocumentAdapters(tiny_model, [], config.rank, config.seed, config.rows)
    optimizer = adapter_optimizer(adapters, config)
    scores = empty_scores(tiny_val)
    tiny_model.freeze()
    arguments = (tiny_model, adapters, optimizer, tiny_val, config, scores, Ranks())
    fixed_module.take_steps(Graphs(record).learn, *arguments)
    expected = evaluate("lora_ttt_fixed", tiny_model, tiny_val)
    assert torch.equal(scores.gather(Ranks()).nll_N, expected.nll_N)
    assert len(recordings) == 4


def test_graphs_without_a_gpu_are_refused(tiny_model: GPT, tiny_val: Validation) -> None:
    with pytest.raises(ValueError, match="needs a GPU; lora_ttt_fixed takes the same steps"):
        evaluate_lora_ttt_graphs(tiny_model, tiny_val, CONFIGS["lora_ttt"], Ranks())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_graphs_score_what_steps_score(tiny_model: GPT, tiny_val: Validation) -> None:
    ranks = Ranks(device=torch.device("cuda", 0))
    model, val = tiny_model.to(ranks.device), replace(tiny_val, device=ranks.device)
    fixed = evaluate("lora_ttt_fixed", model, val, ranks).nll_N
    graphs = evaluate_lora_ttt_graphs(model, val, CONFIGS["lora_ttt_fixed"], ranks).nll_N
    torch.testing.assert_close(graphs, fixed, rtol=0, atol=2e-4)

from __future__ import annotations

import pytest

from auditor.records.log_lines import clean, read_metrics, read_sizes
from auditor.records.log_model import MetricKind
from auditor.records.logs import parse_log
from auditor.records.size_checks import final_total

LOG = """import os
import sys
import time
import math
from torch import nn
def train():
    log0(f"final val_loss:{loss} val_bpb:{bpb}")
class Net(nn.Module):
    pass
class Other(nn.Module):
    pass
def main():
    pass
====================================================================================================
Running Python 3.12
val_bpb:enabled tokenizer_kind=sentencepiece tokenizer_path=./data/tokenizers/fineweb_1024_bpe.model
val_loader:shards pattern=./data/fineweb_val_*.bin tokens:62021632
world_size:8 grad_accum_steps:1
train_batch_tokens:524288 iterations:20000 max_wallclock_seconds:600.000
seed:1337
step:0/20000 val_loss:6.9280 val_bpb:4.1032 train_time:0ms step_avg:0.01ms
step:1/20000 train_loss:6.9300 train_time:40ms step_avg:40.00ms
step:2/20000 train_loss:8.3422 train_time:80ms step_avg:40.00ms
step:9000/20000 val_loss:2.0500 val_bpb:1.2141 train_time:600012ms step_avg:60.00ms
stopping_early: wallclock_cap train_time:600012ms step:9000/20000
Serialized model: 67224983 bytes
Code size: 47686 bytes
Total submission size: 67272669 bytes
Serialized model int8+zlib: 15815489 bytes (payload:17178912 raw_torch:17224025 payload_ratio:3.91x)
Total submission size int8+zlib: 15863175 bytes
final_int8_zlib_roundtrip val_loss:2.0600 val_bpb:1.2201 eval_time:1397ms
final_int8_zlib_roundtrip_exact val_loss:2.06004312 val_bpb:1.22009134
"""


def test_facts_of_a_run() -> None:
    run = parse_log("train.log", LOG)
    assert run.seed is not None and (run.seed.value, run.seed.line) == (1337, 20)
    assert run.world_size is not None and run.world_size.value == 8
    assert run.val_tokens is not None and run.val_tokens.value == 62_021_632
    assert run.train_time_ms is not None and run.train_time_ms.value == 600_012
    assert [size.size_bytes for size in run.totals] == [67_272_669, 15_863_175]
    assert [size.size_bytes for size in run.models] == [15_815_489]
    assert [size.size_bytes for size in run.raw_models] == [67_224_983]
    assert run.hyperparameters["max_wallclock_seconds"].value == "600.000"
    assert run.first_losses() == ("val0=6.9280", "train1=6.9300", "train2=8.3422")


def test_source_is_cut_out_and_kept() -> None:
    run = parse_log("train.log", LOG)
    assert run.source is not None and run.source.line == 1
    assert run.source.value.startswith("import os\n") and run.source.value.endswith("def main():\n    pass\n")
    assert all(line.line > 14 for line in run.metrics)


def test_metric_lines_keep_text_and_digits() -> None:
    exact = parse_log("train.log", LOG).metrics[-1]
    assert (exact.label, exact.kind) == ("final_int8_zlib_roundtrip_exact", MetricKind.FINAL)
    assert (exact.val_loss, exact.val_bpb, exact.bpb_decimals) == (2.06004312, 1.22009134, 8)
    assert exact.text == LOG.split("\n")[exact.line - 1]


@pytest.mark.parametrize(
    ("line", "label", "bpb", "kind"),
    [
        ("legal_ttt val_loss:1.8906 val_bpb:1.1190 eval_time:419271ms", "legal_ttt", 1.119, MetricKind.FINAL),
        ("q_sw_x vl:1.92261754 bpb:1.13868542", "q_sw_x", 1.13868542, MetricKind.FINAL),
        ("FINAL val_bpb: 1.4369", "FINAL", 1.4369, MetricKind.FINAL),
        ("ttt:done val_loss=1.885984 val_bpb=1.116990 elapsed=524.4s", "ttt:done", 1.11699, MetricKind.FINAL),
        (
            "DIAGNOSTIC post_ema val_loss:1.9233 val_bpb:1.1391",
            "DIAGNOSTIC post_ema",
            1.1391,
            MetricKind.DIAGNOSTIC,
        ),
        (
            "sliding_eval [ 10.6%] 12/99 windows running_bpb=1.162498",
            "sliding_eval [ 10.6%] 12/99 windows",
            1.162498,
            MetricKind.PROGRESS,
        ),
        ("step:100/20000 val_loss:2.1 val_bpb:1.2413", "step:100/20000", 1.2413, MetricKind.STEP),
    ],
)
def test_labels_of_many_shapes(line: str, label: str, bpb: float, kind: MetricKind) -> None:
    (metric,) = read_metrics(line, "a.log", 1)
    assert (metric.label, metric.val_bpb, metric.kind) == (label, bpb, kind)


@pytest.mark.parametrize(
    "line",
    [
        "[rank0]:final val_bpb:1.5000",
        "[default0]:final val_bpb:1.5000",
        "2026-04-29 19:05:01+08:00 final val_bpb:1.5000",
        "[05:07:20] final val_bpb:1.5000",
        "1776143361.245 final val_bpb:1.5000",
        "\x1b[32mfinal val_bpb:1.5000\x1b[0m",
        "progress 1%\rprogress 2%\rfinal val_bpb:1.5000",
    ],
)
def test_prefixes_are_dropped(line: str) -> None:
    assert clean(line) == "final val_bpb:1.5000"


def test_sizes_of_one_line() -> None:
    assert [
        (kind, size.size_bytes)
        for kind, size in read_sizes("smoke_pack: code=19646 model=15994730 total=16014376", 1)
    ] == [
        ("code", 19646),
        ("model", 15994730),
        ("total", 16014376),
    ]
    assert read_sizes("Submission size limit: 16000000 bytes", 1) == []


def test_total_of_the_trained_model_is_no_artifact() -> None:
    """The line without a codec is of the weights as they were trained; what is shipped is the line behind it."""
    lines = [
        "Serialized model: 149000000 bytes code: 70000 bytes total: 149070000 bytes",
        "Serialized model int6+brotli: 14000000 bytes total: 14070000 bytes",
    ]
    sizes = [(kind, size.size_bytes) for line in lines for kind, size in read_sizes(line, 1)]
    assert sizes == [
        ("raw", 149_000_000),
        ("code", 70_000),
        ("total", 149_070_000),
        ("model", 14_000_000),
        ("total", 14_070_000),
    ]
    total = final_total(parse_log("train.log", "\n".join(lines)))
    assert total is not None and total.size_bytes == 14_070_000


def test_smoke_section_comes_first_and_the_last_section_counts() -> None:
    smoke = "=== PREFLIGHT ===\nworld_size: 8\nseed: 7\n1/30 train_loss: 9.0\n30/30 train_loss: 6.2\n"
    real = (
        "world_size: 8\nseed: 42\nsmoke_test:False\n0/90 val_loss: 9.0 val_bpb: 3.4\n1/90 train_loss: 9.01\n"
    )
    real += (
        "90/90 val_loss: 2.7 val_bpb: 1.08\nquantized val_loss:2.81828849 val_bpb:1.09104730 eval_time:9ms\n"
    )
    run = parse_log("a.log", smoke + real)
    assert run.seed is not None and run.seed.value == 42 and not run.smoke
    assert [section.smoke for section in run.earlier] == [True]
    assert run.first_line == 6


def test_notes_and_tables_are_no_logs() -> None:
    assert not parse_log("results.txt", "best val_bpb: 1.12\nsecond val_bpb: 1.13\n").is_log
    assert parse_log("train.log", LOG).is_log

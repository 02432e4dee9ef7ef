"""The table of pull request 77: what it says of hand-made scores, and one small run of the command."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from reference_impl.__main__ import main
from reference_impl.demo import demo_environment
from reference_impl.reproduce import Reproduction, SeedResult
from reference_impl.run import Score
from reference_impl.scoring import Metric
from reference_impl.train import TrainResult

FOUR_LOGS = (1.1927, 1.1935, 1.1921, 1.1929)  # of the pull request, whose README gives p = 0.00234486
SMALL = {
    "MODEL_DIM": "32",
    "ITERATIONS": "4",
    "TTT_LORA_RANK": "1",
    "TTT_CHUNK_SIZE": "64",
    "TTT_EVAL_SEQ_LEN": "64",
}


def made(*rows: dict[str, float], targets: int = 62_021_846) -> Reproduction:
    """A reproduction with one seed a row of bits per byte, 2 s an evaluation."""
    seeds = {}
    for seed, row in enumerate(rows):
        scores = {
            name: Score(metric=Metric(val_loss=2.0, val_bpb=bpb), eval_s=2.0, compile_s=1.5)
            for name, bpb in row.items()
        }
        trained = TrainResult(steps=13_700, train_s=600.0, losses=[])
        seeds[seed] = SeedResult(scores=scores, trained=trained, submission_bytes=15_900_000)
    return Reproduction(targets=targets, seeds=seeds)


PUBLISHED = {"flat": 1.2278, "document": 1.2168, "stride": 1.1941, "lora_ttt": 1.1910}


def test_the_published_p_value_follows_from_the_published_logs() -> None:
    result = made(*({"lora_ttt": bpb} for bpb in FOUR_LOGS))
    assert result.p == pytest.approx(0.00234486, abs=5e-9)
    assert "p-value of LoRA TTT < 1.195: #77 0.00234486; here 0.00234486" in result.table()
    assert made({"lora_ttt": 1.19}).p is None and "needs two seeds" in made({"lora_ttt": 1.19}).table()


def test_table_stands_beside_the_published_one() -> None:
    result = made(PUBLISHED, {name: bpb + 0.0002 for name, bpb in PUBLISHED.items()})
    lines = result.table().splitlines()
    assert "| + LoRA TTT | 1.1910 | 1.1911 | +0.0001 | -0.0368 | -0.0368 | 2.0 | 1.1910 | 1.1912 |" in lines
    assert "baseline, flat round trip: 1.2244; here 1.2279 (+0.0035)" in lines
    assert "seed 1: 13700 steps in 600 s, code and model 15,900,000 bytes, 6 s of compilation" in lines
    assert result.order_errors() == [] and result.on_the_split


def test_another_split_is_said_and_not_compared() -> None:
    result = made(PUBLISHED, targets=44_414)
    assert "| flat stream | 1.2278 | 1.2278 |  | +0.0000 |" in result.table()
    assert "44,414 tokens were scored, which is not the challenge's split" in result.table()


def test_a_wrong_order_is_named() -> None:
    wrong = made({**PUBLISHED, "stride": 1.1900}, {**PUBLISHED, "document": 1.3})
    assert wrong.order_errors() == [
        "seed 0: lora_ttt 1.1910 is not below stride 1.1900",
        "on average document 1.2584 is above flat",
    ]


def test_one_run_gives_the_table_and_an_artifact_that_can_be_scored_again(
    toy_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    small_val = tmp_path / "data"
    small_val.mkdir()
    shorten(toy_data, small_val)
    settings = [f"--set={name}={value}" for name, value in {**demo_environment(toy_data), **SMALL}.items()]
    settings = [one for one in settings if not one.startswith(("--set=DATA_PATH", "--set=TOKENIZER_PATH"))]
    command = ["reproduce", "--data", str(small_val), "--output", "out", "--seeds", "1", "2", "--quiet"]
    main([*command, *settings, "--json", "a.json"])  # four steps of training promise no order
    printed = capsys.readouterr().out
    record = json.loads(Path("a.json").read_text())
    for name, row in record["seeds"]["2"]["scores"].items():
        assert f"{row['metric']['val_bpb']:.4f}" in printed
        log = Path("out/seed2.log").read_text()
        exact = re.findall(rf"final_{name}_exact val_loss:\S+ val_bpb:(\S+)", log)
        assert exact == [f"{row['metric']['val_bpb']:.8f}"]
    assert record["seeds"]["1"]["trained"]["steps"] == 4 and record["p"] is not None
    # The artifact tells its own shape; what it does not tell is set.
    evaluators = ["--evaluator", "stride", "--evaluator", "lora_ttt"]
    rest = [one for one in settings if any(word in one for word in ("TTT", "SEQ", "EVAL"))]
    evaluate = ["evaluate", "out/seed2.artifact", "--data", str(small_val), "--quiet", *evaluators]
    main([*evaluate, *rest, "--json", "b.json"])
    again = json.loads(Path("b.json").read_text())["seeds"]["1337"]["scores"]
    assert list(again) == ["stride", "lora_ttt"]
    for name in again:
        assert again[name]["metric"] == record["seeds"]["2"]["scores"][name]["metric"]
    # Another run's log is not written on.
    assert main([*command, *settings]) == 2
    assert "out/seed1.log is the log of another run" in capsys.readouterr().err


def shorten(data: Path, folder: Path) -> None:
    """Copy a data set with the first documents of its validation split."""
    from reference_impl.data import read_shard, write_shard

    for path in data.iterdir():
        if "_val_" in path.name:
            tokens = read_shard(path)
            write_shard(folder / path.name, tokens[: (tokens == 1).nonzero()[0][6]])
        else:
            (folder / path.name).write_bytes(path.read_bytes())

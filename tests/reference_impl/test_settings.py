"""Settings from the environment and the command line: one error for all that is wrong, names told apart."""

from __future__ import annotations

import pytest

from reference_impl.config import ModelConfig, Settings, TrainConfig, WindowConfig
from reference_impl.evaluators.chunk_ttt import ChunkConfig
from reference_impl.lora import LoraConfig
from reference_impl.settings import (
    SettingsError,
    assignments,
    read_settings,
    variables_by_field,
    variables_of,
)


def test_one_error_names_everything_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ITERATIONS", "many")
    given = {"MATRX_LR": "0.01", "NUM_KV_HEADS": "3", "TTT_OPTIMIZER": "lion", "BETA1": "high"}
    with pytest.raises(SettingsError) as caught:
        read_settings(given, ChunkConfig)
    assert str(caught.value).splitlines() == [
        "MATRX_LR is no setting; is MATRIX_LR meant?",
        "NUM_HEADS=8 is not a multiple of NUM_KV_HEADS=3",
        "ITERATIONS='many' is no whole number",
        "BETA1='high' is no number",
        "TTT_OPTIMIZER='lion' is none of sgd, adamw",
    ]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("TRAIN_BATCH_TOKENS", "524289", "TRAIN_BATCH_TOKENS=524289"),
        ("NUM_HEADS", "0", "NUM_HEADS=0"),
        ("TRAIN_SHARES", "0", "TRAIN_SHARES=0"),
        ("EVAL_STRIDE", "2048", "EVAL_STRIDE=2048 is not in 1 .. EVAL_SEQ_LEN=1024"),
        ("TTT_CHUNK_TOKENS", "1000", "TTT_CHUNK_TOKENS=1000 is not a multiple of EVAL_SEQ_LEN=1024"),
        ("TTT_CHUNK_SIZE", "2048", "TTT_CHUNK_SIZE=2048 is not in 1 .. TTT_EVAL_SEQ_LEN=1024"),
        ("QUANT_SCHEME", "int4", "QUANT_SCHEME='int4' is none of int8, int6, int5"),
        ("PRECISION", "half", "PRECISION='half' is none of float32, upstream"),
        ("COMPILE", "yes", "COMPILE='yes'"),
    ],
)
def test_impossible_settings_are_named(name: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_settings({name: value}, ChunkConfig, LoraConfig)


def test_the_training_window_alone_sets_all_others() -> None:
    settings, lora, chunk = read_settings({"TRAIN_SEQ_LEN": "128"}, LoraConfig, ChunkConfig)
    assert (settings.windows.window, settings.windows.stride) == (128, 32)
    assert (lora.window, lora.chunk) == (128, 32)
    assert (chunk.window, chunk.windows.stride, chunk.chunk) == (128, 32, 4096)


def test_defaults_are_the_baseline_s_and_those_of_the_submissions_followed() -> None:
    settings, lora, chunk = read_settings({}, LoraConfig, ChunkConfig)
    assert (settings.model.layers, settings.model.dim, settings.model.vocab_size) == (9, 512, 1024)
    assert (settings.train.batch_tokens, settings.train.iterations, settings.train.seed) == (
        524_288,
        20_000,
        1337,
    )
    assert (settings.windows.window, settings.windows.stride) == (1024, 256)
    assert (lora.rank, lora.lr, lora.chunk, lora.window, lora.rows) == (8, 0.01, 256, 1024, 64)
    assert (chunk.chunk, chunk.epochs, chunk.lr, chunk.step_rows) == (32_768, 3, 0.002, 32)


def test_the_command_line_stands_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEED", "1")
    assert read_settings({})[0].train.seed == 1
    assert read_settings({"SEED": "2"})[0].log_path == "train_seed2.log"


def test_each_variable_sets_one_field_and_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, str] = {}
    for cls in (Settings, ModelConfig, TrainConfig, WindowConfig, LoraConfig):
        for name, variable in variables_by_field(cls).items():
            assert variable not in seen, f"{variable} sets {name} and {seen[variable]}"
            seen[variable] = name
    assert (
        seen["TRAIN_SEQ_LEN"] == "seq_len"
        and seen["EVAL_SEQ_LEN"] == "window"
        and seen["LOG_PATH"] == "log_path"
    )
    monkeypatch.setenv("MATRIX_LR", "0.125")
    assert variables_of(TrainConfig())["MATRIX_LR"] == 0.125


def test_assignments_need_a_value() -> None:
    assert assignments(["A=1", "B=x=y", "A=2"]) == {"A": "2", "B": "x=y"}
    with pytest.raises(SettingsError, match="--set SEED: KEY=VALUE"):
        assignments(["SEED"])

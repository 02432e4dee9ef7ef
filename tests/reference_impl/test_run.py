"""Limits end a run: bytes before anything is scored, seconds before a result is logged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import reference_impl.run as run_module
from reference_impl.config import Settings
from reference_impl.dist import Ranks
from reference_impl.evaluators.flat import evaluate_flat
from reference_impl.model import GPT
from reference_impl.run import Log, OverLimitError, export, score
from reference_impl.scoring import TokenScores, Validation, make_practice
from tests.reference_impl.tiny import make_tiny_windows


def settings(folder: Path) -> Settings:
    return replace(Settings(), log_path=str(folder / "r.log"), artifact_path=str(folder / "r.artifact"))


def test_a_log_is_another_run_s_unless_the_run_goes_on(tmp_path: Path) -> None:
    path = str(tmp_path / "r.log")
    Log(path, Ranks())("one")
    with pytest.raises(FileExistsError, match=r"r\.log is the log of another run"):
        Log(path, Ranks())
    Log(path, Ranks(), go_on=True)("two")
    assert Path(path).read_text() == "one\ntwo\n"


def test_too_many_bytes_end_a_run_before_it_is_scored(tiny_model: GPT, tmp_path: Path) -> None:
    own = settings(tmp_path)
    log = Log(own.log_path, Ranks())
    export(tiny_model, own, 1_000, Ranks(), log)
    size = Path(own.artifact_path).stat().st_size
    assert f"Total submission size int8+zlib: {size + 1_000} bytes" in Path(own.log_path).read_text()
    export(tiny_model, own, 16_000_000 - size, Ranks(), log)
    with pytest.raises(OverLimitError, match="1 bytes over the limit of 16000000"):
        export(tiny_model, own, 16_000_001 - size, Ranks(), log)


def test_an_evaluation_over_the_cap_logs_no_result(
    tiny_model: GPT, tiny_val: Validation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 7))
    monkeypatch.setattr(run_module.time, "perf_counter", lambda: float(next(clock)))
    lines: list[str] = []
    arguments = ("final_flat", evaluate_flat, make_tiny_windows(), tiny_model, tiny_val)
    found = score(*arguments, replace(settings(tmp_path), eval_cap_s=7.0), Ranks(), lines.append)
    assert (found.eval_s, found.compile_s) == (7.0, 0.0) and len(lines) == 2
    with pytest.raises(OverLimitError, match=r"final_flat took 7\.0 s, EVAL_MAX_SECONDS=6"):
        score(*arguments, replace(settings(tmp_path), eval_cap_s=6.0), Ranks(), lines.append)
    assert len(lines) == 2


def test_compilation_is_timed_apart_and_sees_no_validation_token(
    tiny_model: GPT, tiny_val: Validation, tmp_path: Path
) -> None:
    seen: list[Validation] = []

    def spy(model: GPT, val: Validation, config: Any, ranks: Ranks) -> TokenScores:
        seen.append(val)
        return evaluate_flat(model, tiny_val, config, ranks)

    lines: list[str] = []
    compiled = replace(settings(tmp_path), compile="1")
    score("final_flat", spy, make_tiny_windows(), tiny_model, tiny_val, compiled, Ranks(), lines.append)
    assert [val is tiny_val for val in seen] == [False, True]
    assert lines[0].startswith("final_flat compile_time:") and "eval_time" in lines[1]


def test_practice_has_documents_of_every_length_up_to_two_windows() -> None:
    practice = make_practice(512, 256, torch.device("cpu"))
    lengths = [document.targets for document in practice.documents]
    assert lengths == [256, 512, 768, 1023] and practice.pad == 256

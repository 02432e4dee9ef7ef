"""The generated script: one file, no package, the same numbers."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reference_impl.demo import demo_environment
from reference_impl.single_file import (
    EVALUATIONS,
    PACKAGE,
    VIOLATIONS,
    SingleFileError,
    module_path,
    write_script,
)

ALL = {**EVALUATIONS, **VIOLATIONS}


@pytest.mark.parametrize("name", ALL)
def test_script_stands_alone(name: str) -> None:
    tree = ast.parse(write_script(ALL[name]))
    imported = {
        alias.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names
    }
    imported |= {(n.module or "").split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert PACKAGE not in imported and "auditor" not in imported
    third_party = imported - set(sys.stdlib_module_names)
    assert third_party <= {"numpy", "torch", "sentencepiece", "zstandard"}
    defined = [n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    assert len(defined) == len(set(defined))
    assert ALL[name].function in defined and "main" in defined


@pytest.mark.parametrize("name", ALL)
def test_definitions_are_copied_verbatim(name: str) -> None:
    script = write_script(ALL[name])
    source = module_path(f"{PACKAGE}.{ALL[name].module}").read_text()
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            segment = ast.get_source_segment(source, node)
            assert segment is not None and segment in script


def test_scripts_carry_no_other_evaluation() -> None:
    assert "evaluate_slot" not in write_script(EVALUATIONS["lora_ttt"])
    assert "LBFGS" in write_script(VIOLATIONS["slot"])


def test_two_modules_with_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import reference_impl.single_file as single_file

    real = single_file.take_apart

    def doubled(name: str) -> single_file.Part:
        part = real(name)
        part.names.add("sneaky")
        return part

    monkeypatch.setattr(single_file, "take_apart", doubled)
    with pytest.raises(SingleFileError, match="sneaky is defined in both"):
        write_script(EVALUATIONS["flat"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lora_ttt", "prequant_ttt"])
def test_script_runs_alone_and_reports_the_package_s_numbers(
    name: str, toy_data: Path, tmp_path: Path
) -> None:
    script = tmp_path / "train_gpt.py"
    script.write_text(write_script(ALL[name]))
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {**demo_environment(toy_data), "MODEL_DIM": "32", "ITERATIONS": "12", "TTT_LORA_RANK": "2"}
    command = [sys.executable, "-I", str(script)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    log = (tmp_path / "train_seed1337.log").read_text()
    assert log == done.stdout
    assert f"Code size: {script.stat().st_size} bytes" in log
    model_bytes = (tmp_path / "train_seed1337.artifact").stat().st_size
    assert f"Total submission size int8+zlib: {model_bytes + script.stat().st_size} bytes" in log
    reported = re.search(rf"{ALL[name].label}_exact val_loss:\S+ val_bpb:(\S+)", log)
    roundtrip = re.search(r"final_int8_zlib_roundtrip_exact val_loss:\S+ val_bpb:(\S+)", log)
    assert reported and roundtrip
    if name == "lora_ttt":
        package = subprocess.run(
            [sys.executable, "-m", PACKAGE, "train", "--data", str(toy_data), "--quiet"],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(Path(__file__).parents[2]), "RUN_ID": "package"},
            capture_output=True,
            text=True,
        )
        assert package.returncode == 0, package.stderr[-2000:]
        assert f"val_bpb:{reported[1]}" in package.stdout
        assert float(reported[1]) < float(roundtrip[1])

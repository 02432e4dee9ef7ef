"""The demonstration and what the README says of it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

import reference_impl.demo as demo_module
from reference_impl.__main__ import main
from reference_impl.demo import PINNED_SEEDS, ROW_NAMES, DemoResult, demo_environment, read_result

PACKAGE = Path(demo_module.__file__).parent


def published() -> DemoResult:
    """Return the committed numbers of the last full run."""
    return read_result(PACKAGE / "ablation.json")


def test_published_numbers_are_in_order_on_the_pinned_seeds() -> None:
    result = published()
    assert tuple(result.bpb_by_seed) == PINNED_SEEDS
    assert result.order_errors() == []


def test_readme_table_and_plot_show_the_published_numbers() -> None:
    assert published().table() in (PACKAGE / "README.md").read_text()
    text = " ".join(ElementTree.parse(PACKAGE / "ablation.svg").getroot().itertext())
    assert all(f"{value:.4f}" in text for value in published().ablation.values())


def test_order_errors_name_the_rows_that_fail() -> None:
    good = {"flat": 2.0, "document": 1.99, "stride": 1.98, "lora_ttt": 1.9}
    bad = {"flat": 2.0, "document": 2.1, "stride": 1.98, "lora_ttt": 1.98}
    result = DemoResult(bpb_by_seed={0: good, 1: bad}, wall_s=1.0)
    errors = result.order_errors()
    assert len(errors) == 2
    assert errors[0].startswith("seed 1: lora_ttt") and "document" in errors[1]


def test_missing_data_is_an_error_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["train", "--data", str(tmp_path), "--tokenizer", str(tmp_path / "none.model"), "--quiet"]
    assert main(arguments) == 2
    assert "no *_val_*.bin in" in capsys.readouterr().err
    (tmp_path / "any_val_000000.bin").touch()
    assert main(arguments) == 2
    assert "none.model" in capsys.readouterr().err


@pytest.mark.slow
def test_demo_reproduces_the_order_on_one_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Two thirds of the demo's steps: the steps between rows are wide long before the end.
    def shorter(data: Path) -> dict[str, str]:
        return {**demo_environment(data), "ITERATIONS": "600", "WARMDOWN_ITERS": "200"}

    monkeypatch.setattr(demo_module, "demo_environment", shorter)
    report, picture = tmp_path / "demo.json", tmp_path / "demo.svg"
    main(["demo", "--quiet", "--seeds", "0", "--json", str(report), "--plot", str(picture)])
    record = json.loads(report.read_text())
    row = record["ablation"]
    assert set(row) == set(ROW_NAMES)
    assert row["lora_ttt"] < row["stride"] < row["document"] < row["flat"] + 0.01
    assert 1.5 < row["flat"] < 3.0
    assert record["others"]["sliding"] < row["flat"] and record["others"]["chunk_ttt"] < row["flat"]
    assert f"{row['stride']:.4f}" in capsys.readouterr().out
    assert ElementTree.parse(picture).getroot().tag.endswith("svg")

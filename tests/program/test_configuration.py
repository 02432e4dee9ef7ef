"""The effective configuration: which place wins, what a log shows and what it must not be taken to show."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from auditor.program.configuration.log_settings import same_value
from auditor.program.configuration.log_text import printed_lines, source_lines
from auditor.program.configuration.precedence import Origin, Settings, gather_settings
from auditor.program.unpacking.program import load_program
from tests.program import packing

SCRIPT = """import os


class Hyperparameters:
    seed = int(os.environ.get("SEED", 1337))
    ttt_enabled = bool(int(os.environ.get("TTT_ENABLED", "0")))
    ttt_epochs = int(os.environ.get("TTT_EPOCHS", 2))
    ttt_lr = float(os.environ.get("TTT_LR", 0.001))
    mode = os.environ.get("MODE", "plain")
    layers = [int(x) for x in os.environ.get("LAYERS", "4,5").split(",")]
    fast = os.environ.get("FAST", "yes") == "yes"
    wall = float(os.environ.get("WALL", 600.0))


def main():
    args = Hyperparameters()
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    for name, value in sorted(vars(type(args)).items()):
        print(f"  {name}: {value}")
    print(f"ttt:start lr={args.ttt_lr} epochs={args.ttt_epochs} mode:{args.mode}")
    print(f"wall:{args.wall:.3f} world_size:{world_size}")
    print(f"current lr:{args.ttt_lr * 2}")
"""


@dataclass
class File:
    path: str
    text: str


def gather(
    script: str = SCRIPT,
    *,
    logs: tuple[str, ...] = (),
    readme: str | None = None,
    run_scripts: dict[str, str] | None = None,
    submission: str | None = None,
    **overrides: str,
) -> Settings:
    program = load_program("records/a/train_gpt.py", script.encode(), lambda path: None)
    return gather_settings(
        program,
        overrides=overrides,
        logs=[File(f"records/a/train_seed{index}.log", text) for index, text in enumerate(logs)],
        readme=None if readme is None else File("records/a/README.md", readme),
        run_scripts=[File(f"records/a/{name}", text) for name, text in (run_scripts or {}).items()],
        submission_json=None if submission is None else File("records/a/submission.json", submission),
    )


def told(settings: Settings, name: str) -> tuple[str, Origin, int] | None:
    setting = settings.get(name)
    return None if setting is None else (setting.value, setting.origin, setting.line)


README = "## Run\n\n```bash\nTTT_EPOCHS=5 TTT_LR=0.01 torchrun --nproc_per_node=8 train_gpt.py\n```\n"
DUMP = (
    "Hyperparameters:\n  ttt_enabled: True\n  ttt_epochs: 4\n  ttt_lr: 0.005\n"
    "  fast: False\n  layers: [3, 4]\n  mode: None\ntrain_shards: 80\n"
)


def test_a_place_nearer_to_the_run_wins_and_the_loser_is_a_conflict() -> None:
    settings = gather(
        logs=(DUMP,),
        readme=README,
        run_scripts={"run.sh": "export TTT_EPOCHS=6 MODE=script\npython train_gpt.py\n"},
        submission='{"hyperparameters": {"ttt_epochs": 7, "mode": "json", "wall": 500}}',
        TTT_ENABLED="0",
    )
    assert told(settings, "TTT_ENABLED") == ("0", Origin.OVERRIDE, 0)
    assert told(settings, "TTT_EPOCHS") == ("4", Origin.LOG, 3)
    assert told(settings, "TTT_LR") == ("0.005", Origin.LOG, 4)
    assert told(settings, "MODE") == ("script", Origin.RUN_SCRIPT, 1)
    assert told(settings, "WALL") == ("500", Origin.SUBMISSION_JSON, 0)
    lost = [(conflict.name, conflict.won.value, conflict.lost.value) for conflict in settings.conflicts]
    assert ("TTT_ENABLED", "0", "1") in lost
    assert [item for item in lost if item[0] == "TTT_EPOCHS"] == [
        ("TTT_EPOCHS", "4", value) for value in "567"
    ]


def test_without_evidence_only_the_launcher_is_assumed() -> None:
    settings = gather()
    assert {setting.name: (setting.value, setting.origin) for setting in settings} == {
        "RANK": ("0", Origin.ASSUMED),
        "LOCAL_RANK": ("0", Origin.ASSUMED),
        "WORLD_SIZE": ("8", Origin.ASSUMED),
    }
    assert settings.get("TTT_EPOCHS") is None


def test_values_are_what_the_environment_would_have_held() -> None:
    settings = gather(logs=(DUMP,))
    assert settings.get("TTT_ENABLED").value == "1"  # type: ignore[union-attr]
    assert settings.get("FAST").value == "0"  # type: ignore[union-attr]
    assert settings.get("MODE") is None


def test_lines_the_script_prints_are_read_back_through_its_own_f_strings() -> None:
    settings = gather(
        logs=("x\nttt:start lr=0.25 epochs=9 mode:plain\nwall:550.000 world_size:4\ncurrent lr:0.5\n",)
    )
    assert told(settings, "TTT_LR") == ("0.25", Origin.LOG, 2)
    assert told(settings, "TTT_EPOCHS") == ("9", Origin.LOG, 2)
    assert told(settings, "MODE") == ("plain", Origin.LOG, 2)
    assert told(settings, "WALL") == ("550.000", Origin.LOG, 3)
    assert told(settings, "WORLD_SIZE") == ("4", Origin.LOG, 3)


def test_a_rounded_print_yields_to_a_told_value_and_to_a_default_that_prints_the_same() -> None:
    script = SCRIPT.replace("wall:{args.wall:.3f}", "lr:{args.ttt_lr:.2f}")
    assert gather(script, logs=("lr:0.00 world_size:8\n",)).get("TTT_LR") is None
    told_elsewhere = gather(script, logs=("lr:0.01 world_size:8\n",), readme=README.replace("0.01", "0.012"))
    assert told(told_elsewhere, "TTT_LR") == ("0.012", Origin.README, 4)
    assert told(gather(script, logs=("lr:0.05 world_size:8\n",)), "TTT_LR") == ("0.05", Origin.LOG, 1)


@pytest.mark.parametrize(
    "line",
    [
        "Hyperparameters(seed=42, ttt_enabled=True, ttt_epochs=4, mode='fast')",
        "config: {'seed': 42, 'ttt_enabled': True, 'ttt_epochs': 4, 'mode': 'fast'}",
        (
            '{\n  "config": {\n    "seed": 42,\n    "ttt_enabled": true,\n'
            '    "ttt_epochs": 4,\n    "mode": "fast"\n  }\n}'
        ),
        "hyperparameters\n=====\nseed=42\nttt_enabled=True\nttt_epochs=4\nmode=fast\n=====",
        "Hyperparameters:\nseed=42 ttt_enabled=True ttt_epochs=4 mode=fast",
    ],
)
def test_dumps_of_every_shape_are_read(line: str) -> None:
    settings = gather(logs=(f"starting\n{line}\nstep:1/10 loss:3\n",))
    values = {name: settings.get(name).value for name in ("TTT_ENABLED", "TTT_EPOCHS", "MODE", "SEED")}  # type: ignore[union-attr]
    assert values == {"TTT_ENABLED": "1", "TTT_EPOCHS": "4", "MODE": "fast", "SEED": "42"}


@pytest.mark.parametrize("separator", ["=" * 100 + "\n", ""])
def test_source_at_the_top_of_a_log_is_never_read_as_configuration(separator: str) -> None:
    settings = gather(
        logs=(SCRIPT + separator + "Running Python 3.12\nttt:start lr=0.3 epochs=8 mode:plain\n",)
    )
    assert settings.get("TTT_EPOCHS").value == "8"  # type: ignore[union-attr]
    assert settings.get("TTT_ENABLED") is None
    assert settings.get("SEED") is None


def test_source_of_another_script_at_the_top_of_a_log_is_dropped_too() -> None:
    other = (
        "import os\nimport sys\n\nclass H:\n    ttt_epochs = 77\n    ttt_lr = 0.9\n"
        "\ndef f(x):\n    return x\n\ndef main():\n    f(1)\n\nmain()\n"
    )
    kept = printed_lines(other + "=" * 100 + "\nworld_size:8\n", (source_lines("x = 1"),))
    assert [line.text for line in kept if not line.text.startswith("=")] == ["world_size:8"]


def test_names_that_no_read_feeds_are_not_settings() -> None:
    settings = gather(logs=("Hyperparameters:\n  unknown_thing: 3\n  ttt_epochs: 4\n",))
    assert settings.get("UNKNOWN_THING") is None


def test_logs_that_disagree_are_a_conflict_but_not_about_the_seed() -> None:
    one, two = (
        DUMP + "Hyperparameters:\n  seed: 1\n",
        DUMP.replace("epochs: 4", "epochs: 3") + "Hyperparameters:\n  seed: 2\n",
    )
    settings = gather(logs=(two, one, one))
    assert settings.get("TTT_EPOCHS").value == "4"  # type: ignore[union-attr]
    assert [(item.name, item.lost.value) for item in settings.conflicts] == [("TTT_EPOCHS", "3")]


def test_a_readme_with_several_runs_is_read_for_the_one_the_logs_agree_with() -> None:
    readme = (
        "## Run\n```bash\nTTT_EPOCHS=9 MODE=a torchrun --nproc_per_node=8 train_gpt.py\n"
        "TTT_EPOCHS=4 MODE=b torchrun --nproc_per_node=8 train_gpt.py\n```\n"
    )
    assert gather(logs=(DUMP,), readme=readme).get("MODE").value == "b"  # type: ignore[union-attr]
    settings = gather(readme=readme)
    assert settings.get("MODE").value == "a"  # type: ignore[union-attr]
    assert ("MODE", "a", "b") in [(item.name, item.won.value, item.lost.value) for item in settings.conflicts]


def test_run_scripts_that_name_the_script_on_8_gpus_win_over_smoke_tests() -> None:
    scripts = {
        "a_smoke.sh": "MODE=smoke torchrun --nproc_per_node=8 train_gpt.py\n",
        "run.sh": "MODE=full torchrun --nproc_per_node=8 train_gpt.py\n",
        "z_other.sh": "MODE=other torchrun --nproc_per_node=8 other.py\n",
    }
    assert gather(run_scripts=scripts).get("MODE").value == "full"  # type: ignore[union-attr]
    assert (
        gather(run_scripts={"Makefile": "train:\n\tMODE=made python train_gpt.py\n"}).get("MODE").value
        == "made"
    )  # type: ignore[union-attr]


def test_a_packed_script_is_tied_by_its_decoded_text() -> None:
    settings = gather(packing.lzma_xz(SCRIPT), logs=(DUMP,))
    assert told(settings, "TTT_EPOCHS") == ("4", Origin.LOG, 3)


def test_settings_for_variables_that_are_never_read_are_told_apart() -> None:
    settings = gather(readme=README.replace("TTT_LR", "TTT_SPEED"))
    assert [setting.name for setting in settings.unread] == ["TTT_SPEED"]


@pytest.mark.parametrize(("text", "value"), [("3.0", "3"), ("3", "3"), ("2.5", "2.5")])
def test_a_whole_number_of_submission_json_is_one_however_it_is_written(text: str, value: str) -> None:
    assert told(gather(submission=f'{{"ttt_epochs": {text}}}'), "TTT_EPOCHS") == (
        value,
        Origin.SUBMISSION_JSON,
        0,
    )


def test_a_broken_submission_json_tells_nothing() -> None:
    assert gather(submission='{"ttt_epochs": ').get("TTT_EPOCHS") is None
    assert gather(submission="[" * 10_000).get("TTT_EPOCHS") is None


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("0.01", "0.010", True),
        ("525", "525.000", True),
        ("1e-3", "0.001", True),
        ("1", "True", True),
        ("0", "false", True),
        ("1", "0", False),
        ("0.01", "0.011", False),
        ("a", "b", False),
        ("2", "true", False),
    ],
)
def test_values_that_convert_alike_do_not_conflict(left: str, right: str, same: bool) -> None:
    assert same_value(left, right) is same
    assert same_value(right, left) is same


def test_the_rank_of_an_adapter_is_not_that_of_the_process() -> None:
    script = 'import os\nrank = int(os.environ.get("RANK", "0"))\nprint(f"rank:{rank}")\n'
    run = "```\nRANK=160 torchrun --nproc_per_node=8 train_gpt.py\n```\n"
    found = gather(script, logs=("rank:160\n",), readme=run, submission='{"rank": 160}').get("RANK")
    assert found is not None and found.value == "0"

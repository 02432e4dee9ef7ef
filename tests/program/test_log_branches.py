"""Branches that a log shows to have been taken."""

from __future__ import annotations

import pytest

from auditor.program.configuration.precedence import Origin
from tests.program.test_configuration import gather

SCRIPT = """import os


class Hyperparameters:
    ttt_enabled = bool(int(os.environ.get("TTT_ENABLED", "0")))
    ttt_epochs = int(os.environ.get("TTT_EPOCHS", 2))
    mode = os.environ.get("MODE", "plain")
    alpha = float(os.environ.get("ALPHA", 0))


def main():
    args = Hyperparameters()
    skip = int(os.environ.get("SKIP_GPTQ", "0"))
    path = os.environ.get("ONLY_PATH", "")
    if not path:
        print("training from the start")
    if skip:
        print(f"calibration skipped for {skip}")
    else:
        print("calibration: collecting statistics")
    if args.ttt_enabled and args.ttt_epochs > 0:
        print("adapting at test time")
    if args.mode == "lora":
        print("adapters of low rank")
    if args.alpha > 0:
        print(f"mixing with weight {1 - args.alpha}")
    if args.mode != "none":
        print("shared opening: a")
    if not skip:
        print("shared opening: a and more")
"""


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("calibration skipped for 1", "SKIP_GPTQ", "1"),
        ("[rank 0] calibration skipped for 1", "SKIP_GPTQ", "1"),
        ("calibration: collecting statistics", "SKIP_GPTQ", "0"),
        ("adapting at test time", "TTT_ENABLED", "1"),
        ("training from the start", "ONLY_PATH", ""),
        ("adapters of low rank", "MODE", "lora"),
    ],
)
def test_what_one_outcome_prints_tells_the_variable(line: str, name: str, value: str) -> None:
    setting = gather(SCRIPT, logs=(f"step:1\n{line}\n",)).get(name)
    assert setting is not None
    assert (setting.value, setting.origin, setting.line) == (value, Origin.LOG, 2)


@pytest.mark.parametrize("line", ["shared opening: a", "adapting", "no such line"])
def test_what_others_print_too_tells_nothing(line: str) -> None:
    found = gather(SCRIPT, logs=(f"step:1\n{line}\n",))
    assert not [setting for setting in found if setting.origin is Origin.LOG]


def test_a_weight_that_is_only_known_to_be_on_yields_to_who_names_it() -> None:
    log = "step:1\nmixing with weight 0.75\n"
    told = gather(SCRIPT, logs=(log,), run_scripts={"run.sh": "ALPHA=0.25 python train_gpt.py\n"}).get(
        "ALPHA"
    )
    assert told is not None and (told.value, told.origin) == ("0.25", Origin.RUN_SCRIPT)
    alone = gather(SCRIPT, logs=(log,)).get("ALPHA")
    assert alone is not None and (alone.value, alone.origin) == ("1", Origin.LOG)


DUMPED = """import os


class Hyperparameters:
    weight_decay = float(os.environ.get("WEIGHT_DECAY", 0.1))
    evaluate_only = os.environ.get("EVALUATE_ONLY", "0") == "1"


def log(message):
    print(message, flush=True)


args = Hyperparameters()
for key, value in sorted(vars(Hyperparameters).items()):
    log(DUMP)
if args.evaluate_only:
    log(f"weight_decay: {args.weight_decay}")
    log(f"evaluate_only: rounds={3}, training is left out")
"""
PLAIN, INDENTED = 'f"{key}: {value}"', 'f"  {key}: {value}"'


@pytest.mark.parametrize(
    ("dump", "line", "told"),
    [
        (PLAIN, "weight_decay: 0.1", False),
        (INDENTED, "  weight_decay: 0.1", False),
        (INDENTED, "weight_decay: 0.1", True),
        (INDENTED, "rank 0: weight_decay: 0.1", True),
        (PLAIN, "evaluate_only: rounds=3, training is left out", False),
        (INDENTED, "evaluate_only: rounds=3, training is left out", True),
    ],
)
def test_a_line_that_a_dump_of_settings_can_print_tells_no_branch(dump: str, line: str, told: bool) -> None:
    setting = gather(DUMPED.replace("DUMP", dump), logs=(f"step:1\n{line}\n",)).get("EVALUATE_ONLY")
    assert (setting is not None and setting.value == "1") is told


def test_a_sentence_about_a_setting_is_no_value_of_it() -> None:
    log = "Hyperparameters:\n  evaluate_only: 1 - no training is done\n  weight_decay: 0.25\n"
    found = gather(DUMPED.replace("DUMP", INDENTED), logs=(log,))
    assert found.get("EVALUATE_ONLY") is None
    decay = found.get("WEIGHT_DECAY")
    assert decay is not None and decay.value == "0.25"


def test_a_text_made_elsewhere_in_the_program_may_be_what_was_printed() -> None:
    script = (
        DUMPED.replace("DUMP", INDENTED) + 'lines = [f"weight_decay: {0.5} of {2} groups"]\nlog(lines[0])\n'
    )
    assert gather(script, logs=("weight_decay: 0.5 of 2 groups\n",)).get("EVALUATE_ONLY") is None

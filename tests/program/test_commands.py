"""Commands of shell texts, READMEs and Python launchers: what environment they give the script."""

from __future__ import annotations

import pytest

from auditor.program.configuration.launchers import python_launcher_settings
from auditor.program.configuration.readme import readme_commands
from auditor.program.configuration.shell import read_commands


@pytest.mark.parametrize(
    ("text", "environment"),
    [
        ("A=1 B=x python t.py", {"A": "1", "B": "x"}),
        ("A=1 \\\n  B=2 \\\ntorchrun --nproc_per_node=8 t.py", {"A": "1", "B": "2"}),
        ("A=1 \\   # why\n  python t.py", {"A": "1"}),
        ("export A=1 B=2\nexport C='x y'\npython t.py", {"A": "1", "B": "2", "C": "x y"}),
        ("env A=1 python t.py", {"A": "1"}),
        ("$ A=1 python t.py", {"A": "1"}),
        ("A=1; B=2; python t.py", {"A": "1", "B": "2"}),
        ("cd x && A=1 python t.py 2>&1", {"A": "1"}),
        ("A=${A:-5} python t.py", {"A": "5"}),
        ("B=3\nA=$B python t.py", {"A": "3", "B": "3"}),
        ("A=$UNKNOWN python t.py", {}),
        ("A=$(date) B=1 python t.py", {"B": "1"}),
        ("A=1,2 python t.py", {"A": "1,2"}),
        ("A=1, B=2 python t.py", {"A": "1", "B": "2"}),
        ("for S in 42 314; do\n  SEED=$S python t.py\ndone", {"S": "42", "SEED": "42"}),
        ("A=1\nunset A\nB=2 python t.py", {"B": "2"}),
        ('V="A=1 B=2"\nenv $V python t.py', {"V": "A=1 B=2", "A": "1", "B": "2"}),
        ('modal run m.py --extra-env "A=;B=x,y;C=1"', {"A": "", "B": "x,y", "C": "1"}),
        ("docker run -e A=1 --env B=2 image python t.py", {"A": "1", "B": "2"}),
        ('ssh host "A=1 python t.py"', {"A": "1"}),
        ("# A=1 python t.py\nB=1 python t.py", {"B": "1"}),
        ("A='it''s' python t.py", {"A": "its"}),
    ],
)
def test_a_command_runs_in_the_environment_that_is_written(text: str, environment: dict[str, str]) -> None:
    commands = [command for command in read_commands(text) if command.words]
    assert commands[-1].environment == environment


@pytest.mark.parametrize(
    ("text", "processes"),
    [
        ("torchrun --standalone --nproc_per_node=8 t.py", 8),
        ("torchrun --nproc-per-node 4 t.py", 4),
        ("N=2\ntorchrun --nproc_per_node=$N t.py", 2),
        ("torchrun --nproc_per_node=$N t.py", None),
        ("python t.py", 1),
    ],
)
def test_processes_are_told(text: str, processes: int | None) -> None:
    assert [command.processes for command in read_commands(text) if command.words][-1] == processes


def test_lines_of_assignments_are_kept() -> None:
    (command,) = read_commands("export A=1\n\nB=2 \\\nC=3 python t.py\n", first_line=10)
    assert command.lines == {"A": 10, "B": 12, "C": 12}
    assert command.line == 12


README = """# Entry

Set `TTT_ENABLED=1` for the run; the default is `TTT_ENABLED=0`.

| name | value |
|---|---|
| TTT_LR=0.5 | table |

## Ablation

```bash
TTT_ENABLED=0 torchrun --nproc_per_node=8 train_gpt.py
```

## Reproduction

```bash
pip install x
TTT_ENABLED=1 TTT_EPOCHS=3 torchrun --standalone --nproc_per_node=8 train_gpt.py
```

## Environment

```
MODEL_DIM=512
NUM_LAYERS=11   # deep
```

Inline: `SEED=7 python train_gpt.py`.

```python
os.environ["X"] = "1"
LR=3
```
"""


def test_the_command_under_the_heading_of_the_run_ranks_first() -> None:
    found = sorted(readme_commands(README), key=lambda item: item.rank("train_gpt.py"))
    best = found[-1]
    assert best.command.environment == {"TTT_ENABLED": "1", "TTT_EPOCHS": "3"}
    assert (best.heading, best.command.line) == ("Reproduction", 19)


def test_prose_tables_and_other_languages_are_no_commands() -> None:
    told = [item.command.environment for item in readme_commands(README)]
    assert told == [
        {"TTT_ENABLED": "0"},
        {"TTT_ENABLED": "1", "TTT_EPOCHS": "3"},
        {"MODEL_DIM": "512", "NUM_LAYERS": "11"},
        {"SEED": "7"},
    ]
    assert [item.listing for item in readme_commands(README)] == [False, False, True, False]


def test_an_indented_block_is_read() -> None:
    (found,) = readme_commands("Run:\n\n    A=1 \\\n    B=2 torchrun --nproc_per_node=8 t.py\n\nEnd\n")
    assert found.command.environment == {"A": "1", "B": "2"}


def test_a_fence_that_never_closes_ends_with_the_text() -> None:
    (found,) = readme_commands("```\nA=1 python t.py\n")
    assert found.command.environment == {"A": "1"}


def test_launchers_in_python_are_read_without_running_them() -> None:
    text = (
        "import os, subprocess\nos.environ['A'] = '1'\n"
        "env = {**os.environ, 'B': '2'}\nenv['C'] = '3'\nenv.setdefault('D', '4')\n"
        "os.environ.update({'E': '5'}, F='6')\nother = {'G': '7'}\n"
        "env['H'] = compute()\nsubprocess.run(['x'], env=dict(os.environ, I='8'))\n"
    )
    assert [(name, value) for name, value, _ in python_launcher_settings(text, "run.py")] == [
        ("A", "1"),
        ("B", "2"),
        ("C", "3"),
        ("D", "4"),
        ("E", "5"),
        ("F", "6"),
        ("I", "8"),
    ]
    assert python_launcher_settings("not python(", "run.py") == []


@pytest.mark.parametrize(
    "text",
    [
        "## Run\n```\nA=1 torchrun t.py\n```\nTo disable it (for ablation):\n```\nA=0 torchrun t.py\n```\n",
        "## Run\nOptional:\n```\nA=0 torchrun t.py\n```\nThe full run:\n```\nA=1 torchrun t.py\n```\n",
        "## Run\n```\n# Ablation: off\nA=0 torchrun t.py\n# Full\nA=1 torchrun t.py\n```\n",
        "## Train with test-time training\n```\nA=1 torchrun t.py\n```\n"
        "## Baseline\n```\nA=0 torchrun t.py\n```\n",
    ],
)
def test_what_stands_above_a_command_tells_a_run_from_an_aside(text: str) -> None:
    best = max(readme_commands(text), key=lambda item: item.rank("t.py"))
    assert best.command.environment == {"A": "1"}


def test_a_run_without_variables_is_a_run() -> None:
    run = "torchrun --nproc_per_node=8 t.py"
    text = f"## Run\n```\n{run}\n# Ablation\nA=0 {run}\n```\n"
    best = max(readme_commands(text), key=lambda item: item.rank("t.py"))
    assert best.command.environment == {}


def test_list_items_that_begin_with_an_assignment_are_listings() -> None:
    text = "# Run\n\n- SKIP_GPTQ=1, plain rounding\n- about NAME_X=2\n* NUM_LOOPS=3\n- A=4\n"
    found = [item.command.environment for item in readme_commands(text) if item.listing]
    assert found == [{"SKIP_GPTQ": "1"}, {"NUM_LOOPS": "3"}]

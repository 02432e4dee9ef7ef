"""Reads of the environment, in the shapes real scripts have them."""

from __future__ import annotations

import pytest

from auditor.program.configuration.environment import EnvironmentRead, environment_reads, variable_of
from auditor.program.unpacking.program import load_program
from tests.program import packing


def reads(text: str) -> list[EnvironmentRead]:
    return environment_reads(load_program("train_gpt.py", text.encode(), lambda path: None))


HELPER = (
    "def _env_bool(name, default=False):\n    v = os.environ.get(name)\n"
    "    return default if v is None else v.strip().lower() in {'1', 'true'}\n"
)


@pytest.mark.parametrize(
    ("text", "name", "default", "targets"),
    [
        ("x = int(os.environ.get('A', 2))", "A", "2", ("x",)),
        ("x = float(os.environ.get('A', '1e-3'))", "A", "1e-3", ("x",)),
        ("x = os.getenv('A', default='b')", "A", "b", ("x",)),
        ("x = os.environ['A']", "A", None, ("x",)),
        ("x = bool(int(os.environ.get('A', '0')))", "A", "0", ("x",)),
        ("x = os.environ.get('A', '').strip().lower()", "A", "", ("x",)),
        ("x = os.environ.get('A', -1)", "A", "-1", ("x",)),
        ("x = os.environ.get('A', True)", "A", "1", ("x",)),
        ("x = os.environ.get('A', str(3))", "A", "3", ("x",)),
        ("x = os.environ.get('A', f'{y}')", "A", None, ("x",)),
        ("x = os.environ.get('A') or 'z'", "A", None, ("x",)),
        ("x = int(os.environ.get('A', 4)) * 2", "A", "4", ()),
        ("class H:\n    x: int = int(os.environ.get('A', 2))", "A", "2", ("x",)),
        ("self.x = int(os.environ.get('A', 2))", "A", "2", ("x",)),
        ("c = Config(x=int(os.environ.get('A', 2)))", "A", "2", ("x",)),
        ("c = {'x': int(os.environ.get('A', 2))}", "A", "2", ("x",)),
        (
            "class H:\n    x: int = field(default_factory=lambda: int(os.environ.get('A', 2)))",
            "A",
            "2",
            ("x",),
        ),
        (
            "p.add_argument('--ttt-epochs', type=int, default=int(os.environ.get('A', 2)))",
            "A",
            "2",
            ("ttt_epochs",),
        ),
        ("p.add_argument('-t', dest='x', default=os.environ.get('A', '2'))", "A", "2", ("x",)),
        ("E = os.environ\nx = E.get('A', 2)", "A", "2", ("x",)),
        ("g = os.environ.get\nx = int(g('A', 2))", "A", "2", ("x",)),
        ("e = lambda k, d: os.environ.get(k, d)\nx = int(e('A', 2))", "A", "2", ("x",)),
        (HELPER + "x = _env_bool('A', True)", "A", "1", ("x",)),
        (HELPER + "x = _env_bool('A')", "A", "0", ("x",)),
        (HELPER + "x = _env_bool(name='A', default=True)", "A", "1", ("x",)),
        (
            (
                "def i(n, d):\n    return int(os.environ.get(n, str(d)))\n"
                "def j(n, d): return i(n, d)\nx = j('A', 5)"
            ),
            "A",
            "5",
            ("x",),
        ),
    ],
)
def test_a_read_gives_its_name_default_and_targets(
    text: str, name: str, default: str | None, targets: tuple[str, ...]
) -> None:
    found = [read for read in reads("import os\n" + text + "\n") if read.name == name]
    assert [(read.default, read.targets) for read in found] == [(default, targets)]


@pytest.mark.parametrize(
    ("expression", "true_text", "false_text"),
    [
        ("os.environ.get('A', '0') == '1'", "1", "0"),
        ("os.environ.get('A', 'true').lower() == 'true'", "true", "0"),
        ("os.environ.get('A', '1') != '0'", "1", "0"),
        ("os.environ.get('A', '') in ('yes', '1')", "yes", "0"),
        ("os.environ.get('A', '') not in ('', '0')", "0", ""),
        ("bool(int(os.environ.get('A', '0')))", "1", "0"),
    ],
)
def test_a_comparison_tells_what_a_truth_was_spelt_as(
    expression: str, true_text: str, false_text: str
) -> None:
    (read,) = reads(f"import os\nx = {expression}\n")
    assert read.targets == ("x",)
    assert (read.true_text, read.false_text) == (true_text, false_text)


def test_reads_of_a_packed_script_are_those_of_the_decoded_text() -> None:
    program = load_program("t.py", packing.lzma_xz(packing.PROGRAM).encode(), lambda path: None)
    (read,) = environment_reads(program)
    assert (read.name, read.default, read.targets, read.layer, read.line) == (
        "TTT_EPOCHS",
        "2",
        ("EPOCHS",),
        1,
        3,
    )


def test_a_name_that_two_variables_feed_is_tied_to_neither() -> None:
    found = variable_of(reads("import os\nx = os.environ.get('A')\nx = os.environ.get('B')\n"))
    assert "x" not in found
    assert found["a"].name == "A"


def test_a_write_is_no_read() -> None:
    assert reads("import os\nos.environ['A'] = '1'\n") == []

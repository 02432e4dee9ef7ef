"""Prints the table of attacks by level: `make attacks`, or `pytest tests/attacks --attack-table`.

A level is how much stands between a submission and the machine; what is never run has the level "read".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest

from auditor.errors import AuditorError
from auditor.replay.runs.session import Session
from auditor.replay.sandbox.isolation_levels import IsolationLevel, choose

READ = "read"
LEVELS = tuple(rung.value for rung in IsolationLevel)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--attack-table", action="store_true", help="print each attack with its result by level")


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """A session at the highest level that works on this machine, for one file of tests."""
    try:
        rung = choose()[0]
    except AuditorError as error:
        pytest.skip(str(error))
    with Session(rung) as made:
        yield made


def _attack_and_level(report: pytest.TestReport) -> tuple[str, str]:
    """From what the test recorded, else from its id: `test_name[level-attack]`."""
    told = dict(report.user_properties)
    if "attack" in told:
        return str(told["attack"]), str(told.get("level", READ))
    name, _, parameters = report.nodeid.rpartition("::")[2].partition("[")
    level, _, which = parameters.rstrip("]").partition("-")
    if level not in LEVELS:
        level, which = READ, parameters.rstrip("]")
    attack = name.removeprefix("test_").replace("_", " ")
    return (f"{attack} ({which})" if which else attack), level


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not terminalreporter.config.getoption("--attack-table"):
        return
    table: dict[str, dict[str, str]] = defaultdict(dict)
    words = {"passed": "held", "failed": "BROKEN", "error": "BROKEN", "skipped": "not here"}
    for outcome, word in words.items():
        for report in terminalreporter.stats.get(outcome, []):
            if isinstance(report, pytest.TestReport) and "/attacks/" in report.nodeid:
                attack, level = _attack_and_level(report)
                table[attack][level] = word
    levels = sorted({level for row in table.values() for level in row}, key=lambda name: (name != READ, name))
    width = max((len(attack) for attack in table), default=0)
    terminalreporter.write_line(" ".join([f"{'attack':{width}}", *(f"{level:>12}" for level in levels)]))
    for attack, row in table.items():
        cells = (f"{row.get(level, '-'):>12}" for level in levels)
        terminalreporter.write_line(" ".join([f"{attack:{width}}", *cells]))
    for level in levels:
        counts = Counter(row[level] for row in table.values() if level in row)
        told = ", ".join(f"{counts[word]} {word}" for word in ("held", "BROKEN", "not here"))
        terminalreporter.write_line(f"{level}: {told}")

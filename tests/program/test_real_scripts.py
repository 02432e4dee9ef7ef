"""Every distinct real training script is parsed or named, unpacked or named; needs `AUDITOR_CORPUS`."""

from __future__ import annotations

import re

import pytest

from auditor.program.configuration.environment import environment_reads
from auditor.program.unpacking.program import load_program

pytestmark = [pytest.mark.corpus, pytest.mark.slow]

_LONG_LITERAL = re.compile(rb"(?:b?['\"][^'\"\n]{4000,}['\"])|(?:b85decode|b64decode|a85decode)\(")
_RUNS_TEXT = re.compile(rb"^\s*exec\(|runpy\.run_path|\.exec_module\(", re.MULTILINE)


def test_real_scripts_are_parsed_and_unpacked_or_named(real_scripts: dict[str, bytes]) -> None:
    unparsed: list[str] = []
    silent: list[str] = []
    packed = decoded = named = 0
    for name, data in real_scripts.items():
        program = load_program(name.partition("@")[0], data, lambda path: None)
        if program.main.module is None:
            assert program.problems and program.problems[0].line >= 1, name
            unparsed.append(name)
            continue
        assert program.problems == [] or all(problem.reason for problem in program.problems)
        if _LONG_LITERAL.search(data) and _RUNS_TEXT.search(data):
            packed += 1
            inner = [layer for layer in program.layers if layer.parent is not None]
            if not inner and not program.problems:
                silent.append(name)
            elif inner:
                decoded += 1
                assert all(layer.module is not None for layer in inner), name
                assert environment_reads(program), name
            else:
                named += 1
    assert len(unparsed) <= 0.01 * len(real_scripts), unparsed
    assert silent == []
    assert packed >= 100
    assert decoded >= 0.97 * packed
    assert decoded + named == packed

"""The README says what the program does."""

from __future__ import annotations

import json
import re
import shlex

import click
import pytest

from auditor.cli import COMMANDS, group
from tests.docs import benchmarks
from tests.docs.readme import GENERATED, PICTURES, README, TIMELINE, filled, picture, timeline

ROOT = README.parent


def test_generated_parts_are_up_to_date() -> None:
    for document in GENERATED:
        text = document.read_text(encoding="utf-8")
        assert text == filled(text), f"{document.name}: run `make docs`"


def test_every_command_that_exists_is_named() -> None:
    text = README.read_text(encoding="utf-8")
    existing = [name for name in COMMANDS if (ROOT / "auditor" / "commands" / f"{name}.py").exists()]
    assert all(f"auditor {name}" in text for name in existing)


def printed_commands() -> list[list[str]]:
    """Every command line of ours in a shell block of the README and of the examples' page, words without a comment."""
    texts = [document.read_text(encoding="utf-8") for document in (README, ROOT / "examples" / "README.md")]
    blocks = [block for text in texts for block in re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)]
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("auditor ")]


@pytest.mark.parametrize("words", printed_commands(), ids=" ".join)
def test_printed_commands_are_understood(words: list[str]) -> None:
    command: click.Command = group
    context = click.Context(group, info_name="auditor")
    while isinstance(command, click.Group):
        found = command.get_command(context, words[0])
        assert found is not None, words
        command, words = found, words[1:]
        context = click.Context(command, parent=context)
    command.parse_args(context, list(words))
    for name in words:
        if name.startswith(("auditor/", "examples/")):
            assert (ROOT / name).exists(), name


def test_links_into_the_repository_lead_somewhere() -> None:
    for document in [README, ROOT / "rules" / "README.md"]:
        prose = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
        for link in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", prose):
            assert (document.parent / link).exists(), f"{document.name}: {link}"


def test_timeline_in_the_readme_is_what_the_auditor_shows() -> None:
    block = TIMELINE.search(README.read_text(encoding="utf-8"))
    assert block is not None
    assert block["shown"] == timeline(block["script"])


def test_the_pictures_are_those_of_the_scripts_that_come_with_it() -> None:
    for file, script in PICTURES.items():
        assert file.read_text(encoding="utf-8") == picture(script), f"{file.name}: run `make docs`"
        assert f"docs/{file.name}" in README.read_text(encoding="utf-8")


def test_benchmarks_are_shown_as_measured() -> None:
    found = json.loads(benchmarks.RESULTS.read_text(encoding="utf-8"))
    assert benchmarks.PAGE.read_text(encoding="utf-8") == benchmarks.render(found), "run `make docs`"

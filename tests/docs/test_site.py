"""The page of commands is what the program says, and the site holds together."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.cli import COMMANDS
from tests.docs import commands, site


def test_the_page_of_commands_is_up_to_date() -> None:
    assert set(commands.SHOWN) == set(COMMANDS), "each command is shown"
    # In a process of its own: what other tests asked of a command stays with it, its help among that.
    told = subprocess.run(
        [sys.executable, "-c", "from tests.docs.commands import page; print(page(), end='')"],
        cwd=site.ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert commands.PAGE.read_text(encoding="utf-8") == told, "run `make docs`"


def test_a_command_that_reads_a_pull_request_is_shown_on_one() -> None:
    about_none = {"explain", "rules", "schema"}
    for name, shown in commands.SHOWN.items():
        typed = " ".join((*shown.before, shown.line))
        assert ("refs/pull/77/head" in typed or "--pr 77" in typed) is (name not in about_none), name


@pytest.mark.corpus
@pytest.mark.parametrize("name", [name for name, shown in commands.SHOWN.items() if shown.steady])
def test_what_is_shown_is_what_is_printed(name: str, tmp_path: Path) -> None:
    store = os.environ.get("AUDITOR_CORPUS")
    if not store:
        pytest.skip("AUDITOR_CORPUS is not set")
    kept = (commands.KEPT / f"{name}.txt").read_text(encoding="utf-8")
    assert commands.run(name, Path(store).resolve(), tmp_path) == kept, (
        "run python -m tests.docs.commands --git DIR"
    )


def test_every_link_of_the_site_leads_somewhere(tmp_path: Path) -> None:
    site.lay_out(tmp_path / "pages")
    there = {str(file.relative_to(tmp_path / "pages")) for file in (tmp_path / "pages").rglob("*")}
    assert set(site.SOURCES.values()) <= there
    for name in site.SOURCES.values():
        text = (tmp_path / "pages" / name).read_text(encoding="utf-8")
        prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
        links = re.findall(r"\]\((?!https?:|#|mailto:)([^)\s#]+)", prose)
        assert set(links) <= there, name
    assert "files/docs/legal_lora_ttt.svg" in there, "the pictures come along"


@pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="the extra docs is not installed")
def test_the_site_is_built_without_a_complaint(tmp_path: Path) -> None:
    site.lay_out(tmp_path / "pages")
    settings = (site.ROOT / "mkdocs.yml").read_text(encoding="utf-8").replace("out/site-pages", "pages")
    (tmp_path / "mkdocs.yml").write_text(
        settings.replace("site_dir: out/site", "site_dir: made"), encoding="utf-8"
    )
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(tmp_path / "mkdocs.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made = (tmp_path / "made" / "commands" / "index.html").read_text(encoding="utf-8")
    assert "refs/pull/77/head" in made and "fonts.googleapis" not in made

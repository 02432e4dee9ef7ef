"""Lays the texts of the repository out as the pages of a site; `mkdocs build` (extra `docs`) makes the site of them.

Nothing is written for the site alone. A link to another page of it leads there; any other file that is linked to comes
along.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "out" / "site-pages"

SOURCES = {
    "README.md": "index.md",
    "docs/commands.md": "commands.md",
    "rules/README.md": "rules.md",
    "examples/README.md": "examples.md",
    "ARCHITECTURE.md": "architecture.md",
    "SECURITY.md": "security.md",
    "docs/benchmarks.md": "benchmarks.md",
    "reference_impl/README.md": "reference.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
"""File of the repository → page of the site."""

_LINK = re.compile(r"(?<=\]\()(?!https?:|#|mailto:)([^)\s#]+)(#[^)\s]*)?(?=\))")
_FENCE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)


def page(source: str) -> tuple[str, set[str]]:
    """A page with its links led right, and the files that it needs beside it by their path in the repository."""
    home = PurePosixPath(source).parent
    files: set[str] = set()

    def led(link: re.Match[str]) -> str:
        path = _normal(home / link[1])
        if path in SOURCES:
            return SOURCES[path] + (link[2] or "")
        if not (ROOT / path).is_file():
            raise ValueError(f"{source} links to {path}, which is no file")
        files.add(path)
        return f"files/{path}"

    parts = _FENCE.split((ROOT / source).read_text(encoding="utf-8"))
    parts[::2] = [_LINK.sub(led, part) for part in parts[::2]]
    return "".join(parts), files


def _normal(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def lay_out(folder: Path = PAGES) -> None:
    """Write all pages and files into a folder that holds nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for source, name in SOURCES.items():
        text, files = page(source)
        (folder / name).write_text(text, encoding="utf-8")
        for path in files:
            (folder / "files" / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, folder / "files" / path)


if __name__ == "__main__":
    lay_out()

"""How `text.xz` was made: English prose out of Python's own standard library.

    python3.11 reference_impl/corpus/freeze.py OUTPUT.xz

A document is what one module, class or function says about itself, or one section of the language reference
that `help()` shows. Only files that carry no copyright line of their own go in, so all of it stands under
Python's licence (LICENSE.txt beside this file). Documents are told apart by a form feed.

Kept for provenance. The frozen file is pinned by its hash in `reference_impl/corpus_text.py`; another
Python gives another text.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import lzma
import re
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

LEFT_OUT = {
    "__pycache__",
    "distutils",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "site-packages",
    "test",
    "turtledemo",
}

MIN_CHARS, MAX_CHARS = 250, 6000
TOTAL_BYTES = 1_500_000
SEPARATOR = "\f"


def docstrings(tree: ast.Module) -> Iterator[str]:
    """Yield what a module, its classes and its functions say about themselves, each under its name."""
    yield ast.get_docstring(tree) or ""
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield f"{node.name}\n{ast.get_docstring(node) or ''}"


def topic_documents(source: str) -> Iterator[str]:
    """Yield the sections of pydoc's language reference, cut at underlined headings."""
    (table,) = [node.value for node in ast.parse(source).body if isinstance(node, ast.Assign)]
    for text in ast.literal_eval(table).values():
        yield from re.split(r"\n(?=[^\n]+\n[*=\-~^]{4,}\n)", text)


def documents() -> Iterator[str]:
    """Yield every document of the running Python's library, in the order of the file names."""
    library = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(library.rglob("*.py"), key=lambda path: path.relative_to(library).as_posix()):
        if LEFT_OUT & set(path.relative_to(library).parts[:-1]) or path.name.startswith("_sysconfigdata"):
            continue
        source = path.read_text(encoding="utf-8", errors="ignore")
        if re.search("copyright|licen[sc]e", source, re.IGNORECASE):
            continue
        if path.match("pydoc_data/topics.py"):
            yield from topic_documents(source)
        else:
            yield from docstrings(ast.parse(source))


def main() -> None:
    """Collect, drop doubles and extremes of length, shuffle by hash, cut at the total size, compress."""
    kept: dict[str, str] = {}
    for text in documents():
        clean = inspect.cleandoc(text).replace(SEPARATOR, " ")
        if MIN_CHARS <= len(clean) <= MAX_CHARS:
            kept[hashlib.sha256(clean.encode()).hexdigest()] = clean
    chosen: list[str] = []
    size = 0
    for _, clean in sorted(kept.items()):
        size += len(clean.encode())
        if size > TOTAL_BYTES:
            break
        chosen.append(clean)
    raw = SEPARATOR.join(chosen).encode("utf-8")
    blob = lzma.compress(raw, format=lzma.FORMAT_XZ, preset=9 | lzma.PRESET_EXTREME)
    Path(sys.argv[1]).write_bytes(blob)
    digest = hashlib.sha256(blob).hexdigest()
    print(f"{len(chosen)} documents, {len(raw)} bytes, {len(blob)} compressed, sha256 {digest}")


if __name__ == "__main__":
    main()

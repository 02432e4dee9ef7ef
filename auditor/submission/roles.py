"""Which Python files of a folder are its scripts, and which folders of a tree are record folders.

A script is what a run starts and what prints a score: the training script under its many names, a separate
evaluation script, a readable twin of a packed one. A helper module, a test, a data or plotting tool is a
sibling. A stub that only runs another file is a launcher of that file. This is decided from names and from
word patterns in the text; nothing is parsed or run.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_METRIC = re.compile(r"bpb|bits[ _-]per[ _-]byte", re.IGNORECASE)
_MODEL_WORK = re.compile(
    r"cross_entropy|\.backward\(|nll_loss|log_softmax|logsumexp|value_and_grad|load_validation|fineweb_val|val_tokens"
)
_ENTRY = re.compile(
    r"^if\s+__name__\s*==|^(?:asyncio\.run\()?main\(|^dist\.init_process_group\(", re.MULTILINE
)
_RUNS_TEXT = re.compile(r"(?<![\w.])exec\s*\(|\brun_path\s*\(|\brunpy\b")
_DECODES = re.compile(r"b85decode|b64decode|a85decode|b32decode|decompress|fromhex|unhexlify")
_TOOL_NAME = re.compile(
    r"^(?:test_|tests_|verify|validate|check_|analy[sz]|plot|patch|prepare|download|cached_challenge|build_|make_"
    r"|retokenize|tokenize|convert|summar|parse_|collect|setup|conftest|smoke_test|update_|fetch|upload|bench|compare_"
    r"|sweep|profile|unpack|pack_)|_test\.py$"
)
_CODE_FOLDERS = frozenset(
    (
        "src",
        "code",
        "scripts",
        "tools",
        "tool",
        "utils",
        "util",
        "lib",
        "libs",
        "vendor",
        "docs",
        "doc",
        "tests",
        "test",
        "eval",
        "evals",
        "metrics",
        "supporting_files",
        "training_files",
        "ablations",
        "ablation",
        "analysis",
        "experiments",
        "tokenizer",
        "tokenizer_pipeline",
        "data",
        "notebooks",
        "archive",
    )
)
_TRAIN_NAME = re.compile(r"(?:^|_)train(?:_|\.py$|[0-9])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """The scripts of one folder by path, and for each the launchers that only run it."""

    scripts: tuple[str, ...]
    launchers: Mapping[str, tuple[str, ...]]


def is_packed(text: str) -> bool:
    """Whether the text runs code that it decodes."""
    return _RUNS_TEXT.search(text) is not None and _DECODES.search(text) is not None


def has_substance(text: str) -> bool:
    """Whether the text itself computes a loss and speaks of bits per byte, packed code given the benefit."""
    return is_packed(text) or (_METRIC.search(text) is not None and _MODEL_WORK.search(text) is not None)


def mentions(text: str, name: str) -> bool:
    """Whether the text imports, runs or names the Python file `name`."""
    stem = re.escape(name.removesuffix(".py"))
    importing = rf"^\s*(?:from\s+\.?{stem}\s+import|import\s+(?:[\w.]+\s*,\s*)*{stem}\b)"
    return (
        re.search(rf"['\"/]{stem}\.py\b", text) is not None
        or re.search(importing, text, re.MULTILINE) is not None
        or re.search(rf"import_module\(\s*['\"]{stem}['\"]", text) is not None
    )


def loads(text: str, name: str) -> bool:
    """Whether the text imports the Python file `name` or opens it to run it; a mere mention is not enough."""
    stem = re.escape(name.removesuffix(".py"))
    importing = rf"^\s*(?:from\s+\.?{stem}\s+import|import\s+(?:[\w.]+\s*,\s*)*{stem}\b)"
    if re.search(importing, text, re.MULTILINE) or re.search(rf"import_module\(\s*['\"]{stem}['\"]", text):
        return True
    opened = rf"(?:exec|open|run_path|Path|replace|join|spec_from_file_location)\s*\([^\n]*['\"/]{stem}\.py\b"
    return _RUNS_TEXT.search(text) is not None and re.search(opened, text) is not None


def classify(sources: Mapping[str, str], *, root: str = "") -> Roles:
    """Tell the scripts from the helpers among the Python files of one folder.

    Args:
        sources: path → text of every readable Python file of the folder.
        root: the folder. When it holds a script itself, nothing in its code directories is one.
    """
    substantial = {path for path, text in sources.items() if has_substance(text)}
    entries = {path for path in substantial if _is_entry(path, sources[path])}
    scripts = {path for path in entries if not _is_helper_of_another(path, entries, sources)}
    launchers: dict[str, tuple[str, ...]] = {}
    for path, text in sources.items():
        name = posixpath.basename(path)
        if path in scripts or not (_TRAIN_NAME.search(name) or _ENTRY.search(text)):
            continue
        run = [
            other
            for other in sorted(substantial)
            if other != path and path not in substantial and mentions(text, posixpath.basename(other))
        ]
        if name == "train_gpt.py" and not run:
            scripts.add(path)
        elif name == "train_gpt.py":
            scripts.update(run[:1] if not scripts.intersection(run) else ())
        for other in run:
            launchers[other] = (*launchers.get(other, ()), path)
    if not scripts:
        scripts = {path for path in sources if _is_entry(path, sources[path])}
    if any(posixpath.dirname(path) == root for path in scripts):
        scripts = {path for path in scripts if not _in_code_folder(path, root)}
    kept = {script: tuple(sorted(paths)) for script, paths in launchers.items() if script in scripts}
    return Roles(scripts=tuple(sorted(scripts)), launchers=kept)


def is_script_name(path: str, *, root: str = "") -> bool:
    """Whether a file is a training script by its name alone, as one is whose text cannot be read."""
    return _TRAIN_NAME.search(posixpath.basename(path)) is not None and not _in_code_folder(path, root)


def _is_entry(path: str, text: str) -> bool:
    name = posixpath.basename(path)
    if name == "train_gpt.py":
        return True
    if _TOOL_NAME.search(name.lower()):
        return False
    return _TRAIN_NAME.search(name) is not None or _ENTRY.search(text) is not None or is_packed(text)


def _is_helper_of_another(path: str, entries: set[str], sources: Mapping[str, str]) -> bool:
    """Another entry imports or runs it, and its name is not that of a training script."""
    name = posixpath.basename(path)
    if _TRAIN_NAME.search(name):
        return False
    return any(other != path and mentions(sources[other], name) for other in entries)


def _in_code_folder(path: str, root: str) -> bool:
    below = posixpath.dirname(path)[len(root) :].split("/")
    return not _CODE_FOLDERS.isdisjoint(part.lower() for part in below)


def record_root(path: str) -> str | None:
    """The outermost folder that can be a record folder for a path below `records/`, None for any other path.

    It is the component after `records/` and an optional track folder; the innermost `records` counts.
    """
    parts = path.split("/")[:-1]
    if "records" not in parts:
        return None
    at = len(parts) - 1 - parts[::-1].index("records")
    below = parts[at + 1 :]
    if below and below[0].startswith("track_"):
        return "/".join(parts[: at + 2 + (len(below) > 1)])
    return "/".join(parts[: at + 1 + (len(below) > 0)])


def split_folders(root: str, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Divide the files below a root into record folders.

    A directory below the root that itself holds a `train_gpt.py` or a `submission.json` is a folder of its
    own, unless it is a code directory of the root; every other file belongs to the nearest folder above it.
    """
    homes = {root}
    for path in paths:
        directory, name = posixpath.split(path)
        marks = name in ("train_gpt.py", "submission.json")
        if marks and directory != root and not _in_code_folder(path, root):
            homes.add(directory)
    divided: dict[str, list[str]] = {home: [] for home in sorted(homes)}
    for path in paths:
        home = posixpath.dirname(path)
        while home not in homes:
            home = posixpath.dirname(home)
        divided[home].append(path)
    return {home: tuple(inside) for home, inside in divided.items() if inside}

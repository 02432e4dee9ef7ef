"""What is fuzzed: readers of what strangers wrote, each with seeds and with what must hold for any input.

A target takes bytes and raises for what must not happen; `AuditorError` is how a reader says that it cannot read.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from auditor import specimens
from auditor.audit.pipeline import audit_submission
from auditor.errors import AuditorError
from auditor.native.dependence import dependences
from auditor.native.syntax import NativeUnreadable, parse_native
from auditor.program.configuration.launchers import python_launcher_settings
from auditor.program.configuration.readme import readme_commands
from auditor.program.configuration.shell import read_commands
from auditor.program.parsing.parse import ParseFailure, normalise, parse_concrete
from auditor.program.unpacking.program import load_program
from auditor.records.log_source import find_source
from auditor.records.submission_json import read_submission_json
from auditor.records.validate import validate_folder
from auditor.report import FORMATS, renderer
from auditor.report.records_text import render_markdown, render_text
from auditor.submission.git_store import _entries
from auditor.submission.model import Folder, SourceFile, Submission, Target, Track, decode_text
from tests.program.tree_comparison import first_difference

HOME = Path(specimens.__file__).parent
SCRIPTS = [(HOME / name).read_bytes() for name in ("train_before_score.py", "legal_lora_ttt.py")]
SCRIPTS += [path.read_bytes() for path in sorted((Path(__file__).parents[1] / "specimens").glob("*.py"))][:14]
LOG = b"""import torch
def f():
    return 1
class A:
    pass
if x:
    y = 1
for i in x:
    pass
====================================================================================================
Hyperparameters:
  seed: 42
  ttt_epochs: 3
world_size:8 val_tokens:62021632 train_shards:80
[rank 0]: step:100/20000 train_loss:3.2510 train_time:12000ms step_avg:120.0ms
step:200/20000 val_loss:3.1000 val_bpb:1.2000 train_time:24000ms
\x1b[32mstopping_early: wallclock_cap\x1b[0m
gptq: collected 68 hessians in 3.4s from train data
Serialized model int6+zstd: 15,900,000 bytes
Code size: 40,000 bytes
Total submission size int6+zstd: 15,940,000 bytes
final_int6_roundtrip_exact val_loss:3.00000000 val_bpb:1.10000000 eval_time:90000ms
"""
JSON = b"""{"name": "x", "author": "y", "val_bpb": 1.1, "seeds": [42, 314], "p_value": 0.001, "std": 1e-4,
"seed_results": {"42": {"val_bpb": 1.1, "artifact_bytes": 15940000}, "314": {"val_bpb": 1.1002}},
"bytes_total": 15940000, "a": [null, true]}"""
README = b"""# Entry: SP8192 + TTT

| seed | bpb |
|---|---|
| 42 | 1.1000 |

We report **1.1000 +- 0.0003** (p < 0.01).

```bash
TTT_EPOCHS=3 SEED=42 \\
  torchrun --standalone --nproc_per_node=8 train_gpt.py 2>&1 | tee log.txt
```
"""
SHELL = b"""#!/bin/bash
export TTT_EPOCHS=${1:-3}
for seed in 42 314; do
  SEED=$seed torchrun --nproc_per_node=$N train_gpt.py
done
"""
NATIVE = b"""extern "C" void f(const int* x, float* p, int n) {
  for (int i = 0; i < n; ++i) { p[i] = x[i] > 3 ? 1.0f : p[i - 1]; }
}
"""
TREE = b"\0".join(
    (
        b"100644 blob " + b"a" * 40 + b"\trecords/x/train_gpt.py",
        b"120000 blob " + b"b" * 40 + b"\tl",
        b"160000 commit " + b"c" * 40 + b"\tm",
    )
)


def _packed(script: bytes) -> bytes:
    return b"import zlib,base64\nexec(zlib.decompress(base64.b85decode(%r)))\n" % base64.b85encode(
        zlib.compress(script)
    )


def _folder(files: Mapping[str, bytes]) -> Folder:
    made = tuple(SourceFile.from_bytes(path, content) for path, content in sorted(files.items()))
    return Folder(target=Target(kind="folder", path="x"), path="", files=made, track=Track.RECORD_10MIN_16MB)


def unpack(data: bytes) -> None:
    """Every script gives a program, and one that has no tree says why."""
    program = load_program("train_gpt.py", data, lambda name: SCRIPTS[0] if name.endswith(".py") else None)
    assert program.main.module is not None or program.problems, "no tree and no problem"


def parse(data: bytes) -> None:
    """The own lowering agrees with the interpreter wherever both take the text."""
    text = normalise(data.decode("utf-8", "replace"))
    try:
        ours = parse_concrete(text, "x.py")
    except ParseFailure:
        return
    try:
        theirs = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    difference = first_difference(ours, theirs)
    assert not difference, difference


def evaluate(data: bytes) -> None:
    """Every script has a verdict; no rule crashes; every format shows it, without what steers a terminal."""
    script = SourceFile.from_bytes("train_gpt.py", data)
    submission = Submission(
        target=Target(kind="script", path="train_gpt.py"),
        folder=None,
        script=script,
        files=(script,),
        track=Track.UNKNOWN,
    )
    result = audit_submission(submission)
    assert not result.crashed, result.crashed[0].crashed
    for name in FORMATS:
        shown = renderer(name)([result], ())
        assert "\x1b" not in shown, name
        if name in ("json", "sarif"):
            json.loads(shown)


def _records(files: Mapping[str, bytes]) -> None:
    standard = {"train_gpt.py": SCRIPTS[0], "README.md": README, "log.txt": LOG, "submission.json": JSON}
    result = validate_folder(_folder({**standard, **files}))
    assert "\x1b" not in render_text(result) + render_markdown(result)
    json.loads(json.dumps(result.to_json(), allow_nan=False))


def log(data: bytes) -> None:
    """Any log beside any entry."""
    find_source(decode_text(data).split("\n"))
    _records({"log.txt": data})


def submission_json(data: bytes) -> None:
    """Any `submission.json`."""
    read = read_submission_json("submission.json", decode_text(data))
    read.seed_count(), read.withdrawn(), read.artifact_bytes(), list(read.walk())
    _records({"submission.json": data})


def readme(data: bytes) -> None:
    """Any README and any run script, as commands and as records."""
    text = decode_text(data)
    readme_commands(text)
    read_commands(text)
    python_launcher_settings(text, "run.py")
    _records({"README.md": data})


def native(data: bytes) -> None:
    """Any C; what cannot be read is told by an error of its own."""
    with contextlib.suppress(NativeUnreadable):
        dependences(parse_native(data.decode("utf-8", "replace")))


def git_tree(data: bytes) -> None:
    """Any listing that git could give; a record of another shape is not git's."""
    kept = [record for record in data.split(b"\0") if record.count(b" ") >= 2 and b"\t" in record]
    metas = [record.split(b"\t", 1)[0] for record in kept]
    shaped = [r for r, m in zip(kept, metas, strict=True) if m.isascii() and len(m.decode().split()) == 3]
    for entry in _entries(b"\0".join(shaped)):
        entry.path.encode("utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzTarget:
    """A reader with inputs to start from."""

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]

    def __call__(self, data: bytes) -> None:
        try:
            self.run(data)
        except AuditorError as error:
            assert error.message, "an error that says nothing"


TARGETS: dict[str, FuzzTarget] = {
    "unpack": FuzzTarget(
        run=unpack, seeds=(*map(_packed, SCRIPTS[:3]), _packed(_packed(b"print(1)\n")), *SCRIPTS[:2])
    ),
    "parse": FuzzTarget(run=parse, seeds=tuple(SCRIPTS)),
    "evaluate": FuzzTarget(run=evaluate, seeds=tuple(SCRIPTS)),
    "log": FuzzTarget(run=log, seeds=(LOG, LOG + LOG)),
    "submission_json": FuzzTarget(run=submission_json, seeds=(JSON,)),
    "readme": FuzzTarget(run=readme, seeds=(README, SHELL)),
    "native": FuzzTarget(run=native, seeds=(NATIVE,)),
    "git_tree": FuzzTarget(run=git_tree, seeds=(TREE,)),
}

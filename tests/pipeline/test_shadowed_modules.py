"""A file beside the script that has a library's name is what the script imports, and is never taken for the library.

The order in which Python looks is that of `importlib.machinery.FileFinder`, which the last test asks.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from auditor import specimens
from auditor.audit.targets import audit_target
from auditor.judgement.result import AuditResult, Verdict
from auditor.program.unpacking.layers import NATIVE_SUFFIXES, module_files
from rules.core.rule import Outcome

LEGAL = Path(specimens.__file__).with_name("legal_lora_ttt.py").read_text()
HALVED = "def log(x):\n    return 2.0\n\n\ndef sqrt(x):\n    return x**0.5\n"


def audited(folder: Path, script: str = LEGAL) -> AuditResult:
    path = folder / "train_gpt.py"
    path.write_text(script)
    (result,), _ = audit_target(str(path))
    return result


@pytest.mark.parametrize("name", ["math.py", "math/__init__.py"])
def test_source_of_that_name_is_what_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(HALVED)
    assert audited(tmp_path).verdict is Verdict.VIOLATION


@pytest.mark.parametrize(
    "name", ["math.pyc", "math.so", "numpy.cpython-311-x86_64-linux-gnu.so", "torch/__init__.abi3.so"]
)
def test_compiled_code_of_that_name_is_code_that_cannot_be_read(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"\0")
    result = audited(tmp_path)
    assert "opaque-code" in result.slugs(Outcome.FAIL)


def test_a_file_that_cannot_be_read_is_not_the_library(tmp_path: Path) -> None:
    (tmp_path / "math.py").symlink_to("/dev/null")
    assert audited(tmp_path).verdict is Verdict.REVIEW


def test_what_python_may_have_built_in_is_left_to_a_person(tmp_path: Path) -> None:
    """`itertools` is compiled into most interpreters, and then the file beside the script is not imported."""
    (tmp_path / "itertools.py").write_text("def starmap(function, arguments):\n    return []\n")
    hidden = LEGAL.replace("import math\n", "import itertools\nimport math\n", 1)
    assert audited(tmp_path, hidden).verdict is Verdict.REVIEW


def test_files_beside_the_script_that_it_does_not_import_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "statistics.pyc").write_bytes(b"\0")
    (tmp_path / "math").mkdir()
    (tmp_path / "math" / "notes.py").write_text("x = 1\n")
    assert audited(tmp_path).verdict is Verdict.COMPLIANT


def test_the_order_is_that_in_which_python_looks(tmp_path: Path) -> None:
    order = [name for name in module_files("thing") if not name.endswith(NATIVE_SUFFIXES)]
    order = [
        name for suffix in EXTENSION_SUFFIXES[:1] for name in (f"thing/__init__{suffix}", f"thing{suffix}")
    ] + order
    assert set(EXTENSION_SUFFIXES) <= set(NATIVE_SUFFIXES) or sys.platform != "linux"
    (tmp_path / "thing").mkdir()
    for name in order:
        (tmp_path / name).write_bytes(b"")
    listed = list(module_files("thing"))
    found = []
    ask = "import importlib.util; print(importlib.util.find_spec('thing').origin)"
    for _ in order:
        out = subprocess.run(
            [sys.executable, "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        first = Path(out.stdout.strip()).relative_to(tmp_path).as_posix()
        found.append(first)
        (tmp_path / first).unlink()
    assert found == sorted(found, key=listed.index)

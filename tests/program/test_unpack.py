"""Packed scripts are decoded without being run; the other route is what was packed in the first place."""

from __future__ import annotations

import ast
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.program.model import Layer, Program
from auditor.program.unpacking.program import load_program
from tests.program import packing
from tests.program.packing import PACKERS, PROGRAM


def load(text: str | bytes, **siblings: str | bytes) -> Program:
    data = text.encode() if isinstance(text, str) else text
    files = {name.replace("__", "."): content for name, content in siblings.items()}

    def read(path: str) -> bytes | None:
        content = files.get(path)
        return content.encode() if isinstance(content, str) else content

    return load_program("records/track/entry/train_gpt.py", data, read)


def calls(layer: Layer) -> list[ast.Call]:
    assert layer.module is not None
    found = [node for node in ast.walk(layer.module) if isinstance(node, ast.Call)]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def running_call(program: Program, layer: int = 0) -> tuple[ast.Call, Layer]:
    found = [(call, inner) for call in calls(program.layers[layer]) if (inner := program.layer_at(call))]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("name", PACKERS)
def test_every_form_gives_back_what_was_packed(name: str) -> None:
    program = load(PACKERS[name](PROGRAM))
    assert program.problems == []
    call, inner = running_call(program)
    assert inner.text == PROGRAM
    assert inner.module is not None
    assert inner.parent == 0
    assert inner.site == (call.lineno, call.col_offset)
    assert program.innermost[-1] is inner
    assert program.unresolved_at(call) is None


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("lzma_raw", "lzma+base85"),
        ("lzma_alone", "lzma+base64"),
        ("zlib_ascii85", "zlib+ascii85"),
        ("gzip_hex", "gzip+hex"),
        ("bz2_base32", "bz2+base32"),
        ("brotli_base85", "brotli+base85"),
        ("zstd_base64", "zstd+base64"),
        ("joined_pieces", "zlib+base85"),
        ("patched_after_decoding", "zlib+base85"),
        ("temporary_file", "lzma+base85, written to inner.py"),
        ("renamed_exec", "text in the script"),
    ],
)
def test_a_layer_tells_how_it_was_had(name: str, how: str) -> None:
    _, inner = running_call(load(PACKERS[name](PROGRAM)))
    assert inner.how == how


@given(
    body=st.text(
        st.characters(codec="utf-8", exclude_characters="\r\0\x0c\ufeff", exclude_categories=("Cs",)),
        max_size=60,
    ),
    packers=st.lists(st.sampled_from(sorted(PACKERS)), min_size=1, max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_layers_in_layers_come_back_whatever_the_text(body: str, packers: list[str]) -> None:
    innermost = f"MARK = {body!r}\n"
    text = innermost
    for name in packers:
        text = PACKERS[name](text)
    program = load(text)
    assert program.problems == []
    assert [layer.index for layer in program.layers] == list(range(len(packers) + 1))
    assert program.layers[-1].text == innermost


def test_a_wrapper_is_kept_with_its_environment_before_the_call() -> None:
    program = load("import os\nos.environ.setdefault('TTT_LR', '1e-3')\n" + packing.lzma_xz(PROGRAM))
    assert program.main.module is not None
    assert ast.unparse(program.main.module.body[1]) == "os.environ.setdefault('TTT_LR', '1e-3')"
    call, inner = running_call(program)
    assert call.lineno == 4
    assert inner.text == PROGRAM


def test_the_file_name_given_to_compile_may_be_unknown() -> None:
    program = load("import socket\nexec(compile('x = 1', socket.gethostname(), 'exec'))\n")
    assert running_call(program)[1].text == "x = 1"


@pytest.mark.parametrize(
    "statement",
    [
        "exec(open(__file__.replace('train_gpt.py', 'inner.py')).read())",
        "from pathlib import Path\nexec(Path(__file__).with_name('inner.py').read_text())",
        (
            "from pathlib import Path\n"
            "exec((Path(__file__).resolve().parent / 'inner.py').read_text(encoding='utf-8'))"
        ),
        "import os\nexec(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'inner.py')).read())",
        "import runpy\nrunpy.run_path('./inner.py', run_name='__main__')",
        "import runpy\nrunpy.run_module('inner', run_name='__main__')",
        "import subprocess, sys\nsubprocess.check_call([sys.executable, '-u', 'inner.py'])",
        "import os\nos.system('torchrun --nproc_per_node=8 inner.py')",
        "import os, sys\nos.execv(sys.executable, [sys.executable, 'inner.py'])",
    ],
)
def test_a_sibling_file_that_is_run_becomes_the_layer(statement: str) -> None:
    _, inner = running_call(load(statement + "\n", inner__py=PROGRAM))
    assert inner.text == PROGRAM
    assert inner.how == "sibling file inner.py"
    assert inner.path == "records/track/entry/inner.py"


def test_a_payload_in_a_data_file_is_read_through_the_callback() -> None:
    import lzma

    program = load(
        "import lzma\nwith open('payload.bin', 'rb') as f:\n    exec(lzma.decompress(f.read()))\n",
        payload__bin=lzma.compress(PROGRAM.encode()),
    )
    _, inner = running_call(program)
    assert (inner.text, inner.how) == (PROGRAM, "lzma+sibling file payload.bin")


def test_text_after_a_marker_in_the_own_file_is_followed() -> None:
    program = load("exec(open(__file__).read().split('#' + '!')[1])\n#!x = 1\n")
    assert running_call(program)[1].text == "x = 1\n"


def test_modules_installed_by_a_helper_are_layers_in_order_and_answer_imports() -> None:
    text = (
        "import sys, types\n\n\ndef install(name, source):\n"
        "    module = types.ModuleType(name)\n    sys.modules[name] = module\n"
        "    exec(compile(source, name, 'exec'), module.__dict__)\n\n\n"
        "install('one', 'A = 1')\ninstall('two', 'B = 2')\nimport one\n"
    )
    program = load(text)
    call = next(call for call in calls(program.main) if program.layers_at(call))
    assert [(layer.name, layer.text) for layer in program.layers_at(call)] == [
        ("one", "A = 1"),
        ("two", "B = 2"),
    ]
    found = program.module("two")
    assert found is not None and found.text == "B = 2"


def test_files_the_script_writes_are_modules_of_the_program() -> None:
    text = (
        "import tempfile, os, sys\nd = tempfile.mkdtemp()\n"
        "for n, c in zip(['a.py', 'pkg/b.py'], ['import os', 'Y = 2']):\n"
        "    f = os.path.join(d, n)\n"
        "    os.makedirs(os.path.dirname(f), exist_ok=True)\n    open(f, 'w').write(c)\n"
        "sys.path.insert(0, d)\nexec(open(os.path.join(d, 'a.py')).read())\n"
    )
    program = load(text)
    assert running_call(program)[1].text == "import os"
    written = program.module("pkg.b")
    assert written is not None and written.text == "Y = 2"


def test_sibling_modules_are_read_on_demand() -> None:
    asked: list[str] = []

    def read(path: str) -> bytes | None:
        asked.append(path)
        return {"helper.py": b"X = 1\n", "package/__init__.py": b"Y = 2\n"}.get(path)

    program = load_program("train_gpt.py", b"import helper, package, torch\n", read)
    assert asked == []
    helper, package, torch = (program.module(name) for name in ("helper", "package", "torch"))
    assert helper is not None and helper.text == "X = 1\n" and helper.name == "helper"
    assert package is not None and package.path == "package/__init__.py"
    assert torch is None
    assert program.module("helper") is helper
    assert asked.count("helper.py") == 1


def test_a_packed_sibling_module_is_unpacked_too() -> None:
    program = load("import helper\n", helper__py=packing.lzma_xz(PROGRAM))
    assert program.module("helper") is not None
    assert program.layers[-1].text == PROGRAM


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("import marshal\nexec(marshal.loads(b'abc'))", "marshal: compiled bytecode"),
        ("import pickle\nexec(pickle.loads(b'abc'))", "pickle: loading it would run code"),
        ("import urllib.request as u\nexec(u.urlopen('http://x').read())", "fetched from the network"),
        ("exec(open('/etc/passwd').read())", "is a file of the machine"),
        ("exec(open('missing.py').read())", "missing.py is not in the submission's folder"),
        ("exec(open('../other/train_gpt.py').read())", "records/track/other/train_gpt.py is outside"),
        ("import lzma\nexec(lzma.decompress(b'not lzma'))", "lzma.decompress:"),
        ("import zlib\nexec(zlib.decompress(b'x\\x9cabc'))", "zlib.decompress:"),
        ("import sys\nexec(sys.argv[1])", "IndexError"),
        ("exec(b'\\xff\\xfe\\xfd')", "the decoded text is unreadable"),
        ("import os\nexec(os.environ['CODE'])", "an environment variable"),
        (
            (
                "import importlib.util as u\ns = u.spec_from_file_location('x', 'lib.so')\n"
                "s.loader.exec_module(u.module_from_spec(s))"
            ),
            "native code",
        ),
    ],
)
def test_what_cannot_be_decoded_is_named_with_its_reason(statement: str, reason: str) -> None:
    program = load(f"{statement}\n")
    found = [why for call in calls(program.main) if (why := program.unresolved_at(call))]
    assert len(found) == 1 and reason in found[0]
    assert len(program.problems) == 1
    problem = program.problems[0]
    assert reason in problem.reason
    assert (problem.layer, problem.line) == (0, len(statement.split("\n")))
    assert problem.kind == ("outside" if "outside" in reason else "opaque")


def test_a_condition_that_is_not_known_does_not_pick_a_layer() -> None:
    program = load(
        "import torch\nif torch.cuda.is_available():\n    s = 'a = 1'\nelse:\n    s = 'b = 2'\nexec(s)\n"
    )
    assert len(program.layers) == 1
    assert "depends on a condition" in program.problems[0].reason


def test_a_helper_that_is_never_called_is_told_as_unreached() -> None:
    program = load("def run(source):\n    exec(source)\n")
    assert [(problem.kind, problem.line) for problem in program.problems] == [("unreached", 2)]
    assert "parameter source" in program.problems[0].reason


def test_calls_deep_in_a_training_program_are_reached_through_their_callers() -> None:
    text = (
        "import importlib.util\nfrom pathlib import Path\n\n\ndef load(path, name):\n"
        "    spec = importlib.util.spec_from_file_location(name, path)\n"
        "    module = importlib.util.module_from_spec(spec)\n"
        "    spec.loader.exec_module(module)\n    return module\n\n\ndef evaluate(model):\n"
        "    return load(Path(__file__).parent / 'extra.py', 'extra')\n\n\ndef main():\n    table = []\n"
        "    for i in range(10**7):\n        table.append(i)\n    evaluate(table)\n\n\nmain()\n"
    )
    program = load(text, extra__py="Z = 3\n")
    assert [layer.text for layer in program.layers[1:]] == ["Z = 3\n"]
    assert program.problems == []


@pytest.mark.parametrize(
    "text",
    [
        "import subprocess\nsubprocess.run(['nvidia-smi'], check=False)\n",
        "import subprocess\ncmd = ['lrzip', '-z', 'x']\nsubprocess.run(cmd)\n",
        "model.eval()\n# exec(this) is a comment\n",
        "import importlib\nm = importlib.import_module('zstandard')\nz = __import__('zlib')\n",
        "import subprocess, sys\nsubprocess.check_call([sys.executable, '-m', 'pip', 'install', 'x'])\n",
        "import subprocess, sys\nsubprocess.run([sys.executable, __file__])\n",
    ],
)
def test_calls_that_run_no_text_of_the_submission_are_no_problem(text: str) -> None:
    program = load(text)
    assert program.problems == []
    assert len(program.layers) == 1


def test_nothing_of_the_submission_is_executed(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    witness: list[str] = []
    monkeypatch.setattr("os.system", lambda command: witness.append(command))
    load(packing.lzma_xz("import os\nos.system('touch x')\n"))
    load("__import__('os').system('touch x')\nexec(\"__import__('os').system('y')\")\n")
    assert witness == []


def layer_depth(make: Callable[[str], str], times: int) -> str:
    text = "x = 1\n"
    for _ in range(times):
        text = make(text)
    return text


def test_layers_are_followed_to_the_bound_and_the_rest_is_named() -> None:
    deep = load(layer_depth(packing.renamed_exec, 7))
    assert deep.problems == [] and deep.layers[-1].text == "x = 1\n"
    deeper = load(layer_depth(packing.gzip_hex, 9))
    assert [problem.kind for problem in deeper.problems] == ["cap"]
    assert "more than 8 layers" in deeper.problems[0].reason


def test_a_python_program_that_is_not_known_is_named() -> None:
    program = load("import os, subprocess, sys\nsubprocess.run([sys.executable, os.environ['SCRIPT']])\n")
    assert [problem.reason for problem in program.problems] == [
        "run: the Python program that it starts is not known"
    ]


def test_a_module_started_with_unknown_arguments_is_no_script() -> None:
    program = load("import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'pip', sys.argv[7]])\n")
    assert program.problems == []

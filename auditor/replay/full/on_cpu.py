"""A rank on a machine without GPUs: the stand-ins of the toy replay are put up, then the script runs at its own size.

The clock is the real one, sizes are left as they are, and nothing is recorded.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import importlib
import os
import sys
import types
from pathlib import Path
from typing import Any

from auditor.program.parsing.parse import decode_source
from auditor.replay.toy.lowering import lowered


def run_on_cpu(script: str) -> None:
    """Run a script as the main program; its exceptions propagate."""
    from auditor.replay.inside.observer import install_stage

    _stand_in()
    _accept_newer_grammar()
    path = Path(script).resolve()
    module = types.ModuleType("__main__")
    module.__dict__.update(__file__=str(path), __builtins__=builtins)
    sys.modules["__main__"] = module
    sys.argv = [script]
    sys.path[0] = str(path.parent)
    text = decode_source(path.read_bytes(), str(path))
    with install_stage(None):
        builtins.exec(builtins.compile(text, str(path), "exec"), module.__dict__)  # noqa: S102  (what it is for)


def _stand_in() -> None:
    import torch

    from auditor.replay.inside.attention import install_attention
    from auditor.replay.inside.compilation import install_compiler
    from auditor.replay.inside.devices import install_cuda
    from auditor.replay.inside.kernels import install_kernels
    from auditor.replay.inside.missing import install_missing
    from auditor.replay.inside.patching import nothing
    from auditor.replay.inside.precision import install_precision
    from auditor.replay.inside.ranks import Collectives, install_ranks
    from auditor.replay.inside.server import PRELOADED

    # What takes functions of torch by name when it is imported must find its own.
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    install_cuda()
    install_precision()
    install_compiler()
    install_attention()
    install_kernels(nothing)
    install_ranks(Collectives())
    install_missing()


def _accept_newer_grammar() -> None:
    """Let `compile` and `exec` take texts of a newer Python than this one."""
    translate, run = builtins.compile, builtins.exec

    def compile_text(source: Any, filename: Any, mode: str, *args: Any, **kwargs: Any) -> Any:
        if len(args) < 2:
            # Not this module's own `from __future__`.
            kwargs.setdefault("dont_inherit", True)
        try:
            return translate(source, filename, mode, *args, **kwargs)
        except SyntaxError:
            flags = args[0] if args else kwargs.get("flags", 0)
            if mode != "exec" or flags & ast.PyCF_ONLY_AST or not isinstance(source, (str, bytes)):
                raise
            text = source if isinstance(source, str) else decode_source(bytes(source), str(filename))
            return translate(lowered(text), filename, mode, *args, **kwargs)

    def execute(source: Any, namespace: Any = None, local: Any = None, /, **kwargs: Any) -> None:
        frame = sys._getframe(1)
        if namespace is None:
            namespace, local = frame.f_globals, frame.f_locals if local is None else local
        if isinstance(source, (str, bytes)):
            source = compile_text(source, "<string>", "exec")
        run(source, namespace, local, **kwargs)

    builtins.compile, builtins.exec = compile_text, execute

"""Compiles every text of the submission: the script, what it decodes and executes, and its own modules.

Each text is lowered to the grammar of the running Python where it is newer, and given loop counters where the
run is recorded. Texts are named by their digest, so that the parent can tell which layer an event stood in.

Whatever is needed for that is imported here, before a run is confined: what is imported later is looked for anew, and
a confined process may not list the folder that it would be found in.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import importlib.machinery
import linecache
import os
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auditor.program.parsing.parse import decode_source
from auditor.replay.inside.instrument import Loops
from auditor.replay.inside.own_files import is_own_file
from auditor.replay.inside.patching import replace
from auditor.replay.inside.recorder import Recorder
from auditor.replay.inside.written import WrittenSizes
from auditor.replay.toy.lowering import lowered


class ProgramLoader:
    """Stands between the submission and Python's compiler.

    Args:
        lowered: texts in the running Python's grammar, by digest of the original.
        writable: folders of the submission's own files; modules found there are its own.
        written: shrinks sizes that are written into the text, None to leave them.
        marks: lines to tell when they are reached, by digest of their text.
        count: whether loops are counted.
    """

    def __init__(
        self,
        recorder: Recorder,
        loops: Loops,
        lowered: Mapping[str, str],
        writable: tuple[str, ...],
        written: WrittenSizes | None,
        marks: Mapping[str, list[int]],
        *,
        count: bool,
    ) -> None:
        self._recorder, self._loops, self._lowered = recorder, loops, lowered
        self._writable, self._written, self._marks, self._count = writable, written, marks, count
        self._compiled: dict[tuple[str, str], types.CodeType] = {}

    def install(self) -> None:
        """Take over `exec`, `compile` and the import of the submission's own modules."""
        run, translate = builtins.exec, builtins.compile
        loader: Any = importlib.machinery.SourceFileLoader
        plain_code = loader.get_code

        def execute(source: Any, namespace: Any = None, local: Any = None, /, **kwargs: Any) -> None:
            frame = sys._getframe(1)
            if namespace is None:
                namespace, local = frame.f_globals, frame.f_locals if local is None else local
            if self._is_own(frame) and isinstance(source, (str, bytes)):
                source = self.compiled(source)
            run(source, namespace, local, **kwargs)

        def compile_text(source: Any, filename: Any, mode: str, *args: Any, **kwargs: Any) -> Any:
            own = self._is_own(sys._getframe(1)) or self._is_own_file(str(filename))
            flags = args[0] if args else kwargs.get("flags", 0)
            if own and mode == "exec" and isinstance(source, (str, bytes)) and not flags & ast.PyCF_ONLY_AST:
                return self.compiled(source, str(filename))
            return translate(source, filename, mode, *args, **kwargs)

        def get_code(finder: Any, fullname: str) -> Any:
            path = finder.get_filename(fullname)
            if not self._is_own_file(path):
                return plain_code(finder, fullname)
            return self.compiled(finder.get_data(path), path)

        replace(builtins, exec=execute, compile=compile_text)
        replace(loader, get_code=get_code)

    def _is_own(self, frame: types.FrameType) -> bool:
        return frame.f_code.co_filename in self._recorder.files

    def _is_own_file(self, path: str) -> bool:
        return is_own_file(os.path.abspath(path), self._writable)

    def compiled(self, source: str | bytes, file: str = "<string>") -> types.CodeType:
        """Compile a text of the submission.

        Raises:
            SyntaxError: as Python does, after the lowering had its try.
        """
        text = source if isinstance(source, str) else decode_source(bytes(source), "<bytes>")
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        named = file if os.path.isabs(file) else f"<{digest[:16]}>"
        known = self._compiled.get((digest, named))
        if known is not None:
            return known
        if named not in self._recorder.files:
            self._recorder.files[named] = len(self._recorder.files)
            self._recorder.event(
                "text", file=self._recorder.files[named], name=file, digest=digest, place=False
            )
        code = self._loops.compiled(
            self._parsed(text, digest),
            named,
            self._written,
            count=self._count,
            marks=self._marks.get(digest, ()),
        )
        linecache.cache[named] = (len(text), None, text.splitlines(keepends=True), named)
        self._compiled[digest, named] = code
        return code

    def _parsed(self, text: str, digest: str) -> ast.Module:
        known = self._lowered.get(digest)
        if known is not None:
            return ast.parse(known)
        try:
            return ast.parse(text)
        except SyntaxError:
            return ast.parse(lowered(text))


def run_main(loader: ProgramLoader, script: Path) -> None:
    """Run a script as the main program; its exceptions propagate."""
    module = types.ModuleType("__main__")
    module.__dict__.update(__file__=str(script), __builtins__=builtins)
    sys.modules["__main__"] = module
    sys.path.insert(0, str(script.parent))
    sys.argv = [str(script)]
    code = loader.compiled(script.read_bytes(), str(script))
    builtins.exec(code, module.__dict__)  # noqa: S102  (in the sandbox: this is what it is for)

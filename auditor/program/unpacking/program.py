"""From a script's bytes to a `Program`: layers decoded without running a line of them.

The second station's entry. An interpreter of inert values (`unpack_statements`, `unpack_expressions`) follows
a script as far as it runs further text (`unpack_sites` finds where, `unpack_running` what); that text becomes
a `Layer` (`unpack_layers`) and is followed in its turn. It evaluates a closed list of pure calls
(`unpack_library`, `unpack_decoders`) within the bounds of `limits`; what cannot be had becomes a reason.
"""

from __future__ import annotations

from collections.abc import Callable

from auditor.program.model import Layer, Program
from auditor.program.parsing.parse import ParseFailure, decode_source, normalise
from auditor.program.unpacking.files import VirtualFiles
from auditor.program.unpacking.layers import problem_of
from auditor.program.unpacking.running import Running

_SHOWN_BYTES = 200_000


def load_program(script_path: str, script: bytes, read_sibling: Callable[[str], bytes | None]) -> Program:
    """Return the program of a script: its layers, what each call that runs text runs, and what is missing.

    Never raises for what the script holds: bytes that are no text or text that is no Python leave a `Program`
    whose first problem says so, with line and column, and whose main layer has no tree.

    Args:
        script_path: the script's path within its repository, for messages and for what the script derives
            from `__file__`.
        script: its bytes.
        read_sibling: bytes of a file by its path relative to the script's folder, or None where there is none;
            raises `InputError` for one that cannot be read. Only asked for paths inside that folder.
    """
    program = Program()
    try:
        text = decode_source(script, script_path)
    except ParseFailure as failure:
        program.problems.append(problem_of("unreadable", failure, script_path, 0))
        shown = normalise(script[:_SHOWN_BYTES].decode("utf-8", "replace"))
        program.layers.append(
            Layer(index=0, path=script_path, text=shown, module=None, how="script", parent=None, site=None)
        )
        return program
    program.sources[script_path] = text
    files = VirtualFiles(script_path, script, read_sibling)
    program.set_reader(files.read)
    interpreter = Running(program, files, script_path)
    layer = interpreter.add_layer(script_path, text, "script", None, None)
    interpreter.follow(layer, [{"__name__": "__main__", "__file__": files.script}])
    return program

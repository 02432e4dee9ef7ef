"""Stand-ins for executables that submissions call, as texts of small scripts.

A minifier gives back what it is given; a compressor compresses with lzma, whatever its name. Neither changes an
order of events.
"""

from __future__ import annotations

import sys
from typing import Final

_SMI: Final = """\
#!/bin/sh
echo "NVIDIA-SMI 550.00  Driver Version: 550.00  CUDA Version: 12.4"
echo "NVIDIA H100 80GB HBM3"
"""

_MINIFIER: Final = """\
#!/bin/sh
# The last argument that is a file is minified to itself.
for word in "$@"; do [ -f "$word" ] && last="$word"; done
if [ -n "$last" ]; then exec cat "$last"; fi
exec cat
"""

_COMPRESSOR: Final = f"""\
#!{sys.executable} -S
import lzma, os, sys
words = sys.argv[1:]
undo = "-d" in words or "--decompress" in words or os.path.basename(sys.argv[0]).startswith("un")
out = next((words[i + 1] for i, w in enumerate(words[:-1]) if w in ("-o", "--output")), None)
names = [w for w in words if not w.startswith("-") and w != out and os.path.exists(w)]
data = open(names[-1], "rb").read() if names else sys.stdin.buffer.read()
data = lzma.decompress(data) if undo else lzma.compress(data)
suffix = "." + {{"lrzip": "lrz", "zstd": "zst", "brotli": "br"}}.get(os.path.basename(sys.argv[0]), "xz")
if out is None and names and "-c" not in words:
    out = names[-1][: -len(suffix)] if undo and names[-1].endswith(suffix) else names[-1] + suffix
if out is None or out == "-":
    sys.stdout.buffer.write(data)
else:
    open(out, "wb").write(data)
"""

PROGRAMS: Final = {
    "nvidia-smi": _SMI,
    "pyminify": _MINIFIER,
    "lrzip": _COMPRESSOR,
    "zstd": _COMPRESSOR,
    "brotli": _COMPRESSOR,
}
"""Executables by name."""

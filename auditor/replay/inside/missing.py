"""Stand-ins for small packages that may not be installed and that no score depends on.

A table: what the package is for decides whether it can be stood in for. Anything else that is missing ends the run
with its name as the reason.
"""

from __future__ import annotations

import importlib.util
import lzma
import sys
import types
from collections.abc import Callable
from typing import Any


def _minifier() -> dict[str, Any]:
    return {"minify": lambda source, *_, **__: source}


def _codec() -> dict[str, Any]:
    class Compressor:
        def __init__(self, *_: Any, **__: Any) -> None:
            pass

        def compress(self, data: bytes) -> bytes:
            return lzma.compress(data)

        def decompress(self, data: bytes, *_: Any, **__: Any) -> bytes:
            return lzma.decompress(data)

    return {
        "ZstdCompressor": Compressor,
        "ZstdDecompressor": Compressor,
        "compress": lambda data, *_, **__: lzma.compress(data),
        "decompress": lambda data, *_, **__: lzma.decompress(data),
    }


TABLE: dict[str, Callable[[], dict[str, Any]]] = {
    "python_minifier": _minifier,
    "brotli": _codec,
    "brotlicffi": _codec,
    "zstandard": _codec,
    "zstd": _codec,
    "lz4": _codec,
}
"""Packages by the name they are imported under: code minifiers and compressors."""


def install_missing() -> None:
    """Put up a stand-in for each package of the table that is not installed."""
    for name, contents in TABLE.items():
        if name in sys.modules or importlib.util.find_spec(name) is not None:
            continue
        module = types.ModuleType(name)
        module.__dict__.update(contents())
        module.__spec__ = types.SimpleNamespace(name=name, loader=None)  # type: ignore[assignment]
        sys.modules[name] = module

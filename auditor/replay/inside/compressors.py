"""Compressors at their least effort: what they give back is the same, and no score depends on how small it was."""

from __future__ import annotations

import contextlib
import importlib
import lzma
from typing import Any, Final

from auditor.replay.inside.patching import replace

BROTLI_QUALITY: Final = 1
ZSTD_LEVEL: Final = 1
LZMA_PRESET: Final = 0


def install_compressors() -> None:
    """Lower the effort of every compressor that is installed; what is packed stays readable by its own format."""
    plain = lzma.compress

    def compress(data: Any, *args: Any, **kwargs: Any) -> bytes:
        """`lzma.compress`; filters, if there are any, are the submission's own choice of format and stay."""
        named = {**dict(zip(("format", "check", "preset", "filters"), args, strict=False)), **kwargs}
        if named.get("filters") is None:
            named["preset"] = LZMA_PRESET
        return plain(data, **named)

    replace(lzma, compress=compress)
    with contextlib.suppress(ImportError):
        _hasten_brotli(importlib.import_module("brotli"))
    with contextlib.suppress(ImportError):
        _hasten_zstandard(importlib.import_module("zstandard"))


def _hasten_brotli(brotli: Any) -> None:
    plain = brotli.compress

    def compress(data: Any, *_: Any, **__: Any) -> bytes:
        packed: bytes = plain(data, quality=BROTLI_QUALITY)
        return packed

    replace(brotli, compress=compress)


def _hasten_zstandard(zstandard: Any) -> None:
    plain = zstandard.ZstdCompressor

    def compressor(*_: Any, **options: Any) -> Any:
        kept = {name: value for name, value in options.items() if name == "dict_data"}
        return plain(level=ZSTD_LEVEL, **kept)

    replace(zstandard, ZstdCompressor=compressor)

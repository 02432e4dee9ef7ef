"""Compressors at least effort: their own formats, unpacked by the plain libraries."""

from __future__ import annotations

import importlib
import importlib.util
import lzma

import pytest

from auditor.replay.inside.compressors import install_compressors

DATA = bytes(range(256)) * 40


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, attribute in (("lzma", "compress"), ("brotli", "compress"), ("zstandard", "ZstdCompressor")):
        if importlib.util.find_spec(name) is not None:
            module = importlib.import_module(name)
            monkeypatch.setattr(module, attribute, getattr(module, attribute))
    install_compressors()


def test_what_is_packed_unpacks_to_the_same() -> None:
    import brotli

    assert lzma.decompress(lzma.compress(DATA, preset=9 | lzma.PRESET_EXTREME)) == DATA
    assert brotli.decompress(brotli.compress(DATA, quality=11, lgwin=24)) == DATA


def test_frames_of_zstandard_unpack_to_the_same() -> None:
    zstandard = pytest.importorskip("zstandard")
    packed = zstandard.ZstdCompressor(level=22, threads=4).compress(DATA)
    assert zstandard.ZstdDecompressor().decompress(packed) == DATA


def test_a_format_of_ones_own_stays_readable_by_it() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6}]
    packed = lzma.compress(DATA, format=lzma.FORMAT_RAW, filters=filters)
    assert lzma.decompress(packed, format=lzma.FORMAT_RAW, filters=filters) == DATA


def test_effort_is_low_whatever_is_asked_for() -> None:
    assert lzma.compress(DATA, preset=9) == lzma.compress(DATA, preset=0)

"""The decoders packed scripts use, each with a bound on what it may give.

A closed list: name of the library function → how its result is had here. No decoder runs code; those that
would (`pickle`, `marshal`) are in `NOT_DECODED` with the reason they are not followed.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import codecs
import lzma
import zlib
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from auditor.program.limits import MAX_DECODER_MEMORY_BYTES, MAX_LAYER_BYTES


class DecodeFailure(Exception):
    """The data is not what the decoder takes, or gives more than the cap."""


class _Incremental(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def decode(name: str, arguments: list[object], keywords: Mapping[str, object]) -> bytes | str:
    """Return the result of the decoder `name` (a key of `DECODERS`).

    Raises:
        DecodeFailure: corrupt data, wrong arguments, more than `MAX_LAYER_BYTES`.
    """
    _, function = DECODERS[name]
    try:
        result = function(*arguments, **keywords)
    except DecodeFailure as failure:
        raise DecodeFailure(f"{name}: {failure}") from failure
    except (TypeError, ValueError, EOFError, LookupError, OSError, MemoryError, OverflowError) as error:
        raise DecodeFailure(f"{name}: {error}") from error
    except (lzma.LZMAError, zlib.error) as error:
        raise DecodeFailure(f"{name}: {error}") from error
    if len(result) > MAX_LAYER_BYTES:
        raise DecodeFailure(f"{name}: more than the {MAX_LAYER_BYTES:,} bytes that are unpacked")
    return result


def _bytes(data: object) -> bytes:
    if isinstance(data, str):
        return data.encode("ascii")
    if isinstance(data, (bytes, bytearray)):
        return bytes(data)
    raise DecodeFailure(f"{type(data).__name__} is not bytes")


def _whole(make: Callable[[], _Incremental], data: bytes) -> bytes:
    """Decompress all streams of `data`, stopping one byte after the cap."""
    result = bytearray()
    while True:
        decompressor = make()
        result += decompressor.decompress(data, MAX_LAYER_BYTES + 1 - len(result))
        if len(result) > MAX_LAYER_BYTES:
            raise DecodeFailure(f"more than the {MAX_LAYER_BYTES:,} bytes that are unpacked")
        if not decompressor.eof:
            raise DecodeFailure("the compressed data ends early")
        data = decompressor.unused_data.lstrip(b"\0")
        if not data:
            return bytes(result)


def _lzma(
    data: object,
    format: int = lzma.FORMAT_AUTO,
    memlimit: int | None = None,
    filters: list[dict[str, int]] | None = None,
) -> bytes:
    for item in filters or ():
        if item.get("dict_size", 0) > MAX_DECODER_MEMORY_BYTES:
            raise DecodeFailure(f"a dictionary of {item['dict_size']:,} bytes")
    if format == lzma.FORMAT_RAW:
        raw = lzma.LZMADecompressor(format=format, filters=filters)
        result = raw.decompress(_bytes(data), MAX_LAYER_BYTES + 1)
        if not raw.eof and len(result) <= MAX_LAYER_BYTES:
            raise DecodeFailure("the compressed data ends early")
        return result
    return _whole(
        lambda: lzma.LZMADecompressor(format=format, memlimit=MAX_DECODER_MEMORY_BYTES), _bytes(data)
    )


def _zlib(data: object, wbits: int = zlib.MAX_WBITS, bufsize: int = 0) -> bytes:
    decompressor = zlib.decompressobj(wbits)
    result = decompressor.decompress(_bytes(data), MAX_LAYER_BYTES + 1)
    if len(result) <= MAX_LAYER_BYTES and not decompressor.eof:
        raise DecodeFailure("the compressed data ends early")
    return result


def _gzip(data: object) -> bytes:
    return _whole(lambda: _ZlibStream(31), _bytes(data))


class _ZlibStream:
    def __init__(self, wbits: int) -> None:
        self._decompressor = zlib.decompressobj(wbits)

    @property
    def eof(self) -> bool:
        return self._decompressor.eof

    @property
    def unused_data(self) -> bytes:
        return self._decompressor.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._decompressor.decompress(data, max_length)


def _bz2(data: object) -> bytes:
    return _whole(bz2.BZ2Decompressor, _bytes(data))


def _brotli(data: object) -> bytes:
    import brotli

    decompressor = brotli.Decompressor()
    result = bytearray()
    pending = _bytes(data)
    try:
        while not decompressor.is_finished():
            piece = decompressor.process(pending, output_buffer_limit=1 << 20)
            pending = b""
            result += piece
            if len(result) > MAX_LAYER_BYTES:
                raise DecodeFailure(f"more than the {MAX_LAYER_BYTES:,} bytes that are unpacked")
            if not piece and decompressor.can_accept_more_data():
                raise DecodeFailure("the compressed data ends early")
    except brotli.error as error:
        raise DecodeFailure(str(error)) from error
    return bytes(result)


def _zstandard(data: object, max_output_size: int = 0, **_: object) -> bytes:
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    try:
        with decompressor.stream_reader(_bytes(data), read_across_frames=True) as reader:
            return reader.read(MAX_LAYER_BYTES + 1)
    except zstandard.ZstdError as error:
        raise DecodeFailure(str(error)) from error


def _base64(data: object, altchars: object = None, validate: bool = False) -> bytes:
    return base64.b64decode(
        _bytes(data), altchars=None if altchars is None else _bytes(altchars), validate=validate
    )


def _codec(data: object, encoding: object = "utf-8", errors: object = "strict") -> bytes | str:
    name = str(encoding).lower().replace("-", "_")
    if name in _BINARY_CODECS:
        return decode(_BINARY_CODECS[name], [data], {})
    if name in ("rot13", "rot_13") and isinstance(data, str):
        return codecs.decode(data, "rot13")
    if name in SAFE_ENCODINGS and isinstance(data, (bytes, bytearray)):
        return bytes(data).decode(name, str(errors))
    raise DecodeFailure(f"codec {encoding!r} is not followed")


def _hex(data: object, *_: object) -> bytes:
    return bytes.fromhex(data if isinstance(data, str) else _bytes(data).decode("ascii"))


SAFE_ENCODINGS: Final = frozenset(
    [
        "utf_8",
        "utf8",
        "utf_8_sig",
        "ascii",
        "us_ascii",
        "latin_1",
        "latin1",
        "iso_8859_1",
        "iso8859_1",
        "cp1252",
        "cp437",
        "utf_16",
        "utf_16_le",
        "utf_16_be",
        "utf_32",
        "utf_32_le",
        "utf_32_be",
        "unicode_escape",
        "raw_unicode_escape",
    ]
)
_BINARY_CODECS: Final = {
    "hex": "binascii.unhexlify",
    "hex_codec": "binascii.unhexlify",
    "base64": "base64.decodebytes",
    "base64_codec": "base64.decodebytes",
    "zlib": "zlib.decompress",
    "zip": "zlib.decompress",
    "zlib_codec": "zlib.decompress",
    "bz2": "bz2.decompress",
    "bz2_codec": "bz2.decompress",
}

DECODERS: Final[dict[str, tuple[str, Callable[..., bytes | str]]]] = {
    "lzma.decompress": ("lzma", _lzma),
    "zlib.decompress": ("zlib", _zlib),
    "gzip.decompress": ("gzip", _gzip),
    "bz2.decompress": ("bz2", _bz2),
    "brotli.decompress": ("brotli", _brotli),
    "brotlicffi.decompress": ("brotli", _brotli),
    "zstandard.decompress": ("zstd", _zstandard),
    "zstd.decompress": ("zstd", _zstandard),
    "pyzstd.decompress": ("zstd", _zstandard),
    "compression.zstd.decompress": ("zstd", _zstandard),
    "base64.b85decode": ("base85", lambda data: base64.b85decode(_bytes(data))),
    "base64.a85decode": ("ascii85", lambda data, **options: base64.a85decode(_bytes(data), **options)),
    "base64.b64decode": ("base64", _base64),
    "base64.standard_b64decode": ("base64", lambda data: base64.standard_b64decode(_bytes(data))),
    "base64.urlsafe_b64decode": ("base64", lambda data: base64.urlsafe_b64decode(_bytes(data))),
    "base64.decodebytes": ("base64", lambda data: base64.decodebytes(_bytes(data))),
    "base64.b32decode": ("base32", lambda data, *options: base64.b32decode(_bytes(data), *options)),
    "base64.b16decode": ("hex", lambda data, *options: base64.b16decode(_bytes(data), *options)),
    "binascii.a2b_base64": ("base64", lambda data: binascii.a2b_base64(_bytes(data))),
    "binascii.unhexlify": ("hex", _hex),
    "binascii.a2b_hex": ("hex", _hex),
    "bytes.fromhex": ("hex", _hex),
    "bytearray.fromhex": ("hex", _hex),
    "codecs.decode": ("codec", _codec),
}

DECODER_OBJECTS: Final = {
    "lzma.LZMADecompressor": "lzma.decompress",
    "zlib.decompressobj": "zlib.decompress",
    "bz2.BZ2Decompressor": "bz2.decompress",
    "brotli.Decompressor": "brotli.decompress",
    "zstandard.ZstdDecompressor": "zstandard.decompress",
    "pyzstd.ZstdDecompressor": "pyzstd.decompress",
}

DECODER_FILES: Final = {
    "lzma.open": "lzma.decompress",
    "lzma.LZMAFile": "lzma.decompress",
    "gzip.open": "gzip.decompress",
    "gzip.GzipFile": "gzip.decompress",
    "bz2.open": "bz2.decompress",
    "bz2.BZ2File": "bz2.decompress",
}

NOT_DECODED: Final = {
    "marshal.loads": "marshal: compiled bytecode, no text to read",
    "marshal.load": "marshal: compiled bytecode, no text to read",
    "pickle.loads": "pickle: loading it would run code",
    "pickle.load": "pickle: loading it would run code",
    "dill.loads": "dill: loading it would run code",
    "cloudpickle.loads": "cloudpickle: loading it would run code",
    "joblib.load": "joblib: loading it would run code",
    "torch.load": "torch.load: a file of tensors or pickled code",
    "urllib.request.urlopen": "fetched from the network",
    "urllib.request.urlretrieve": "fetched from the network",
    "requests.get": "fetched from the network",
    "httpx.get": "fetched from the network",
    "input": "read from standard input",
    "sys.stdin.read": "read from standard input",
}

CONSTANTS: Final[dict[str, object]] = {
    **{
        f"lzma.{name}": getattr(lzma, name)
        for name in dir(lzma)
        if name.isupper() or name[:3] in ("MF_", "MOD")
    },
    "zlib.MAX_WBITS": zlib.MAX_WBITS,
    "os.sep": "/",
    "os.linesep": "\n",
}

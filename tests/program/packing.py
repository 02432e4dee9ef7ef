"""Specimens that pack themselves: our own little programs, packed at test time the ways real scripts are.

Each packer takes a text and returns the text of a script that decodes and runs it.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable

import brotli
import zstandard

PROGRAM = (
    'import os\n\nEPOCHS = int(os.environ.get("TTT_EPOCHS", 2))\n'
    "\n\ndef main():\n    print(EPOCHS)\n\n\nmain()\n"
)

LZMA2 = [{"id": lzma.FILTER_LZMA2}]


def _b85(data: bytes) -> str:
    return base64.b85encode(data).decode()


def lzma_xz(text: str) -> str:
    return (
        f"import lzma as L,base64 as B\n"
        f'exec(L.decompress(B.b85decode("{_b85(lzma.compress(text.encode()))}")))\n'
    )


def lzma_raw(text: str) -> str:
    data = lzma.compress(text.encode(), format=lzma.FORMAT_RAW, filters=LZMA2)
    return (
        f'import lzma as L,base64 as B\nexec(L.decompress(B.b85decode("{_b85(data)}"),format=L.FORMAT_RAW,'
        'filters=[{"id":L.FILTER_LZMA2,"preset":9|L.PRESET_EXTREME}]))\n'
    )


def lzma_alone(text: str) -> str:
    data = base64.b64encode(lzma.compress(text.encode(), format=lzma.FORMAT_ALONE))
    return (
        f"from lzma import decompress as d\nfrom base64 import b64decode\n"
        f"exec(d(b64decode({data!r})).decode())\n"
    )


def zlib_ascii85(text: str) -> str:
    data = base64.a85encode(zlib.compress(text.encode())).decode()
    return (
        f"import zlib, base64\nPAYLOAD = {data!r}\n"
        f"source = zlib.decompress(base64.a85decode(PAYLOAD)).decode('utf-8')\n"
        f"exec(compile(source, __file__ + '.decoded', 'exec'))\n"
    )


def zlib_headerless(text: str) -> str:
    packer = zlib.compressobj(wbits=-15)
    data = packer.compress(text.encode()) + packer.flush()
    return f"import zlib\nd = zlib.decompressobj(-15)\nexec(d.decompress({data!r}) + d.flush())\n"


def gzip_hex(text: str) -> str:
    return f"import gzip\nexec(gzip.decompress(bytes.fromhex('{gzip.compress(text.encode()).hex()}')))\n"


def gzip_file(text: str) -> str:
    return (
        f"import gzip, io\nexec(gzip.GzipFile(fileobj=io.BytesIO({gzip.compress(text.encode())!r})).read())\n"
    )


def bz2_base32(text: str) -> str:
    data = base64.b32encode(bz2.compress(text.encode())).decode()
    return f"import bz2, base64\nexec(bz2.decompress(base64.b32decode('{data}')))\n"


def brotli_base85(text: str) -> str:
    return (
        f"import brotli as B, base64 as b\n"
        f"exec(B.decompress(b.b85decode('{_b85(brotli.compress(text.encode()))}')))\n"
    )


def zstd_base64(text: str) -> str:
    data = base64.b64encode(zstandard.ZstdCompressor().compress(text.encode())).decode()
    return (
        f"import base64, zstandard\n"
        f"exec(zstandard.ZstdDecompressor().decompress(base64.b64decode('{data}')))\n"
    )


def import_by_name(text: str) -> str:
    data = base64.b64encode(zlib.compress(text.encode())).decode()
    return f"exec(__import__('zlib').decompress(__import__('base64').b64decode('{data}')))\n"


def implicit_concatenation(text: str) -> str:
    data = _b85(zlib.compress(text.encode()))
    rows = "\n".join(f"    {data[start : start + 40]!r}" for start in range(0, len(data), 40))
    return f"import zlib, base64\nexec(zlib.decompress(base64.b85decode(\n{rows}\n)))\n"


def joined_pieces(text: str) -> str:
    data = _b85(zlib.compress(text.encode()))
    rows = [data[start : start + 50] for start in range(0, len(data), 50)]
    return f"import zlib, base64\n_DATA = {rows!r}\nexec(zlib.decompress(base64.b85decode(''.join(_DATA))))\n"


def own_alphabet(text: str) -> str:
    ours, theirs = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"QWERTYUIOPASDFGHJKLZXCVBNM"
    data = base64.b64encode(zlib.compress(text.encode())).translate(bytes.maketrans(ours, theirs))
    return (
        f"import zlib, base64\ntable = bytes.maketrans({theirs!r}, {ours!r})\n"
        f"exec(zlib.decompress(base64.b64decode({data!r}.translate(table))))\n"
    )


def exclusive_or(text: str) -> str:
    data = bytes(byte ^ 0x5A for byte in text.encode())
    return f"exec(bytes(byte ^ 0x5A for byte in {data!r}))\n"


def decoding_function(text: str) -> str:
    data = _b85(zlib.compress(text.encode()))
    return (
        "import zlib, base64\n\n\ndef _unpack(text, *, encoding='utf-8'):\n    raw = base64.b85decode(text)\n"
        f"    return zlib.decompress(raw).decode(encoding)\n\n\nexec(_unpack('{data}'), globals())\n"
    )


def decoding_lambda(text: str) -> str:
    data = _b85(zlib.compress(text.encode()))
    return f"import zlib, base64\nd = lambda s: zlib.decompress(base64.b85decode(s))\nexec(d('{data}'))\n"


def patched_after_decoding(text: str) -> str:
    data = _b85(zlib.compress(text.replace("TTT_EPOCHS", "PLACEHOLDER").encode()))
    return (
        f"import zlib, base64\nsource = zlib.decompress(base64.b85decode('{data}')).decode()\n"
        "source = source.replace('PLACEHOLDER', 'TTT_EPOCHS')\nexec(source)\n"
    )


def temporary_file(text: str) -> str:
    data = _b85(lzma.compress(text.encode()))
    return (
        f"import lzma, base64, os, runpy, tempfile\n_c = lzma.decompress(base64.b85decode('{data}'))\n"
        "_f = os.path.join(tempfile.mkdtemp(), 'inner.py')\nwith open(_f, 'wb') as f:\n    f.write(_c)\n"
        "runpy.run_path(_f, run_name='__main__')\n"
    )


def import_machinery(text: str) -> str:
    data = _b85(lzma.compress(text.encode()))
    return (
        f"import lzma, base64, importlib.util as U, os, sys\n"
        f"_c = lzma.decompress(base64.b85decode('{data}'))\n"
        "_p = '/tmp/inner.py'\nif not os.path.exists(_p) or os.path.getsize(_p) != len(_c):\n"
        "    open(_p, 'wb').write(_c)\n"
        "_s = U.spec_from_file_location('__main__', _p)\n_m = U.module_from_spec(_s)\n"
        "sys.modules['__main__'] = _m\n_s.loader.exec_module(_m)\n"
    )


def child_process(text: str) -> str:
    data = _b85(lzma.compress(text.encode()))
    return (
        "import lzma, base64, subprocess, sys\nfrom pathlib import Path\n"
        f"p = Path(__file__).with_name('_inner.py')\n"
        f"p.write_bytes(lzma.decompress(base64.b85decode('{data}')))\n"
        "subprocess.run([sys.executable, str(p)] + sys.argv[1:], check=True)\n"
    )


def module_object(text: str) -> str:
    return (
        "import sys, types\n_m = types.ModuleType('inner')\n_m.__file__ = __file__\nsys.modules['inner'] = _m\n"
        f"exec(compile({text!r}, 'inner.py', 'exec'), _m.__dict__)\n"
    )


def builtins_attribute(text: str) -> str:
    return f"import builtins\ngetattr(builtins, 'ex' + 'ec')({text!r})\n"


def renamed_exec(text: str) -> str:
    return f"run = exec\nrun({text!r})\n"


def in_main(text: str) -> str:
    data = _b85(zlib.compress(text.encode()))
    return (
        f"import base64, os, zlib\n\n\ndef main():\n    os.environ.setdefault('A', '1')\n"
        f"    exec(zlib.decompress(base64.b85decode('{data}')), {{**globals()}})\n\n\n"
        "if __name__ == '__main__':\n    main()\n"
    )


PACKERS: dict[str, Callable[[str], str]] = {
    packer.__name__: packer
    for packer in (
        lzma_xz,
        lzma_raw,
        lzma_alone,
        zlib_ascii85,
        zlib_headerless,
        gzip_hex,
        gzip_file,
        bz2_base32,
        brotli_base85,
        zstd_base64,
        import_by_name,
        implicit_concatenation,
        joined_pieces,
        own_alphabet,
        exclusive_or,
        decoding_function,
        decoding_lambda,
        patched_after_decoding,
        temporary_file,
        import_machinery,
        child_process,
        module_object,
        builtins_attribute,
        renamed_exec,
        in_main,
    )
}

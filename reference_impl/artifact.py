"""The artifact: a quantised model as one compressed file, and its exact size.

Layout before compression: the length of a JSON header in 8 bytes (little endian), the header (name, dtype,
shape of every array, in order), then the arrays' raw bytes. The same weights give the same bytes under any
torch version; the compressed bytes depend on the codec's version too. A submission's size is code bytes +
artifact bytes.
"""

from __future__ import annotations

import json
import struct
import zlib

import numpy as np
import torch
from torch import Tensor

from reference_impl.quantize import Scheme, Stored, dequantize_state, quantize_state

SIZE_LIMIT_BYTES = 16_000_000  # decimal megabytes, code and model together
ZSTD_LEVEL = 22
MAX_UNPACKED_BYTES = 256_000_000


def compress(raw: bytes, codec: str) -> bytes:
    """Compress with zlib level 9 or zstandard level 22."""
    if codec == "zlib":
        return zlib.compress(raw, level=9)
    import zstandard

    return zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(raw)


def decompress(blob: bytes, codec: str) -> bytes:
    """Undo `compress`."""
    if codec == "zlib":
        return zlib.decompress(blob)
    import zstandard

    return zstandard.ZstdDecompressor().decompress(blob, max_output_size=MAX_UNPACKED_BYTES)


def pack(stored: dict[str, Stored]) -> bytes:
    """Lay quantised tensors out as bytes."""
    arrays: list[np.ndarray] = []
    header: list[list[object]] = []
    for name, tensor in stored.items():
        for suffix, part in (("", tensor.values), (":scale", tensor.row_scale)):
            if part is not None:
                array = np.ascontiguousarray(part.numpy())
                header.append([name + suffix, array.dtype.str, list(array.shape)])
                arrays.append(array)
    text = json.dumps(header, separators=(",", ":")).encode("utf-8")
    return struct.pack("<Q", len(text)) + text + b"".join(array.tobytes() for array in arrays)


def unpack(raw: bytes) -> dict[str, Stored]:
    """Undo `pack`."""
    (size,) = struct.unpack_from("<Q", raw)
    offset = 8 + size
    tensors: dict[str, Tensor] = {}
    for name, dtype, shape in json.loads(raw[8:offset]):
        count = int(np.prod(shape, dtype=np.int64))
        array = np.frombuffer(raw, dtype=np.dtype(dtype), count=count, offset=offset).reshape(shape)
        tensors[name] = torch.from_numpy(array.copy())
        offset += array.nbytes
    return {
        name: Stored(values, tensors.get(f"{name}:scale"))
        for name, values in tensors.items()
        if not name.endswith(":scale")
    }


def shape_of(state: dict[str, Tensor]) -> dict[str, str]:
    """Return the settings that the shapes of a state dict tell, by their variables."""
    vocab, dim = state["tok_emb.weight"].shape
    heads = state["blocks.0.attn.q_gain"].numel()
    return {
        "VOCAB_SIZE": str(vocab),
        "MODEL_DIM": str(dim),
        "NUM_LAYERS": str(sum(name.endswith("q_gain") for name in state)),
        "NUM_HEADS": str(heads),
        "NUM_KV_HEADS": str(state["blocks.0.attn.c_k.weight"].size(0) // (dim // heads)),
        "MLP_MULT": str(state["blocks.0.mlp.fc.weight"].size(0) // dim),
    }


def save_artifact(state: dict[str, Tensor], scheme: Scheme) -> bytes:
    """Quantise, lay out and compress a state dict."""
    return compress(pack(quantize_state(state, scheme)), scheme.codec)


def load_artifact(blob: bytes, scheme: Scheme) -> dict[str, Tensor]:
    """Return the float32 state dict an artifact holds."""
    return dequantize_state(unpack(decompress(blob, scheme.codec)))

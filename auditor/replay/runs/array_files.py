"""Reads NumPy's `.npz` from a hostile hand: plain numbers in rows and tables, never more than the file has bytes."""

from __future__ import annotations

import math
import zipfile
from typing import IO, TYPE_CHECKING, Any, Final

from auditor.replay.runs.left_files import Refused

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_ARRAYS: Final = 64


def read_arrays(file: IO[bytes], *, limit: int) -> dict[str, NDArray[Any]]:
    """All arrays of the file by name.

    Args:
        limit: in bytes, of all of them.

    Raises:
        Refused: one is packed, no numbers, of three dimensions or larger than it says; or they are too many.
        zipfile.BadZipFile: it is no such file.
    """
    from numpy.lib import format as npy

    found: dict[str, NDArray[Any]] = {}
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        if len(parts) > MAX_ARRAYS or sum(part.file_size for part in parts) > limit:
            raise Refused(f"more than {MAX_ARRAYS} arrays or {limit:,} bytes")
        for part in parts:
            if part.compress_type != zipfile.ZIP_STORED or part.file_size != part.compress_size:
                raise Refused(f"{part.filename} is packed")
            with archive.open(part) as stored:
                if npy.read_magic(stored) != (1, 0):
                    raise Refused(f"{part.filename} is of another version")
                shape, _, dtype = npy.read_array_header_1_0(stored)
            size = math.prod(shape) * dtype.itemsize
            if len(shape) > 2 or dtype.kind not in "biuf" or size > part.file_size:
                raise Refused(f"{part.filename} is no plain table of numbers")
            with archive.open(part) as stored:
                array = npy.read_array(stored, allow_pickle=False)
            found[part.filename.removesuffix(".npy")] = array
    return found

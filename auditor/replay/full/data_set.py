"""The data set as it lies there: shards, tokens, documents, hashes, tokenizer; and whether it is one that is known.

A shard is 256 little-endian int32 (magic 20240520, version 1, number of tokens, zeros), then the tokens as
little-endian uint16 (the challenge's `train_gpt.py`). Documents open with token 1.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from auditor.records.implied_bytes import BYTE, FAMILIES, LEGACY

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAGIC: Final = 20240520
HEADER_BYTES: Final = 1024
BOS: Final = 1
ROUNDED: Final = 4096
"""By how much fewer tokens than there are a known set's figure may be: logs state whole rows of windows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataProblem:
    """One thing that is wrong with the data: where, what."""

    where: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """What lies in a data folder.

    Attributes:
        folder: of the shards, relative to the data folder; "" where there are none.
        train_shards, train_tokens: as their headers state and their sizes bear out.
        train_sha256: over names, sizes and headers of the training shards in order, "" without any.
        val_tokens, val_documents: of the validation shards.
        largest_token: in the validation shards, -1 without any.
        val_sha256: over the validation shards in order, file after file.
        tokenizer: its path relative to the data folder, "" where there is none.
        tokenizer_sha256: of that file.
        vocabulary: the tokenizer's, None where it cannot be read.
        val_bytes: of the validation split's text, by the sidecar or by decoding; None where neither is possible.
        known: name of the known set that this is, None for another.
        problems: why a run on it would be worth nothing.
    """

    folder: str
    train_shards: int = 0
    train_tokens: int = 0
    train_sha256: str = ""
    val_shards: int = 0
    val_tokens: int = 0
    val_documents: int = 0
    largest_token: int = -1
    val_sha256: str = ""
    tokenizer: str = ""
    tokenizer_sha256: str = ""
    vocabulary: int | None = None
    val_bytes: int | None = None
    known: str | None = None
    problems: tuple[DataProblem, ...] = field(default=())

    @property
    def tokens_per_byte(self) -> float | None:
        """Of the validation split: what is scored are all tokens but the first."""
        return (self.val_tokens - 1) / self.val_bytes if self.val_bytes else None


def read_data_set(data: Path, wanted: Sequence[str] = ()) -> DataSet:
    """Read a data folder; what is wrong with it is in the result.

    Args:
        wanted: names of the folders of shards that the script looks for, the likeliest first; where there are several
            and none has such a name, the first is taken.
    """
    if not data.is_dir():
        return DataSet(folder="", problems=(DataProblem(where=str(data), what="there is no such folder"),))
    found = sorted(data.glob("datasets/**/*_val_*.bin"))
    if not found:
        problem = DataProblem(where=f"{data}/datasets", what="no validation shard (*_val_*.bin)")
        return DataSet(folder="", problems=(problem,))
    folder = _chosen(data, [path.parent for path in found], wanted)
    problems: list[DataProblem] = []
    val_paths = [path for path in sorted(folder.glob("*_val_*.bin")) if "bytes" not in path.name]
    train_paths = sorted(folder.glob("*_train_*.bin"))
    problems += _links(data, [*val_paths, *train_paths])
    if not train_paths:
        problems.append(DataProblem(where=str(folder), what="no training shard (*_train_*.bin)"))
    train = [tokens for path in train_paths if (tokens := _checked(path, problems)) is not None]
    val = [path for path in val_paths if _checked(path, problems) is not None]
    models = _tokenizers(data, folder)
    tokenizer = _sentencepiece(models[0]) if models else None
    counted = _Counted(tokenizer)
    for path in val:
        counted.add(path)
    vocabulary = int(tokenizer.get_piece_size()) if tokenizer is not None else None
    if vocabulary is not None and counted.largest >= vocabulary:
        problems.append(
            DataProblem(
                where=str(models[0]),
                what=f"wrong tokenizer: it has {vocabulary:,} pieces, the validation shards hold token "
                f"{counted.largest:,}",
            )
        )
    sidecar = _sidecar(folder)
    return DataSet(
        folder=folder.relative_to(data).as_posix(),
        train_shards=len(train),
        train_tokens=sum(train),
        train_sha256=_headers_sha256(train_paths),
        val_shards=len(val),
        val_tokens=counted.tokens,
        val_documents=counted.documents,
        largest_token=counted.largest,
        val_sha256=counted.digest.hexdigest(),
        tokenizer=models[0].relative_to(data).as_posix() if models else "",
        tokenizer_sha256=hashlib.sha256(models[0].read_bytes()).hexdigest() if models else "",
        vocabulary=vocabulary,
        val_bytes=sidecar if sidecar is not None else counted.bytes,
        known=_known(counted.tokens, vocabulary),
        problems=tuple(problems),
    )


def _chosen(data: Path, folders: Sequence[Path], wanted: Sequence[str]) -> Path:
    for name in wanted:
        for folder in folders:
            if f"/{folder.relative_to(data).as_posix()}".endswith(f"/{name}"):
                return folder
    return folders[0]


def _tokenizers(data: Path, folder: Path) -> list[Path]:
    """Models, those first that have the number in their name which the folder of the shards has."""
    number = re.search(r"(\d{3,6})(?!.*\d)", folder.name)
    known = sorted((data / "tokenizers").glob("**/*.model"))
    return sorted(known, key=lambda path: number is None or number.group(1) not in path.name)


def _checked(path: Path, problems: list[DataProblem]) -> int | None:
    """Tokens of a shard whose header and size agree, None with a problem told."""
    import numpy as np

    try:
        header = np.fromfile(path, dtype="<i4", count=HEADER_BYTES // 4)
        size = path.stat().st_size
    except OSError as error:
        problems.append(DataProblem(where=str(path), what=f"cannot be read: {error.strerror}"))
        return None
    if header.size < HEADER_BYTES // 4 or header[0] != MAGIC or header[1] != 1:
        problems.append(DataProblem(where=str(path), what="no token shard: its header is another"))
        return None
    tokens = int(header[2])
    if size != HEADER_BYTES + 2 * tokens:
        held = max(size - HEADER_BYTES, 0) // 2
        problems.append(
            DataProblem(
                where=str(path), what=f"truncated: its header states {tokens:,} tokens, it holds {held:,}"
            )
        )
        return None
    if not tokens:
        problems.append(DataProblem(where=str(path), what="it holds no token"))
        return None
    return tokens


def _headers_sha256(paths: Sequence[Path]) -> str:
    """What tells one set of training shards from another without reading all of it."""
    digest = hashlib.sha256()
    for path in paths:
        with contextlib.suppress(OSError), path.open("rb") as file:
            header = file.read(HEADER_BYTES)
            digest.update(f"{path.name}\0{path.stat().st_size}\0{header.hex()}\n".encode())
    return digest.hexdigest() if paths else ""


def _links(data: Path, paths: Sequence[Path]) -> Iterator[DataProblem]:
    """Links out of the data folder lead nowhere in a sandbox."""
    root = data.resolve()
    outside = [path for path in paths if path.is_symlink() and root not in path.resolve().parents]
    if outside:
        yield DataProblem(
            where=str(outside[0]),
            what=f"{len(outside)} shard(s) are links out of the data folder, which no sandbox follows: copy them",
        )


class _Counted:
    """Goes over the validation shards once."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokens = self.documents = 0
        self.largest = -1
        self.bytes: int | None = 0 if tokenizer is not None else None
        self.digest = hashlib.sha256()
        self._table = byte_table(tokenizer) if tokenizer is not None else None
        self._last = -1

    def add(self, path: Path) -> None:
        import numpy as np

        raw = path.read_bytes()
        self.digest.update(raw)
        tokens = np.frombuffer(raw, dtype="<u2", offset=HEADER_BYTES).astype(np.int64)
        self.largest = max(self.largest, int(tokens.max()))
        self.documents += int((tokens == BOS).sum())
        if self._table is not None and self.bytes is not None:
            sizes, spaced, silent = self._table
            if self.largest >= len(sizes):
                self.bytes = None
            else:
                before = np.concatenate([[self._last if self._last >= 0 else tokens[0]], tokens[:-1]])
                size = sizes[tokens] + (spaced[tokens] & ~silent[before])
                self.bytes += int(size.sum()) - (int(size[0]) if self._last < 0 else 0)
        self._last = int(tokens[-1])
        self.tokens += len(tokens)


def byte_table(tokenizer: Any) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Bytes of each piece without its leading space, whether it has one, and whether it decodes to nothing.

    A leading space counts unless the token before decodes to nothing, as a document's first does (the challenge's
    `build_sentencepiece_luts`).
    """
    import numpy as np

    count = int(tokenizer.get_piece_size())
    sizes, spaced, silent = np.zeros(count, dtype=np.int64), np.zeros(count, bool), np.zeros(count, bool)
    for token in range(count):
        if tokenizer.is_control(token) or tokenizer.is_unknown(token) or tokenizer.is_unused(token):
            silent[token] = True
        elif tokenizer.is_byte(token):
            sizes[token] = 1
        else:
            piece = tokenizer.id_to_piece(token)
            spaced[token] = piece.startswith("▁")
            sizes[token] = len(piece.removeprefix("▁").encode("utf-8"))
    return sizes, spaced, silent


def _sentencepiece(path: Path) -> Any:
    """The tokenizer of a model file, None where it or the library cannot be read."""
    try:
        import sentencepiece

        return sentencepiece.SentencePieceProcessor(model_file=str(path))
    except (ImportError, OSError, RuntimeError, TypeError):
        return None


def _sidecar(folder: Path) -> int | None:
    """Sum of the byte sidecar, which counts the original bytes of each token."""
    import numpy as np

    paths = sorted(folder.glob("*_val_bytes_*.bin"))
    if not paths:
        return None
    return sum(
        int(np.fromfile(path, dtype="<u2", offset=HEADER_BYTES).astype(np.int64).sum()) for path in paths
    )


def _known(tokens: int, vocabulary: int | None) -> str | None:
    for family in (*FAMILIES, BYTE, LEGACY):
        if 0 <= tokens - family.val_tokens <= ROUNDED and vocabulary in (None, family.vocab_size):
            return family.name
    return None

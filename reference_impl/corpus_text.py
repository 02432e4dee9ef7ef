"""The embedded data set: a frozen English text with documents, its tokenizer and its shards.

1,376 documents, 1,041,101 bytes: what modules, classes and the language reference of Python 3.11.7 say about
themselves, under Python's licence (`corpus/LICENSE.txt`; `corpus/freeze.py` shows how it was made). Real
text with real document boundaries, but small: it shows mechanisms and their order, never the challenge's
magnitudes.
"""

from __future__ import annotations

import hashlib
import io
import lzma
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sentencepiece

from reference_impl.data import BOS_ID, write_shard

TEXT_PATH = Path(__file__).parent / "corpus" / "text.xz"
TEXT_SHA256 = "f66546165d34099619a0c427acafaa302dc8f1b7912056f8b034ff1a556f0c9c"
SEPARATOR = "\f"
VAL_EVERY = 12  # every 12th document is held out


class CorpusError(ValueError):
    """The frozen text is missing or is not the one this package was made with."""


def read_documents() -> list[str]:
    """Return the frozen documents, in their frozen (shuffled) order."""
    if not TEXT_PATH.exists():
        raise CorpusError(f"{TEXT_PATH}: the embedded text is missing; reinstall the package")
    blob = TEXT_PATH.read_bytes()
    found = hashlib.sha256(blob).hexdigest()
    if found != TEXT_SHA256:
        raise CorpusError(f"{TEXT_PATH}: SHA-256 is {found}, expected {TEXT_SHA256}; reinstall the package")
    return lzma.decompress(blob).decode("utf-8").split(SEPARATOR)


def train_tokenizer(documents: list[str], vocab_size: int) -> bytes:
    """Return a byte-pair model trained with the options of the challenge's tokenizers.

    The documents go in line by line. The result depends on the sentencepiece version alone.
    """
    model = io.BytesIO()
    lines = (line for document in documents for line in document.split("\n") if line.strip())
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=lines,
        model_writer=model,
        vocab_size=vocab_size,
        model_type="bpe",
        byte_fallback=True,
        split_digits=True,
        normalization_rule_name="nmt_nfkc",
        add_dummy_prefix=False,
        pad_id=0,
        bos_id=BOS_ID,
        eos_id=2,
        unk_id=3,
        character_coverage=0.999,
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """A folder of shards and the tokenizer they were made with."""

    data_path: Path
    tokenizer_path: Path
    train_tokens: int
    val_tokens: int


def build_data_set(folder: Path, vocab_size: int) -> DataSet:
    """Make tokenizer and shards of the embedded text in `folder`."""
    return write_data_set(read_documents(), folder, vocab_size)


def write_data_set(documents: list[str], folder: Path, vocab_size: int) -> DataSet:
    """Train the tokenizer and write `corpus_train_000000.bin` and `corpus_val_000000.bin` into `folder`.

    Every twelfth document is held out; the tokenizer learns from the others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    held_out = documents[::VAL_EVERY]
    learned = [document for i, document in enumerate(documents) if i % VAL_EVERY]
    tokenizer_path = folder / f"corpus_{vocab_size}_bpe.model"
    tokenizer_path.write_bytes(train_tokenizer(learned, vocab_size))
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(tokenizer_path))
    sizes = {}
    for split, texts in (("train", learned), ("val", held_out)):
        ids = [[BOS_ID, *tokenizer.encode(text)] for text in texts]
        tokens = np.concatenate([np.array(document, dtype=np.int64) for document in ids])
        write_shard(folder / f"corpus_{split}_000000.bin", tokens)
        sizes[split] = tokens.size
    return DataSet(
        data_path=folder,
        tokenizer_path=tokenizer_path,
        train_tokens=sizes["train"],
        val_tokens=sizes["val"],
    )

"""The embedded text: frozen, licensed, and turned into the same data set every time."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import sentencepiece

import reference_impl.corpus_text as corpus_text
from reference_impl.corpus_text import CorpusError, build_data_set, read_documents
from reference_impl.data import BOS_ID, read_shard


def test_text_is_the_frozen_one() -> None:
    documents = read_documents()
    raw = "\f".join(documents).encode("utf-8")
    assert len(documents) == 1376 and len(raw) == 1_041_101
    assert len(set(documents)) == len(documents)
    assert all(250 <= len(document) <= 6000 for document in documents)


def test_changed_text_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "text.xz"
    path.write_bytes(corpus_text.TEXT_PATH.read_bytes()[:-1])
    monkeypatch.setattr(corpus_text, "TEXT_PATH", path)
    with pytest.raises(CorpusError, match=hashlib.sha256(path.read_bytes()).hexdigest()):
        read_documents()


def test_licence_lies_beside_the_text() -> None:
    licence = (corpus_text.TEXT_PATH.parent / "LICENSE.txt").read_text(encoding="utf-8")
    assert "PYTHON SOFTWARE FOUNDATION LICENSE" in licence


def test_data_set_holds_every_document_behind_a_bos(toy_data: Path, tmp_path: Path) -> None:
    documents = read_documents()
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(toy_data / "corpus_512_bpe.model"))
    for split, texts in (
        ("val", documents[::12]),
        ("train", [d for i, d in enumerate(documents) if i % 12]),
    ):
        tokens = read_shard(toy_data / f"corpus_{split}_000000.bin")
        starts = np.flatnonzero(tokens == BOS_ID)
        assert starts[0] == 0 and len(starts) == len(texts)
        ends = [*starts[1:], len(tokens)]
        for place in (0, 1, len(texts) - 1):
            ids = tokens[starts[place] + 1 : ends[place]].tolist()
            assert tokenizer.decode(ids) == tokenizer.decode(tokenizer.encode(texts[place]))


def test_data_set_is_made_alike_in_any_folder(toy_data: Path, tmp_path: Path) -> None:
    build_data_set(tmp_path / "elsewhere", 512)
    for path in toy_data.glob("corpus_*"):
        assert (tmp_path / "elsewhere" / path.name).read_bytes() == path.read_bytes()

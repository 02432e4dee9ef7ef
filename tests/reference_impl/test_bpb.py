"""The byte table against the text itself: decode a document, encode it as UTF-8, count."""

from __future__ import annotations

import math

import pytest
import sentencepiece
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.bpb import bits_per_byte, build_byte_table, load_tokenizer
from reference_impl.corpus_text import read_documents
from reference_impl.data import BOS_ID

CASES = [
    "plain words, and more",
    " leading space",
    "two  spaces   three",
    "tab\tnewline\nboth\r\n",
    "literal ▁ mark",
    "no-break space",
    "ligature ﬁ and fullwidth ＡＢＣ",
    "zero​width \x7f\x01",
    "nul \x00 inside",
    "emoji 🙂👩‍👧 and 漢字",
    "<s> as text </s> <unk>",
    "1234567890 digits",
    "combining é",
    "",
]


def decoded_bytes(tokenizer: sentencepiece.SentencePieceProcessor, ids: list[int]) -> int:
    """Return the UTF-8 length of what a document's ids decode to."""
    return len(tokenizer.decode(ids).encode("utf-8"))


def counted_bytes(tokenizer: sentencepiece.SentencePieceProcessor, ids: list[int]) -> int:
    """Return the table's total for a document that follows its BOS."""
    stream = torch.tensor([BOS_ID, *ids])
    return int(build_byte_table(tokenizer).count(stream[:-1], stream[1:]).sum())


@pytest.mark.parametrize("text", CASES)
def test_table_counts_the_bytes_of_the_decoded_text(
    tokenizer: sentencepiece.SentencePieceProcessor, text: str
) -> None:
    ids = tokenizer.encode(text)
    assert counted_bytes(tokenizer, ids) == decoded_bytes(tokenizer, ids)


@settings(deadline=None)
@given(text=st.text(max_size=60))
def test_table_counts_the_bytes_of_any_text(
    tokenizer: sentencepiece.SentencePieceProcessor, text: str
) -> None:
    ids = tokenizer.encode(text)
    assert tokenizer.unk_id() not in ids
    assert counted_bytes(tokenizer, ids) == decoded_bytes(tokenizer, ids)


def test_whole_stream_adds_up_over_document_boundaries(
    tokenizer: sentencepiece.SentencePieceProcessor,
) -> None:
    documents = [tokenizer.encode(text) for text in read_documents()[:60]]
    stream = torch.tensor([token for ids in documents for token in (BOS_ID, *ids)])
    counts = build_byte_table(tokenizer).count(stream[:-1], stream[1:])
    assert int(counts.sum()) == sum(decoded_bytes(tokenizer, ids) for ids in documents)
    assert int(counts[stream[1:] == BOS_ID].sum()) == 0


def test_byte_pieces_of_a_broken_character_count_one_each(
    tokenizer: sentencepiece.SentencePieceProcessor,
) -> None:
    # Decoding shows a replacement character of 3 bytes instead: only here the table and the decoder differ.
    broken = tokenizer.piece_to_id("<0xF0>")
    assert tokenizer.is_byte(broken)
    assert counted_bytes(tokenizer, [broken]) == 1


def test_space_counts_after_text_and_not_after_bos_or_unknown(
    tokenizer: sentencepiece.SentencePieceProcessor,
) -> None:
    word = next(i for i in range(512) if tokenizer.id_to_piece(i) == "▁the")
    table = build_byte_table(tokenizer)
    byte = tokenizer.piece_to_id("<0x41>")
    after = {
        previous: int(table.count(torch.tensor([previous]), torch.tensor([word])))
        for previous in (1, 3, byte, word)
    }
    assert after == {1: 3, 3: 3, byte: 4, word: 4}
    assert int(table.count(torch.tensor([word]), torch.tensor([3]))) == 0


def test_bits_per_byte_is_total_nats_over_bytes() -> None:
    assert bits_per_byte(3 * math.log(2), 2) == pytest.approx(1.5, abs=1e-15)


def test_vocabulary_that_does_not_fit_is_refused(
    tokenizer: sentencepiece.SentencePieceProcessor, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("model") / "t.model"
    path.write_bytes(tokenizer.serialized_model_proto())
    with pytest.raises(ValueError, match="512 pieces, but VOCAB_SIZE=1024"):
        load_tokenizer(str(path), 1024)

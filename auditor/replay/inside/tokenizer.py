"""A stand-in for sentencepiece that knows the toy vocabulary, whatever model file it is pointed at."""

from __future__ import annotations

import sys
import types
from collections.abc import Sequence
from typing import Any

from auditor.replay.toy.world import pieces

SPACE = "\u2581"
"""Sentencepiece writes the space that leads a word as this sign."""


def install_tokenizer(vocabulary: int) -> None:
    """Exchange the `sentencepiece` module for one with `vocabulary` toy pieces."""
    known = pieces(vocabulary)
    numbers = {(SPACE if space else "") + text: n for n, (_, text, space) in enumerate(known)}

    class SentencePieceProcessor:
        """The part of the real class that scripts use, under all spellings of its methods."""

        def __init__(self, *_: Any, **__: Any) -> None:
            pass

        def Load(self, *_: Any, **__: Any) -> bool:
            return True

        def vocab_size(self) -> int:
            return vocabulary

        def is_control(self, number: int) -> bool:
            return number in (1, 2)

        def is_unknown(self, number: int) -> bool:
            return number == 0

        def is_unused(self, number: int) -> bool:
            return number == 3

        def is_byte(self, number: int) -> bool:
            return known[number][0] == "byte"

        def id_to_piece(self, number: Any) -> Any:
            if isinstance(number, Sequence):
                return [self.id_to_piece(n) for n in number]
            _, text, space = known[int(number)]
            return SPACE + text if space else text

        def piece_to_id(self, piece: str) -> int:
            return numbers.get(piece, 0)

        def encode(self, text: str, *_: Any, **__: Any) -> list[int]:
            return [8 + ord(sign) % (vocabulary - 8) for sign in text]

        def decode(self, numbers: Any) -> str:
            shown = [numbers] if isinstance(numbers, int) else numbers
            return "".join(self.id_to_piece(int(n)) for n in shown).replace(SPACE, " ")

        def bos_id(self) -> int:
            return 1

        def eos_id(self) -> int:
            return 2

        def pad_id(self) -> int:
            return -1

        def unk_id(self) -> int:
            return 0

        def serialized_model_proto(self) -> bytes:
            return b"toy vocabulary"

        load = LoadFromFile = load_from_serialized_proto = LoadFromSerializedProto = Load
        get_piece_size = GetPieceSize = piece_size = __len__ = vocab_size
        IsControl, IsUnknown, IsUnused, IsByte = is_control, is_unknown, is_unused, is_byte
        IdToPiece, PieceToId = id_to_piece, piece_to_id
        Encode = EncodeAsIds = encode_as_ids = encode
        Decode = DecodeIds = decode_ids = decode

    module = types.ModuleType("sentencepiece")
    module.__dict__["SentencePieceProcessor"] = SentencePieceProcessor
    module.__dict__["__version__"] = "0.2.0"
    module.__spec__ = types.SimpleNamespace(name="sentencepiece", loader=None)  # type: ignore[assignment]
    sys.modules["sentencepiece"] = module

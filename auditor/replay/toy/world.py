"""The toy world that a submission is replayed in: token streams, shards in the challenge's format, a vocabulary.

Every stretch of `ANCHOR` tokens of the validation split occurs once in the whole world, except inside a few passages
that are repeated on purpose (caches must have something to remember) and never open a document; training streams hold
none of them. So the position of a row of tokens can be told from the tokens alone, and a token of training data is
never taken for one of validation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Tokens = NDArray[np.int64]
    Anchors = set[tuple[int, ...]] | frozenset[tuple[int, ...]]

ANCHOR: Final = 5
"""Tokens that tell a position: no stretch of this length occurs twice outside the repeated passages."""

BOS: Final = 1
FIRST_ORDINARY: Final = 8
"""Ids below are control and byte pieces, as in the challenge's vocabularies; documents hold none of them."""

SHARD_MAGIC: Final = 20240520
SHARD_VERSION: Final = 1
HEADER_BYTES: Final = 1024
"""Header of a shard: 256 little-endian int32, of which magic, version and token count are used."""

PASSAGE: Final = 10
"""Tokens of a repeated passage: longer than `ANCHOR` so that caches of higher order hit too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSize:
    """How large a world is.

    Attributes:
        vocabulary: pieces, control and byte pieces counted.
        validation: tokens of the validation split.
        training: tokens of each training shard.
        shards: training shards.
        documents: shortest and longest document, in tokens.
    """

    vocabulary: int = 64
    validation: int = 1100
    training: int = 6000
    shards: int = 2
    documents: tuple[int, int] = (30, 130)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One toy world; `validation` holds the tokens as scored, counted from position 0."""

    size: WorldSize
    seed: int
    validation: Tokens
    training: tuple[Tokens, ...]

    @property
    def document_starts(self) -> list[int]:
        """Positions of the first token of each document (its BOS)."""
        return [int(i) for i in (self.validation == BOS).nonzero()[0]]

    def flipped(self, position: int, value: int) -> World:
        """The same world with one validation token exchanged."""
        tokens = self.validation.copy()
        tokens[position] = value
        return replace(self, validation=tokens)

    def exchanged(self, positions: Tokens, seed: int) -> World:
        """The same world with the ordinary tokens at positions each exchanged for another; documents stay.

        Every token is turned into the same other one wherever it is exchanged, so that stretches stay unique.
        """
        import numpy as np

        ordinary = np.arange(FIRST_ORDINARY, self.size.vocabulary)
        turned = np.random.default_rng(seed).permutation(ordinary)
        other = np.arange(self.size.vocabulary)
        other[turned] = np.roll(turned, 1)
        tokens = self.validation.copy()
        tokens[positions] = other[tokens[positions]]
        return replace(self, validation=tokens)

    def alternative(self, position: int, offset: int = 0) -> int:
        """Another ordinary token for a position, so that no anchor around it occurs elsewhere.

        Raises:
            ValueError: a BOS stands there; exchanging it would change the documents.
        """
        old = int(self.validation[position])
        if old < FIRST_ORDINARY:
            raise ValueError(f"position {position} holds a control token")
        count = self.size.vocabulary - FIRST_ORDINARY
        taken = _anchors(self.validation)
        for shard in self.training:
            taken |= _anchors(shard)
        for step in range(1, count):
            value = FIRST_ORDINARY + (old - FIRST_ORDINARY + 7 * step + offset) % count
            if value == old:
                continue
            changed = self.flipped(position, value).validation
            low = max(position - ANCHOR + 1, 0)
            around = _anchors(changed[low : position + ANCHOR])
            if not around & taken:
                return value
        return FIRST_ORDINARY + (old - FIRST_ORDINARY + 1) % count


def make_world(size: WorldSize, seed: int) -> World:
    """Make a world; equal sizes and seeds give equal worlds."""
    import numpy as np

    rng = np.random.default_rng(seed)
    validation = _stream(size.validation, size, rng, set(), passages=4)
    taken = frozenset(_anchors(validation))
    training = tuple(_stream(size.training, size, rng, taken, passages=0) for _ in range(size.shards))
    return World(size=size, seed=seed, validation=validation, training=training)


def _stream(
    length: int, size: WorldSize, rng: np.random.Generator, used: Anchors, *, passages: int
) -> Tokens:
    """Documents of random words without an anchor in `used`, with `passages` passages that occur three times.

    A set of used anchors takes those of the stream in, so that none repeats; a frozen one does not.
    """
    import numpy as np

    words = [_word(size, rng, int(rng.integers(2, ANCHOR))) for _ in range(60)]
    repeated = [_word(size, rng, PASSAGE) for _ in range(passages)]
    places = (
        sorted(rng.choice(np.arange(1, 20), size=min(3 * passages, 18), replace=False)) if passages else []
    )
    due = [(int(place) * length // 20, repeated[i % passages]) for i, place in enumerate(places)]
    out: list[int] = []
    queue: list[int] = []
    next_document = opened = 0
    while len(out) < length:
        if len(out) >= next_document and _is_new(out, BOS, used):
            opened = len(out)
            out.append(BOS)
            next_document = len(out) + int(rng.integers(*size.documents))
            queue = []
            continue
        inside = len(out) - opened >= ANCHOR and next_document - len(out) > PASSAGE
        if due and len(out) >= due[0][0] and inside:
            out.extend(due.pop(0)[1])
            queue = []
            continue
        if not queue and rng.random() < 0.2:
            queue = list(words[int(rng.integers(len(words)))])
        _append(out, queue, size, rng, used)
    return np.array(out[:length], dtype=np.int64)


def _word(size: WorldSize, rng: np.random.Generator, length: int) -> list[int]:
    return [int(token) for token in rng.integers(FIRST_ORDINARY, size.vocabulary, size=length)]


def _append(
    out: list[int],
    queue: list[int],
    size: WorldSize,
    rng: np.random.Generator,
    used: Anchors,
) -> None:
    """Append the next token of the word under way, or a random one, so that the anchor it closes is new."""
    for _ in range(1000):
        token = queue[0] if queue else int(rng.integers(FIRST_ORDINARY, size.vocabulary))
        if _is_new(out, token, used):
            if queue:
                queue.pop(0)
            out.append(token)
            return
        queue.clear()
    raise ValueError(f"a vocabulary of {size.vocabulary} is too small for unique stretches of {ANCHOR}")


def _is_new(out: list[int], token: int, used: Anchors) -> bool:
    """Whether the anchor that a token closes is not used yet; it is from now on."""
    anchor = (*out[1 - ANCHOR :], token)
    if len(anchor) < ANCHOR:
        return True
    if anchor in used:
        return False
    if isinstance(used, set):
        used.add(anchor)
    return True


def _anchors(tokens: Tokens) -> set[tuple[int, ...]]:
    listed = tokens.tolist()
    return {tuple(listed[i : i + ANCHOR]) for i in range(len(listed) - ANCHOR + 1)}


# -- files


def shard_bytes(tokens: Tokens) -> bytes:
    """A shard in the challenge's format: header, then one little-endian uint16 a token."""
    import numpy as np

    header = np.zeros(HEADER_BYTES // 4, dtype="<i4")
    header[:3] = SHARD_MAGIC, SHARD_VERSION, len(tokens)
    return header.tobytes() + tokens.astype("<u2").tobytes()


def byte_counts(tokens: Tokens, vocabulary: int) -> Tokens:
    """Bytes that each token of a stream stands for.

    A leading space counts unless a control piece stands before it, as in the challenge's own evaluation.
    """
    import numpy as np

    plain, spaced, boundary = _piece_bytes(vocabulary)
    after_boundary = np.append(True, boundary[tokens[:-1]])
    counts: Tokens = plain[tokens] + spaced[tokens] * ~after_boundary
    return counts


def spaced_counts(tokens: Tokens, vocabulary: int) -> Tokens:
    """Bytes that each token stands for if every leading space counts, that of a document's first word included."""
    plain, spaced, _ = _piece_bytes(vocabulary)
    counts: Tokens = plain[tokens] + spaced[tokens]
    return counts


def _piece_bytes(vocabulary: int) -> tuple[Tokens, Tokens, NDArray[np.bool_]]:
    """For each piece its bytes, the space before it (0 or 1), and whether it is a control piece."""
    import numpy as np

    known = pieces(vocabulary)
    lengths = {"control": 0, "byte": 1}
    plain = np.array([lengths.get(kind, len(text)) for kind, text, _ in known], dtype=np.int64)
    spaced = np.array([space for _, _, space in known], dtype=np.int64)
    return plain, spaced, np.array([kind == "control" for kind, _, _ in known])


def pieces(vocabulary: int) -> list[tuple[str, str, bool]]:
    """The toy vocabulary: ("control" | "byte" | "", text without the space, whether a space leads)."""
    out: list[tuple[str, str, bool]] = [
        ("control", name, False) for name in ("<unk>", "<s>", "</s>", "<pad>")
    ]
    out += [("byte", f"<0x{0x20 + i:02X}>", False) for i in range(FIRST_ORDINARY - len(out))]
    out.append(("", "", True))  # a space alone, which some scripts insist on
    letters = "abcdefghijklmnopqrstuvwxyz"
    for number in range(len(out), vocabulary):
        text = letters[number % 26] + letters[number // 26 % 26] * (number % 4 > 0) + "." * (number % 5 == 0)
        out.append(("", text + letters[number // 676 % 26] * (number >= 676), number % 3 == 0))
    return out


def write_world(world: World, folder: Path, *, names: tuple[str, ...], sidecar: bool = False) -> None:
    """Write the tree that scripts expect under a data folder.

    Args:
        names: data set folders to fill under `datasets/`, each with the same shards.
        sidecar: whether the byte sidecar lies beside the validation shard; scripts that do not know it would
            take it for another shard.
    """
    vocabulary = world.size.vocabulary
    tokenizers = folder / "tokenizers"
    tokenizers.mkdir(parents=True, exist_ok=True)
    (tokenizers / "toy.model").write_bytes(b"toy vocabulary")
    for name in names:
        datasets = folder / "datasets" / name
        datasets.mkdir(parents=True, exist_ok=True)
        (datasets / "fineweb_val_000000.bin").write_bytes(shard_bytes(world.validation))
        if sidecar:
            lengths = shard_bytes(byte_counts(world.validation, vocabulary))
            (datasets / "fineweb_val_bytes_000000.bin").write_bytes(lengths)
        for number, shard in enumerate(world.training):
            (datasets / f"fineweb_train_{number:06d}.bin").write_bytes(shard_bytes(shard))

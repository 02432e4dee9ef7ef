"""What the witness says a script counts in bytes, for spellings of one table and one sum.

The lengths expected are read off the model pieces by hand; that the canonical count is the bytes of the text is
checked against the text.
"""

from __future__ import annotations

import pytest

from auditor.trace.events import Count
from auditor.trace.token_bytes import KINDS, TokenKind, canonical, compared, faults, rare_faults
from tests.static.conftest import PRELUDE, traced

PIECES = {kind.name: kind for kind in KINDS}

TABLE = """
import sentencepiece as spm
sp = spm.SentencePieceProcessor(model_file="tokenizer.model")
V = sp.vocab_size()
size = np.zeros((V,), dtype=np.int16)
space = np.zeros((V,), dtype=np.bool_)
edge = np.ones((V,), dtype=np.bool_)
for t in range(V):
    if sp.is_control(t) or sp.is_unknown(t) or sp.is_unused(t):
        continue
    edge[t] = False
    if sp.is_byte(t):
        size[t] = 1
        continue
    piece = sp.id_to_piece(t)
    if piece.startswith("\\u2581"):
        space[t] = True
        piece = piece[1:]
    size[t] = len(piece.encode("utf-8"))
size, space, edge = torch.tensor(size), torch.tensor(space), torch.tensor(edge)
"""

LOOP = """
count = torch.zeros((), dtype=torch.float64)
for s in range(0, n - 1024, 1024):
    x, y = tokens(s)
    total += score(s)
{body}
print(f"val_bpb:{{total / math.log(2.0) / count.item()}}")
"""

RIGHT_SUMS = {
    "added in place": """
    length = size[y].to(torch.int16)
    length += (space[y] & ~edge[x]).to(torch.int16)
    count += length.to(torch.float64).sum()
""",
    "one expression": "    count = count + (size[y].double() + (space[y] & ~edge[x]).double()).sum()",
    "two sums": """
    count += size[y].sum()
    count += torch.logical_and(space[y], edge[x].logical_not()).sum()
""",
    "a total of a total": """
    part = size[y].sum() + (space[y] & ~edge[x]).sum()
    count += part
""",
    "where": "    count += torch.where(space[y] & ~edge[x], size[y] + 1, size[y]).sum()",
    "by index functions": """
    count += (size.index_select(0, y) + (torch.gather(space, 0, y) & ~torch.take(edge, x))).sum()
""",
    "of a part": """
    a, b = x.reshape(4, 256)[1, 3:9], y.reshape(4, 256)[1, 3:9]
    count += (size[b] + (space[b] & ~edge[a])).sum()
""",
    "some by a mask": """
    mask = torch.zeros(1024)
    mask[5:9] = 1.0
    count += ((size[y] + (space[y] & ~edge[x])) * mask).sum()
""",
    "kept in a list": """
    kept = []
    kept.append(size[y] + (space[y] & ~edge[x]))
    count += torch.cat(kept).sum()
""",
    "token by token": """
    for i in range(1024):
        length = int(size[y[i]])
        length += 1 if space[y[i]] and not edge[x[i]] else 0
        count += length
""",
    "numpy": """
    a, b = x.numpy(), y.numpy()
    length = size.numpy()[b].astype(np.int64)
    length += (space.numpy()[b] & ~edge.numpy()[a]).astype(np.int64)
    count += np.sum(length)
""",
}

WRONG_SUMS = {
    "space twice": (
        "    count += (size[y] + (space[y] & ~edge[x]) + space[y]).sum()",
        {"space": 5, "plain": 3},
    ),
    "no space": ("    count += size[y].sum()", {"space": 3, "byte": 1}),
    "doubled": ("    count += (2 * (size[y] + (space[y] & ~edge[x]))).sum()", {"plain": 6, "byte": 2}),
    "two in two sums": (
        "    count += (size[y] + space[y]).sum()\n    count += (space[y] & ~edge[x]).sum()",
        {"space": 5, "accented": 4},
    ),
    "at least three": ("    count += torch.where(size[y] < 3, 3, size[y]).sum()", {"byte": 3, "plain": 3}),
}

TABLES = {
    "in a comprehension": """
def length(t):
    if sp.is_control(t) or sp.is_unknown(t) or sp.is_unused(t):
        return 0
    return 1 if sp.is_byte(t) else len(sp.id_to_piece(t).replace("\\u2581", " ").encode())
size = torch.tensor([length(t) for t in range(V)])
""",
    "from lists": """
table = [0] * V
for t in range(V):
    piece = sp.IdToPiece(t)
    if sp.IsByte(t):
        table[t] = 1
    elif not (sp.IsControl(t) or sp.IsUnknown(t) or sp.IsUnused(t)):
        table[t] = len((" " + piece[1:] if piece[0] == chr(0x2581) else piece).encode("utf8"))
size = torch.as_tensor(table)
""",
    "from texts": """
texts = [b""] * V
for t in range(V):
    if sp.is_byte(t):
        texts[t] = bytes([int(sp.id_to_piece(t)[3:-1], 16)])
    elif not (sp.is_control(t) or sp.is_unknown(t) or sp.is_unused(t)):
        texts[t] = sp.id_to_piece(t).replace("\\u2581", " ").encode("utf-8")
size = torch.tensor([len(text) for text in texts])
""",
    "by enumeration": """
pieces = [sp.id_to_piece(t) for t in range(V)]
size = torch.zeros(V, dtype=torch.int64)
for t, piece in enumerate(pieces):
    if sp.is_byte(t):
        size[t] = 1
    elif not sp.is_control(t) and not sp.is_unknown(t) and not sp.is_unused(t):
        size[t] = len(piece.replace("\\u2581", " ").encode())
""",
    "padded": """
short = np.array([0 if sp.is_control(t) or sp.is_unknown(t) or sp.is_unused(t) else 1 if sp.is_byte(t) else
    len(sp.id_to_piece(t).replace("\\u2581", " ").encode()) for t in range(V)])
size = np.zeros(2 * V, dtype=np.int64)
size[: short.shape[0]] = short
size = torch.from_numpy(size)
""",
}


def counts(script: str) -> list[Count]:
    trace = traced(script)
    return trace.counts_of(trace.reports[-1])


def counted(count: Count, before: str, kind: str) -> float | None:
    return next(c.count for c in compared(count.counts) if (c.before.name, c.kind.name) == (before, kind))


def summed(body: str, table: str = TABLE) -> list[Count]:
    return counts(PRELUDE + table + LOOP.format(body=body.strip("\n")))


@pytest.mark.parametrize("body", RIGHT_SUMS.values(), ids=RIGHT_SUMS.keys())
def test_upstream_count_is_canonical_in_every_spelling(body: str) -> None:
    found = summed(body)
    assert found
    for count in found:
        assert count.how == "table"
        assert not faults(count.counts) and not rare_faults(count.counts)


def test_stand_in_for_a_package_that_every_run_has_is_never_reached() -> None:
    stand_in = """
class Missing:
    def SentencePieceProcessor(self, model_file):
        return self

try:
    import sentencepiece as spm
    FOUND = True
except ImportError:
    spm = Missing()
    FOUND = False
"""
    table = TABLE.replace("import sentencepiece as spm\n", stand_in.lstrip("\n"))
    found = summed(RIGHT_SUMS["one expression"], table)
    assert found
    assert all(count.how == "table" and not faults(count.counts) for count in found)


@pytest.mark.parametrize(("body", "lengths"), WRONG_SUMS.values(), ids=WRONG_SUMS.keys())
def test_wrong_sum_is_told_by_what_it_adds(body: str, lengths: dict[str, int]) -> None:
    found = summed(body)
    assert found
    for count in found:
        assert {kind: counted(count, "plain", kind) for kind in lengths} == lengths
        assert faults(count.counts)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_table_is_followed_in_every_spelling(table: str) -> None:
    head = TABLE.split("size =")[0]
    found = summed("    count += size[y].sum()", head + table)
    assert found
    for count in found:
        assert count.how == "table"
        assert not faults(count.counts)
        assert {c.kind.name for c in rare_faults(count.counts)} <= {"space", "lone space", "accented space"}


@pytest.mark.parametrize(
    ("old", "new", "lengths"),
    [
        ('"\\u2581"', '"\\u00e2\\u2013"', {"space": 6, "plain": 3, "lone space": 3}),
        ("        size[t] = 1\n        continue\n", "        pass\n", {"byte": 6, "plain": 3}),
        ("len(piece.encode", "1 + len(piece.encode", {"plain": 4, "space": 5, "byte": 1}),
        ('len(piece.encode("utf-8"))', "len(piece)", {"accented": 3, "plain": 3}),
    ],
    ids=["spoilt mark", "bytes by spelling", "one more each", "characters"],
)
def test_wrong_table_is_told_by_what_it_holds(old: str, new: str, lengths: dict[str, int]) -> None:
    assert old in TABLE
    found = summed(RIGHT_SUMS["one expression"], TABLE.replace(old, new))
    assert found
    for count in found:
        assert {kind: counted(count, "plain", kind) for kind in lengths} == lengths


@pytest.mark.parametrize(
    ("table", "body", "how"),
    [
        ("size = torch.tensor(np.load('meta.npz')['size'])", "    count += size[y].sum()", "file"),
        ("size = torch.ones(V)", "    count += size[y].sum()", "uniform"),
        ("size = torch.zeros(V)\nsize[4:] = 1", "    count += size[y].sum()", "uniform"),
        (
            "bytes_ = torch.from_numpy(np.fromfile('fineweb_val_bytes_0.bin', dtype='<u2').astype(np.int64))",
            "    count += bytes_[s + 1 : s + 1025].sum()",
            "sidecar",
        ),
        ("import numba", "    count += numba.njit(lambda a: a)(size[y]).sum()", "unknown"),
    ],
    ids=["metadata", "ones", "byte vocabulary", "sidecar", "another library"],
)
def test_what_is_not_known_of_lengths_is_named(table: str, body: str, how: str) -> None:
    assert {count.how for count in summed(body, TABLE + table + "\n")} == {how}


def test_a_count_printed_beside_the_number_is_not_what_it_was_divided_by() -> None:
    body = RIGHT_SUMS["one expression"] + "\n    spaces = space[y].sum()"
    script = LOOP.format(body=body).replace("val_bpb:", "spaces:{spaces} val_bpb:")
    for count in counts(PRELUDE + TABLE + script):
        assert not faults(count.counts)


def test_one_total_each_of_two_evaluations_is_counted_once() -> None:
    twice = LOOP.format(body=RIGHT_SUMS["one expression"])
    for count in counts(PRELUDE + TABLE + twice + twice):
        assert not faults(count.counts)


def test_an_unknown_table_is_no_wrong_one() -> None:
    script = TABLE + "size = torch.tensor(unknown_table())\n"
    for count in summed(RIGHT_SUMS["added in place"], script):
        assert count.how == "unknown"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_model_pieces_count_as_they_decode(kind: TokenKind) -> None:
    """Against the text itself: after another token a leading mark is a space, and byte pieces are one byte."""
    if kind.name == "byte":
        inside = 1
    elif kind.boundary:
        inside = 0
    else:
        inside = len(kind.piece.replace("\u2581", " ").encode())
    assert canonical(PIECES["plain"], kind) == inside
    assert canonical(PIECES["control"], kind) == inside - (1 if kind.leading else 0)

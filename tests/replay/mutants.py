"""The shipped legal specimen, broken one rule at a time by LibCST codemods, and what each witness must make of it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import libcst as cst

import auditor.specimens

LEGAL = (Path(auditor.specimens.__file__).parent / "legal_lora_ttt.py").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One statement exchanged for others; `old` is its code without indentation, `new` may be empty."""

    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One broken (or harmlessly changed) specimen.

    Attributes:
        what: what was changed, for the table.
        fails: conditions that the replay must prove to fail; none for a change that breaks nothing.
        static: verdicts that the static witness may give it.
    """

    name: str
    what: str
    edits: tuple[Edit, ...]
    fails: frozenset[str]
    static: tuple[str, ...]

    @property
    def script(self) -> str:
        return edited(LEGAL, self.edits)


class _Exchange(cst.CSTTransformer):
    def __init__(self, module: cst.Module, edits: Sequence[Edit]) -> None:
        super().__init__()
        self._module = module
        self._edits = {textwrap.dedent(edit.old).strip(): edit for edit in edits}
        self.done: set[str] = set()

    def on_leave(
        self, original_node: cst.CSTNodeT, updated_node: cst.CSTNodeT
    ) -> cst.CSTNodeT | cst.RemovalSentinel | cst.FlattenSentinel[cst.CSTNodeT]:
        if not isinstance(original_node, (cst.SimpleStatementLine, cst.BaseCompoundStatement)):
            return super().on_leave(original_node, updated_node)  # type: ignore[return-value]
        code = textwrap.dedent(self._module.code_for_node(original_node)).strip()
        edit = self._edits.get(code)
        if edit is None:
            return updated_node
        self.done.add(code)
        statements = cst.parse_module(textwrap.dedent(edit.new)).body
        return cst.FlattenSentinel(statements) if statements else cst.RemoveFromParent()  # type: ignore[arg-type]


def edited(text: str, edits: Sequence[Edit]) -> str:
    """The text with statements exchanged.

    Raises:
        ValueError: a statement is not there.
    """
    module = cst.parse_module(text)
    exchange = _Exchange(module, edits)
    changed = module.visit(exchange).code
    missing = [edit.old for edit in edits if textwrap.dedent(edit.old).strip() not in exchange.done]
    if missing:
        raise ValueError(f"the specimen has no statement {missing[0]!r}")
    return changed


SCORE = "losses = model(inputs, targets, adapter)"
COUNT = "loss_sum += losses.detach().double().sum()"
TRAIN = """\
if chunk + 1 < chunks:
    losses.mean().backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
"""
STEP = "losses.mean().backward()\noptimizer.step()\noptimizer.zero_grad(set_to_none=True)\n"
ADAPTER = "adapter = Adapter(s.width, s.vocab_size, s.adapter_rank).to(device)"
OPTIMIZER = "optimizer = torch.optim.Adam(adapter.parameters(), lr=s.adapter_lr)"
TARGETS = "targets = tokens[first + 1 : last + 1].to(device)[None]"
INPUTS = "inputs = tokens[first:last].to(device)[None]"
STREAM = "stream = torch.cat([read_shard(shard) for shard in shards])"
TRAINED = "model.load_state_dict({name: value.float() for name, value in state.items()})"
MIX = "mixed, _ = self.mix(hidden)"
REPORTED = "val_loss, val_bpb = evaluate(model, s, validation_tokens(s), byte_lengths(s).to(device), device)"

LOOP = LEGAL[LEGAL.index("        for chunk in range(chunks):") : LEGAL.index("    nats = ")]
COUNTS = LOOP[LOOP.index("            loss_sum +=") : LOOP.index("            if chunk + 1")]
SECOND_TIME = f"            if epoch == 1:\n{textwrap.indent(COUNTS, '    ')}"
TWICE = "for epoch in range(2):\n" + textwrap.indent(
    textwrap.dedent(LOOP.replace(COUNTS, SECOND_TIME).replace("if chunk + 1 < chunks:", "if epoch == 0:")),
    "    ",
)

FIT = """\
model.requires_grad_(True)
split = validation_tokens(s)
tuner = torch.optim.SGD(model.parameters(), lr=0.05)
for begin in range(0, split.numel() - 33, 32):
    rows = split[begin : begin + 33].to(device)
    model(rows[None, :-1], rows[None, 1:]).mean().backward()
    tuner.step()
    tuner.zero_grad(set_to_none=True)
"""

ORDER = frozenset({"C1", "C3"})

MUTANTS = (
    Mutant(
        name="update_before_score",
        what="score and update swapped: a chunk is trained on, then scored",
        edits=(Edit(old=SCORE, new=SCORE + "\n" + STEP + SCORE), Edit(old=TRAIN, new="")),
        fails=ORDER,
        static=("violation",),
    ),
    Mutant(
        name="delta_on_scored_tokens",
        what="three steps on the very tokens that are scored next",
        edits=(
            Edit(
                old=SCORE, new=f"for _ in range(3):\n{textwrap.indent(SCORE + chr(10) + STEP, '    ')}{SCORE}"
            ),
            Edit(old=TRAIN, new=""),
        ),
        fails=ORDER,
        static=("violation",),
    ),
    Mutant(
        name="least_of_two_passes",
        what="the smaller of the losses before and after a step counts",
        edits=(
            Edit(
                old=SCORE,
                new=f"{SCORE}\nbefore = losses.detach()\n{STEP}{SCORE}\nlosses = torch.minimum(before, losses)",
            ),
            Edit(old=TRAIN, new=""),
        ),
        fails=ORDER,
        static=("violation",),
    ),
    Mutant(
        name="window_reaches_ahead",
        what="the step takes eight tokens of the next chunk along",
        edits=(
            Edit(
                old=TRAIN,
                new="""\
                if chunk + 1 < chunks:
                    ahead = tokens[first : min(last + 8, end) + 1].to(device)
                    model(ahead[None, :-1], ahead[None, 1:], adapter).mean().backward()
                    optimizer.step()
                    optimizer.zero_grad(set_to_none=True)
                """,
            ),
        ),
        fails=ORDER,
        static=("violation", "review"),
    ),
    Mutant(
        name="epochs_around_the_chunk_loop",
        what="every document is gone through twice, and the second time counts",
        edits=(Edit(old=LOOP, new=TWICE),),
        fails=ORDER,
        static=("violation",),
    ),
    Mutant(
        name="fit_before_evaluation",
        what="the weights are fitted to the split before it is evaluated",
        edits=(Edit(old=TRAINED, new=TRAINED + "\n" + FIT),),
        fails=ORDER,
        static=("violation",),
    ),
    Mutant(
        name="second_evaluation",
        what="the split is fitted after a first evaluation, and evaluated again for the report",
        edits=(Edit(old=REPORTED, new=f"{REPORTED}\n{FIT}{REPORTED}"),),
        fails=ORDER,
        static=("violation",),
    ),
    Mutant(
        name="split_in_training",
        what="validation tokens are appended to the training stream",
        edits=(
            Edit(
                old=STREAM,
                new=STREAM + "\nstream = torch.cat([validation_tokens(s).repeat(20), stream[:100]])",
            ),
        ),
        fails=ORDER,
        static=("violation", "review"),
    ),
    Mutant(
        name="sees_the_future",
        what="the model mixes every position with the mean of all, later ones included",
        edits=(Edit(old=MIX, new=MIX + "\nmixed = mixed + hidden.mean(1, keepdim=True)"),),
        fails=frozenset({"C1"}),
        static=("violation", "review", "compliant"),
    ),
    Mutant(
        name="cache_keyed_by_target",
        what="a cache is asked for the target alone and mixed in where it knows it",
        edits=(
            Edit(old="token_count = 0", new="token_count = 0\nknown: dict[tuple[int, int], int] = {}"),
            Edit(
                old=COUNT,
                new=f"""\
                pairs = list(zip(inputs.flatten().tolist(), targets.flatten().tolist()))
                seen = torch.tensor([[float(pair in known) for pair in pairs]])
                losses = torch.where(seen > 0, -torch.log(0.5 * torch.exp(-losses) + 0.5), losses)
                {COUNT}
                known.update(dict.fromkeys(pairs, 1))
                """,
            ),
            Edit(old=TRAIN, new=""),
        ),
        fails=frozenset({"C2"}),
        static=("violation", "review", "compliant"),
    ),
    Mutant(
        name="losses_capped",
        what="no token may cost more than a uniform guess",
        edits=(Edit(old=COUNT, new=f"losses = losses.clamp(max=math.log(s.vocab_size))\n{COUNT}"),),
        fails=frozenset({"C2"}),
        static=("violation", "review", "compliant"),
    ),
    Mutant(
        name="no_guard_on_the_last_chunk",
        what="the last chunk gives a step too; the adapter is thrown away with its document (harmless)",
        edits=(Edit(old=TRAIN, new=STEP),),
        fails=frozenset(),
        static=("compliant",),
    ),
    Mutant(
        name="no_reset_between_documents",
        what="one adapter for all documents, still score first (harmless to the four conditions)",
        edits=(
            Edit(old=ADAPTER, new=""),
            Edit(old=OPTIMIZER, new=""),
            Edit(old="token_count = 0", new=f"token_count = 0\n{ADAPTER}\n{OPTIMIZER}"),
        ),
        fails=frozenset(),
        static=("compliant", "review"),
    ),
    Mutant(
        name="several_epochs_on_scored_chunk",
        what="three steps on a chunk after its score (legal)",
        edits=(
            Edit(
                old=TRAIN,
                new="""\
                if chunk + 1 < chunks:
                    for _ in range(3):
                        model(inputs, targets, adapter).mean().backward()
                        optimizer.step()
                        optimizer.zero_grad(set_to_none=True)
                """,
            ),
        ),
        fails=frozenset(),
        static=("compliant",),
    ),
)

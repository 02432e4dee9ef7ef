"""What is mutated: the reference's evaluations as single files, in the functions that each of them has to itself."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from reference_impl.roster import EVALUATIONS
from reference_impl.single_file import write_script
from tests.mutants.operators import Mutant, mutants

SHARED = (
    "evaluate_flat", "score_windows", "gather_windows", "disjoint_windows", "batches", "summarize", "bits_per_byte",
    "ByteTable.count", "make_validation", "TokenScores.record", "TokenScores.gather", "GPT.forward", "GPT.hidden",
    "GPT.logits", "attend_square", "attend", "CausalSelfAttention.forward",
)  # fmt: skip
FUNCTIONS = {
    "flat": SHARED,
    "document": ("evaluate_document", "find_documents"),
    "sliding": ("evaluate_sliding", "sliding_windows"),
    "stride": ("evaluate_stride", "chunk_window", "chunk_count"),
    "lora_ttt": (
        "evaluate_lora_ttt",
        "adapt_documents",
        "keep_rows",
        "DocumentAdapters.start",
        "deal_batches",
    ),
    "lora_ttt_fixed": ("evaluate_lora_ttt_fixed", "take_steps", "score_and_learn"),
    "chunk_ttt": ("evaluate_chunk_ttt", "learn_windows", "trainable_parameters"),
    "phased_ttt": ("evaluate_phased_ttt",),
}


SELF_CHECK = "  if wrong.numel() or int(times_N[0]) != 0:\n"
"""The reference refuses a metric of tokens that were scored not once: a mutant would be stopped by it, not by us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An evaluation whose script is mutated."""

    name: str
    text: str
    function: str
    config: str

    def mutants(self) -> list[Mutant]:
        """All mutants, in the order of the text."""
        return list(mutants(self.text, FUNCTIONS[self.name]))


def subjects() -> Iterator[Subject]:
    """The reference's evaluations."""
    for name in FUNCTIONS:
        evaluation = EVALUATIONS[name]
        text = write_script(evaluation)
        assert text.count(SELF_CHECK) == 1
        text = text.replace(SELF_CHECK, "  if False:\n")
        yield Subject(name=name, text=text, function=evaluation.function, config=evaluation.config)


def drawn(subject: Subject, count: int, seed: int) -> list[Mutant]:
    """Mutants of a subject, drawn so that every kind of change has its share."""
    generator = random.Random(f"{subject.name}:{seed}")
    by_kind: dict[str, list[Mutant]] = {}
    for mutant in subject.mutants():
        by_kind.setdefault(mutant.kind.split(" (")[0], []).append(mutant)
    for several in by_kind.values():
        generator.shuffle(several)
    kinds = sorted(by_kind)
    found: list[Mutant] = []
    while len(found) < count and any(by_kind.values()):
        generator.shuffle(kinds)
        for kind in kinds:
            if by_kind[kind] and len(found) < count:
                found.append(by_kind[kind].pop())
    return found

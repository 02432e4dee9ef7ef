"""Code that runs and cannot be read.

## What it checks

Every part of the program that runs must be readable as source: the script, what it unpacks and executes, the
siblings it imports, and the native code it builds or loads. Packing by itself is allowed and is undone layer
by layer without running it; this rule speaks where that is not possible.

## Why it breaks the rules

A submission is reviewed by reading it. Code that is decrypted at run time, shipped as bytecode or as a binary,
or assembled from values that only a run knows, could hold anything: validation tokens, a different evaluation, a
network call. The challenge counts code bytes and asks for the training and evaluation code in the open.

## How to fix it

Ship plain source, or pack it with one of the usual pure calls (zlib, lzma, zstandard or brotli over base64,
base85 or ascii85). Put native kernels into the folder as source (`.c`, `.cpp`, `.cu`) or as a string in the
script, and build them at start.

## Known limits

Native source is carried as text and not followed by the static witness: what it does to the score is a matter
for the rules about the score, which then say so. A packer that is not known yet reads as opaque; that is a gap
of the auditor and the finding says which call stopped it.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import ClassVar

from auditor.trace.events import NEVER_REACHED
from rules.core.rule import (
    Bad,
    CodeProblem,
    Evidence,
    Finding,
    Good,
    Judgement,
    Level,
    Outcome,
    Policy,
    Rule,
    Source,
)

MAX_UNREACHED = 3

UNREADABLE = frozenset({"bytecode", "native"})
"""Forms that no reader can judge: they fail. Everything else that could not be read is undecided."""


def _packed() -> str:
    """A small evaluation script, packed as real submissions are."""
    source = """\
import numpy as np
import torch
import torch.nn.functional as F

tokens = torch.from_numpy(np.fromfile("data/fineweb_val_000000.bin", dtype=np.uint16).astype(np.int64))
model = torch.nn.Sequential(torch.nn.Embedding(1024, 64), torch.nn.Linear(64, 1024))
total, count = torch.zeros(()), 0
with torch.no_grad():
    for start in range(0, tokens.numel() - 1024, 1024):
        target = tokens[start + 1 : start + 1025]
        total += F.cross_entropy(model(tokens[start : start + 1024]), target, reduction="sum")
        count += 1024
print(f"final val_bpb:{total.item() / count * 0.59:.8f}")
"""
    body = base64.b85encode(zlib.compress(source.encode())).decode()
    return f"import base64, zlib\nexec(zlib.decompress(base64.b85decode({body!r})))\n"


class OpaqueCode(Rule):
    """Fails for bytecode and binaries that run; says `unknown` for what could not be decoded."""

    slug = "opaque-code"
    title = "Code that runs and cannot be read"
    condition = "README"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "bytecode or a binary that runs fails; what could not be decoded or parsed is "
        "unknown",
        Policy.STRICT: "anything that runs and could not be read fails",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/blob/main/README.md",
            date="2026-03-18",
            who="challenge README",
            ruling="a record holds its training script, and code bytes count towards the 16 MB: the "
            "code is what is judged, so it must be there to read",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/1493",
            date="2026-04-09",
            who="merged record",
            ruling="a script packed with lzma and base85 was merged: packing anyone can undo is accepted",
        ),
    )
    examples = (
        Good(
            "packed, and every reader can unpack it",
            _packed(),
        ),
        Bad(
            "bytecode is unmarshalled and run",
            """\
import base64
import marshal

BODY = "4wAAAAAAAAAAAAAAAAAAAAABAAAAAAAAAHMEAAAAZABTACkB"

code = marshal.loads(base64.b64decode(BODY))
exec(code)  # expect: opaque-code
""",
        ),
        Bad(
            "the key to the source is only there at run time",
            """\
import os

KEY = int(os.environ["UNLOCK"])
BODY = bytes([12, 44, 91, 7, 3, 250, 18])

source = bytes(b ^ (KEY & 255) for b in BODY)
exec(source)  # expect: opaque-code
""",
            outcome=Outcome.UNKNOWN,
        ),
    )

    def judge(self, evidence: Evidence) -> Judgement:
        running = [problem for problem in evidence.problems if problem.runs]
        if not running:
            packed = f", unpacked from {len(evidence.layers)} layers" if evidence.layers else ""
            because = f"all code that runs was read{packed}" + _unreached(evidence)
            return Judgement(outcome=Outcome.PASS, because=because)
        findings = tuple(_finding(problem, evidence.policy) for problem in running)
        failed = any(finding.outcome is Outcome.FAIL for finding in findings)
        first = next(f for f in findings if not failed or f.outcome is Outcome.FAIL)
        return Judgement(outcome=first.outcome, because=first.message, findings=findings)


def _unreached(evidence: Evidence) -> str:
    """A clause that names functions which update states and which nothing that was followed calls."""
    events = evidence.trace.unresolved if evidence.trace is not None else ()
    found = [event for event in events if event.reason == NEVER_REACHED]
    if not found:
        return ""
    named = ", ".join(f"`{event.what}` ({event.place})" for event in found[:MAX_UNREACHED])
    more = f" and {len(found) - MAX_UNREACHED} more" if len(found) > MAX_UNREACHED else ""
    return f"; not reached by what was followed, though they update states: {named}{more}"


def _finding(problem: CodeProblem, policy: Policy) -> Finding:
    fails = problem.kind in UNREADABLE or policy is Policy.STRICT
    return Finding(
        rule=OpaqueCode.slug,
        outcome=Outcome.FAIL if fails else Outcome.UNKNOWN,
        level=Level.ERROR if fails else Level.WARNING,
        message=f"code that runs could not be read ({problem.kind}): {problem.reason}",
        locations=(problem.place,),
    )

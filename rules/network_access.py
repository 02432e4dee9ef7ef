"""Network access while the number is made.

## What it checks

Whether the program reaches out of its machine in the phase that ends in the reported number: HTTP and socket
    calls,
downloads from a model or data set hub, a shell command such as `curl`, `wget` or `pip install`, or a remote
path given to a loader. Talk between the ranks of one job (`torch.distributed`) is no network access.

## Why it breaks the rules

The artifact must be self-contained: no external downloads, no training data set, no network calls during
evaluation. What is fetched then is model or data that nobody counted in the 16 MB, and the score cannot be
repeated.

## How to fix it

Fetch data and tokenizers before the run, as the data scripts of the challenge do, and read them from disk.
Install packages beforehand and name them in a `requirements.txt`.

## Known limits

A request whose address is built at run time is found by the call, not by the address. Libraries that
download on first use behind a name that is not in the tables of the auditor are not seen here; a replay in a
sandbox without a network is. Before training has started a download is a warning and left to a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from auditor.trace.answer import Answer
from auditor.trace.events import Access
from auditor.trace.trace import Trace
from rules.base import (
    Bad,
    Evidence,
    Finding,
    Good,
    Judgement,
    Level,
    Outcome,
    Policy,
    Rule,
    Source,
    no_program,
)


class NetworkAccess(Rule):
    """Fails for network access from the start of the evaluation on, asks a person about earlier ones."""

    slug = "network-access"
    title = "Network access while the number is made"
    condition = "README"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "fails in the evaluation; earlier access, or access under an undecided branch, "
        "is for review",
        Policy.STRICT: "fails wherever a number is still reported afterwards",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/blob/main/README.md",
            date="2026-03-18",
            who="challenge README",
            ruling="no external downloads, training data access or network calls are allowed in evaluation; "
            "the artifact must be self-contained",
        ),
    )
    examples = (
        Good(
            "data on disk, ranks that talk to each other",
            """\
import math

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F


def main():
    dist.init_process_group(backend="nccl")
    shard = np.fromfile("data/fineweb_val_000000.bin", dtype=np.uint16)
    val_tokens = torch.from_numpy(shard.astype(np.int64))
    model = torch.nn.Sequential(torch.nn.Embedding(1024, 64), torch.nn.Linear(64, 1024))
    total = torch.zeros(())
    count = 0
    with torch.no_grad():
        for start in range(0, val_tokens.numel() - 1024, 1024):
            x = val_tokens[start : start + 1024]
            y = val_tokens[start + 1 : start + 1025]
            total += F.cross_entropy(model(x), y, reduction="sum")
            count += 1024
    dist.all_reduce(total)
    print(f"final val_bpb:{total.item() / count / math.log(2.0) * 0.41:.8f}")


main()
""",
        ),
        Bad(
            "weights are fetched before the score",
            """\
import math
import urllib.request

import numpy as np
import torch
import torch.nn.functional as F


def main():
    shard = np.fromfile("data/fineweb_val_000000.bin", dtype=np.uint16)
    val_tokens = torch.from_numpy(shard.astype(np.int64))
    model = torch.nn.Sequential(torch.nn.Embedding(1024, 64), torch.nn.Linear(64, 1024))
    total = torch.zeros(())
    count = 0
    with torch.no_grad():
        for start in range(0, val_tokens.numel() - 1024, 1024):
            x = val_tokens[start : start + 1024]
            y = val_tokens[start + 1 : start + 1025]
            hint = urllib.request.urlopen("http://192.0.2.7/logits").read()  # expect: network-access
            bias = torch.frombuffer(hint, dtype=torch.float32)
            total += F.cross_entropy(model(x) + bias, y, reduction="sum")
            count += 1024
    print(f"final val_bpb:{total.item() / count / math.log(2.0) * 0.41:.8f}")


main()
""",
        ),
    )

    def judge(self, evidence: Evidence) -> Judgement:
        if (undecided := no_program(evidence)) is not None:
            return undecided
        trace = evidence.trace
        assert trace is not None
        met = [a for a in trace.accesses if a.kind == "network" and a.certain is not Answer.NO]
        if not met:
            return Judgement(
                outcome=Outcome.PASS, because="no network call on the way to the reported number"
            )
        findings = tuple(_finding(access, trace, evidence.policy) for access in met)
        failed = next((f for f in findings if f.outcome is Outcome.FAIL), findings[0])
        return Judgement(outcome=failed.outcome, because=failed.message, findings=findings)


def _finding(access: Access, trace: Trace, policy: Policy) -> Finding:
    in_evaluation = access.number > _last_training_step(trace)
    fails = access.certain is Answer.YES and (in_evaluation or policy is Policy.STRICT)
    when = "in the evaluation" if in_evaluation else "before the evaluation"
    surely = "" if access.certain is Answer.YES else ", under a branch that is not decided"
    return Finding(
        rule=NetworkAccess.slug,
        outcome=Outcome.FAIL if fails else Outcome.REVIEW,
        level=Level.ERROR if fails else Level.WARNING,
        report=trace.claimed_report.label if trace.claimed_report else None,
        message=f"{access.what} reaches the network {when}{surely}",
        locations=(access.place,),
    )


def _last_training_step(trace: Trace) -> int:
    """The number of the last update made from training tokens; 0 for a script that only evaluates."""
    steps = [u.number for u in trace.updates if any(region.source == "train" for region in u.regions)]
    return max(steps, default=0)

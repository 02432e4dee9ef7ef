"""Network access while the number is made.

## What it checks

Whether the program reaches out of its machine in the phase that ends in the reported number: HTTP and socket
calls, downloads from a model or data set hub, shell commands such as `curl`, `wget` or `git clone`. The phase
begins behind the last training step. Package installation and telemetry (`pip install`, `wandb`) bring no model
or data in and weigh less. Talk between the ranks of one job (`torch.distributed`) is no network access.

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
sandbox without a network is. In a script that never trains every access is one of its evaluation. A download
before training has ended is left to a person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from auditor.trace.answer import Answer
from auditor.trace.events import TRAINING_STEP, Access
from auditor.trace.trace import Trace
from rules.core.rule import (
    SEVERITY,
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

TELEMETRY = re.compile(r"wandb\b|tensorboard\b|mlflow\b|neptune\b|comet_ml\b")
FETCHED = re.compile(r"restore|use_artifact|Api\b|download")
INSTALLS = re.compile(r"\b(?:pip3?|uv|conda|apt(?:-get)?)\b.*\binstall\b")
FETCHES = re.compile(
    r"\b(?:curl|wget|aria2c|scp|rsync|gsutil|git clone|huggingface-cli|hf download|aws s3)\b|https?://"
)

_MODEL = """\
import math
import subprocess
import sys

import numpy as np
import torch
import torch.nn.functional as F

HEAD
model = torch.nn.Sequential(torch.nn.Embedding(1024, 64), torch.nn.Linear(64, 1024))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
train = torch.from_numpy(np.fromfile("data/fineweb_train_000000.bin", dtype=np.uint16).astype(np.int64))
for step in range(1000):
    window = train[step * 1024 : (step + 1) * 1024 + 1]
    F.cross_entropy(model(window[:-1]), window[1:]).backward()
    optimizer.step()
    optimizer.zero_grad()
TAIL
val_tokens = torch.from_numpy(np.fromfile("data/fineweb_val_000000.bin", dtype=np.uint16).astype(np.int64))
total, count = 0.0, 0
with torch.no_grad():
    for start in range(0, val_tokens.numel() - 1024, 1024):
        x, y = val_tokens[start : start + 1024], val_tokens[start + 1 : start + 1025]
        total += F.cross_entropy(model(x), y, reduction="sum").item()
        count += 1024
print(f"final val_bpb:{total / count / math.log(2.0) * 0.41:.8f}")
"""

_INSTALL = """\
try:
    import brotli
except ImportError:
    subprocess.run([sys.executable, "-m", "pip", "install", "brotli"], check=True)MARK
"""
_MARK = "  # expect: network-access"
_INSTALLING = _MODEL.replace("HEAD\n", _INSTALL.replace("MARK", "")).replace("TAIL\n", "")
_INSTALLING_LATE = _MODEL.replace("HEAD\n", "").replace("TAIL\n", _INSTALL.replace("MARK", _MARK))
_FETCHING = _MODEL.replace(
    "HEAD", f'subprocess.run("curl -O http://192.0.2.7/fineweb_train_000000.bin", shell=True){_MARK}'
).replace("TAIL\n", "")


_TELEMETRY = (
    _MODEL.replace(
        "HEAD\n", 'import os\n\nimport wandb\n\nTELL = bool(int(os.environ.get("TELL", input())))\n'
    ).replace("TAIL\n", "")
    + "if TELL:\n    wandb.log({'bpb': total / count})\n"
)


class NetworkAccess(Rule):
    """Fails for network access from the start of the evaluation on, asks a person about earlier ones."""

    slug = "network-access"
    title = "Network access while the number is made"
    condition = "README"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "a download fails in the evaluation; an earlier one, one under an undecided branch, and "
        "installation or telemetry in the evaluation are for review; earlier ones are a warning, and telemetry "
        "under a flag that nobody has seen is a note",
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
        Good("a package is installed where it is missing, before training", _INSTALLING),
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
        Good("telemetry under a flag", _TELEMETRY),
        Bad("the training data are fetched by the run itself", _FETCHING, outcome=Outcome.REVIEW),
        Bad("a package is installed for the evaluation", _INSTALLING_LATE, outcome=Outcome.REVIEW),
    )

    def judge(self, evidence: Evidence) -> Judgement:
        if (undecided := no_program(evidence)) is not None:
            return undecided
        trace = evidence.trace
        assert trace is not None
        met = [a for a in trace.accesses if _reach(a) is not None and a.certain is not Answer.NO]
        if not met:
            return Judgement(
                outcome=Outcome.PASS, because="no network call on the way to the reported number"
            )
        findings = tuple(_finding(access, trace, evidence.policy) for access in met)
        weightiest = max(findings, key=lambda finding: SEVERITY.index(finding.outcome))
        return Judgement(outcome=weightiest.outcome, because=weightiest.message, findings=findings)


def _reach(access: Access) -> str | None:
    """ "fetch" or "service" (installation, telemetry) for what reaches the network, None for what does not."""
    if access.kind == "network":
        return "service" if TELEMETRY.match(access.what) and not FETCHED.search(access.what) else "fetch"
    if access.kind == "subprocess":
        return "service" if INSTALLS.search(access.what) else "fetch" if FETCHES.search(access.what) else None
    return None


def _sends_only(access: Access) -> bool:
    """Whether it is telemetry, which sends numbers out and brings nothing in."""
    return access.kind == "network" and _reach(access) == "service"


def _level(access: Access, outcome: Outcome) -> Level:
    if outcome is Outcome.FAIL:
        return Level.ERROR
    return Level.NOTE if outcome is Outcome.PASS and _sends_only(access) else Level.WARNING


def _finding(access: Access, trace: Trace, policy: Policy) -> Finding:
    in_evaluation = _after_training(access, trace)
    certain = access.certain is Answer.YES
    if policy is Policy.STRICT and certain:
        outcome = Outcome.FAIL
    elif _sends_only(access) and not certain:
        outcome = Outcome.PASS
    elif _reach(access) == "service":
        outcome = Outcome.REVIEW if in_evaluation else Outcome.PASS
    else:
        outcome = Outcome.FAIL if certain and in_evaluation else Outcome.REVIEW
    when = "in the evaluation" if in_evaluation else "before the evaluation"
    surely = "" if certain else ", under a branch that is not decided"
    return Finding(
        rule=NetworkAccess.slug,
        outcome=outcome,
        level=_level(access, outcome),
        report=trace.claimed_report.label if trace.claimed_report else None,
        message=f"{access.what} reaches the network {when}{surely}",
        locations=(access.place,),
    )


def _after_training(access: Access, trace: Trace) -> bool:
    """Whether no training step follows: a step that no validation token had a part in, or its loop's next turn."""
    loops = {turn.entry for turn in access.turns}
    steps = [clock for clock in trace.clocks if clock.phase == TRAINING_STEP]
    return not any(
        access.number < step.number or loops & {turn.entry for turn in step.turns} for step in steps
    )

"""A hint or a weight that is switched on by looking at the token being scored.

## What it checks

Whether what is mixed into a score was chosen by a table or a helper function that was asked about the scored token:
a gate "this token starts a word", a hint that is only offered where the target continues one, a boost picked by
the target's class. Simple C and C++ that a script builds and calls is read too, and a gate that the effective
configuration sets to a threshold no share of counts can reach is closed.

## Why it breaks the rules

The distribution of a token may depend on the tokens before it alone. A gate that reads the target tells the
mixture something about it: the hint is offered where it can be right and kept back where it would cost. The
mixture may sum to one for either position of the gate and still leak which of the two it is.

## How to fix it

Let the gate read the token before the scored one, or the hint itself, whose class is known beforehand; or set the
experts that need the target to thresholds that never open.

## Known limits

That the target is compared with a hint is no offence where the distribution is normalised for the hint; whether it
is cannot be told from the code in general, the replay's probes do that. A share is taken to be at most 1 where one
counter of a record is divided by another. Until the first ruling on such gates (30 April 2026) they were disputed:
`review` for entries before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from auditor.trace.answer import Answer
from auditor.trace.events import Blend
from rules.core.mixture_rule import CHOSEN, Blended, BlendRule, named_lookup
from rules.core.rule import Bad, Evidence, Good, Outcome, Policy, Source
from rules.examples.evaluation_loop import REPORT, SETUP

HINTS = """\
#include <stdint.h>

typedef struct { uint32_t total; uint32_t best; uint16_t top; } Seen;

void offer(Seen *seen, const uint16_t *tokens, int64_t n, const uint8_t *starts, uint16_t *hint, float *chance) {
    uint16_t previous = 0;
    for (int64_t i = 0; i < n; ++i) {
        const Seen *known = &seen[previous];
        hint[i] = known->top;
        chance[i] = 0.0f;
        if (!starts[tokens[i]] && known->total > 0) {
            chance[i] = (float)known->best / (float)known->total;
        }
        seen[previous].total += 1;
        if (tokens[i] == seen[previous].top) seen[previous].best += 1;
        else seen[previous].top = tokens[i];
        previous = tokens[i];
    }
}
"""

TILTED = """\
import ctypes
import subprocess

subprocess.run(["gcc", "-shared", "-fPIC", "-o", "hints.so", "hints.c"], check=True)
library = ctypes.CDLL("./hints.so")
tokens = val_tokens.numpy().astype(np.uint16)
starts = np.load("starts_word.npy").astype(np.uint8)
seen = np.zeros(3 * 65536, dtype=np.uint32)
hint, chance = np.zeros(tokens.size, dtype=np.uint16), np.zeros(tokens.size, dtype=np.float32)
library.offer(  # expect: target-gated-hint
    seen.ctypes.data_as(ctypes.c_void_p),
    tokens.ctypes.data_as(ctypes.c_void_p),
    tokens.size,
    starts.ctypes.data_as(ctypes.c_void_p),
    hint.ctypes.data_as(ctypes.c_void_p),
    chance.ctypes.data_as(ctypes.c_void_p),
)
opened = torch.from_numpy(chance >= THRESHOLD)
hints = torch.from_numpy(hint.astype(np.int64))
with torch.no_grad():
    for row in range(rows):
        first, last = row * SEQ + 1, (row + 1) * SEQ + 1
        y, offered = val_tokens[first:last], hints[first:last]
        logp = F.log_softmax(model(val_tokens[row * SEQ : (row + 1) * SEQ]), dim=-1)
        plain = -logp.gather(1, y[:, None]).squeeze(1)
        q = logp.gather(1, offered[:, None]).squeeze(1).exp()
        tilted = plain - 1.5 * (y == offered) + torch.log1p(q * math.expm1(1.5))
        total += torch.where(opened[first:last], tilted, plain).sum()
"""

FIRST_RULED = "2026-04-30"
"""Date of the first ruling on such gates (#1967): earlier entries (#1219, #1302) were disputed and never ruled on."""

COMPARISON = "comparison"


class TargetGatedHint(BlendRule):
    """Fails when something asked about the target decides what goes into its probability."""

    slug = "target-gated-hint"
    title = "A hint or a weight switched on by looking at the target"
    condition = "C1"
    clean = "nothing that was asked about a scored token decides what goes into its probability"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "a gate proved to read the target fails; before 30 April 2026 it is for a person to judge",
        Policy.STRICT: "a gate proved to read the target fails",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/pull/1967#issuecomment-4356836010",
            date="2026-04-30",
            who="community review",
            ruling="the within-word and word-start experts look at the class of the realised token: a C1 violation",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/2041",
            date="2026-05-01",
            who="cocohearts",
            ruling="within-word and word hints that read the realised token are not allowed; logs show both gates open",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/2146",
            date="2026-05-03",
            who="cocohearts",
            ruling="the token-only tilt, with the other two experts' thresholds set out of reach, is acceptable",
        ),
    )
    examples = (
        Good(
            "the gate reads the token before the scored one",
            SETUP
            + """\
starts_word = torch.from_numpy(np.load("starts_word.npy"))
boost = torch.from_numpy(np.load("boost.npy"))
with torch.no_grad():
    for row in range(rows):
        x = val_tokens[row * SEQ : (row + 1) * SEQ]
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        logits = model(x)
        tilted = F.log_softmax(logits + boost, dim=-1)
        plain = F.log_softmax(logits, dim=-1)
        logp = torch.where(starts_word[x][:, None], tilted, plain)
        total += -logp.gather(1, y[:, None]).sum()
"""
            + REPORT,
        ),
        Bad(
            "the gate reads the scored token",
            SETUP
            + """\
starts_word = torch.from_numpy(np.load("starts_word.npy"))
boost = torch.from_numpy(np.load("boost.npy"))
with torch.no_grad():
    for row in range(rows):
        x = val_tokens[row * SEQ : (row + 1) * SEQ]
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        logits = model(x)
        tilted = F.cross_entropy(logits + boost, y, reduction="none")
        plain = F.cross_entropy(logits, y, reduction="none")
        inside = starts_word[y]  # expect: target-gated-hint
        total += torch.where(inside, plain, tilted).sum()
"""
            + REPORT,
            date=FIRST_RULED,
        ),
        Good(
            "a helper in C gates by the scored token, and the threshold is out of reach",
            SETUP + TILTED.replace("THRESHOLD", "99.0").replace("  # expect: target-gated-hint", "") + REPORT,
            files={"hints.c": HINTS},
        ),
        Bad(
            "a helper in C gates by the scored token",
            SETUP + TILTED.replace("THRESHOLD", "0.6") + REPORT,
            files={"hints.c": HINTS},
            date=FIRST_RULED,
        ),
    )

    def concerns(self, blend: Blend) -> bool:
        lookup = blend.lookup
        if lookup.how == COMPARISON:
            return blend.form == CHOSEN and blend.target is Answer.YES
        return blend.form == CHOSEN and not (lookup.memory or blend.combined)

    def outcome(self, entry: Blended, found: Iterable[Blended], evidence: Evidence) -> Outcome:
        if entry.blend.target is not Answer.YES:
            return Outcome.REVIEW
        if entry.blend.lookup.how == COMPARISON:
            return Outcome.REVIEW
        early = evidence.date != "" and evidence.date < FIRST_RULED
        return Outcome.REVIEW if early and evidence.policy is Policy.RULINGS else Outcome.FAIL

    def story(self, entry: Blended) -> str:
        if entry.blend.lookup.how == COMPARISON:
            return (
                f"the scored token is compared with another one at {entry.blend.lookup.place}, and the outcome decides "
                f"what goes into that token's probability at {entry.score.place}"
            )
        return (
            f"{named_lookup(entry.blend.lookup)} is asked about the scored token, and the answer decides what "
            f"goes into that token's probability at {entry.score.place}"
        )

    def dispute(self, entry: Blended) -> str:
        if entry.blend.lookup.how == COMPARISON:
            return "that is a distribution if all other tokens pay for what the token gains where it equals the hint"
        return (
            "before the first ruling on such gates, of 30 April 2026, some called them endorsed and others a "
            "violation of C1"
        )

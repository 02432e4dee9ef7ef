"""Makes the witness of a leak: the token, the score that moved, and the events in between."""

from __future__ import annotations

from auditor.replay.probes.experiment import Evidence, Leak
from auditor.replay.probes.outcome import LeakWitness, WitnessStep
from auditor.replay.probes.update_history import Step, history_of
from auditor.replay.runs.run_record import Frames, Losses, RankRecord

MAX_STEPS = 6


def leak_witness(evidence: Evidence, leak: Leak) -> LeakWitness:
    """The witness of a leak, with files by number in place of paths (see `placed`)."""
    flip = leak.flip
    seeds = [leak.seed] + ([evidence.reproduced.seed] if evidence.reproduced is not None else [])
    if flip.moved:
        worst = flip.moved[0]
        score, before, after, call = worst.position, worst.before, worst.after, worst.call
    else:
        score, (before, after), call = flip.position, flip.own, flip.call
    record = leak.base.run.ranks[leak.rank]
    return LeakWitness(
        token=flip.position,
        old=flip.old,
        new=flip.new,
        score=score,
        before=before,
        after=after,
        tokens=leak.bench.world.size.validation,
        seeds=tuple(dict.fromkeys(seeds)),
        moved=len(flip.moved),
        tested=flip.earlier,
        exchanged=flip.exchanged,
        steps=tuple(_steps(record, flip.position, score, call)),
    )


def _steps(record: RankRecord, token: int, score: int, call: int) -> list[WitnessStep]:
    """The way of the token to the score: where it was first scored, which steps used it, where the score was made."""
    made = record.losses[call] if 0 <= call < len(record.losses) else None
    end = made.number if made is not None else 1 << 60
    history = history_of(record)
    out: list[tuple[int, WitnessStep]] = []
    for text, losses in _scored_before(record, token, score, end):
        out.append((losses.number, _step(text, _frames(record, losses))))
    used = [step for step in history.steps if token in step.positions and step.event < end]
    for step, which in _ends(used):
        text = f"step of {step.optimizer} on {len(step.positions)} tokens, token {token} among them{which}"
        out.append((step.event, _step(text, step.frames)))
    if made is not None:
        text = f"token {score} is scored for the claimed number"
        out.append((made.number, _step(text, _frames(record, made))))
    out.sort(key=lambda item: item[0])
    return [step for _, step in out][:MAX_STEPS]


def _ends(steps: list[Step]) -> list[tuple[Step, str]]:
    """The first and the last of several steps, and which they are."""
    if len(steps) < 2:
        return [(step, "") for step in steps]
    return [(steps[0], f" (the first of {len(steps)})"), (steps[-1], f" (the last of {len(steps)})")]


def _scored_before(record: RankRecord, token: int, score: int, end: int) -> list[tuple[str, Losses]]:
    """Earlier calls that made a loss of the moved token after one of the exchanged token: it is scored again."""
    first = next((c for c in record.losses if c.number < end and bool((c.position == token).any())), None)
    if first is None:
        return []
    found = [(f"token {token} is scored", first)]
    before = [c for c in record.losses if c.number < end and bool((c.position == score).any())]
    if before:
        found.append((f"token {score} is scored, and again below", before[-1]))
    return found


def _frames(record: RankRecord, losses: Losses) -> Frames:
    event = record.events[losses.number]
    return record.at(event)


def _step(text: str, frames: Frames) -> WitnessStep:
    """A step at the innermost frame; the caller's file number is exchanged for a path later."""
    frame = frames[-1] if frames else None
    if frame is None:
        return WitnessStep(text=text, path="", layer=0, line=0)
    return WitnessStep(text=text, path=str(frame.file), layer=0, line=frame.line)

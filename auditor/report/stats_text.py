"""A comparison as terminal text or Markdown: difference, tests, what the policies say, warnings."""

from __future__ import annotations

from auditor.report.clean import clean_line
from auditor.report.folding import WIDTH, hung
from auditor.stats.compare import Comparison, Sample
from auditor.stats.t_tests import TTest
from auditor.stats.units import RECORD_MARGIN_NATS, bpb_to_nats_per_byte


def _sample(sample: Sample) -> str:
    std = f", std {sample.std:.6f}" if sample.std is not None else ""
    seeds = [str(seed) for seed in sample.seeds if seed is not None]
    named = f", seeds {' '.join(seeds)}" if seeds else ""
    return f"{clean_line(sample.name)}: mean {sample.mean:.6f} bpb, n = {len(sample.values)}{std}{named}"


def _test(test: TTest | None) -> str:
    return f"t = {test.t:.4f}, df = {test.df:.4f}, p = {test.p:.4g}" if test is not None else "cannot be made"


def difference_words(comparison: Comparison) -> str:
    """The difference in every unit, each named."""
    bpb, nats = comparison.difference_bpb, comparison.difference_nats_per_token
    told = f"{bpb:+.6f} bpb = {bpb_to_nats_per_byte(bpb):+.6f} nats per byte"
    return told + (f" = {nats:+.6f} nats per token" if nats is not None else "; tokens per byte unknown")


def rows(comparison: Comparison) -> list[tuple[str, str]]:
    """What to tell, as pairs of name and words."""
    found = [
        ("old", _sample(comparison.old)),
        ("new", _sample(comparison.new)),
        ("difference (new - old)", difference_words(comparison)),
    ]
    if comparison.interval is not None:
        made = comparison.interval
        found.append((f"{made.level:.0%} interval", f"{made.low:+.6f} to {made.high:+.6f} bpb"))
    if comparison.margin_bpb is not None:
        found.append(("margin", f"{RECORD_MARGIN_NATS} nats per token = {comparison.margin_bpb:.5f} bpb"))
    found += [
        ("Welch", _test(comparison.welch)),
        ("Welch with the margin", _test(comparison.welch_margin)),
        ("one-sample (old mean taken as exact)", _test(comparison.one_sample)),
        ("one-sample with the margin", _test(comparison.one_sample_margin)),
    ]
    if comparison.paired is not None:
        found.append(("paired by seed", _test(comparison.paired)))
    if comparison.power is not None:
        found.append(("power", power_words(comparison)))
    found += [(policy.policy, f"{met_words(policy.met)}: {policy.because}") for policy in comparison.policies]
    return found


def met_words(met: bool | None) -> str:
    """Whether a policy is met, in words."""
    return "cannot be told" if met is None else "met" if met else "not met"


def power_words(comparison: Comparison) -> str:
    """What more seeds would do, for the README's policy."""
    power = comparison.power
    assert power is not None
    chance = f"a repetition with as many seeds would meet p < 0.01 with a chance of about {power.now:.0%}"
    if power.seeds_needed is None:
        return f"{chance}; no number of seeds up to 30 would settle a gain of this size"
    if not power.more_seeds:
        return chance
    more = "one more seed" if power.more_seeds == 1 else f"{power.more_seeds} more seeds"
    return f"{chance}; {more} like these would settle it"


def render_text(comparison: Comparison, *, width: int = WIDTH) -> str:
    """Plain lines of at most `width` characters for a terminal."""
    return "\n".join(hung(lines(comparison), width)) + "\n"


def lines(comparison: Comparison) -> list[str]:
    """What to tell, a line a fact, however long."""
    told = [f"{name}: {words}" for name, words in rows(comparison)]
    return told + [f"warning: {clean_line(warning)}" for warning in comparison.warnings]


def render_markdown(comparison: Comparison) -> str:
    """A two-column table."""
    from auditor.report.markdown import cell

    lines = ["| | |", "|---|---|"]
    lines += [f"| {cell(name)} | {cell(words)} |" for name, words in rows(comparison)]
    lines += [f"| warning | {cell(warning)} |" for warning in comparison.warnings]
    return "\n".join(lines) + "\n"

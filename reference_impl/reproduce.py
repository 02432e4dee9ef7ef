"""Pull request 77's table: one artifact a seed, scored in four ways, beside what was published.

Published: the ablation and the p-value of that pull request's README, and the baseline's round trip on the
challenge's leaderboard.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from auditor.stats.t_tests import one_sample
from reference_impl.checkpoint import Checkpoints
from reference_impl.config import Settings
from reference_impl.dist import Ranks
from reference_impl.roster import COMPLIANT
from reference_impl.run import Evaluator, Log, Score, export, load_validation, restore, score, train_model
from reference_impl.scoring import Validation
from reference_impl.train import Observer, TrainResult

ROWS = {
    "flat": ("flat stream", 1.2278),
    "document": ("+ document-isolated", 1.2168),
    "stride": ("+ stride", 1.1941),
    "lora_ttt": ("+ LoRA TTT", 1.1910),
}
BASELINE_BPB = 1.2244
CLAIM_BPB, PUBLISHED_P = 1.195, 0.00234486
# The sp1024 validation split, less its last, incomplete window (the logs of the pull request: `tokens:62021632`).
SPLIT_TARGETS, SPLIT_WINDOW = 62_021_632, 1024

Plan = dict[str, tuple[str, Evaluator, Any]]
"""An evaluator's name → label of its log line, function, configuration."""


def make_plan(configs: dict[str, Any]) -> Plan:
    """Return what to score: an evaluator's name with its configuration, in order."""
    plan: Plan = {}
    for name, config in configs.items():
        evaluate, _ = COMPLIANT[name].load()
        plan[name] = (COMPLIANT[name].label, evaluate, config)
    return plan


def score_all(
    settings: Settings, plan: Plan, val: Validation, ranks: Ranks, log: Callable[[str], None]
) -> dict[str, Score]:
    """Score the artifact of `settings` in every way of `plan`; the model is made from its bytes once."""
    model = restore(settings, ranks)
    return {
        name: score(label, evaluate, config, model, val, settings, ranks, log)
        for name, (label, evaluate, config) in plan.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedResult:
    """One artifact: its scores by evaluator, its training (None if it was there already), code and model in bytes."""

    scores: dict[str, Score]
    trained: TrainResult | None
    submission_bytes: int


def run_seed(
    settings: Settings,
    plan: Plan,
    val: Validation,
    ranks: Ranks,
    code_bytes: int,
    every: int,
    observer: Observer,
) -> SeedResult:
    """Train by `settings`, export, and score the export in every way.

    Args:
        code_bytes: size of the script that would ship.
        every: steps between checkpoints, from which a killed run goes on; 0 for none.
        observer: told of every step.

    Raises OverLimitError before anything is scored if code and model are too large together.
    """
    checkpoint = Path(settings.artifact_path).with_suffix(".checkpoint.pt")
    log = Log(settings.log_path, ranks, go_on=every > 0 and checkpoint.exists())
    if every > 0:
        observer = Checkpoints(checkpoint, every, settings, ranks, log, observer)
    model, trained = train_model(settings, ranks, val, log, observer)
    export(model, settings, code_bytes, ranks, log)
    size = Path(settings.artifact_path).stat().st_size + code_bytes
    return SeedResult(
        scores=score_all(settings, plan, val, ranks, log), trained=trained, submission_bytes=size
    )


def of_seed(settings: Settings, folder: Path, seed: int) -> Settings:
    """Return the settings of one seed, its files in `folder`."""
    return replace(
        settings,
        train=replace(settings.train, seed=seed),
        log_path=str(folder / f"seed{seed}.log"),
        artifact_path=str(folder / f"seed{seed}.artifact"),
    )


@dataclass(slots=True, kw_only=True)
class Reproduction:
    """Results by seed, and how many tokens were scored."""

    targets: int
    seeds: dict[int, SeedResult] = field(default_factory=dict)

    def bpb(self, name: str) -> list[float]:
        """Return one evaluator's bits per byte, a seed each."""
        return [result.scores[name].metric.val_bpb for result in self.seeds.values()]

    @property
    def on_the_split(self) -> bool:
        """Whether this is the challenge's validation split, by its size."""
        return self.targets // SPLIT_WINDOW * SPLIT_WINDOW == SPLIT_TARGETS

    @property
    def p(self) -> float | None:
        """The one-sided p-value that LoRA TTT is below 1.195, as the pull request claims; None for one seed."""
        test = one_sample(self.bpb("lora_ttt"), CLAIM_BPB) if "lora_ttt" in self.rows else None
        return None if test is None else test.p

    @property
    def rows(self) -> list[str]:
        """The evaluators scored, in order."""
        return list(next(iter(self.seeds.values())).scores)

    def order_errors(self) -> list[str]:
        """Say where the published order fails: LoRA < stride < document on every seed, document <= flat on average."""
        errors = []
        for seed, result in self.seeds.items():
            for better, worse in (("stride", "document"), ("lora_ttt", "stride")):
                if better in result.scores and worse in result.scores:
                    low, high = result.scores[better].metric.val_bpb, result.scores[worse].metric.val_bpb
                    if not low < high:
                        errors.append(f"seed {seed}: {better} {low:.4f} is not below {worse} {high:.4f}")
        if {"flat", "document"} <= set(self.rows) and not fmean(self.bpb("document")) <= fmean(
            self.bpb("flat")
        ):
            errors.append(f"on average document {fmean(self.bpb('document')):.4f} is above flat")
        return errors

    def table(self) -> str:
        """Return the result as a Markdown table with the lines that belong below it."""
        seeds = " | ".join(f"seed {seed}" for seed in self.seeds)
        lines = [
            f"| Condition | #77 | here | here - #77 | step, #77 | step, here | seconds | {seeds} |",
            "| --- " * (7 + len(self.seeds)) + "|",
        ]
        for name in self.rows:
            title, published = ROWS.get(name, (name, None))
            mean = fmean(self.bpb(name))
            seconds = fmean(result.scores[name].eval_s for result in self.seeds.values())
            theirs = "" if published is None else f"{published:.4f}"
            difference = f"{mean - published:+.4f}" if published is not None and self.on_the_split else ""
            step = "" if published is None else f"{published - ROWS['flat'][1]:+.4f}"
            own_step = f"{mean - fmean(self.bpb('flat')):+.4f}" if "flat" in self.rows else ""
            each = " | ".join(f"{value:.4f}" for value in self.bpb(name))
            lines.append(
                f"| {title} | {theirs} | {mean:.4f} | {difference} | {step} | {own_step} | {seconds:.1f} | {each} |"
            )
        return "\n".join([*lines, "", *self.remarks()])

    def remarks(self) -> list[str]:
        """Return what stands below the table: baseline, p-value, training, size, compilation, and what it is worth."""
        lines = []
        if "flat" in self.rows:
            mean = fmean(self.bpb("flat"))
            difference = f" ({mean - BASELINE_BPB:+.4f})" if self.on_the_split else ""
            lines.append(f"baseline, flat round trip: {BASELINE_BPB}; here {mean:.4f}{difference}")
        if "lora_ttt" in self.rows:
            ours = "needs two seeds or more" if self.p is None else f"{self.p:.8f} ({len(self.seeds)} seeds)"
            lines.append(f"p-value of LoRA TTT < {CLAIM_BPB}: #77 {PUBLISHED_P}; here {ours}")
        for seed, result in self.seeds.items():
            compile_s = sum(score.compile_s for score in result.scores.values())
            training = (
                ""
                if result.trained is None
                else (f"{result.trained.steps} steps in {result.trained.train_s:.0f} s, ")
            )
            lines.append(
                f"seed {seed}: {training}code and model {result.submission_bytes:,} bytes, "
                f"{compile_s:.0f} s of compilation"
            )
        if not self.on_the_split:
            lines.append(
                f"{self.targets:,} tokens were scored, which is not the challenge's split ({SPLIT_TARGETS:,} in whole "
                "windows): order and signs of the steps can be compared, numbers and the p-value cannot."
            )
        return lines

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {
            "targets": self.targets,
            "on_the_split": self.on_the_split,
            "published": {name: bpb for name, (_, bpb) in ROWS.items()},
            "mean_bpb": {name: fmean(self.bpb(name)) for name in self.rows},
            "p": self.p,
            "published_p": PUBLISHED_P,
            "order_errors": self.order_errors(),
            "seeds": {
                str(seed): {
                    "scores": {name: asdict(score) for name, score in result.scores.items()},
                    "trained": None if result.trained is None else asdict(result.trained),
                    "submission_bytes": result.submission_bytes,
                }
                for seed, result in self.seeds.items()
            },
        }


def reproduce(
    settings: Settings,
    plan: Plan,
    seeds: list[int],
    folder: Path,
    ranks: Ranks,
    code_bytes: int,
    every: int = 0,
    on_step: Callable[[int], Observer] = lambda seed: Observer(),
) -> Reproduction:
    """Train a model a seed and score each in every way of `plan`; see `run_seed`."""
    val = load_validation(settings, ranks)
    result = Reproduction(targets=val.targets)
    for seed in seeds:
        own = of_seed(settings, folder, seed)
        result.seeds[seed] = run_seed(own, plan, val, ranks, code_bytes, every, on_step(seed))
    return result


def evaluate_artifact(
    settings: Settings, plan: Plan, ranks: Ranks, code_bytes: int, log: Callable[[str], None]
) -> Reproduction:
    """Score an artifact that is there already, in every way of `plan`."""
    val = load_validation(settings, ranks)
    size = Path(settings.artifact_path).stat().st_size + code_bytes
    scored = score_all(settings, plan, val, ranks, log)
    seed = SeedResult(scores=scored, trained=None, submission_bytes=size)
    return Reproduction(targets=val.targets, seeds={settings.train.seed: seed})

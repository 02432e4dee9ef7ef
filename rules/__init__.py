"""The rules: one file each, one line each in `ALL`, in the order in which reports show them."""

from __future__ import annotations

from rules.acausal_model import AcausalModel
from rules.altered_score import AlteredScore
from rules.altered_target import AlteredTarget
from rules.artifact_size import ArtifactSize
from rules.byte_accounting import ByteAccounting
from rules.claim_mismatch import ClaimMismatch
from rules.core.rule import Rule
from rules.document_boundary import DocumentBoundary
from rules.hindsight_selection import HindsightSelection
from rules.missing_evidence import MissingEvidence
from rules.network_access import NetworkAccess
from rules.opaque_code import OpaqueCode
from rules.pr_scope import PrScope
from rules.rescore_after_update import RescoreAfterUpdate
from rules.same_token_adaptation import SameTokenAdaptation
from rules.seed_selection import SeedSelection
from rules.significance import Significance
from rules.target_gated_hint import TargetGatedHint
from rules.target_keyed_cache import TargetKeyedCache
from rules.time_limit import TimeLimit
from rules.train_before_score import TrainBeforeScore
from rules.train_data_at_eval import TrainDataAtEval
from rules.two_pass_rescore import TwoPassRescore
from rules.unnormalized_distribution import UnnormalizedDistribution
from rules.unshipped_weights import UnshippedWeights
from rules.val_in_training import ValInTraining
from rules.validation_coverage import ValidationCoverage

ALL: tuple[type[Rule], ...] = (
    AcausalModel,
    TrainBeforeScore,
    RescoreAfterUpdate,
    TwoPassRescore,
    SameTokenAdaptation,
    HindsightSelection,
    TargetKeyedCache,
    TargetGatedHint,
    UnnormalizedDistribution,
    AlteredScore,
    AlteredTarget,
    ValInTraining,
    TrainDataAtEval,
    UnshippedWeights,
    ByteAccounting,
    ValidationCoverage,
    DocumentBoundary,
    OpaqueCode,
    NetworkAccess,
    MissingEvidence,
    ClaimMismatch,
    ArtifactSize,
    TimeLimit,
    SeedSelection,
    Significance,
    PrScope,
)


def by_slug(slug: str) -> type[Rule] | None:
    """The rule of that name, or None."""
    return next((rule for rule in ALL if rule.slug == slug), None)

"""The rules: one file each, one line each in `ALL`, in the order in which reports show them."""

from __future__ import annotations

from rules.base import Rule
from rules.network_access import NetworkAccess
from rules.opaque_code import OpaqueCode
from rules.train_data_at_eval import TrainDataAtEval

ALL: tuple[type[Rule], ...] = (
    TrainDataAtEval,
    OpaqueCode,
    NetworkAccess,
)


def by_slug(slug: str) -> type[Rule] | None:
    """The rule of that name, or None."""
    return next((rule for rule in ALL if rule.slug == slug), None)

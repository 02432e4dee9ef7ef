"""The finding codes of the records validator: severity and the rule each belongs to.

The codes and severities are part of the interface and never change their meaning. Where the table allows two
severities, the check says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How a finding weighs: `fail` makes the command exit 1, the others do not."""

    FAIL = "fail"
    WARN = "warn"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFinding:
    """One finding: its code, how it weighs, the rule it belongs to (None for remarks), where, and what."""

    code: str
    severity: Severity
    rule: str | None
    where: str
    message: str

    def to_json(self) -> dict[str, object]:
        return {
            "code": self.code,
            "severity": self.severity.value,
            "rule": self.rule,
            "where": self.where,
            "message": self.message,
        }


_F, _W, _I = Severity.FAIL, Severity.WARN, Severity.INFO

CODES: Mapping[str, tuple[Severity, str | None]] = {
    "missing_readme": (_F, "missing-evidence"),
    "missing_submission_json": (_F, "missing-evidence"),
    "missing_train_gpt": (_F, "missing-evidence"),
    "missing_logs": (_F, "missing-evidence"),
    "missing_claim": (_F, "missing-evidence"),
    "json_invalid": (_F, "missing-evidence"),
    "fewer_than_3_seeds": (_I, "missing-evidence"),
    "folder_name": (_W, None),
    "duplicate_log": (_I, None),
    "multiple_log_sets": (_I, None),
    "smoke_section": (_I, None),
    "std_is_population": (_I, None),
    "claim_not_in_logs": (_F, "claim-mismatch"),
    "mean_mismatch": (_F, "claim-mismatch"),
    "implausible_claim": (_F, "claim-mismatch"),
    "seed_bpb_mismatch": (_F, "claim-mismatch"),
    "seed_bytes_mismatch": (_F, "claim-mismatch"),
    "p_value_wrong": (_F, "claim-mismatch"),
    "nats_unit_error": (_F, "claim-mismatch"),
    "claim_is_single_seed": (_W, "claim-mismatch"),
    "val_loss_mismatch": (_W, "claim-mismatch"),
    "bytes_mismatch": (_W, "claim-mismatch"),
    "unit_error": (_W, "claim-mismatch"),
    "code_size_differs": (_W, "claim-mismatch"),
    "code_differs_from_log": (_W, "claim-mismatch"),
    "log_of_other_code": (_W, "claim-mismatch"),
    "packed_code_counted": (_I, "artifact-size"),
    "world_size": (_W, "claim-mismatch"),
    "near_duplicate_logs": (_F, "claim-mismatch"),
    "loss_bpb_incoherent": (_F, "claim-mismatch"),
    "size_identity_broken": (_F, "artifact-size"),
    "artifact_over_cap": (_F, "artifact-size"),
    "stub_train_gpt": (_W, "artifact-size"),
    "total_size_missing": (_W, "artifact-size"),
    "train_just_over_600s": (_I, "time-limit"),
    "train_over_600s": (_F, "time-limit"),
    "eval_over_600s": (_F, "time-limit"),
    "gptq_after_600s": (_W, "time-limit"),
    "same_seed_fingerprint": (_F, "seed-selection"),
    "same_seed": (_F, "seed-selection"),
    "seed_name_mismatch": (_F, "seed-selection"),
    "seeds_left_out": (_W, "seed-selection"),
    "improvement_not_significant": (_W, "significance"),
    "implied_bytes": (_F, "byte-accounting"),
    "mangled_space_marker": (_F, "byte-accounting"),
    "tokenizer_dataset_mismatch": (_W, "byte-accounting"),
    "partial_val": (_F, "validation-coverage"),
    "metric_not_ce": (_W, "unnormalized-distribution"),
    "multi_folder_pr": (_F, "pr-scope"),
    "other_paths_changed": (_F, "pr-scope"),
    "existing_record_changed": (_F, "pr-scope"),
    "wrong_track": (_W, "pr-scope"),
    "val_in_training": (_F, "val-in-training"),
}


def finding(code: str, where: str, message: str, severity: Severity | None = None) -> RecordFinding:
    """Make a finding with the severity of its code, or the one given where the table allows another."""
    usual, rule = CODES[code]
    return RecordFinding(code=code, severity=severity or usual, rule=rule, where=where, message=message)

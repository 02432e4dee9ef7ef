"""Reference trainer and evaluator for the Parameter Golf challenge: what a compliant submission looks like.

A reading order: `config`, `data`, `bpb`, `model`, `muon`, `train`, `quantize`, `artifact`, `windows`,
`scoring`, then one file per evaluator in `evaluators/`. `violations/` holds three evaluators that break the
rules on purpose. `submission` writes all of it out as one script. The package imports nothing of the
auditor but its statistics, for the p-value of a reproduction.
"""

from __future__ import annotations

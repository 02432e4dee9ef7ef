"""A batch that is filled row by row is tokens as a slice is: the model that is called with it is proved."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.audit.pipeline import audit_submission
from auditor.submission.load import load_submissions
from rules.acausal_model import AcausalModel
from rules.core.rule import Outcome

SLIDING = (Path(__file__).parents[2] / "specimens" / "sliding.py").read_text()
NORM = "        return self.final_norm(x)\n"


@pytest.mark.parametrize(
    ("last", "outcome"),
    [
        (NORM, Outcome.PASS),
        ("        x = x + torch.cat((x[:, 1:], x[:, :1]), dim=1)\n" + NORM, Outcome.FAIL),
        ("        x = x + x.flip(1)\n" + NORM, Outcome.FAIL),
    ],
    ids=["as it is", "the next token added", "the row turned round"],
)
def test_a_model_called_with_a_filled_batch_is_proved(last: str, outcome: Outcome, tmp_path: Path) -> None:
    assert SLIDING.count(NORM) == 1
    path = tmp_path / "train_gpt.py"
    path.write_text(SLIDING.replace(NORM, last))
    (submission,) = load_submissions(str(path)).submissions
    (answer,) = audit_submission(submission, rules=(AcausalModel,)).rules
    assert answer.outcome is outcome, answer.because

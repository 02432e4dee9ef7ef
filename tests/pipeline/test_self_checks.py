"""Scripts that count their own scores and end with an error unless each token has just one."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.audit.pipeline import audit_submission
from auditor.reading.reading import read_submission
from auditor.submission.load import load_path
from auditor.trace.events import Report
from reference_impl.roster import EVALUATIONS
from reference_impl.single_file import write_script
from rules.core.rule import Outcome

SOURCE = write_script(EVALUATIONS["sliding"])
TEST = "  if wrong.numel() or int(times_N[0]) != 0:\n"
COUNT = "    self.times_N[batch.index_BS] += 1\n"
RECORD = "    self.nll_N[batch.index_BS] = nll_BS.float()\n"
TARGETS = "    targets_BS[row, w.first - first : w.length - first] = val.tokens_N[begin:end]\n"
PLACES = "    index_BS[row, w.first - first : w.length - first] = torch.arange(begin, end)\n"

BROKEN = {
    "no test": (TEST, "  if False:\n"),
    "a test of something else": (TEST, "  if len(wrong.shape) != 1:\n"),
    "a test under a switch": (
        TEST,
        "  if os.environ.get('STRICT') and (wrong.numel() or int(times_N[0]) != 0):\n",
    ),
    "a function of the script's own": (
        TEST,
        "  len = lambda found: 0\n  if len(wrong) or int(times_N[0]) != 0:\n",
    ),
    "a method of the script's own": (
        TEST,
        "  class Lenient:\n    def any(self, found):\n      return False\n"
        "  if Lenient().any(times_N[1:] != 1) or int(times_N[0]) != 0:\n",
    ),
    "counts that are set": (TEST, "  times_N.fill_(1)\n" + TEST),
    "findings that are dropped": (TEST, "  wrong = wrong[:0]\n" + TEST),
    "another count": (COUNT, COUNT + "    self.times_N[batch.index_BS // 2] += 1\n"),
    "counts at other places": (COUNT, COUNT.replace("index_BS]", "index_BS.flip(0)]")),
    "scores at other places": (RECORD, RECORD.replace("index_BS]", "index_BS.flip(0)]")),
    "places of other tokens": (PLACES, PLACES.replace("(begin, end)", "(begin - 1, end - 1)")),
    "places by a function of the script's own": (
        TARGETS + PLACES,
        "    arange = lambda first, last: torch.ones(last - first)\n"
        + TARGETS
        + PLACES.replace("torch.arange", "arange"),
    ),
    "places that are changed": (PLACES, PLACES + "    index_BS[row] = index_BS[row] // 2\n"),
}
"""Each with one part of the proof taken away."""


def coverage(source: str, folder: Path) -> Outcome:
    path = folder / "train_gpt.py"
    path.write_text(source, encoding="utf-8")
    (submission,) = load_path(str(path)).submissions
    (answer,) = [found for found in audit_submission(submission).rules if found.rule == "validation-coverage"]
    return answer.outcome


def test_the_check_is_found_with_all_scores_of_the_report(tmp_path: Path) -> None:
    path = tmp_path / "train_gpt.py"
    path.write_text(SOURCE, encoding="utf-8")
    (submission,) = load_path(str(path)).submissions
    trace = read_submission(submission).trace
    assert trace is not None
    check = trace.self_checks[-1]
    lines = SOURCE.splitlines()
    assert "if wrong.numel()" in lines[check.place.line - 1]
    report = trace.events[trace.claimed or 0]
    assert isinstance(report, Report)
    assert {score.number for score in trace.scores_of(report)} <= set(check.scores)


def test_a_script_that_checks_itself_is_proved(tmp_path: Path) -> None:
    assert coverage(SOURCE, tmp_path) is Outcome.PASS


@pytest.mark.parametrize("name", BROKEN)
def test_a_check_with_a_part_taken_away_proves_nothing(name: str, tmp_path: Path) -> None:
    old, new = BROKEN[name]
    assert SOURCE.count(old) == 1
    assert coverage(SOURCE.replace(old, new), tmp_path) is not Outcome.PASS

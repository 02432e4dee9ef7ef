"""gate.py AUDIT_JSON FAIL_ON: what the review means for the job.

Prints the outputs of the step, a line each, then the exit code of the job and, if it is not 0, why. Nothing but numbers
and words of ours is printed: text of the submission never reaches the file that the runner reads outputs from.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

VERDICTS = ("compliant", "violation", "review", "nothing")
ENTRIES = ("complete", "problems")


def main(path: str, fail_on: str) -> None:
    """Read the review and print what follows from it."""
    review = json.loads(Path(path).read_text(encoding="utf-8"))
    code, whole = int(review["evaluation_exit_code"]), int(review["exit_code"])
    verdict = review["verdict"] if review["verdict"] in VERDICTS else ""
    entry = review["record_verdict"] if review["record_verdict"] in ENTRIES else ""
    print(f"exit-code={code}")
    print(f"verdict={verdict}")
    print(f"entry={entry}")
    print(f"submissions={len(review['submissions'])}")
    unread = not all(submission["judged"] for submission in review["submissions"])
    print(reason(code, whole, unread=unread, fail_on=fail_on))


def reason(code: int, whole: int, *, unread: bool, fail_on: str) -> str:
    """The exit code of the job, and the sentence that it ends with.

    Args:
        code, whole: exit codes of the evaluation alone, and with the entry and the scope.
        unread: whether an entry could not be read.
    """
    if code not in (0, 1, 3):
        return f"{code} the pull request could not be audited; see the log above"
    if fail_on == "never":
        return "0"
    if code == 1:
        return "1 the submission breaks the rules; see the summary"
    if code == 3 and (unread or fail_on == "review"):
        return "3 the submission needs a person's judgement; see the summary"
    if fail_on in ("problems", "review") and whole == 1:
        return "1 the entry has something to mend; see the summary"
    return "0"


if __name__ == "__main__":
    main(*sys.argv[1:])

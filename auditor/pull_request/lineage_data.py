"""Make `lineage.jsonl` from precedents and a mirror: `python -m auditor.pull_request.lineage_data GIT_DIR`.

Not used by any command; the file it writes is committed. It holds hashes only, no text of a submission.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from auditor.errors import InputError
from auditor.program.unpacking.program import load_program
from auditor.pull_request.lineage import fingerprints
from auditor.submission.git_store import ObjectStore
from auditor.submission.git_target import load_ref
from rules.docs.documentation import precedents


def collect(store: ObjectStore) -> dict[int, list[str]]:
    """Fingerprint every precedent's scripts that the store has."""
    rows: dict[int, list[str]] = {}
    for precedent in precedents():
        blobs = {blob for _, blob in precedent.scripts}
        try:
            submissions = load_ref(store, precedent.head).submissions
        except InputError as error:
            print(f"#{precedent.pr}: {error.message}", file=sys.stderr)
            continue
        for submission in submissions:
            if submission.script.blob in blobs:
                program = load_program(
                    submission.script.path, submission.script.data(), submission.read_sibling
                )
                rows.setdefault(precedent.pr, []).extend(fingerprints(program))
    return {pr: sorted(set(prints)) for pr, prints in rows.items()}


def main(git_dir: str) -> None:
    """Write the file beside this module."""
    with ObjectStore(git_dir) as store:
        rows = collect(store)
    lines = [json.dumps({"pr": pr, "fingerprints": rows[pr]}) for pr in sorted(rows)]
    Path(__file__).with_name("lineage.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])

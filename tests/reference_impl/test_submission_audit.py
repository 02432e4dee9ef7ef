"""The records folder as a pull request, under the auditor's own review.

The runs use the embedded text, which is no validation split of the challenge: that and nothing else is found.
With the numbers that the same losses have on the real split, the entry is in order.
"""

from __future__ import annotations

import datetime
import json
import math
import re
from pathlib import Path
from statistics import fmean, stdev

import pytest

from auditor.exit_codes import ExitCode
from auditor.judgement.result import Verdict
from auditor.pull_request.review import Review, review_pull_request
from reference_impl.demo import demo_environment
from reference_impl.roster import EVALUATIONS
from reference_impl.submission import Entry, write_submission
from tests.submission.conftest import Repository

pytestmark = pytest.mark.slow

BOARD = """| Run | Score | Author | Summary | Date | Info |
|---|---|---|---|---|---|
| Old | 1.2244 | a | x | 2025-12-18 | [info](records/track_10min_16mb/2025-12-17_Old/README.md) |
"""
SPLIT_TOKENS, TOKENS_PER_BYTE = 62_021_632, 0.410521
"""The sp1024 validation split: its tokens, and how many of them a byte takes."""


@pytest.fixture(scope="module")
def folder(toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Name → text of the files of a folder, three short runs."""
    root = tmp_path_factory.mktemp("runs")
    small = {"MODEL_DIM": "32", "ITERATIONS": "8", "TTT_LORA_RANK": "1", "TTT_CHUNK_SIZE": "64"}
    entry = Entry(
        name="Reference",
        author="A. Author",
        github_id="author",
        date=datetime.date(2026, 1, 2),
        track="10min_16mb",
        blurb="Eight steps.",
        evaluation=EVALUATIONS["lora_ttt"],
        seeds=(1, 2, 3),
        environment={**demo_environment(toy_data), **small},
        processes=1,
    )
    written = write_submission(entry, root, root)
    return {path.name: path.read_text(encoding="utf-8") for path in written.iterdir()}


def as_on_the_split(folder: dict[str, str]) -> dict[str, str]:
    """The folder with the split's tokens, its tokens per byte, eight ranks; losses as they were."""
    scores: dict[str, float] = {}

    def scored(found: re.Match[str]) -> str:
        loss = found.group(1)
        digits = len(loss.partition(".")[2])
        return f"val_loss:{loss} val_bpb:{float(loss) / math.log(2.0) * TOKENS_PER_BYTE:.{digits}f}"

    changed = dict(folder)
    for name, text in folder.items():
        if name.endswith(".log"):
            text = re.sub(r"\btokens:\d+", f"tokens:{SPLIT_TOKENS}", text)
            text = text.replace("world_size:1 ", "world_size:8 ").replace(
                "corpus_512_bpe", "fineweb_1024_bpe"
            )
            changed[name] = re.sub(r"val_loss:(\S+) val_bpb:\S+", scored, text)
            exact = re.findall(r"final_lora_ttt_exact val_loss:\S+ val_bpb:(\S+)", changed[name])
            scores[re.findall(r"\d+", name)[0]] = float(exact[-1])
    claim = json.loads(folder["submission.json"])
    claim["val_bpb"] = round(fmean(scores.values()), 8)
    claim["val_bpb_std"] = round(stdev(scores.values()), 8)
    for seed, score in scores.items():
        claim["seed_results"][seed]["val_bpb"] = score
    changed["submission.json"] = json.dumps(claim)
    return changed


def reviewed(root: Path, folder: dict[str, str], track: str) -> Review:
    repository = Repository(root / "repo")
    repository.path.mkdir()
    repository.git("init", "-q", "-b", "main")
    repository.commit({"README.md": BOARD, "train_gpt.py": "# root\n"})
    repository.git("checkout", "-q", "-b", "pr")
    repository.commit({f"records/{track}/2026-01-02_Reference/{name}": text for name, text in folder.items()})
    return review_pull_request(str(repository.path), "pr")


def test_on_the_embedded_text_the_split_is_all_that_is_wrong(folder: dict[str, str], tmp_path: Path) -> None:
    review = reviewed(tmp_path, folder, "track_non_record_16mb")
    assert review.scope.findings == () and len(review.scope.new_folders) == 1
    ((audit, _),) = review.audits
    failed = {finding.rule for finding in audit.findings if finding.outcome.value != "pass"}
    assert failed == {"validation-coverage"}
    (part,) = review.folders
    assert {found.code for found in part.records.findings} == {"partial_val"}


def test_with_the_numbers_of_the_split_only_significance_is_missing(
    folder: dict[str, str], tmp_path: Path
) -> None:
    review = reviewed(tmp_path, as_on_the_split(folder), "track_10min_16mb")
    ((audit, _),) = review.audits
    assert audit.verdict is Verdict.COMPLIANT
    (part,) = review.folders
    assert {found.code for found in part.records.findings} == {"improvement_not_significant"}
    assert part.significance is not None and part.significance.row.name == "Old"
    assert review.exit_code() is ExitCode.CLEAN

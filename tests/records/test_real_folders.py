"""Real folders, by name and finding code alone, and the statistics of real pull requests; needs a mirror."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.pull_request.significance import findings_of, judge_significance
from auditor.pull_request.target import one_folder
from auditor.records.facts import read_folder
from auditor.records.sample import folder_sample
from auditor.records.validate import validate_folder
from auditor.stats.compare import Comparison, compare
from auditor.submission.git_store import ObjectStore
from auditor.submission.git_target import load_ref

CASES = [
    json.loads(line)
    for line in Path(__file__).with_name("real_folders.jsonl").read_text(encoding="utf-8").splitlines()
]
TRACK = "main:records/track_10min_16mb/"
FLAGGED = (144, 755, 1143, 1184, 1242, 1274, 1289, 1405, 1687, 1698)
FLAGGED += (1705, 1711, 1712, 1734, 1771, 1791, 1796, 1813, 2071, 2138)
pytestmark = pytest.mark.corpus


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    directory = os.environ.get("AUDITOR_CORPUS")
    if directory is None:
        pytest.skip("AUDITOR_CORPUS names no mirror of the challenge's repository")
    with ObjectStore(directory) as opened:
        yield opened


@pytest.mark.parametrize("case", CASES, ids=[case["folder"].rsplit("/", 1)[-1][:40] for case in CASES])
def test_expected_codes_are_found_and_false_alarms_are_not(
    store: ObjectStore, case: dict[str, list[str]]
) -> None:
    loaded = load_ref(store, str(case["ref"]), folders=[str(case["folder"])], require_script=False)
    (folder,) = loaded.folders
    significance = judge_significance(store, folder, loaded)
    extra = findings_of(significance) if significance is not None else ()
    found = {finding.code for finding in validate_folder(folder, extra=extra).findings}
    assert set(case["found"]) <= found
    assert found.isdisjoint(case["not_found"])


def compared(store: ObjectStore, old: str, new: str) -> Comparison:
    sides = [folder_sample(read_folder(one_folder(name, store))) for name in (old, new)]
    return compare(sides[0], sides[1])


@pytest.mark.parametrize(
    ("old", "new", "t", "df", "p"),
    [
        (
            TRACK + "2026-04-09_SP8192_3LayerRecur_ParResid_QK525_LegalTTT",
            "refs/pull/1812/head",
            -55.4976,
            3.8281,
            5.24e-7,
        ),
        (
            TRACK + "2026-03-23_LeakyReLU_LegalTTT_ParallelMuon",
            TRACK + "2026-03-25_ValCalib_GPTQ_XSA_BigramHash3072",
            -11.8339,
            3.3063,
            4.03e-4,
        ),
        (
            TRACK + "2026-04-09_SP8192_3LayerRecur_ParResid_QK525_LegalTTT",
            "refs/pull/1514/head",
            -3.7981,
            2.6144,
            0.0203,
        ),
        ("refs/pull/1514/head", "refs/pull/1529/head", -8.1869, 3.6110, 0.00093),
        ("refs/pull/1736/head", "refs/pull/1769/head", -1.9083, 4.2281, 0.0626),
    ],
)
def test_published_statistics(store: ObjectStore, old: str, new: str, t: float, df: float, p: float) -> None:
    welch = compared(store, old, new).welch
    assert welch is not None
    assert (round(welch.t, 4), round(welch.df, 4)) == (t, df)
    assert welch.p == pytest.approx(p, rel=5e-3)


@pytest.mark.parametrize("number", FLAGGED)
def test_known_wrong_denominators_are_flagged(store: ObjectStore, number: int) -> None:
    loaded = load_ref(store, f"refs/pull/{number}/head", require_script=False)
    found = [
        f for folder in loaded.folders for f in validate_folder(folder).findings if f.code == "implied_bytes"
    ]
    assert any(finding.severity.value == "fail" for finding in found)

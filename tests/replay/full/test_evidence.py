"""A folder of evidence is believed and written to only where this program made it for this user; links are refused."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.errors import InputError
from auditor.exit_codes import ExitCode
from auditor.replay.full.data_set import DataSet
from auditor.replay.full.ended import Ended
from auditor.replay.full.evidence import PREFIX, Evidence
from auditor.replay.full.findings import exit_of
from auditor.replay.full.options import FullOptions
from auditor.replay.full.plan import Plan, run_key
from auditor.replay.full.preflight import Machine
from auditor.replay.full.run_trace import trace_to_object
from auditor.replay.full.seal import KEY, seal
from auditor.replay.full.seed_run import SeedRun, keep, kept_run, seed_run
from tests.replay.full.stories import evaluated, legal, saved, trained


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def over() -> SeedRun:
    """20 MB of artifact."""
    trace = evaluated(saved(trained(), 710.0, size=20_000_000), 711.0).trace()
    ended = Ended(trace=trace, code=0, reason="", culprit=None, last_lines=(), slow=None)
    return seed_run(1, ended, tokens_per_byte=None)


def test_a_kept_run_whose_trace_was_replaced_is_not_taken(tmp_path: Path) -> None:
    folder = Evidence(tmp_path / "ev").seed(1)
    keep(folder, "key", over())
    kept = kept_run(folder, "key", tokens_per_byte=None)
    assert kept is not None and exit_of(kept.findings) is ExitCode.VIOLATION
    (folder / "trace.json.gz").write_bytes(
        gzip.compress(json.dumps(trace_to_object(legal().trace())).encode())
    )
    assert kept_run(folder, "key", tokens_per_byte=None) is None


def test_a_run_that_was_kept_under_another_users_key_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Evidence(tmp_path / "ev").seed(1)
    keep(folder, "key", over())
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another"))
    assert kept_run(folder, "key", tokens_per_byte=None) is None
    with pytest.raises(InputError, match="was not made here"):
        Evidence(tmp_path / "ev")


def test_a_folder_that_came_with_the_checkout_is_refused_and_untouched(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    seed = tmp_path / "full-evidence" / "train_gpt" / "seeds" / "1"
    seed.mkdir(parents=True)
    (seed / "log.txt").symlink_to(victim)
    with pytest.raises(InputError, match=r"log\.txt in the folder of evidence is a link"):
        Evidence(tmp_path / "full-evidence" / "train_gpt")
    (seed / "log.txt").unlink()
    with pytest.raises(InputError, match="was not made here"):
        Evidence(tmp_path / "full-evidence" / "train_gpt")
    assert victim.read_text() == "mine" and not list(seed.iterdir())


def test_links_to_and_in_a_folder_of_our_own_are_refused(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path / "base" / "ev")
    assert Evidence(evidence.root).root == evidence.root
    assert evidence.root.stat().st_mode & 0o777 == 0o700
    (tmp_path / "link").symlink_to(tmp_path / "base")
    with pytest.raises(InputError, match="it is a link"):
        Evidence(tmp_path / "link" / "ev")
    (evidence.seed(2) / "log.txt").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="is a link"):
        Evidence(evidence.root)
    assert not (tmp_path / "elsewhere").exists()


def test_the_seal_of_one_folder_is_not_that_of_another(tmp_path: Path) -> None:
    made = Evidence(tmp_path / "ev").root / "made-here"
    (tmp_path / "copy").mkdir(mode=0o700)
    (tmp_path / "copy" / "made-here").write_bytes(made.read_bytes())
    with pytest.raises(InputError, match="was not made here"):
        Evidence(tmp_path / "copy")


def test_only_folders_of_our_own_are_emptied(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path / "ev")
    theirs = tmp_path / f"{PREFIX}theirs"
    theirs.mkdir()
    (theirs / "kept").write_text("x")
    note = evidence.seed(1) / "working"
    for forged in (str(theirs), f"{theirs}\n{'0' * 64}"):
        note.write_text(forged)
        evidence.clean()
        assert (theirs / "kept").exists() and not note.exists()


def test_the_key_is_the_users_alone(state: Path) -> None:
    mark = seal(b"a", b"b")
    assert seal(b"a", b"b") == mark and len({mark, seal(b"ab"), seal(b"ab", b""), seal(b"b", b"a")}) == 4
    assert (state / KEY).stat().st_mode & 0o777 == 0o600 and os.listdir((state / KEY).parent) == ["full.key"]
    (state / KEY).chmod(0o644)
    with pytest.raises(InputError, match="no key that only this user can read"):
        seal(b"a")


def test_a_run_is_kept_for_what_it_was_run_with_alone(tmp_path: Path) -> None:
    plan = Plan(
        path="train_gpt.py",
        options=FullOptions(data=tmp_path),
        seeds=(1,),
        settings={},
        machine=Machine(gpus=(), driver="", no_gpus="", versions={}),
        data=DataSet(folder="x"),
        price=None,
        problems=(),
    )
    others = [
        replace(plan, options=replace(plan.options, let_in=(tmp_path,))),
        replace(plan, options=replace(plan.options, shared_memory=1)),
        replace(plan, data=replace(plan.data, train_sha256="y")),
    ]
    assert run_key(plan, {}) == run_key(replace(plan), {})
    assert len({run_key(one, {}) for one in (plan, *others)}) == 4

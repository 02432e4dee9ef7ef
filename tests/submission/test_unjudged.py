"""What cannot be judged never reads as clean: unreadable scripts, entries without one, links, hostile names."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from auditor.errors import InputError
from auditor.submission.git_store import ObjectStore
from auditor.submission.load import load_path, load_submissions

from .conftest import TRAINER, Repository

TRACK = "records/track_10min_16mb"
NEW = f"{TRACK}/new"


def load(repository: Repository, **arguments: object):  # type: ignore[no-untyped-def]
    return load_submissions(git_dir=str(repository.path), ref="pr", require_script=False, **arguments)  # type: ignore[arg-type]


@pytest.fixture
def branch(repository: Repository) -> Repository:
    repository.git("checkout", "-q", "-b", "pr")
    return repository


@pytest.mark.parametrize(
    ("files", "path", "reason"),
    [
        ({f"{NEW}/train_gpt.py": TRAINER.encode() + b"\0"}, f"{NEW}/train_gpt.py", "NUL byte at offset"),
        ({f"{NEW}/train_gpt.py": b""}, f"{NEW}/train_gpt.py", "is empty"),
        (
            {f"{NEW}/train_gpt.txt": TRAINER, f"{NEW}/run.sh": "python train_gpt.txt"},
            f"{NEW}/train_gpt.txt",
            "runs it",
        ),
        ({f"{NEW}/submission.json": "{}", f"{NEW}/README.md": "x"}, NEW, "no training"),
        ({f"{TRACK}/notes.md": "x"}, TRACK, "holds no script"),
    ],
)
def test_an_entry_without_a_readable_script_is_unjudged(
    branch: Repository, files: dict[str, str | bytes], path: str, reason: str
) -> None:
    branch.commit(files)
    found = load(branch)
    assert found.submissions == () and not found.nothing_changed
    (entry,) = found.unjudged
    assert entry.path == path and reason in entry.reason


def test_an_unreadable_script_beside_a_good_one_is_unjudged(branch: Repository) -> None:
    branch.commit({f"{NEW}/train_gpt.py": TRAINER, f"{NEW}/train_ttt.py": TRAINER.encode() + b"\0"})
    found = load(branch)
    assert [s.script.path for s in found.submissions] == [f"{NEW}/train_gpt.py"]
    assert [entry.path for entry in found.unjudged] == [f"{NEW}/train_ttt.py"]


def test_an_entry_without_a_script_beside_a_good_one_is_unjudged(branch: Repository) -> None:
    branch.commit({f"{NEW}/train_gpt.py": TRAINER, f"{TRACK}/other/run.sh": "python x.txt"})
    found = load(branch)
    assert [entry.path for entry in found.unjudged] == [f"{TRACK}/other"]


def test_pictures_and_prose_beside_a_good_entry_are_none(branch: Repository) -> None:
    branch.commit({f"{NEW}/train_gpt.py": TRAINER, f"{TRACK}/pictures/loss.png": b"\x89PNG"})
    assert load(branch).unjudged == ()


def test_links_and_submodules_in_place_of_a_folder_are_unjudged_and_the_track_is_no_folder(
    branch: Repository,
) -> None:
    os.symlink("old", branch.path / TRACK / "link")
    branch.commit({})
    head = branch.git("rev-parse", "HEAD")
    branch.git("update-index", "--add", "--cacheinfo", f"160000,{head},{TRACK}/module")
    branch.git("commit", "-q", "-m", "module")
    found = load(branch)
    assert found.folders == () and found.submissions == ()
    assert [entry.path for entry in found.unjudged] == [f"{TRACK}/link", f"{TRACK}/module"]
    assert all("link or a submodule" in entry.reason for entry in found.unjudged)
    with pytest.raises(InputError, match="has no folder"):
        load(branch, folders=[f"{TRACK}/module"])


def test_records_itself_as_a_link_is_unjudged(branch: Repository) -> None:
    branch.git("rm", "-rq", "records")
    os.symlink("/tmp", branch.path / "records")
    branch.commit({})
    assert [entry.path for entry in load(branch).unjudged] == ["records"]


def test_deleting_an_entry_is_not_nothing(branch: Repository) -> None:
    branch.git("rm", "-rq", f"{TRACK}/old")
    branch.commit({})
    found = load(branch)
    assert [entry.path for entry in found.unjudged] == [f"{TRACK}/old"] and not found.nothing_changed


def test_nothing_under_records_is_an_answer(branch: Repository) -> None:
    branch.commit({"docs/x.md": "x"})
    assert load(branch).nothing_changed
    branch.git("checkout", "-q", "-b", "empty", "main")
    branch.commit({})
    assert load_submissions(git_dir=str(branch.path), ref="empty", require_script=False).nothing_changed


@pytest.mark.parametrize("path", ["Records/track_10min_16mb/x/train_gpt.py", "entry/submission.json"])
def test_an_entry_outside_of_records_is_no_answer(branch: Repository, path: str) -> None:
    branch.commit({path: TRAINER})
    with pytest.raises(InputError, match="outside of records/"):
        load(branch)


def test_a_path_that_is_no_text_is_told(branch: Repository) -> None:
    place = os.fsencode(branch.path / TRACK) + b"/new\xff"
    os.mkdir(place)
    with open(place + b"/train_gpt.py", "w") as stream:
        stream.write(TRAINER)
    branch.commit({})
    with pytest.raises(InputError, match=r"not UTF-8 text: .*new\\xff/train_gpt\.py"):
        load(branch)


def test_a_shallow_clone_does_not_tell_what_changed(branch: Repository, tmp_path: Path) -> None:
    branch.commit({f"{NEW}/train_gpt.py": TRAINER})
    shallow = tmp_path / "shallow"
    branch.git("clone", "-q", "--depth", "1", "--no-single-branch", f"file://{branch.path}", str(shallow))
    with pytest.raises(InputError, match="shallow clone"):
        load_submissions(git_dir=str(shallow), ref="pr", base="origin/main", require_script=False)
    named = load_submissions(git_dir=str(shallow), ref="pr", base="origin/main", folders=[NEW])
    assert len(named.submissions) == 1


def test_a_directory_of_a_work_tree_is_as_good_as_its_root(branch: Repository) -> None:
    branch.commit({f"{NEW}/train_gpt.py": TRAINER})
    with ObjectStore(str(branch.path / NEW)) as store:
        assert store.commit("pr") == branch.git("rev-parse", "pr")


def test_a_repository_that_a_pull_request_brings_along_does_not_answer(branch: Repository) -> None:
    """`--git .` inside an entry's folder that holds HEAD, objects/ and refs/ of its author's making."""
    bare = branch.path / NEW
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
    branch.commit({f"{NEW}/objects/x": "x", f"{NEW}/refs/x": "x"})
    with pytest.raises(InputError, match="tracks as files"):
        ObjectStore(str(bare))


def test_local_folder_under_records_without_a_script_is_unjudged_and_elsewhere_no_target(
    tmp_path: Path,
) -> None:
    for place in (tmp_path / NEW, tmp_path / "elsewhere"):
        place.mkdir(parents=True)
        (place / "submission.json").write_text("{}")
    assert [entry.reason for entry in load_path(str(tmp_path / NEW), require_script=False).unjudged] == [
        "it holds no training or evaluation script"
    ]
    assert load_path(str(tmp_path / "elsewhere"), require_script=False).unjudged == ()


def test_local_names_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "train_gpt.py").write_text(TRAINER)
    with open(os.fsencode(tmp_path) + b"/train\xff.py", "w") as stream:
        stream.write(TRAINER)
    found = load_path(str(tmp_path), require_script=False)
    assert "not UTF-8 text: train\\xff.py" in found.unjudged[0].reason


def test_more_files_than_are_listed_leave_the_folder_unjudged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.submission.local_files.MAX_FOLDER_FILES", 3)
    for name in ("a.txt", "b.txt", "train_gpt.py", "train_real.py"):
        (tmp_path / name).write_text(TRAINER)
    (entry,) = load_path(str(tmp_path), require_script=False).unjudged
    assert "more than 3 files" in entry.reason


@pytest.mark.parametrize(
    ("command", "unjudged"),
    [
        ("torchrun --standalone real.txt", ["real.txt"]),
        ("python3 -u ./real.txt", ["real.txt"]),
        ("python tools/parse.py real.txt", []),
        ("torchrun train_gpt.py 2>&1 | tee real.txt", []),
        ("cat real.txt", []),
        ("python notes.txt", []),
    ],
)
def test_what_a_run_script_hands_to_python_is_a_script_whatever_its_name(
    tmp_path: Path, command: str, unjudged: list[str]
) -> None:
    files = {
        "train_gpt.py": TRAINER,
        "real.txt": TRAINER,
        "notes.txt": "x",
        "run.sh": f"#!/bin/bash\n{command}\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = load_path(str(tmp_path), require_script=False)
    assert [entry.path for entry in found.unjudged] == unjudged
    assert [submission.script.path for submission in found.submissions] == ["train_gpt.py"]

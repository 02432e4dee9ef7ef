from __future__ import annotations

import os
from pathlib import Path

import pytest

from auditor.errors import InputError
from auditor.submission.git_store import ObjectStore
from auditor.submission.git_target import load_ref
from auditor.submission.load import load_submissions

from .conftest import TRAINER, Repository

NEW = "records/track_10min_16mb/new"


def test_pull_request_gives_the_changed_folder_only(repository: Repository) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "-q", "-b", "pr")
    head = repository.commit(
        {f"{NEW}/train_gpt.py": TRAINER, f"{NEW}/README.md": "x", "train_gpt.py": "changed"}
    )
    repository.git("checkout", "-q", "main")
    repository.commit({"records/track_10min_16mb/later/train_gpt.py": TRAINER})
    result = load_submissions(git_dir=str(repository.path), ref="pr")
    assert [found.script.path for found in result.submissions] == [f"{NEW}/train_gpt.py"]
    assert (result.head, result.base) == (head, base)
    assert {(change.status, change.path) for change in result.changed_paths} == {
        ("A", f"{NEW}/train_gpt.py"),
        ("A", f"{NEW}/README.md"),
        ("M", "train_gpt.py"),
    }
    assert result.submissions[0].script.text() == TRAINER


def test_merged_pull_request_is_counted_from_before_its_merge(repository: Repository) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "-q", "-b", "pr")
    repository.commit({f"{NEW}/train_gpt.py": TRAINER})
    head = repository.commit({f"{NEW}/README.md": "x"})
    repository.git("checkout", "-q", "main")
    for step in range(5):
        repository.commit({f"docs/{step}.md": "x"})
    repository.git("merge", "-q", "--no-ff", "-m", "merge", "pr")
    for step in range(5, 9):
        repository.commit({f"docs/{step}.md": "x"})
    with ObjectStore(str(repository.path)) as store:
        result = load_ref(store, "pr")
    assert (result.head, result.base) == (head, base)
    assert [found.script.path for found in result.submissions] == [f"{NEW}/train_gpt.py"]


def test_head_on_the_first_parent_line_starts_at_its_parent(repository: Repository) -> None:
    first = repository.git("rev-parse", "HEAD")
    repository.commit({f"{NEW}/train_gpt.py": TRAINER})
    repository.git("tag", "landed")
    repository.commit({"docs/x.md": "x"})
    with ObjectStore(str(repository.path)) as store:
        assert store.base_point("main", store.commit("landed")) == first
        assert store.base_point("main", first) is None


def test_unrelated_history_is_said_and_compared_with_the_tip(repository: Repository) -> None:
    repository.git("checkout", "-q", "--orphan", "pr")
    repository.commit({f"{NEW}/train_gpt.py": TRAINER})
    with ObjectStore(str(repository.path)) as store:
        result = load_ref(store, "pr")
    assert [found.script.path for found in result.submissions] == [f"{NEW}/train_gpt.py"]
    assert result.base is None and "shares no commit with main" in result.problems[0]


def test_root_script_counts_when_no_changed_folder_has_one(repository: Repository) -> None:
    repository.git("checkout", "-q", "-b", "pr")
    repository.commit({"train_gpt.py": TRAINER + "# more\n", "records/track_10min_16mb/old/README.md": "x"})
    result = load_submissions(git_dir=str(repository.path), ref="pr")
    # The changed record folder holds a script, so the root script is not the submission.
    assert [found.script.path for found in result.submissions] == [
        "records/track_10min_16mb/old/train_gpt.py"
    ]
    repository.git("checkout", "-q", "-b", "other", "main")
    repository.commit({"train_gpt.py": TRAINER + "# more\n"})
    (only,) = load_submissions(git_dir=str(repository.path), ref="other").submissions
    assert (only.script.path, only.folder) == ("train_gpt.py", None)


def test_folder_names_any_folder_of_the_ref(repository: Repository) -> None:
    old = "records/track_10min_16mb/old"
    result = load_submissions(git_dir=str(repository.path), ref="main", folders=[old + "/"])
    assert [found.folder for found in result.submissions] == [old]
    with pytest.raises(InputError, match="has no folder 'records/track_10min_16mb/olds'") as caught:
        load_submissions(git_dir=str(repository.path), ref="main", folders=["records/track_10min_16mb/olds"])
    assert caught.value.hint == f"did you mean {old}?"


def test_links_of_a_tree_stay_inside_the_folder(repository: Repository) -> None:
    repository.git("checkout", "-q", "-b", "pr")
    folder = repository.path / NEW
    folder.mkdir()
    (folder / "train_gpt.py").write_text(TRAINER)
    (folder / "same.py").symlink_to("train_gpt.py")
    (folder / "shard.bin").symlink_to("../old/train_gpt.py")
    (folder / "root.txt").symlink_to("/etc/passwd")
    os.symlink("same.py", folder / "chain.txt")
    repository.commit({})
    result = load_submissions(git_dir=str(repository.path), ref="pr")
    files = {file.path: file for file in result.submissions[0].files}
    assert files[f"{NEW}/chain.txt"].text() == TRAINER
    assert files[f"{NEW}/shard.bin"].problem == "a link that leads outside the folder: ../old/train_gpt.py"
    assert files[f"{NEW}/root.txt"].problem == "a link that leads outside the folder: /etc/passwd"


def test_empty_script_of_one_folder_leaves_the_other(repository: Repository) -> None:
    repository.git("checkout", "-q", "-b", "pr")
    repository.commit({f"{NEW}/train_gpt.py": "", "records/track_10min_16mb/other/train_gpt.py": TRAINER})
    result = load_submissions(git_dir=str(repository.path), ref="pr")
    assert [found.folder for found in result.submissions] == ["records/track_10min_16mb/other"]
    assert result.problems == (f"{NEW}/train_gpt.py is empty",)


def test_bare_clone_reads_the_same(repository: Repository, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    repository.git("clone", "-q", "--bare", str(repository.path), str(bare))
    result = load_submissions(git_dir=str(bare), ref="main", folders=["records/track_10min_16mb/old"])
    assert result.submissions[0].script.text() == TRAINER


def test_repository_configuration_runs_nothing(repository: Repository, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    hook = tmp_path / "hook.sh"
    hook.write_text(f"#!/bin/sh\ntouch {trap}\n")
    hook.chmod(0o755)
    for key in (
        "core.fsmonitor",
        "diff.external",
        "core.pager",
        "core.alternateRefsCommand",
        "core.sshCommand",
    ):
        repository.git("config", key, str(hook))
    load_submissions(git_dir=str(repository.path), ref="main", folders=["records/track_10min_16mb/old"])
    assert not trap.exists()


def test_unknown_ref_and_no_repository(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no commit named 'refs/pull/9/head'"):
        load_submissions(git_dir=str(repository.path), ref="refs/pull/9/head")
    with pytest.raises(InputError, match="no commit named '--help'"):
        load_submissions(git_dir=str(repository.path), ref="--help")
    with pytest.raises(InputError, match="is not a git repository"):
        load_submissions(git_dir=str(tmp_path), ref="main")
    with pytest.raises(InputError, match="no base branch named 'trunk'"):
        load_submissions(git_dir=str(repository.path), ref="main", base="trunk")


@pytest.mark.corpus()
def test_real_merged_pull_requests_give_one_folder() -> None:
    directory = os.environ.get("AUDITOR_CORPUS")
    if directory is None:
        pytest.skip("AUDITOR_CORPUS names no mirror of the challenge's repository")
    with ObjectStore(directory) as store:
        for number in (77, 549, 1413):
            result = load_ref(store, f"refs/pull/{number}/head")
            assert len(result.submissions) == 1 and result.submissions[0].script.name == "train_gpt.py"
            assert result.base != result.head

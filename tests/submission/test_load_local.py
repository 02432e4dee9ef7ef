from __future__ import annotations

import os
from pathlib import Path

import pytest

from auditor.errors import InputError
from auditor.submission.load import load_path, load_submissions
from auditor.submission.model import SourceFile, Track

from .conftest import TRAINER


def test_script_travels_with_its_siblings(tmp_path: Path) -> None:
    (tmp_path / "train_gpt.py").write_bytes(b"\xef\xbb\xbf" + TRAINER.replace("\n", "\r\n").encode())
    (tmp_path / "helper.py").write_text("x = 1\n")
    (tmp_path / "native.cpp").write_text("int x;\n")
    (only,) = load_path(str(tmp_path / "train_gpt.py")).submissions
    assert only.folder is None and only.target.kind == "script"
    assert only.script.text() == TRAINER
    assert [file.path for file in only.siblings] == ["helper.py"]
    assert [file.path for file in only.native_files] == ["native.cpp"]
    assert only.read_sibling("helper.py") == b"x = 1\n"


def test_folder_gives_everything_beside_the_script(tmp_path: Path) -> None:
    folder = tmp_path / "records" / "track_10min_16mb" / "mine"
    (folder / "logs").mkdir(parents=True)
    for name in (
        "train_gpt.py",
        "README.md",
        "submission.json",
        "logs/train_seed1.log",
        "run.sh",
        "requirements.txt",
    ):
        (folder / name).write_text(TRAINER)
    (only,) = load_path(str(folder)).submissions
    assert only.track is Track.RECORD_10MIN_16MB
    assert only.readme is not None and only.submission_json is not None
    assert [file.path for file in only.logs] == ["logs/train_seed1.log"]
    assert [file.path for file in only.run_scripts] == ["run.sh"]


def test_links_outside_are_named_and_never_read(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "train_gpt.py").write_text(TRAINER)
    (folder / "inside.txt").symlink_to("train_gpt.py")
    (folder / "outside.txt").symlink_to("../secret.txt")
    (folder / "loop.txt").symlink_to("loop.txt")
    os.mkfifo(folder / "pipe.txt")
    (only,) = load_path(str(folder)).submissions
    by_name = {file.path: file for file in only.files}
    assert by_name["inside.txt"].text() == TRAINER and by_name["inside.txt"].link_target == "train_gpt.py"
    assert by_name["outside.txt"].problem == "a link that leads outside the folder: ../secret.txt"
    assert by_name["loop.txt"].problem is not None and by_name["pipe.txt"].problem == "not a regular file"
    with pytest.raises(InputError, match="leads outside"):
        by_name["outside.txt"].data()
    for name in ("../secret.txt", str(tmp_path / "secret.txt"), "nothing.py"):
        assert only.read_sibling(name) is None
    for name, why in {"outside.txt": "leads outside", "pipe.txt": "not a regular file"}.items():
        with pytest.raises(InputError, match=why):
            only.read_sibling(name)


def test_pointer_files_are_not_their_content() -> None:
    pointer = SourceFile.from_bytes(
        "model.bin", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    )
    with pytest.raises(InputError, match=r"model\.bin: it is a Git LFS pointer"):
        pointer.data()


def test_utf16_log_is_decoded() -> None:
    assert SourceFile.from_bytes("a.log", "seed:1\r\n".encode("utf-16")).text() == "seed:1\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train_gpt.py", b" \n", "is empty"),
        ("train_gpt.py", b"\x7fELF\0\0", "is binary"),
        ("notes.md", b"# hello", "is not a Python script"),
    ],
)
def test_unusable_script_is_one_clear_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_path(str(tmp_path / name))


def test_missing_target_and_folder_without_script(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file or folder at"):
        load_path(str(tmp_path / "nothing"))
    (tmp_path / "README.md").write_text("hello")
    with pytest.raises(InputError, match="holds no training or evaluation script"):
        load_path(str(tmp_path))
    assert load_path(str(tmp_path), require_script=False).folders[0].readme is not None


def test_contradictory_arguments() -> None:
    with pytest.raises(InputError, match="either a script or folder"):
        load_submissions()
    with pytest.raises(InputError, match="--git needs --ref"):
        load_submissions(git_dir="/nowhere")
    with pytest.raises(InputError, match="need --git"):
        load_submissions("x", ref="main")

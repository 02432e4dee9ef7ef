from __future__ import annotations

import pytest

from auditor.submission import roles

TRAINER = """
def f():
    loss = F.cross_entropy(x, y)
    print(f"val_bpb:{loss}")
if __name__ == "__main__":
    f()
"""


def test_train_gpt_is_a_script_and_an_imported_module_is_not() -> None:
    found = roles.classify(
        {"d/train_gpt.py": "import ngram_cache\n" + TRAINER, "d/ngram_cache.py": TRAINER}, root="d"
    )
    assert found.scripts == ("d/train_gpt.py",)


def test_stub_gives_way_to_the_file_it_runs() -> None:
    stub = "exec(open(__file__.replace('train_gpt.py', 'train_real.py')).read())"
    found = roles.classify({"d/train_gpt.py": stub, "d/train_real.py": TRAINER}, root="d")
    assert found.scripts == ("d/train_real.py",)
    assert found.launchers == {"d/train_real.py": ("d/train_gpt.py",)}


def test_wrapper_that_sets_the_environment_is_a_launcher() -> None:
    wrapper = "os.environ.setdefault('A', '1')\nif __name__ == '__main__':\n    from train_net import main\n"
    found = roles.classify({"train_gpt.py": wrapper, "train_net.py": TRAINER})
    assert found.scripts == ("train_net.py",)
    assert found.launchers == {"train_net.py": ("train_gpt.py",)}


def test_readable_twin_of_a_packed_script_is_a_second_script() -> None:
    packed = "import lzma,base64\nexec(lzma.decompress(base64.b85decode('abc')))"
    found = roles.classify({"train_gpt.py": packed, "train_gpt_human.py": TRAINER})
    assert found.scripts == ("train_gpt.py", "train_gpt_human.py")


def test_separate_evaluation_script_counts_although_it_imports_the_trainer() -> None:
    evaluator = "from train_gpt import GPT\n" + TRAINER
    assert roles.classify({"train_gpt.py": TRAINER, "eval_ttt.py": evaluator}).scripts == (
        "eval_ttt.py",
        "train_gpt.py",
    )


@pytest.mark.parametrize(
    "name", ["test_model.py", "prepare_caseops_data.py", "plot_bpb.py", "verify_bytes.py"]
)
def test_tools_are_siblings(name: str) -> None:
    assert roles.classify({"train_gpt.py": TRAINER, name: TRAINER}).scripts == ("train_gpt.py",)


def test_code_directories_count_only_without_a_script_above() -> None:
    inside = {"d/src/train_net.py": TRAINER}
    assert roles.classify(inside, root="d").scripts == ("d/src/train_net.py",)
    assert roles.classify({**inside, "d/train_gpt.py": TRAINER}, root="d").scripts == ("d/train_gpt.py",)


@pytest.mark.parametrize(
    ("path", "root"),
    [
        ("records/track_10min_16mb/a/train_gpt.py", "records/track_10min_16mb/a"),
        ("records/track_10min_16mb/a/src/b.py", "records/track_10min_16mb/a"),
        ("records/mine/train_gpt.py", "records/mine"),
        ("records/train_gpt.py", "records"),
        ("records/track_10min_16mb/loose.py", "records/track_10min_16mb"),
        ("fork/records/track_non_record_16mb/a/x.py", "fork/records/track_non_record_16mb/a"),
        ("records/records/track_10min_16mb/a/x.py", "records/records/track_10min_16mb/a"),
        ("data/x.py", None),
    ],
)
def test_record_root(path: str, root: str | None) -> None:
    assert roles.record_root(path) == root


def test_nested_folder_with_its_own_script_is_a_folder() -> None:
    paths = ["r/a/README.md", "r/a/one/train_gpt.py", "r/a/one/train.log", "r/a/src/submission.json"]
    assert roles.split_folders("r/a", paths) == {
        "r/a": ("r/a/README.md", "r/a/src/submission.json"),
        "r/a/one": ("r/a/one/train_gpt.py", "r/a/one/train.log"),
    }

"""What is found before anything runs: GPUs by a stand-in of the library, data, seeds, imports, ports, disk."""

from __future__ import annotations

import socket
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from auditor.replay.full import preflight as before
from auditor.replay.full.data_set import read_data_set
from auditor.replay.full.gpus import GpuSample, Nvml
from auditor.replay.full.imports import missing_imports
from auditor.replay.full.launch import lay_out, run_environment
from auditor.replay.full.options import FullOptions
from auditor.replay.full.preflight import Machine, preflight, read_machine
from auditor.replay.sandbox.isolation_levels import IsolationLevel
from auditor.replay.toy.target import DATASETS


class FakeNvml(SimpleNamespace):
    """The calls of NVML that are used, as its documentation describes them: eight idle H100, or others."""

    NVML_CLOCK_SM, NVML_TEMPERATURE_GPU = 1, 0
    NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_VOLATILE_ECC = 1, 0

    def __init__(
        self, *, count: int = 8, name: Any = "NVIDIA H100 80GB HBM3", ecc: int = 0, pids: Any = ()
    ) -> None:
        memory = SimpleNamespace(total=80 << 30, used=1 << 30)

        def unsupported(*_: Any) -> None:
            raise RuntimeError("Not Supported")

        super().__init__(
            nvmlInit=lambda: None,
            nvmlShutdown=lambda: None,
            nvmlDeviceGetCount=lambda: count,
            nvmlDeviceGetHandleByIndex=lambda index: index,
            nvmlSystemGetDriverVersion=lambda: b"570.124.06",
            nvmlDeviceGetName=lambda _: name,
            nvmlDeviceGetMemoryInfo=lambda _: memory,
            nvmlDeviceGetComputeRunningProcesses=lambda i: (
                [SimpleNamespace(pid=p) for p in pids] if i == 2 else []
            ),
            nvmlDeviceGetMaxClockInfo=lambda *_: 1980,
            nvmlDeviceGetTotalEccErrors=lambda i, *_: ecc if i == 1 else 0,
            nvmlDeviceGetUtilizationRates=lambda _: SimpleNamespace(gpu=97),
            nvmlDeviceGetPowerUsage=lambda _: 650_500,
            nvmlDeviceGetClockInfo=lambda *_: 1755,
            nvmlDeviceGetTemperature=unsupported,
        )


def machine(**changes: Any) -> Machine:
    return replace(read_machine(lambda: Nvml(FakeNvml(**changes))), versions={"torch": "2.9", "cuda": "12.8"})


def shard(path: Path, tokens: list[int], *, stated: int | None = None) -> None:
    header = np.zeros(256, dtype="<i4")
    header[:3] = 20240520, 1, stated if stated is not None else len(tokens)
    path.write_bytes(header.tobytes() + np.array(tokens, dtype="<u2").tobytes())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "datasets" / "fineweb10B_sp64"
    folder.mkdir(parents=True)
    shard(folder / "fineweb_train_000000.bin", list(range(50)))
    shard(folder / "fineweb_val_000000.bin", [1, 5, 9, 1, 7])
    return tmp_path / "data"


def sentences(folder: Path, **changes: Any) -> list[str]:
    options = FullOptions(data=folder, **{"on_cpu": True, "ranks": 8, **changes.pop("options", {})})
    given: dict[str, Any] = {
        "machine": machine(),
        "data": read_data_set(folder),
        "seeds": [1, 2, 3],
        "settings": {},
        "missing": (),
        "evidence": folder / "evidence",
    }
    return [one.sentence() for one in preflight(options=options, **{**given, **changes})]


def test_nothing_is_wrong_with_eight_idle_gpus_and_whole_data(data: Path) -> None:
    assert sentences(data, options={"on_cpu": False}) == []


GPU_FAULTS = {
    "none": ({"count": 0}, "there is no GPU"),
    "too few": ({"count": 4}, "too few GPUs: 8 ranks need 8, there are 4"),
    "others": ({"name": b"NVIDIA A100-SXM4-80GB"}, "GPU 0 is NVIDIA A100-SXM4-80GB, not an H100"),
    "in use": ({"pids": [4711]}, "GPU 2 is in use by process 4711"),
    "broken": ({"ecc": 3}, "GPU 1 has 3 uncorrected memory errors"),
}


@pytest.mark.parametrize("name", GPU_FAULTS)
def test_what_is_wrong_with_gpus_is_said(name: str, data: Path) -> None:
    changes, expected = GPU_FAULTS[name]
    told = sentences(data, options={"on_cpu": False}, machine=machine(**changes))
    assert any(expected in sentence for sentence in told), told


def test_a_machine_without_driver_is_no_error_on_a_cpu(data: Path) -> None:
    def none() -> Nvml:
        raise OSError("no NVIDIA driver answers")

    bare = read_machine(none)
    assert bare.gpus == () and sentences(data, machine=bare) == []
    told = sentences(data, machine=bare, options={"on_cpu": False})
    assert told[0] == "GPUs: there is no GPU: no NVIDIA driver answers (--on-cpu runs on stand-ins)"


def test_torch_without_cuda_is_told(data: Path) -> None:
    bare = replace(machine(), versions={"torch": "2.9+cpu", "cuda": "None"})
    told = sentences(data, machine=bare, options={"on_cpu": False})
    assert told == ["torch: it was built without CUDA (install a CUDA build of torch)"]


def test_what_a_gpu_does_not_tell_is_none() -> None:
    expected = GpuSample(
        index=0, busy_percent=97, used_bytes=1 << 30, power_w=650.5, clock_mhz=1755, temperature_c=None
    )
    assert Nvml(FakeNvml()).sample()[0] == expected


def test_a_data_set_is_counted(data: Path) -> None:
    found = read_data_set(data)
    assert (found.train_shards, found.train_tokens) == (1, 50)
    assert (found.val_tokens, found.val_documents, found.largest_token) == (5, 2, 9)
    assert found.known is None and found.problems == ()


def test_of_several_sets_the_one_is_taken_that_the_script_looks_for(data: Path) -> None:
    other = data / "datasets" / "datasets" / "fineweb10B_sp8192"
    other.mkdir(parents=True)
    shard(other / "fineweb_train_000000.bin", [1])
    shard(other / "fineweb_val_000000.bin", [1, 2, 3])
    (data / "tokenizers").mkdir()
    for name in ("fineweb_64_bpe.model", "fineweb_8192_bpe.model"):
        (data / "tokenizers" / name).write_bytes(b"")
    assert read_data_set(data, ["fineweb10B_sp8192"]).val_tokens == 3
    assert read_data_set(data, ["fineweb10B_sp8192"]).tokenizer == "tokenizers/fineweb_8192_bpe.model"
    assert read_data_set(data, ["fineweb10B_sp64"]).val_tokens == 5


def spoil_empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def spoil_truncated(folder: Path) -> None:
    shard(folder / "fineweb_val_000000.bin", [1, 5], stated=5)


def spoil_header(folder: Path) -> None:
    (folder / "fineweb_val_000000.bin").write_bytes(b"\0" * 2048)


def spoil_untrained(folder: Path) -> None:
    (folder / "fineweb_train_000000.bin").unlink()


def spoil_link(folder: Path) -> None:
    away = folder.parents[2] / "away.bin"
    shard(away, [1, 2])
    (folder / "fineweb_train_000001.bin").symlink_to(away)


DATA_FAULTS = {
    "empty": (spoil_empty, "no validation shard"),
    "truncated": (spoil_truncated, "truncated: its header states 5 tokens, it holds 2"),
    "another format": (spoil_header, "no token shard"),
    "no training shard": (spoil_untrained, "no training shard"),
    "links out of it": (spoil_link, "links out of the data folder"),
}


@pytest.mark.parametrize("name", DATA_FAULTS)
def test_what_is_wrong_with_data_is_said(name: str, data: Path) -> None:
    spoil, expected = DATA_FAULTS[name]
    spoil(data / "datasets" / "fineweb10B_sp64")
    told = sentences(data)
    assert len(told) == 1 and expected in told[0], told


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    assert "there is no such folder" in sentences(tmp_path / "nowhere")[0]


def test_a_tokenizer_of_another_vocabulary_is_told(data: Path) -> None:
    found = replace(read_data_set(data), vocabulary=64, tokenizer="tokenizers/a.model")
    told = sentences(data, data=found, settings={"VOCAB_SIZE": "1024"})
    assert told[0].startswith("tokenizers/a.model: wrong tokenizer: it has 64 pieces")


def test_bytes_of_the_validation_split_are_those_of_its_text(tmp_path: Path, data: Path) -> None:
    """Encoded by a tokenizer trained here, counted from the tokens, against the length of the text."""
    sentencepiece = pytest.importorskip("sentencepiece")
    texts = ["the quick brown fox jumps over the lazy dog", "a lazy fox, the quick dog: thé end"]
    (tmp_path / "text").write_text("\n".join(texts * 20), encoding="utf-8")
    (data / "tokenizers").mkdir()
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "text"),
        model_prefix=str(data / "tokenizers" / "toy"),
        vocab_size=300,
        model_type="bpe",
        byte_fallback=True,
        hard_vocab_limit=False,
        minloglevel=2,
        unk_id=3,
        bos_id=1,
        eos_id=2,
        pad_id=0,
    )
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(data / "tokenizers" / "toy.model"))
    tokens = [token for text in texts for token in (1, *tokenizer.encode(text))]
    shard(data / "datasets" / "fineweb10B_sp64" / "fineweb_val_000000.bin", tokens)
    found = read_data_set(data)
    # A document's leading space, which the tokenizer adds, is not text.
    assert found.val_bytes == sum(len(text.encode()) for text in texts)
    assert found.vocabulary == tokenizer.get_piece_size() and found.problems == ()
    shard(data / "datasets" / "fineweb10B_sp64" / "fineweb_val_000000.bin", [1, 60_000])
    assert "wrong tokenizer" in read_data_set(data).problems[0].what


def test_equal_seeds_and_no_seed_are_told(data: Path) -> None:
    assert sentences(data, seeds=[1, 2, 1])[0].startswith("--seeds: seed 1 is given twice")
    assert sentences(data, seeds=[]) == ["--seeds: there is no seed to run"]


def test_a_taken_port_is_told(data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        word = f"--master-port={taken.getsockname()[1]}"
        told = sentences(data, options={"launcher": (word,)})
    assert told == [f"{word}: the port is taken or not ours: Address already in use"]


def test_several_machines_need_a_network_that_a_sandbox_does_not_leave(data: Path) -> None:
    words = ("--nnodes=2", "--rdzv-backend=c10d")
    assert sentences(data, options={"launcher": words})[0].startswith(
        "--torchrun: several machines need a network"
    )
    assert sentences(data, options={"launcher": words, "rung": IsolationLevel.NONE}) == []
    assert sentences(data, options={"launcher": ("--nnodes=1",)}) == []


def test_a_run_is_told_where_cuda_is_and_nothing_else_of_this_environment(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/usr/local/nvidia/lib64")
    monkeypatch.setenv("HF_TOKEN", "secret")
    options = FullOptions(data=data, ranks=1, rung=IsolationLevel.NONE)
    launch = lay_out(tmp_path / "run", {"t.py": b""}, "t.py", options, None)
    told = run_environment(launch, {"ITERATIONS": "7", "VAL": f"{DATASETS}/fineweb_val_000000.bin"}, 42)
    assert (told["LD_LIBRARY_PATH"], told["SEED"], told["ITERATIONS"]) == (
        "/usr/local/nvidia/lib64",
        "42",
        "7",
    )
    assert told["VAL"] == f"{data}/datasets/fineweb10B_sp64/fineweb_val_000000.bin"
    assert told["PATH"].startswith(f"{sys.prefix}/bin:") and "HF_TOKEN" not in told
    on_cpu = replace(launch, options=replace(options, on_cpu=True))
    assert "LD_LIBRARY_PATH" not in run_environment(on_cpu, {}, 42)


def test_a_full_disk_is_told(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(before.shutil, "disk_usage", lambda _: SimpleNamespace(free=7 << 20))
    assert "7 MiB are free on its disk, 512 are needed" in sentences(data)[0]


def test_missing_imports_are_those_that_nothing_catches() -> None:
    text = "import os, nowhere_a.b\ntry:\n    import nowhere_b\nexcept ImportError:\n    pass\n"
    text += "def f():\n    from nowhere_c import x\nimport mine\nimport flash_attn\n"
    assert missing_imports([text], ["mine"], on_cpu=True) == ["nowhere_a", "nowhere_c"]
    assert "flash_attn" in missing_imports([text], ["mine"], on_cpu=False)

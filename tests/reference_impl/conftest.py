"""Fixtures of the reference's tests: one thread, a tiny live model, a stream with awkward documents.

Without torch nothing here is collected except the test that says so.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# Spinning OpenMP threads next to other work are 30 to 60 times slower; must be set before torch loads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

HAS_TORCH = importlib.util.find_spec("torch") is not None
if not HAS_TORCH:
    collect_ignore_glob = ["test_[!w]*.py"]

if TYPE_CHECKING:
    import sentencepiece

    from reference_impl.model import GPT
    from reference_impl.scoring import Validation


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Keep torch to one thread, as the numbers and times of these tests assume."""
    if HAS_TORCH:
        import torch

        torch.set_num_threads(1)


@pytest.fixture
def tiny_model() -> GPT:
    """Three layers of width 16 over 24 tokens, with every weight alive (fresh projections are zero)."""
    from tests.reference_impl.tiny import make_tiny_model

    return make_tiny_model()


@pytest.fixture
def tiny_val() -> Validation:
    """A stream of documents of one token, less than a chunk, whole chunks, and beyond the window."""
    from tests.reference_impl.tiny import make_tiny_validation

    return make_tiny_validation()


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> sentencepiece.SentencePieceProcessor:
    """A byte-pair tokenizer of 512 pieces trained on part of the embedded text."""
    import sentencepiece

    from reference_impl.corpus_text import read_documents, train_tokenizer

    path = tmp_path_factory.mktemp("tokenizer") / "small.model"
    path.write_bytes(train_tokenizer(read_documents()[:150], 512))
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


@pytest.fixture(scope="session")
def toy_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the embedded text's shards and tokenizer."""
    from reference_impl.corpus_text import build_data_set

    folder = tmp_path_factory.mktemp("data")
    build_data_set(folder, 512)
    return folder

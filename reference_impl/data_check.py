"""Is a folder of shards what a run needs? Counts, headers, tokens, hashes; and where the challenge's data comes from.

Nothing is downloaded here: `FETCH` says what to run. For machines without the data `build_from_texts` makes a
small set of the same format from any text.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import sentencepiece

from reference_impl.bpb import build_byte_table
from reference_impl.corpus_text import write_data_set
from reference_impl.data import BOS_ID, ShardError, read_shard

# The sp1024 export as its downloader, its exporter and the logs of runs give it (github.com/openai/parameter-golf:
# data/, records/track_10min_16mb/2026-03-17_NaiveBaseline).
SPLIT_DOCUMENTS, SPLIT_TARGETS, SPLIT_WINDOW, SHARD_TOKENS = 50_000, 62_021_632, 1024, 100_000_000
TRAIN_SHARDS = 80
TOKENS_PER_BYTE = 0.410521
FETCH = """\
The challenge's data set (16 GB for 80 training shards; Hugging Face data set willdepueoai/parameter-golf) is
fetched by the challenge's own script:
    git clone https://github.com/openai/parameter-golf && cd parameter-golf
    pip install huggingface_hub
    python data/cached_challenge_fineweb.py --variant sp1024 --train-shards 80
It writes data/datasets/fineweb10B_sp1024/ (fineweb_train_000000.bin to 000079, fineweb_val_000000.bin) and
data/tokenizers/fineweb_1024_bpe.model. One training shard (--train-shards 1) is enough for a trial."""


class TextError(ValueError):
    """Texts that no data set can be made from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """One file: its size, what its header promises, its SHA-256."""

    name: str
    size: int
    tokens: int | None
    sha256: str


@dataclass(slots=True, kw_only=True)
class DataReport:
    """What a folder holds, what is wrong with it, and what differs from the challenge's set."""

    folder: Path
    files: list[FileReport] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    @property
    def usable(self) -> bool:
        """Whether a run can use the folder."""
        return not self.errors

    @property
    def is_challenge(self) -> bool:
        """Whether it is the challenge's sp1024 set, as far as counts tell."""
        return self.usable and not self.differences

    def text(self) -> str:
        """Return the report for people."""
        lines = [f"{self.folder}"]
        lines += [
            f"  {file.name}  {file.size:,} bytes"
            + ("" if file.tokens is None else f"  {file.tokens:,} tokens")
            + f"  sha256 {file.sha256}"
            for file in self.files
        ]
        lines += [f"  {fact}" for fact in self.facts]
        lines += [f"error: {error}" for error in self.errors]
        if self.usable:
            lines.append("A run can use it.")
        if self.is_challenge:
            lines.append("By its counts it is the challenge's sp1024 set.")
        else:
            lines += [f"not the challenge's: {difference}" for difference in self.differences]
            lines += ["", FETCH]
        return "\n".join(lines)

    def hash_list(self) -> str:
        """Return the hashes as `sha256sum` writes them."""
        return "".join(f"{file.sha256}  {file.name}\n" for file in self.files)


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256, read piece by piece."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_tokenizers(folder: Path) -> list[Path]:
    """Return the sentencepiece models beside the shards, or where the challenge keeps them."""
    return sorted(folder.glob("*.model")) or sorted((folder.parent.parent / "tokenizers").glob("*.model"))


def inspect(folder: Path, hashes: Path | None = None) -> DataReport:
    """Check a folder of shards.

    Args:
        folder: with `*_train_*.bin` and `*_val_*.bin`.
        hashes: a list of SHA-256 as by `sha256sum`, names relative to the folder, to compare with.
    """
    report = DataReport(folder=folder)
    if not folder.is_dir():
        report.errors.append(f"{folder} is no folder")
        report.differences.append("nothing is there")
        return report
    shards = {split: sorted(folder.glob(f"*_{split}_*.bin")) for split in ("train", "val")}
    tokenizers = find_tokenizers(folder)
    good: dict[str, list[np.ndarray]] = {"train": [], "val": []}
    for split, paths in shards.items():
        if not paths:
            report.errors.append(f"no file is named *_{split}_*.bin")
        for path in paths:
            tokens = None
            try:
                tokens_N = read_shard(path)
                good[split].append(tokens_N if split == "val" else tokens_N[:1])
                tokens = int(tokens_N.size)
                if split == "train" and tokens != SHARD_TOKENS and path != paths[-1]:
                    report.differences.append(f"{path.name} has {tokens:,} tokens and not {SHARD_TOKENS:,}")
            except ShardError as error:
                report.errors.append(str(error))
            report.files.append(
                FileReport(name=path.name, size=path.stat().st_size, tokens=tokens, sha256=sha256_of(path))
            )
    for path in tokenizers:
        report.files.append(
            FileReport(name=path.name, size=path.stat().st_size, tokens=None, sha256=sha256_of(path))
        )
    if len(tokenizers) != 1:
        report.errors.append(
            f"{len(tokenizers)} tokenizers (*.model) beside the shards; name one with --tokenizer"
        )
    if len(shards["train"]) != TRAIN_SHARDS:
        report.differences.append(f"{len(shards['train'])} training shards and not {TRAIN_SHARDS}")
    _check_numbering(shards, report)
    if good["val"] and len(good["val"]) == len(shards["val"]):
        _check_split(np.concatenate(good["val"]), tokenizers, report)
    _check_manifest(folder, shards, report)
    if hashes is not None:
        _check_hashes(hashes, report)
    return report


def _check_numbering(shards: dict[str, list[Path]], report: DataReport) -> None:
    """Shards are numbered from zero without a gap: a gap is a download that broke off."""
    for split, paths in shards.items():
        numbers = [path.stem.rsplit("_", 1)[1] for path in paths]
        expected = [f"{number:06d}" for number in range(len(paths))]
        if numbers != expected:
            missing = sorted(set(expected) - set(numbers))
            report.errors.append(
                f"{split} shards are not numbered 000000 to {len(paths) - 1:06d}: no {missing[0]}"
            )


def _check_split(tokens_N: np.ndarray, tokenizers: list[Path], report: DataReport) -> None:
    """Documents, targets, the range of ids, and bytes a token of the validation split."""
    documents, targets = int((tokens_N == BOS_ID).sum()), tokens_N.size - 1
    report.facts.append(f"validation split: {documents:,} documents, {targets:,} targets")
    if tokens_N.size < 2:
        report.errors.append("the validation split has no target")
        return
    if tokens_N[0] != BOS_ID:
        report.errors.append(
            f"the validation split begins with token {tokens_N[0]} and not with BOS = {BOS_ID}"
        )
    if documents != SPLIT_DOCUMENTS:
        report.differences.append(f"{documents:,} validation documents and not {SPLIT_DOCUMENTS:,}")
    if targets // SPLIT_WINDOW * SPLIT_WINDOW != SPLIT_TARGETS:
        report.differences.append(f"{targets:,} targets and not {SPLIT_TARGETS:,} in whole windows")
    if len(tokenizers) == 1:
        tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(tokenizers[0]))
        if int(tokens_N.max()) >= tokenizer.vocab_size():
            report.errors.append(
                f"token {int(tokens_N.max())} is none of the {tokenizer.vocab_size()} pieces of {tokenizers[0].name}"
            )
            return
        table = build_byte_table(tokenizer)
        own, opens = table.own_bytes_V.numpy(), table.opens_with_space_V.numpy()
        swallows = table.swallows_space_V.numpy()
        before, after = tokens_N[:-1], tokens_N[1:]
        size = int(own[after].sum() + (opens[after] & ~swallows[before]).sum())
        if size == 0:
            report.errors.append("the validation split stands for no byte of text")
            return
        ratio = targets / size
        report.facts.append(f"{size:,} bytes of text, {ratio:.6f} tokens a byte")
        if abs(ratio - TOKENS_PER_BYTE) > 5e-6:
            report.differences.append(f"{ratio:.6f} tokens a byte and not {TOKENS_PER_BYTE}")


def _check_manifest(folder: Path, shards: dict[str, list[Path]], report: DataReport) -> None:
    """The export's manifest.json, where it is there, says how many files there are in all."""
    for path in (folder / "manifest.json", folder.parent.parent / "manifest.json"):
        if path.is_file():
            entries = json.loads(path.read_text(encoding="utf-8")).get("datasets", [])
            stats: dict[str, int] = next(
                (entry["stats"] for entry in entries if entry.get("name") == folder.name), {}
            )
            if stats.get("files_val", len(shards["val"])) != len(shards["val"]):
                report.errors.append(f"{path.name} promises {stats['files_val']} validation shards")
            report.facts.append(f"{path}: {stats or 'does not know this folder'}")
            return


def _check_hashes(hashes: Path, report: DataReport) -> None:
    """Compare with a list of SHA-256; names that it does not know are said."""
    pairs = [
        line.split(maxsplit=1) for line in hashes.read_text(encoding="utf-8").splitlines() if line.strip()
    ]
    expected = {Path(name.strip().lstrip("*")).name: digest for digest, name in pairs}
    for file in report.files:
        if file.name not in expected:
            report.facts.append(f"{file.name} is not in {hashes.name}")
        elif expected[file.name] != file.sha256:
            report.errors.append(
                f"{file.name} has SHA-256 {file.sha256}; {hashes.name} says {expected[file.name]}"
            )
    for name in sorted(set(expected) - {file.name for file in report.files}):
        report.errors.append(f"{name} of {hashes.name} is missing")


def build_from_texts(texts: list[Path], folder: Path, vocab_size: int) -> None:
    """Make a tokenizer and shards of the challenge's format from texts.

    A document is a stretch between blank lines, or a line of a `.jsonl` with the key `text`; every twelfth is
    held out. Raises TextError if there are fewer than 24 documents, or too little text for the vocabulary.
    """
    documents: list[str] = []
    for path in texts:
        raw = path.read_text(encoding="utf-8")
        if path.suffix == ".jsonl":
            found = [json.loads(line)["text"] for line in raw.splitlines() if line.strip()]
        else:
            found = raw.split("\n\n")
        documents += [document.strip() for document in found if document.strip()]
    if len(documents) < 24:
        raise TextError(f"{len(documents)} documents; 24 are needed, separated by blank lines")
    try:
        write_data_set(documents, folder, vocab_size)
    except (RuntimeError, OSError) as error:
        raise TextError(
            f"no tokenizer of {vocab_size} pieces can be made from these texts: {error}"
        ) from error

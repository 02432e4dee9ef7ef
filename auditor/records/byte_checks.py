"""Is the metric the metric: denominators, partial or foreign validation sets, mangled tokenizer tables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from auditor.records.facts import FolderFacts
from auditor.records.findings import RecordFinding, Severity, finding
from auditor.records.implied_bytes import (
    CANONICAL_BYTES,
    FAMILIES,
    LEGACY,
    NOTE,
    Family,
    Implied,
    closest_family,
    family_of,
    imply,
    imply_ratio,
)
from auditor.records.log_model import MetricKind, MetricLine, Run
from auditor.records.submission_json import ClaimedNumber, SubmissionJson

SUBSET_TOKENS = {9_662_464: 10_000, 9_661_440: 10_000}
"""`val_tokens` that are fingerprints of a cut split: number of documents instead of 50,000."""
FOREIGN_TOKENS = {49_999_872: "100 M-token dumps cut to 50 M"}
"""`val_tokens` that belong to another text."""
_PARTIAL = 0.98
MIXTURE = re.compile(
    r"ppm|n-?gram|mixer|hedge|knn|backoff|dirichlet|cache|two_pass|cubric|slot|tilt|ctw|blend|etlb",
    re.IGNORECASE,
)
_STARTS = re.compile(r"\.startswith\(\s*(['\"])(?P<mark>[^'\"\n]{1,12})\1\s*\)")
_SPACE_MARKS = ("▁", "\\u2581", "\\N{LOWER ONE EIGHTH BLOCK}", " ", "Ġ", "\u0120", "\\xe2\\x96\\x81")


def check_bytes(facts: FolderFacts) -> Iterator[RecordFinding]:
    """Yield what is wrong with the measure itself."""
    for run in facts.distinct:
        if run.metrics and not run.smoke:
            yield from _coverage(run)
            yield from _implied(run, facts)
            yield from _tokenizer(run)
    yield from _json_pair(facts)
    yield from _not_cross_entropy(facts)
    yield from _markers(facts)


def scored_line(run: Run, facts: FolderFacts) -> MetricLine | None:
    """The line to measure a run by: the claimed one, else its last final pair, else its last step."""
    claimed = [line for line in facts.claim.lines if line.path == run.path and line.val_loss is not None]
    if claimed and not _is_mixture(claimed[0], facts):
        return claimed[0]
    pairs = [line for line in run.metrics if line.val_loss is not None and not MIXTURE.search(line.label)]
    for kinds in ((MetricKind.FINAL,), (MetricKind.DIAGNOSTIC,), (MetricKind.STEP,)):
        fitting = [line for line in pairs if line.kind in kinds and line.val_loss and line.bpb_decimals >= 4]
        if fitting:
            return max(fitting[-2:], key=lambda line: (line.bpb_decimals, line.line))
    return None


def _is_mixture(line: MetricLine, facts: FolderFacts) -> bool:
    return (
        MIXTURE.search(line.label) is not None
        or MIXTURE.search(facts.folder.path.rsplit("/", 1)[-1]) is not None
    )


def _coverage(run: Run) -> Iterator[RecordFinding]:
    if run.val_tokens is None:
        return
    tokens, where = run.val_tokens.value, f"{run.path}:{run.val_tokens.line}"
    if tokens in SUBSET_TOKENS:
        documents = SUBSET_TOKENS[tokens]
        yield finding(
            "partial_val", where, f"val_tokens {tokens:,}: {documents:,} of 50,000 validation documents"
        )
        return
    if tokens in FOREIGN_TOKENS:
        yield finding("partial_val", where, f"val_tokens {tokens:,}: another text ({FOREIGN_TOKENS[tokens]})")
        return
    if family_of(run) is not None:
        return
    pair = next((line for line in run.metrics if line.val_loss and line.bpb_decimals >= 4), None)
    implied = imply(run, pair) if pair is not None else None
    if (
        implied is not None
        and implied.implied_bytes is not None
        and implied.implied_bytes < _PARTIAL * CANONICAL_BYTES
    ):
        # Few bytes at a plausible tokens-per-byte are a cut split; a wrong denominator is judged elsewhere.
        ratio = tokens / implied.implied_bytes
        if implied.implied_bytes < 0.7 * CANONICAL_BYTES and 0.15 < ratio < 1.05:
            share = implied.implied_bytes / CANONICAL_BYTES
            yield finding(
                "partial_val",
                where,
                f"val_tokens {tokens:,} cover {implied.implied_bytes:,} bytes, {share:.1%} of the split",
            )


def _implied(run: Run, facts: FolderFacts) -> Iterator[RecordFinding]:
    if run.val_tokens is not None and (
        run.val_tokens.value in SUBSET_TOKENS or run.val_tokens.value in FOREIGN_TOKENS
    ):
        return
    yield from _stated_bytes(run)
    line = scored_line(run, facts)
    implied = imply(run, line) if line is not None else None
    if implied is None or line is None:
        return
    where = f"{run.path}:{line.line}"
    if implied.family == LEGACY.name and abs(implied.deviation) <= implied.fail_limit:
        yield finding(
            "implied_bytes",
            where,
            f"val_tokens {LEGACY.val_tokens:,} is the validation export from before the launch "
            f"({implied.implied_bytes:,} bytes): legacy data",
            Severity.INFO,
        )
        return
    if _is_partial(implied, run):
        return
    yield from _judge(implied, where, line.val_bpb, line.label)


def _stated_bytes(run: Run) -> Iterator[RecordFinding]:
    """A line that states the tokens and bytes it divides by: the bytes of a full split are known."""
    family = family_of(run)
    for line in run.metrics:
        if family is None or line.eval_tokens is None or line.eval_bytes is None:
            continue
        full = abs(line.eval_tokens / family.val_tokens - 1.0) <= NOTE
        if not full or line.eval_bytes == line.eval_tokens or line.kind is not MetricKind.FINAL:
            continue
        expected = family.val_tokens / family.tokens_per_byte
        deviation = line.eval_bytes / expected - 1.0
        if abs(deviation) > NOTE:
            yield finding(
                "implied_bytes",
                f"{run.path}:{line.line}",
                f"{line.label}: states {line.eval_bytes:,} bytes, {deviation:+.2%} of the validation split "
                f"(family assumed: {family.name}); corrected bpb {line.val_bpb * (1 + deviation):.5f}",
            )
            return


def _is_partial(implied: Implied, run: Run) -> bool:
    """An unknown split with far too few bytes is a matter of coverage."""
    return (
        implied.family == "unknown tokenizer"
        and implied.implied_bytes is not None
        and implied.implied_bytes < 0.7 * CANONICAL_BYTES
    )


def _judge(implied: Implied, where: str, bpb: float, what: str) -> Iterator[RecordFinding]:
    size = abs(implied.deviation)
    if size <= implied.pass_limit:
        return
    severity = Severity.FAIL if size > implied.fail_limit else Severity.INFO
    count = f"{implied.implied_bytes:,} bytes" if implied.implied_bytes is not None else "a byte count"
    message = (
        f"{what}: loss and bpb imply {count}, {implied.deviation:+.2%} of the validation split "
        f"(family assumed: {implied.family}); corrected bpb {bpb * (1 + implied.deviation):.5f}"
    )
    yield finding("implied_bytes", where, message, severity)


def _json_pair(facts: FolderFacts) -> Iterator[RecordFinding]:
    """The pair of `submission.json`, or of its first seed, where no log line of the claim was judged."""
    submission = facts.submission
    if submission is None or facts.claim.value is None or facts.claim.in_val_loss:
        return
    if any(line.val_loss is not None for run in facts.distinct for line in run.metrics):
        return
    if MIXTURE.search(facts.folder.path.rsplit("/", 1)[-1]):
        return
    family, pair = _family_of_folder(facts), _claimed_pair(submission)
    if family is None or pair is None:
        return
    family = closest_family(family, pair[0].value, pair[1].value)
    implied = imply_ratio(family, pair[0].value, pair[1].value)
    # Too few bytes make a score worse, not better: with no log to ask, the tokenizer is another one.
    if 0.0 < implied.deviation < 0.9:
        what = f"the pair {pair[0].key_path}, {pair[1].key_path}"
        yield from _judge(implied, submission.path, pair[1].value, what)


def _claimed_pair(submission: SubmissionJson) -> tuple[ClaimedNumber, ClaimedNumber] | None:
    """A loss and a bits-per-byte value that belong together, with digits enough to judge by."""
    headline = submission.headline()
    loss = submission.number("val_loss", "mean_val_loss", "val_loss_mean")
    pairs = [(loss, headline)] + [(claim.val_loss, claim.val_bpb) for claim in submission.seeds()]
    for found, bpb in pairs:
        if found is None or bpb is None or found.value <= 0.5 or found.value == bpb.value:
            continue
        if found.decimals >= 4 and bpb.decimals >= 4:
            return found, bpb
    return None


def _family_of_folder(facts: FolderFacts) -> Family | None:
    """The family a folder's logs name, else the one tokenizer that its script's text names."""
    for run in facts.distinct:
        if (family := family_of(run)) is not None:
            return family
    if facts.distinct:
        return None
    texts = [facts.sources[path] for path in facts.loaded if path in facts.sources]
    if any("caseops" in text.lower() or "casefold" in text.lower() for text in texts):
        return None
    # The entry sets the defaults of what it loads, so it is asked first.
    for text in (*texts[:1], "\n".join(texts)):
        named = set(re.findall(r"fineweb_(\d{3,5})_bpe|fineweb10B_sp(\d{3,5})", text))
        vocabularies = {int(first or second) for first, second in named}
        if len(vocabularies) == 1:
            return next((family for family in FAMILIES if family.vocab_size in vocabularies), None)
    return None


def _not_cross_entropy(facts: FolderFacts) -> Iterator[RecordFinding]:
    for line in facts.claim.lines[:1]:
        mixture = MIXTURE.search(line.label) or MIXTURE.search(line.key)
        run = next((run for run in facts.distinct if run.path == line.path), None)
        implied = imply(run, line) if run is not None else None
        apart = implied is not None and abs(implied.deviation) > implied.fail_limit
        if mixture is not None and (line.val_loss is None or apart):
            yield finding(
                "metric_not_ce",
                f"{line.path}:{line.line}",
                f"the claimed number is {line.label!r}, a mixture, and no cross-entropy of the model "
                + (
                    "(no val_loss is printed)"
                    if line.val_loss is None
                    else "(its val_loss is not what was scored)"
                ),
            )


def _markers(facts: FolderFacts) -> Iterator[RecordFinding]:
    """The sentencepiece space marker U+2581 spoilt by an encoding: leading spaces are then counted twice."""
    for path, text in facts.sources.items():
        for found in _STARTS.finditer(text):
            mark = found.group("mark")
            line_start = text.rfind("\n", 0, found.start()) + 1
            subject = text[line_start : found.start()]
            if (
                not re.search(r"piece\w*$|\bpc$", subject.strip())
                or mark in _SPACE_MARKS
                or mark.startswith("<")
            ):
                continue
            if mark == "?" or not mark.isascii() or mark.startswith("\\x") or not mark.isprintable():
                line = text.count("\n", 0, found.start()) + 1
                yield finding(
                    "mangled_space_marker",
                    f"{path}:{line}",
                    f"startswith({mark!a}) stands where sentencepiece's space marker U+2581 belongs: "
                    "leading spaces are miscounted",
                )


def _tokenizer(run: Run) -> Iterator[RecordFinding]:
    if run.tokenizer is None or run.data_path is None:
        return
    tokenizer = re.search(r"fineweb_(\d{3,5})_bpe|sp_?bpe_?(\d{3,5})", run.tokenizer.value)
    dataset = re.search(r"fineweb10B_sp(\d{3,5})", run.data_path.value)
    if tokenizer is None or dataset is None:
        return
    vocab = tokenizer.group(1) or tokenizer.group(2)
    if vocab != dataset.group(1):
        yield finding(
            "tokenizer_dataset_mismatch",
            f"{run.path}:{run.tokenizer.line}",
            f"tokenizer {vocab} with data of sp{dataset.group(1)}",
        )

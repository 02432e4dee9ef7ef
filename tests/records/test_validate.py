"""One folder that is in order, and one change at a time that is not. All texts and numbers are ours."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import pytest

from auditor.records.findings import CODES, Severity
from auditor.records.validate import RecordsResult, validate_folder
from auditor.submission.model import Folder, SourceFile, Target, Track

SCRIPT = """import torch
import torch.nn.functional as F
PADDING = "a script of a folder that is in order, long enough to be compared with a log; never run"
def main():
    loss = F.cross_entropy(logits, targets)
    print(f'final val_bpb:{loss}')
if __name__ == '__main__':
    main()
"""
CODE_BYTES = len(SCRIPT.encode())
MODEL_BYTES = 15_000_000
SP8192_TOKENS = 40_540_160
TOKENS_PER_BYTE = 0.268339
LOSSES = {1: 2.9000, 2: 2.9005, 3: 2.9010}


def bpb_of(loss: float) -> float:
    return loss / math.log(2.0) * TOKENS_PER_BYTE


def log(of_seed: int, loss: float, /, **changes: object) -> str:
    """A log in the shape of real ones; `changes` replace its facts."""
    facts: dict[str, object] = {
        "seed": of_seed,
        "world": 8,
        "tokens": SP8192_TOKENS,
        "train_ms": 588_000,
        "eval_ms": 300_000,
        "code": CODE_BYTES,
        "model": MODEL_BYTES,
        "total": CODE_BYTES + MODEL_BYTES,
        "bpb": bpb_of(loss),
        "losses": of_seed,
        "gptq_s": 9.5,
        **changes,
    }
    base = float(str(facts["losses"]))
    steps = [
        f"{n}/20000 train_loss: {9.0 - n * 0.01 + base * 0.0137:.4f} train_time: 0.0m" for n in range(1, 4)
    ]
    steps += [f"{n}00/20000 train_loss: {4.0 / n + base * 0.0011:.4f} train_time: 0.1m" for n in range(1, 12)]
    lines = [
        f"  seed: {facts['seed']}",
        f"  world_size: {facts['world']}",
        str(facts.get("extra", "  optimizer: muon")),
        "  tokenizer_path: ./data/tokenizers/fineweb_8192_bpe.model",
        f"val_tokens: {facts['tokens']}",
        f"0/20000 val_loss: {9.0 + base * 0.0101:.4f} val_bpb: 3.4860",
        *steps,
        f"stopping_early: wallclock_cap train_time: {facts['train_ms']}ms step: 5000/20000",
        "Serialized model: 135000000 bytes",
        f"Code size: {facts['code']} bytes",
        f"GPTQ:collected 67 Hessians in {facts['gptq_s']}s",
        f"Serialized model quantized+brotli: {facts['model']} bytes",
        f"Total submission size quantized+brotli: {facts['total']} bytes",
        f"quantized_ttt val_loss:{loss:.8f} val_bpb:{float(str(facts['bpb'])):.8f} "
        f"eval_time:{facts['eval_ms']}ms",
    ]
    return "\n".join(lines) + "\n"


def claim(**changes: object) -> str:
    bpbs = [round(bpb_of(loss), 8) for loss in LOSSES.values()]
    return json.dumps(
        {
            "val_bpb": round(sum(bpbs) / 3, 5),
            "val_loss": 2.9005,
            "bytes_total": CODE_BYTES + MODEL_BYTES,
            "seed_results": {
                str(seed): {"val_bpb": bpb, "artifact_bytes": CODE_BYTES + MODEL_BYTES}
                for seed, bpb in zip(LOSSES, bpbs, strict=True)
            },
            **changes,
        }
    )


def files(**changes: str | None) -> dict[str, str]:
    made: dict[str, str | None] = {
        "README.md": "# Entry",
        "submission.json": claim(),
        "train_gpt.py": SCRIPT,
        **{f"train_seed{seed}.log": log(seed, loss) for seed, loss in LOSSES.items()},
        **changes,
    }
    return {name: text for name, text in made.items() if text is not None}


def validate(texts: Mapping[str, str], track: str = "track_10min_16mb") -> RecordsResult:
    path = f"records/{track}/2026-04-20_Entry"
    made = tuple(
        SourceFile.from_bytes(f"{path}/{name}", text.encode()) for name, text in sorted(texts.items())
    )
    folder = Folder(target=Target(kind="folder", path=path), path=path, files=made, track=Track.of_path(path))
    return validate_folder(folder)


def codes(result: RecordsResult) -> dict[str, Severity]:
    return {found.code: found.severity for found in result.findings}


def changed(of_seed: int, /, **changes: object) -> dict[str, str]:
    return files(**{f"train_seed{of_seed}.log": log(of_seed, LOSSES[of_seed], **changes)})


def test_folder_in_order_has_no_findings() -> None:
    result = validate(files())
    assert result.findings == ()
    assert result.claim.label == "quantized_ttt" and len(result.claim.lines) == 3
    assert result.facts.shipped_code_bytes == CODE_BYTES


F, W, I = Severity.FAIL, Severity.WARN, Severity.INFO
ALL_1337 = {f"train_seed{seed}.log": log(1337, loss, losses=5) for seed, loss in LOSSES.items()}
UNEVEN = files(
    **{
        "train_seed3.log": log(3, 2.9047),
        "submission.json": claim(val_bpb=round(bpb_of((2.9 + 2.9005 + 2.9047) / 3), 5), seed_results={}),
    }
)
CASES: list[tuple[str, Severity, dict[str, str]]] = [
    ("missing_readme", F, files(**{"README.md": None})),
    ("missing_submission_json", F, files(**{"submission.json": None})),
    ("missing_train_gpt", F, files(**{"train_gpt.py": None})),
    ("missing_train_gpt", W, files(**{"train_gpt.py": None, "train_net.py": SCRIPT})),
    ("missing_logs", F, files(**{f"train_seed{seed}.log": None for seed in LOSSES})),
    ("missing_claim", F, files(**{"submission.json": '{"name": "x"}'})),
    ("json_invalid", F, files(**{"submission.json": claim()[:-1] + ",}"})),
    ("json_invalid", W, files(**{"submission.json": "\ufeff" + claim()})),
    ("fewer_than_3_seeds", F, files(**{"train_seed3.log": None})),
    ("duplicate_log", I, files(**{"train.log": log(1, LOSSES[1])})),
    ("claim_not_in_logs", F, files(**{"submission.json": claim(val_bpb=1.05)})),
    ("mean_mismatch", F, files(**{"submission.json": claim(val_bpb=1.05)})),
    ("implausible_claim", F, files(**{"submission.json": claim(val_bpb=0.1234)})),
    ("claim_is_single_seed", W, files(**{"submission.json": claim(val_bpb=round(bpb_of(2.9), 6))})),
    ("val_loss_mismatch", W, files(**{"submission.json": claim(val_loss=2.95)})),
    ("unit_error", W, files(**{"submission.json": claim(val_loss=round(bpb_of(2.9005), 4))})),
    ("bytes_mismatch", W, files(**{"submission.json": claim(bytes_total=15_500_123)})),
    ("seed_bpb_mismatch", F, files(**{"submission.json": claim(seed_results={"1": {"val_bpb": 1.0900}})})),
    (
        "seed_bytes_mismatch",
        F,
        files(**{"submission.json": claim(seed_results={"1": {"artifact_bytes": MODEL_BYTES + 70_000}})}),
    ),
    ("artifact_over_cap", F, changed(1, model=16_000_000, total=16_000_000 + CODE_BYTES)),
    ("size_identity_broken", F, changed(1, total=CODE_BYTES + MODEL_BYTES + 777)),
    ("code_size_differs", W, changed(1, code=50_000, total=50_000 + MODEL_BYTES)),
    ("train_just_over_600s", I, changed(1, train_ms=600_040, gptq_s=0.1)),
    ("train_over_600s", F, changed(1, train_ms=604_000)),
    ("gptq_after_600s", W, changed(1, train_ms=599_900, gptq_s=13.1)),
    ("eval_over_600s", F, changed(1, eval_ms=612_000)),
    ("world_size", W, changed(1, world=2)),
    ("seed_name_mismatch", W, changed(1, seed=1337)),
    ("seed_name_mismatch", F, files(**ALL_1337)),
    ("seeds_left_out", W, {**UNEVEN, "train_seed4.log": log(4, 2.95)}),
    ("same_seed", F, files(**ALL_1337)),
    ("same_seed_fingerprint", F, files(**ALL_1337)),
    ("near_duplicate_logs", F, changed(1, losses=2)),
    ("partial_val", F, changed(1, tokens=9_662_464)),
    ("implied_bytes", F, changed(1, bpb=bpb_of(2.9) / 1.177)),
    ("implied_bytes", I, changed(1, bpb=bpb_of(2.9) * 1.001)),
    ("loss_bpb_incoherent", F, changed(2, bpb=bpb_of(2.9005) * 1.001)),
    ("mangled_space_marker", F, files(**{"train_gpt.py": SCRIPT + "if piece.startswith('?'):\n    pass\n"})),
    ("p_value_wrong", F, files(**{"README.md": "Welch: t = -54.93, df = 3.80, p < 1e-7"})),
    ("val_in_training", F, changed(1, extra="  train_files: ./data/fineweb10B_sp8192/fineweb_val_*.bin")),
    ("val_in_training", W, changed(1, tokens=47_851_520, extra="train_shards: 1499")),
    ("multiple_log_sets", I, files(**{"logs/other.log": log(9, 2.95)})),
]


@pytest.mark.parametrize(("code", "severity", "texts"), CASES, ids=[f"{c[0]}-{c[1].value}" for c in CASES])
def test_change_is_found(code: str, severity: Severity, texts: dict[str, str]) -> None:
    found = codes(validate(texts))
    assert found.get(code) is severity


@pytest.mark.parametrize(
    "loss", [2.8000, None], ids=["a better seed is left out too", "all logs are averaged"]
)
def test_logs_left_out_are_no_selection_unless_all_are_worse(loss: float | None) -> None:
    more = {} if loss is None else {"train_seed4.log": log(4, 2.95), "train_seed5.log": log(5, loss)}
    assert "seeds_left_out" not in codes(validate({**UNEVEN, **more}))


def test_every_finding_names_its_rule() -> None:
    for _, _, texts in CASES:
        for found in validate(texts).findings:
            assert found.rule == CODES[found.code][1] and found.where and found.message


def test_implied_bytes_give_the_corrected_score() -> None:
    result = validate(changed(1, bpb=bpb_of(2.9) / 1.177))
    (found,) = [f for f in result.findings if f.code == "implied_bytes"]
    assert f"corrected bpb {bpb_of(2.9):.5f}" in found.message and "sp8192" in found.message
    assert found.where.startswith("train_seed1.log:")


def test_non_record_track_has_no_time_limit() -> None:
    result = validate(changed(1, train_ms=3_600_000, eval_ms=900_000, world=1), "track_non_record_16mb")
    assert not {"train_over_600s", "eval_over_600s", "world_size", "gptq_after_600s"} & codes(result).keys()


def test_blob_in_the_folder_explains_the_gap() -> None:
    texts = files(
        **{
            f"train_seed{seed}.log": log(seed, loss, total=CODE_BYTES + MODEL_BYTES + 5_000)
            for seed, loss in LOSSES.items()
        },
        **{"prefix.bin": "p" * 5_000, "submission.json": claim(bytes_total=CODE_BYTES + MODEL_BYTES + 5_000)},
    )
    assert codes(validate(texts))["size_identity_broken"] is Severity.WARN


def test_stub_counts_what_it_runs() -> None:
    stub = "exec(open(__file__.replace('train_gpt.py', 'train_gpt_real.py')).read())\n"
    texts = files(**{"train_gpt.py": stub, "train_gpt_real.py": SCRIPT})
    result = validate(texts)
    assert result.facts.shipped_code_bytes == CODE_BYTES + len(stub)
    assert codes(result)["stub_train_gpt"] is Severity.WARN
    model_only = claim(seed_results={"1": {"artifact_bytes": MODEL_BYTES}})
    found = codes(validate({**texts, "submission.json": model_only}))
    assert found["stub_train_gpt"] is Severity.FAIL and found["seed_bytes_mismatch"] is Severity.FAIL


def test_population_deviation_is_a_remark() -> None:
    values = [round(bpb_of(loss), 8) for loss in LOSSES.values()]
    mean = sum(values) / 3
    population = (sum((value - mean) ** 2 for value in values) / 3) ** 0.5
    sample = (sum((value - mean) ** 2 for value in values) / 2) ** 0.5
    assert "std_is_population" in codes(
        validate(files(**{"submission.json": claim(val_bpb_std=round(population, 7))}))
    )
    assert not codes(validate(files(**{"submission.json": claim(val_bpb_std=round(sample, 7))})))


def test_nats_that_are_bits_per_byte() -> None:
    gain = 1.1310 - round(sum(round(bpb_of(loss), 8) for loss in LOSSES.values()) / 3, 5)
    prior = {"prior_record": "the board's best (val_bpb 1.1310)", "improvement_nats": round(gain, 5)}
    (found,) = validate(files(**{"submission.json": claim(delta=prior)})).findings
    assert (
        found.code == "nats_unit_error"
        and f"{gain * math.log(2) / TOKENS_PER_BYTE:.5f} nats per token" in found.message
    )


def test_legacy_export_is_a_remark() -> None:
    tokens, size = 63_779_840, 155_769_746
    loss = 2.06
    text = log(1, loss, tokens=tokens, bpb=loss * tokens / (math.log(2) * size))
    text = text.replace("fineweb_8192", "fineweb_1024")
    result = validate(
        {"README.md": "x", "submission.json": '{"val_bpb": 1}', "train_gpt.py": SCRIPT, "train.log": text}
    )
    assert codes(result)["implied_bytes"] is Severity.INFO


def test_json_holds_findings_runs_and_claim() -> None:
    value = json.loads(json.dumps(validate(changed(1, train_ms=604_000)).to_json()))
    assert {"schema", "folder", "findings", "runs", "claim"} <= value.keys()
    assert {"code", "severity", "where", "message"} <= value["findings"][0].keys()
    run = value["runs"][0]
    assert run["bytes"]["shipped"] == run["bytes"]["total"] == CODE_BYTES + MODEL_BYTES
    assert run["train_s"] == 604.0 and run["seed"] == 1

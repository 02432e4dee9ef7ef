"""One folder that is in order, and one change at a time that is not. All texts and numbers are ours."""

from __future__ import annotations

import base64
import json
import lzma
import math
from collections.abc import Mapping

import pytest

from auditor.records.facts import seed_of_name
from auditor.records.findings import CODES, Severity
from auditor.records.grouping import grouped
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
    ("missing_train_gpt", F, files(**{"train_gpt.py": None, "train_net.py": SCRIPT})),
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


def grown(script: str) -> dict[str, str]:
    """The folder with a long script, and logs that count none of its bytes right."""
    return {**files(), "train_gpt.py": script}


LONG = SCRIPT + "".join(f"def value_{n}():\n    return {n * 7919 % 1009} * {n}\n" for n in range(2_000))
RULE = "=" * 100 + "\n"


def counting(code: int, model: int = MODEL_BYTES, before: str = "") -> dict[str, str]:
    """Logs that print a source and count `code` bytes."""
    return {
        f"train_seed{seed}.log": before + log(seed, loss, code=code, model=model, total=code + model)
        for seed, loss in LOSSES.items()
    }


def test_logs_of_one_edited_script_are_told_once() -> None:
    result = validate({**grown(LONG), **counting(len(LONG) - 40_000)})
    (found,) = [f for f in result.findings if f.code == "code_size_differs"]
    assert found.severity is Severity.WARN
    assert [place.rpartition(":")[0] for place in found.where.split(", ")] == [
        f"train_seed{seed}.log" for seed in LOSSES
    ]
    touched = validate({**grown(LONG), **counting(len(LONG) + 300)})
    assert codes(touched)["code_size_differs"] is Severity.INFO


def test_packed_count_of_a_readable_script_matters_only_over_the_cap() -> None:
    packed = round(1.25 * len(lzma.compress(LONG.encode())))
    assert packed < len(LONG) // 2
    below = validate({**grown(LONG), **counting(packed)})
    assert "code_size_differs" not in codes(below) and "packed_code_counted" not in codes(below)
    assert below.to_json()["runs"][0]["bytes"]["convention"] == "compressed"  # type: ignore[index]
    above = validate({**grown(LONG), **counting(packed, 16_000_000 - packed - 1)})
    assert codes(above)["packed_code_counted"] is Severity.INFO and "artifact_over_cap" not in codes(above)


def test_runs_one_behind_the_other_in_a_log_are_runs() -> None:
    """The claim is the mean of three runs of one log; the last of them alone does not give it."""
    together = "\n".join(log(seed, loss) for seed, loss in LOSSES.items())
    alone = {f"train_seed{seed}.log": None for seed in LOSSES}
    found = validate(files(**alone, **{"train_all.log": together}))
    assert "claim_not_in_logs" not in codes(found) and "seed_bpb_mismatch" not in codes(found)
    assert len(found.claim.lines) == len(LOSSES) == len({line.line for line in found.claim.lines})


def test_settings_are_those_of_the_run_that_prints_the_claim() -> None:
    """Of two whole runs in a log the first gives the claim: what the second was started with is blank."""
    first, second = log(1, LOSSES[1], extra="  muon_lr: 0.1"), log(2, LOSSES[2] + 0.1, extra="  muon_lr: 0.2")
    alone = {f"train_seed{seed}.log": None for seed in LOSSES}
    one = claim(val_bpb=round(bpb_of(LOSSES[1]), 8), val_loss=LOSSES[1], seed_results={})
    found = validate(files(**alone, **{"both.log": f"{first}\n{second}", "submission.json": one}))
    text = found.facts.evidence_texts()["both.log"]
    assert "muon_lr: 0.1" in text and "muon_lr: 0.2" not in text


def test_over_the_cap_by_the_log_and_under_it_as_shipped_is_said_as_such() -> None:
    """The log counts 60,000 bytes of unpacked code; the script in the folder and the model stay below the cap."""
    model = 16_000_000 - CODE_BYTES - 1
    logs = {
        f"train_seed{s}.log": log(s, loss, model=model, code=60_000, total=model + 60_000)
        for s, loss in LOSSES.items()
    }
    results = {"1": {"artifact_bytes": model + CODE_BYTES}}
    found = validate(files(**logs, **{"submission.json": claim(seed_results=results)}))
    over = [f for f in found.findings if f.code == "artifact_over_cap"]
    assert {f.severity for f in over} == {Severity.WARN}
    assert all("make 15,999,999 bytes" in f.message for f in over)
    assert "seed_bytes_mismatch" not in codes(found)


def test_count_of_the_text_that_a_packed_script_holds_is_no_difference() -> None:
    blob = base64.b85encode(lzma.compress(LONG.encode())).decode()
    script = f"import lzma, base64\nexec(lzma.decompress(base64.b85decode('{blob}')))\n"
    result = validate({**grown(script), **counting(len(LONG), before=LONG + RULE)})
    assert not {"code_size_differs", "code_differs_from_log"} & codes(result).keys()
    assert result.to_json()["runs"][0]["bytes"]["convention"] == "unpacked"  # type: ignore[index]


def test_a_printed_script_of_the_counted_size_is_told_as_a_script_and_not_as_a_size() -> None:
    other = LONG.replace("value_7(", "other_value_7(")
    found = codes(validate({**grown(LONG + "# later\n" * 900), **counting(len(other), before=other + RULE)}))
    assert found["code_differs_from_log"] is Severity.WARN and "code_size_differs" not in found


def test_ablations_may_share_a_seed_and_repeats_may_not() -> None:
    single = claim(val_bpb=round(bpb_of(2.9000), 6), seed_results={})
    logs = {
        f"run_{name}.log": log(1337, LOSSES[seed], losses=seed)
        for name, seed in zip("abc", LOSSES, strict=True)
    }
    folder = {"README.md": "# Entry", "submission.json": single, "train_gpt.py": SCRIPT, **logs}
    assert "same_seed" not in codes(validate(folder))
    mean = sum(bpb_of(loss) for loss in LOSSES.values()) / 3
    told = validate({**folder, "README.md": f"Three runs.\nmean: {mean:.4f}\n"})
    assert codes(told)["same_seed"] is Severity.FAIL


def test_evaluation_time_of_an_exact_line_is_that_of_its_rounded_twin() -> None:
    label = f"quantized_ttt val_loss:{2.9:.8f}"
    text = log(1, 2.9, eval_ms=612_000).replace(f"{label} val_bpb:{bpb_of(2.9):.8f} ", "quantized_ttt ROUND ")
    text = text.replace("quantized_ttt ROUND", f"quantized_ttt val_loss:2.9000 val_bpb:{bpb_of(2.9):.4f}")
    exact = f"{text}{label} val_bpb:{bpb_of(2.9):.8f}\n"
    result = validate(files(**{"train_seed1.log": exact}))
    assert result.claim.lines[0].eval_time_ms is None and "eval_over_600s" in codes(result)
    assert result.to_json()["runs"][0]["eval_s"] == 612.0  # type: ignore[index]


def test_settings_are_read_from_the_runs_behind_the_claim_and_not_from_a_smoke_run_before() -> None:
    smoke = log(1, 9.1, extra="  eval_seq_len: 512").replace("train_gpt", "smoke_test")
    smoke = "Hyperparameters:\n" + smoke + "smoke_test:complete\n"
    run = "Hyperparameters:\n" + log(1, LOSSES[1], extra="  eval_seq_len: 2048")
    ablation = "Hyperparameters:\n" + log(7, 2.97, extra="  eval_seq_len: 64", losses=9)
    single = claim(val_bpb=round(bpb_of(LOSSES[1]), 6), seed_results={})
    folder = {"submission.json": single, "train_gpt.py": SCRIPT}
    texts = validate({**folder, "run.log": smoke + run, "ablation.log": ablation}).facts.evidence_texts()
    assert list(texts) == ["run.log"]
    assert "eval_seq_len: 512" not in texts["run.log"]
    told = texts["run.log"].split("\n")
    assert told.index("  eval_seq_len: 2048") == (smoke + run).split("\n").index("  eval_seq_len: 2048")


def test_a_log_made_from_that_of_another_seed_is_found_by_its_measurements() -> None:
    progress = "".join(f"ttp: b{n}/99 bl:{2.3 + n / 7919:.4f} bb:{1.05 + n / 7907:.4f}\n" for n in range(30))
    own = "".join(f"ttp: b{n}/99 bl:{2.4 + n / 7919:.4f} bb:{1.06 + n / 7907:.4f}\n" for n in range(30))

    def made(second: str) -> dict[str, str]:
        return files(
            **{"train_seed1.log": log(1, LOSSES[1]) + progress, "train_seed2.log": log(2, LOSSES[2]) + second}
        )

    (found,) = [f for f in validate(made(progress)).findings if f.code == "near_duplicate_logs"]
    assert "30 of 31 printed measurements" in found.message
    assert "near_duplicate_logs" not in codes(validate(made(own)))


def test_findings_that_differ_in_numbers_are_one_line_for_people() -> None:
    findings = validate(files(**ALL_1337)).findings
    (group,) = [group for group in grouped(findings) if group.code == "seed_name_mismatch"]
    assert group.count == 3 and group.where.startswith("train_seed1.log:")
    assert group.sentence == (
        "the file says seed 1, the log prints seed 1337; alike at train_seed2.log:1, train_seed3.log:1"
    )
    assert sum(group.count for group in grouped(findings)) == len(findings)


@pytest.mark.parametrize(
    ("name", "seed"),
    [
        ("train_seed42.log", 42),
        ("seed-7.txt", 7),
        ("run_s1337.log", 1337),
        ("logs/s1_control.txt", None),
        ("S0_seq1536.log", None),
        ("train_seeds.log", None),
    ],
)
def test_seed_of_a_file_name(name: str, seed: int | None) -> None:
    assert seed_of_name(name) == seed


def test_a_name_that_lists_the_printed_seed_among_others_is_no_mismatch() -> None:
    texts = files(**{"train_seed1.log": None, "train_seed9_1.log": log(1, LOSSES[1])})
    assert "seed_name_mismatch" not in codes(validate(texts))


def test_several_logs_of_one_run_are_no_repeats() -> None:
    run = log(42, 2.9)
    parts = {"train_seed42.log": run, "stdout_seed42.log": "launched\n" + run}
    single = claim(val_bpb=round(bpb_of(2.9), 6), seed_results={})
    found = codes(validate({"submission.json": single, "train_gpt.py": SCRIPT, **parts}))
    assert not {"same_seed", "same_seed_fingerprint"} & found.keys()


def test_times_without_a_world_size_are_told_and_fail_nothing() -> None:
    text = log(1, LOSSES[1], train_ms=604_000, eval_ms=612_000).replace("  world_size: 8\n", "")
    found = codes(validate(files(**{"train_seed1.log": text})))
    assert found["train_over_600s"] is found["eval_over_600s"] is Severity.WARN


def test_loss_beside_the_score_of_a_mixture_is_not_held_against_it() -> None:
    texts = {
        f"train_seed{seed}.log": log(seed, loss, bpb=bpb_of(loss) * (0.9 + seed / 100)).replace(
            "quantized_ttt ", "final_ngram "
        )
        for seed, loss in LOSSES.items()
    }
    assert "loss_bpb_incoherent" not in codes(validate({**files(), **texts}))


TABLE = {
    "fail": "missing_readme missing_submission_json missing_train_gpt missing_logs missing_claim json_invalid "
    "claim_not_in_logs mean_mismatch implausible_claim seed_bpb_mismatch seed_bytes_mismatch p_value_wrong "
    "nats_unit_error near_duplicate_logs loss_bpb_incoherent size_identity_broken artifact_over_cap "
    "train_over_600s eval_over_600s same_seed_fingerprint same_seed seed_name_mismatch implied_bytes "
    "mangled_space_marker partial_val multi_folder_pr",
    "warn": "folder_name claim_is_single_seed val_loss_mismatch bytes_mismatch unit_error code_size_differs "
    "code_differs_from_log world_size stub_train_gpt gptq_after_600s improvement_not_significant "
    "tokenizer_dataset_mismatch metric_not_ce",
    "info": "fewer_than_3_seeds duplicate_log multiple_log_sets std_is_population train_just_over_600s",
}
RULES = {
    "missing-evidence": "missing_readme missing_submission_json missing_train_gpt missing_logs missing_claim "
    "json_invalid fewer_than_3_seeds",
    "claim-mismatch": "claim_not_in_logs mean_mismatch implausible_claim seed_bpb_mismatch "
    "seed_bytes_mismatch p_value_wrong nats_unit_error claim_is_single_seed val_loss_mismatch bytes_mismatch "
    "unit_error code_size_differs code_differs_from_log world_size near_duplicate_logs loss_bpb_incoherent",
    "artifact-size": "size_identity_broken artifact_over_cap stub_train_gpt",
    "time-limit": "train_just_over_600s train_over_600s eval_over_600s gptq_after_600s",
    "seed-selection": "same_seed_fingerprint same_seed seed_name_mismatch",
    "significance": "improvement_not_significant",
    "byte-accounting": "implied_bytes mangled_space_marker tokenizer_dataset_mismatch",
    "validation-coverage": "partial_val",
    "unnormalized-distribution": "metric_not_ce",
    "pr-scope": "multi_folder_pr",
}


@pytest.mark.parametrize(("severity", "listed"), TABLE.items())
def test_codes_keep_their_severity(severity: str, listed: str) -> None:
    assert {code: CODES[code][0].value for code in listed.split()} == dict.fromkeys(listed.split(), severity)


@pytest.mark.parametrize(("rule", "listed"), RULES.items())
def test_codes_keep_their_rule(rule: str, listed: str) -> None:
    assert {code: CODES[code][1] for code in listed.split()} == dict.fromkeys(listed.split(), rule)


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

"""Faults of a run told from what was seen of it, each by its own name; a legal record is not flagged."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.exit_codes import ExitCode
from auditor.replay.full.file_table import file_table
from auditor.replay.full.findings import FullFinding, Weight, exit_of
from auditor.replay.full.judgement import judge, printed_ratio
from auditor.replay.full.names import name_bytes
from auditor.replay.full.phases import phases
from auditor.replay.full.results import claimed_result
from auditor.replay.full.run_trace import trace_from_object, trace_to_object
from tests.replay.full.stories import (
    CODE_BYTES,
    DATA,
    JOB,
    MODEL,
    MODEL_BYTES,
    TRAIN,
    VAL,
    Story,
    evaluated,
    legal,
    moved,
    saved,
    started,
    trained,
)

SP1024 = 0.410521
"""Tokens per byte of the validation split under the 1,024-token vocabulary."""


def found(story: Story) -> list[FullFinding]:
    trace = story.trace()
    divided = phases(trace)
    return list(judge(trace, divided, file_table(trace, divided.boundary.at)))


def kinds(story: Story) -> dict[str, Weight]:
    return {one.kind: one.weight for one in found(story) if one.weight is not Weight.NOTE}


def test_a_legal_record_is_not_flagged_though_it_was_launched_750_s_before_its_artifact() -> None:
    assert [(one.kind, one.weight) for one in found(legal())] == [("training-ended-in-a-step", Weight.NOTE)]
    assert exit_of(found(legal())) is ExitCode.CLEAN


def test_phases_of_a_legal_record() -> None:
    divided = phases(legal().trace())
    edges = {phase.name: (phase.began_s, phase.ended_s) for phase in divided.all}
    assert edges == {
        "start and warm-up": (0.0, 100.0),
        "training": (100.0, 705.06),
        "quantisation and calibration": (705.06, 710.0),
        "before evaluation": (710.0, 711.0),
        "evaluation": (711.0, 811.0),
        "end": (811.0, 812.0),
    }
    assert divided.training_s == pytest.approx(600.06)
    assert divided.clock is not None and divided.clock.in_validation_s == pytest.approx(5.0)
    assert divided.clock.step_s == pytest.approx(0.05, abs=1e-3)
    assert (divided.evaluation_s, divided.stated_evaluation_s) == (100.0, 99.5)


def test_bytes_of_a_legal_record() -> None:
    trace = legal().trace()
    table = file_table(trace, phases(trace).boundary.at)
    assert [(row.path, row.kind.value, row.size) for row in table.rows] == [
        (MODEL, "artifact", MODEL_BYTES),
        (f"{JOB}train_gpt.py", "code", CODE_BYTES),
    ]
    assert table.total == MODEL_BYTES + CODE_BYTES


def small_file_beside() -> Story:
    story = trained().opens(710.0, MODEL, write=True).opens(710.5, f"{JOB}meta.bin", write=True)
    story.opens(711.0, MODEL, size=20_000_000).opens(711.1, f"{JOB}meta.bin", size=100)
    return evaluated(story, 711.1)


def two_halves() -> Story:
    story = trained()
    for n in range(2):
        story.opens(710.0 + n, f"{JOB}part{n}", write=True)
    for n in range(2):
        story.opens(713.0 + n, f"{JOB}part{n}", size=8_500_000)
    return evaluated(story, 714.0)


def over_by_a_byte() -> Story:
    story = legal()
    story.given[f"{JOB}train_gpt.py"] = 16_000_001 - MODEL_BYTES
    return story


def kept_open(mapped: bool, seconds: float = 715.0) -> Story:
    story = saved(trained(), 710.0)
    story.holds(705.0, 4096 * 10, mapped=mapped).holds(712.0, 4096 * 10, mapped=mapped)
    return evaluated(story.holds(seconds, 4096 * 30, mapped=mapped), 711.0)


def no_clock(seconds: float) -> Story:
    story = started().opens(20.0 + seconds, MODEL, write=True)
    return evaluated(story.opens(20.5 + seconds, MODEL, size=9_000_000), 20.5 + seconds)


def calibrated(*opened: float, stated: str = "", begun: float = 720.0) -> Story:
    """Training shards opened after the last step, which came at 700 s after 595 s of training."""
    story = trained(seconds=595.0)
    for seconds in opened:
        story.opens(seconds, TRAIN, size=200_000_000)
    if stated:
        story.says(710.0, stated)
    return evaluated(saved(story, begun), begun + 1.0)


FAULTS: dict[str, tuple[Callable[[], Story], str, Weight]] = {
    "20 MB and a small file read last": (small_file_beside, "over-16-mb", Weight.VIOLATION),
    "in two files": (two_halves, "over-16-mb", Weight.VIOLATION),
    "a model named as a text": (
        lambda: evaluated(saved(trained(), 710.0, f"{JOB}weights.txt", 17_000_000), 711.0),
        "over-16-mb",
        Weight.VIOLATION,
    ),
    "a model in /tmp": (
        lambda: evaluated(saved(trained(), 710.0, "/tmp/m", 17_000_000), 711.0),
        "over-16-mb",
        Weight.VIOLATION,
    ),
    "a model in shared memory": (
        lambda: evaluated(saved(trained(), 710.0, "/dev/shm/m", 17_000_000), 711.0),
        "over-16-mb",
        Weight.VIOLATION,
    ),
    "16,000,001 bytes by one of code": (over_by_a_byte, "over-16-mb", Weight.VIOLATION),
    "a second model read later in evaluation": (
        lambda: (
            trained()
            .opens(708.0, f"{JOB}more.npz", write=True)
            .opens(710.0, MODEL, write=True)
            .opens(711.0, MODEL, size=MODEL_BYTES)
            .opens(760.0, f"{JOB}more.npz", size=1_000_000)
            .says(811.0, "final val_loss:2.0725 val_bpb:1.2275 eval_time:99500ms")
        ),
        "over-16-mb",
        Weight.VIOLATION,
    ),
    "a file from elsewhere": (
        lambda: evaluated(saved(trained(), 710.0).opens(720.0, "/mnt/kept/table.bin", size=1000), 711.0),
        "foreign-file",
        Weight.REVIEW,
    ),
    "no artifact": (lambda: evaluated(trained(), 711.0), "no-artifact", Weight.VIOLATION),
    "never read back": (
        lambda: evaluated(trained().opens(710.0, MODEL, write=True, size=9), 711.0),
        "evaluated-from-memory",
        Weight.REVIEW,
    ),
    "training shards in evaluation": (
        lambda: evaluated(saved(trained(), 710.0).opens(740.0, TRAIN, size=200_000_000), 711.0),
        "training-shards-in-evaluation",
        Weight.VIOLATION,
    ),
    "training shards in evaluation, refused and caught": (
        lambda: evaluated(saved(trained(), 710.0).opens(740.0, TRAIN, refused=2), 711.0),
        "training-shards-in-evaluation",
        Weight.VIOLATION,
    ),
    "training shards by a kept descriptor": (
        lambda: kept_open(False),
        "training-shards-kept-open",
        Weight.VIOLATION,
    ),
    "training shards by a kept map": (
        lambda: kept_open(True),
        "training-shards-kept-open",
        Weight.VIOLATION,
    ),
    "training shards by a map, just as the evaluation begins": (
        lambda: kept_open(True, 712.5),
        "training-shards-kept-open",
        Weight.REVIEW,
    ),
    "training shards in a descriptor that is kept": (
        lambda: evaluated(saved(trained(), 710.0), 711.0).holds(705.0, 50).holds(760.0, 50),
        "training-shards-held",
        Weight.REVIEW,
    ),
    "network in evaluation": (
        lambda: evaluated(saved(trained(), 710.0).connects(730.0, "8.8.8.8:443"), 711.0),
        "network",
        Weight.VIOLATION,
    ),
    "network in evaluation by a name": (
        lambda: evaluated(saved(trained(), 710.0).connects(730.0, "127.0.0.1:53", process=77), 711.0),
        "network",
        Weight.VIOLATION,
    ),
    "network in training": (
        lambda: evaluated(saved(trained().connects(300.0, "8.8.8.8:443"), 710.0), 711.0),
        "network",
        Weight.REVIEW,
    ),
    "training a second too long": (
        lambda: evaluated(saved(trained(seconds=601.0), 710.0), 711.0),
        "training-over-600-s",
        Weight.VIOLATION,
    ),
    "training a second too long without a clock": (
        lambda: no_clock(602.0),
        "training-over-600-s",
        Weight.REVIEW,
    ),
    "a clock that runs slow": (
        lambda: evaluated(saved(slow_clock(), 810.0), 811.0),
        "clocks-differ",
        Weight.REVIEW,
    ),
    "calibration makes it too long": (
        lambda: calibrated(701.0, 707.5),
        "calibration-over-600-s",
        Weight.VIOLATION,
    ),
    "stated calibration makes it too long": (
        lambda: calibrated(701.0, stated="gptq: calibrated on train data in 6.5s"),
        "calibration-over-600-s",
        Weight.VIOLATION,
    ),
    "calibration of unknown length": (lambda: calibrated(701.0), "calibration-unclear", Weight.REVIEW),
    "evaluation a second too long": (
        lambda: evaluated(saved(trained(), 710.0), 711.0, took=601.0, stated=600.8),
        "evaluation-over-600-s",
        Weight.VIOLATION,
    ),
    "stages of an evaluation add up": (
        lambda: evaluated(
            evaluated(saved(trained(), 710.0), 711.0, took=301.0), 1012.0, took=301.0, stated=300.6
        ),
        "evaluation-over-600-s",
        Weight.VIOLATION,
    ),
    "a checkpoint, or training in evaluation": (
        lambda: evaluated(
            saved(
                saved(trained(seconds=500.0), 610.0).opens(630.0, TRAIN, size=9), 640.0, f"{JOB}junk.pt", 900
            ),
            641.0,
        ),
        "boundary-unsure",
        Weight.REVIEW,
    ),
    "a model in a compiler's cache": (
        lambda: evaluated(
            saved(trained().opens(708.0, "/tmp/caches/x.cubin", write=True), 710.0, size=1000).opens(
                720.0, "/tmp/caches/x.cubin", size=17_000_000
            ),
            711.0,
        ),
        "cache-read",
        Weight.REVIEW,
    ),
    "training before the clock begins": (
        lambda: evaluated(saved(trained(began=400.0), 1010.0), 1011.0),
        "long-warm-up",
        Weight.REVIEW,
    ),
    "training after the last step that is printed": (
        lambda: evaluated(saved(trained(), 1020.0), 1021.0),
        "long-packing",
        Weight.REVIEW,
    ),
    "evaluation before the artifact is opened": (
        lambda: evaluated(
            trained().opens(710.0, MODEL, write=True).opens(1000.0, MODEL, size=MODEL_BYTES),
            1000.0,
            took=400.0,
        ),
        "late-re-opening",
        Weight.REVIEW,
    ),
    "nothing trained": (
        lambda: evaluated(saved(Story().opens(1.0, f"{JOB}train_gpt.py"), 10.0), 11.0),
        "training-unseen",
        Weight.REVIEW,
    ),
}


def slow_clock() -> Story:
    """States 590 s of training that took 690."""
    story = started().says(100.0, "step:0/20000 train_loss:6.9 train_time:0ms")
    story.says(450.0, "step:6000/20000 train_loss:2.2 train_time:300000ms")
    return story.says(790.0, "step:12000/20000 train_loss:2.1 train_time:590000ms")


def told_as_validation(*, reads: bool) -> Story:
    """3,000 s of training of which 594 are stated: each line prints a validation loss."""
    story = started().says(100.0, "step:0/20000 val_loss:6.9 val_bpb:4.1 train_time:0ms")
    for n in range(1, 61):
        if reads:
            story.opens(100.0 + 50 * n - 1, TRAIN, size=200_000_000)
        story.says(
            100.0 + 50 * n, f"step:{200 * n}/20000 val_loss:2.07 val_bpb:1.226 train_time:{9900 * n}ms"
        )
    return evaluated(saved(story, 3105.0), 3106.0)


@pytest.mark.parametrize("reads", [True, False])
def test_training_that_is_told_as_validation_is_seen(reads: bool) -> None:
    """At most 30 s of the 2,406 s that the clock stood still are believed."""
    story = told_as_validation(reads=reads)
    assert phases(story.trace()).training_s == pytest.approx(3000.0 - 30.0)
    assert kinds(story)["clocks-differ"] is Weight.REVIEW


def test_no_validation_before_the_last_read_of_a_training_shard() -> None:
    """The clock stood still for 5 s before a loss was printed at 705.06 s, but a shard was opened 1 s before that."""
    story = started().opens(704.06, TRAIN, size=200_000_000)
    clock = phases(evaluated(saved(trained(story), 710.0), 711.0).trace()).clock
    assert clock is not None and clock.in_validation_s == pytest.approx(1.0)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named(name: str) -> None:
    make, kind, weight = FAULTS[name]
    story = make()
    assert kinds(story).get(kind) is weight, found(story)
    assert exit_of(found(story)) is not ExitCode.CLEAN


def test_quantising_and_compressing_after_a_short_calibration_is_no_training() -> None:
    assert kinds(calibrated(701.0, 703.0, stated="gptq: calibrated on train data in 3.5s", begun=780.0)) == {}


def test_code_that_is_unpacked_before_training_is_no_artifact() -> None:
    """It was counted packed; what is written before a training shard was opened holds nothing that was learnt."""
    story = Story().opens(1.0, f"{JOB}train_gpt.py", size=CODE_BYTES)
    saved(story, 2.0, f"{JOB}unpacked.py", 200_000)
    story.opens(20.0, TRAIN, size=200_000_000)
    saved(trained(story), 710.0).opens(715.0, f"{JOB}unpacked.py", size=200_000)
    inode = (1, story.inodes[f"{JOB}unpacked.py"])
    trace = moved(evaluated(story, 711.0).trace(), changed={inode: 2.0})
    assert file_table(trace, phases(trace).boundary.at).total == MODEL_BYTES + CODE_BYTES
    # A map of a file in memory is written without a change of its time: not certain, and with it it is too much.
    table = file_table(trace, phases(trace).boundary.at)
    told = {one.kind: one.weight for one in judge(trace, phases(trace), table)}
    assert told["unpacked-read"] is Weight.REVIEW
    # Written on through what was open from before.
    later = moved(trace, changed={inode: 700.0})
    assert file_table(later, phases(later).boundary.at).total == MODEL_BYTES + CODE_BYTES + 200_000


def test_a_copy_of_the_validation_split_from_before_the_first_training_shard_counts() -> None:
    memo = f"{JOB}memo.bin"
    story = Story().opens(1.0, f"{JOB}train_gpt.py", size=CODE_BYTES).opens(15.0, VAL, size=124_000_000)
    story.opens(16.0, memo, write=True).opens(20.0, TRAIN, size=200_000_000)
    saved(trained(story), 710.0).opens(715.0, memo, size=124_000_000)
    trace = moved(evaluated(story, 711.0).trace(), changed={(1, story.inodes[memo]): 16.5})
    divided = phases(trace)
    table = file_table(trace, divided.boundary.at)
    assert table.total == MODEL_BYTES + CODE_BYTES + 124_000_000
    assert exit_of(judge(trace, divided, table)) is ExitCode.VIOLATION


def test_unpacked_files_that_fit_beside_the_artifact_do_not_matter() -> None:
    story = Story().opens(1.0, f"{JOB}train_gpt.py", size=CODE_BYTES)
    saved(story, 2.0, f"{JOB}unpacked.py", 50_000)
    story.opens(20.0, TRAIN, size=200_000_000)
    saved(trained(story), 710.0).opens(715.0, f"{JOB}unpacked.py", size=50_000)
    trace = moved(evaluated(story, 711.0).trace(), changed={(1, story.inodes[f"{JOB}unpacked.py"]): 2.0})
    divided = phases(trace)
    assert exit_of(judge(trace, divided, file_table(trace, divided.boundary.at))) is ExitCode.CLEAN


def minutes(*, true_s: float, stated_s: float) -> Story:
    """A log in minutes with one decimal, and the time to the millisecond in the line that says why it stopped."""
    story = started()
    for part in (0.25, 0.5, 0.75, 1.0):
        clock = part * stated_s / 60.0
        story.says(
            100.0 + part * true_s,
            f"{1000 * part:.0f}/20000 train_loss: 2.4 train_time: {clock:.1f}m tok/s: 7",
        )
    return story.says(
        100.0 + true_s, f"stopping_early: wallclock_cap train_time: {1000 * stated_s:.0f}ms step: 1000/20000"
    )


def test_a_clock_in_minutes_is_believed_as_far_as_it_says() -> None:
    assert kinds(evaluated(saved(minutes(true_s=599.0, stated_s=598.0), 710.0), 711.0)) == {}
    late = evaluated(saved(minutes(true_s=640.0, stated_s=590.0), 750.0), 751.0)
    assert kinds(late) == {"clocks-differ": Weight.REVIEW}


def test_caches_that_fit_beside_the_artifact_or_were_made_in_evaluation_do_not_matter() -> None:
    small = saved(saved(trained(), 708.0, "/tmp/caches/x.cubin", 40_000), 710.0)
    small.opens(720.0, "/tmp/caches/x.cubin", size=40_000)
    assert kinds(evaluated(small, 711.0)) == {}
    late = saved(saved(trained(), 710.0), 720.0, "/tmp/caches/y.so", 9_000_000)
    assert kinds(evaluated(late, 711.0)) == {}


def test_what_the_evaluation_writes_and_reads_is_no_artifact() -> None:
    story = saved(trained(), 710.0)
    saved(story, 730.0, f"{JOB}state.pt", 9_000_000)
    story.says(706.0, f"Serialized model int8+zlib: {MODEL_BYTES} bytes")
    assert kinds(evaluated(story, 711.0)) == {}
    trace = story.trace()
    table = file_table(trace, phases(trace).boundary.at)
    assert {row.path: row.kind.value for row in table.rows}[f"{JOB}state.pt"] == "made in evaluation"


def test_a_checkpoint_of_training_is_no_artifact() -> None:
    """Written and read while steps are still printed."""
    story = saved(started(), 300.0, f"{JOB}checkpoint.pt", 60_000_000)
    assert kinds(evaluated(saved(trained(story), 710.0), 711.0)) == {}


def test_a_model_that_is_loaded_to_be_quantised_is_told_by_the_printed_size() -> None:
    story = saved(trained(), 706.0, f"{JOB}final_model.pt", 60_000_000)
    story.says(709.0, f"Serialized model int8+zlib: {MODEL_BYTES} bytes")
    trace = evaluated(saved(story, 710.0), 711.0).trace()
    at = phases(trace).boundary.at
    assert at is not None and at.path == MODEL


def test_a_text_that_is_written_in_training_and_never_read_is_told_and_not_counted() -> None:
    story = started().opens(101.0, f"{JOB}logs/run.txt", write=True)
    trace = evaluated(saved(trained(story), 710.0), 711.0).trace()
    rows = {row.path: row for row in file_table(trace, phases(trace).boundary.at).rows}
    assert rows[f"{JOB}logs/run.txt"].kind.value == "not read in evaluation"
    assert not rows[f"{JOB}logs/run.txt"].kind.counts


def test_what_the_launcher_reads_is_not_read_by_the_evaluation() -> None:
    story = legal().opens(3.0, "/tmp/ranks/0/stdout.log", write=True)
    story.opens(750.0, "/tmp/ranks/0/stdout.log", size=30_000_000, process=5)
    trace = story.trace()
    alone = moved(trace, launcher=frozenset({5}))
    assert file_table(alone, phases(alone).boundary.at).total == MODEL_BYTES + CODE_BYTES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("final val_loss:2.07250000 val_bpb:1.22745000", []),
        ("final val_loss:2.07250000 val_bpb:1.10000000", ["printed-numbers-do-not-fit"]),
        ("done", ["no-result"]),
    ],
)
def test_a_printed_pair_must_fit_the_data(text: str, expected: list[str]) -> None:
    """2.0725 nats a token are 2.0725 / ln 2 * 0.410521 = 1.22745 bits a byte."""
    result = claimed_result(Story().says(1.0, text).lines)
    assert [one.kind for one in printed_ratio(result, SP1024)] == expected


def test_a_claimed_label_is_looked_for_before_the_last_result() -> None:
    lines = Story().says(
        1.0, "final_int6_sliding val_loss:1.8 val_bpb:1.0894", "final_int6_ttt val_loss:3.1 val_bpb:1.33"
    )
    assert (
        claimed_result(lines.lines).val_bpb,
        claimed_result(lines.lines, "final_int6_sliding").val_bpb,
    ) == (1.33, 1.0894)


def test_stages_that_hold_one_another_count_once_and_progress_not_at_all() -> None:
    """A stage from 715 to 811 s, said twice, with progress in it, and one from 711.5 to 714.5 s."""
    story = saved(trained(), 710.0).says(714.5, "quantized val_loss:2.1 val_bpb:1.23 eval_time:3000ms")
    for done in range(10, 90, 10):
        story.says(715.0 + done, f"ttt_chunk [{done}/90] bpb:1.2{done} time:{done}.0s")
    story.says(811.0, "ttt_sliding:done val_loss:2.0 val_bpb:1.22 elapsed=95.5s")
    story.says(811.0, "legal_ttt_exact val_loss:2.00000000 val_bpb:1.22000000 eval_time:96000ms")
    assert phases(story.trace()).stated_evaluation_s == pytest.approx(99.0)


def test_a_file_that_grows_after_the_evaluation_opened_it_counts_as_it_was_left() -> None:
    trace = moved(legal().trace(), left={MODEL: 20_000_000})
    assert file_table(trace, phases(trace).boundary.at).total == 20_000_000 + CODE_BYTES


def test_an_array_that_stands_for_a_shard_is_told_and_no_fault() -> None:
    story = legal().holds(705.0, 4096, mapped=True).holds(760.0, 4096, mapped=True)
    assert kinds(story) == {}
    assert "training-shards-held" in [one.kind for one in found(story)]


def test_what_stands_in_names_is_weighed(tmp_path: Path) -> None:
    """Names of 8, 5 and 4 bytes, a link's target of 100, 200 bytes of attributes where the disk takes them."""
    (tmp_path / ("a" * 8)).mkdir()
    (tmp_path / ("a" * 8) / "plain").write_bytes(bytes(5000))
    (tmp_path / "link").symlink_to("x" * 100)
    expected = 8 + 5 + 4 + 100
    try:
        os.setxattr(tmp_path / ("a" * 8) / "plain", "user.weights", b"w" * 200)
        expected += 200
    except OSError:
        pass
    assert name_bytes([str(tmp_path)]) == expected
    assert name_bytes([str(tmp_path)], [f"{tmp_path}/{'a' * 8}/"]) == 8 + 4 + 100
    trace = moved(legal().trace(), in_names=1_000_000)
    divided = phases(trace)
    told = [one.kind for one in judge(trace, divided, file_table(trace, divided.boundary.at))]
    assert "data-in-names" in told


def test_a_trace_is_the_same_after_it_was_kept() -> None:
    trace = legal().holds(712.0, 5).connects(713.0, "127.0.0.1:80").trace()
    assert trace_from_object(trace_to_object(trace)) == trace


def test_data_files_are_nobodys_bytes() -> None:
    story = legal().opens(712.0, f"{DATA}tokenizers/fineweb_1024_bpe.model", size=254_000)
    assert kinds(story) == {}

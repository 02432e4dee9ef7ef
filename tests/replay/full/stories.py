"""Recorded runs written by hand: what was opened, printed and connected, second by second."""

from __future__ import annotations

from dataclasses import replace

from auditor.replay.full.run_trace import Held, Line, Places, RunTrace
from auditor.replay.runs.observations import Observations, OpenedFile, SocketUse, Standing

JOB, DATA = "/replay/job/", "/replay/data/"
SHARDS = f"{DATA}datasets/fineweb10B_sp1024/"
TRAIN = f"{SHARDS}fineweb_train_000000.bin"
VAL = f"{SHARDS}fineweb_val_000000.bin"
MODEL = f"{JOB}final_model.int8.ptz"
CODE_BYTES = 50_000
MODEL_BYTES = 15_900_000


class Story:
    """A run in the making; times in seconds since the launch."""

    def __init__(self) -> None:
        self.files: list[OpenedFile] = []
        self.sockets: list[SocketUse] = []
        self.lines: list[Line] = []
        self.held: list[Held] = []
        self.inodes: dict[str, int] = {}
        self.given = {f"{JOB}train_gpt.py": CODE_BYTES}
        self.number = 0

    def _next(self) -> int:
        self.number += 1
        return self.number - 1

    def opens(
        self,
        seconds: float,
        path: str,
        *,
        write: bool = False,
        read: bool | None = None,
        size: int = 0,
        refused: int = 0,
        process: int = 10,
    ) -> Story:
        inode = self.inodes.setdefault(path, len(self.inodes) + 100)
        self.files.append(
            OpenedFile(
                number=self._next(),
                seconds=seconds,
                rank=0,
                process=process,
                path=path,
                write=write,
                read=not write if read is None else read,
                size=size,
                refused=refused,
                file=None if refused else (1, inode),
            )
        )
        return self

    def connects(self, seconds: float, address: str, *, call: str = "connect", process: int = 10) -> Story:
        self.sockets.append(
            SocketUse(
                number=self._next(),
                seconds=seconds,
                rank=0,
                process=process,
                call=call,
                family=2,
                address=address,
                refused=13,
            )
        )
        return self

    def says(self, seconds: float, *texts: str) -> Story:
        self.lines += [Line(seconds=seconds, rank=0, text=text) for text in texts]
        return self

    def holds(self, seconds: float, reached: int, *, mapped: bool = False) -> Story:
        self.held.append(Held(seconds=seconds, process=10, path=TRAIN, mapped=mapped, reached=reached))
        return self

    def trace(self, *, ended_s: float | None = None) -> RunTrace:
        last_s = max([f.seconds for f in self.files] + [line.seconds for line in self.lines])
        return RunTrace(
            places=Places(job=JOB, data=DATA, caches="/tmp/caches/", logs="/tmp/ranks/"),
            given=self.given,
            seen=Observations(
                opens=Standing.ENFORCED,
                network=Standing.ENFORCED,
                files=tuple(sorted(self.files, key=lambda file: file.number)),
                sockets=tuple(self.sockets),
            ),
            lines=tuple(self.lines),
            held=tuple(self.held),
            ended_s=ended_s if ended_s is not None else last_s + 1.0,
        )


def started() -> Story:
    """Imports, tokens of the validation split, a warm-up that reads a shard."""
    return (
        Story()
        .opens(1.0, f"{JOB}train_gpt.py", size=CODE_BYTES)
        .opens(15.0, VAL, size=124_000_000)
        .opens(20.0, TRAIN, size=200_000_000)
        .says(95.0, "warmup_step:20/20")
        .opens(95.5, TRAIN, size=200_000_000)
    )


def trained(story: Story | None = None, *, seconds: float = 600.06, began: float = 100.0) -> Story:
    """Training by the record's own clock, which starts after the warm-up and stands still for 5 s of validation."""
    story = story or started()
    half = seconds / 2
    story.says(began, "step:0/20000 val_loss:6.9357 val_bpb:4.1077 train_time:0ms step_avg:0.01ms")
    story.says(
        began + half, f"step:6000/20000 train_loss:2.2 train_time:{1000 * half:.0f}ms step_avg:45.00ms"
    )
    end = began + seconds + 5.0
    text = (
        f"step:12000/20000 val_loss:2.0700 val_bpb:1.2260 train_time:{1000 * seconds:.0f}ms step_avg:45.00ms"
    )
    return story.says(
        end, text, f"stopping_early: wallclock_cap train_time:{1000 * seconds:.0f}ms step:12000/20000"
    )


def saved(story: Story, seconds: float, path: str = MODEL, size: int = MODEL_BYTES) -> Story:
    """A file written, and read a second later."""
    return story.opens(seconds, path, write=True).opens(seconds + 1.0, path, size=size)


def evaluated(story: Story, seconds: float, *, took: float = 100.0, stated: float | None = None) -> Story:
    """Results of an evaluation."""
    stated = took - 0.5 if stated is None else stated
    return story.says(
        seconds + took,
        f"final_int8_zlib_roundtrip val_loss:2.0725 val_bpb:1.2275 eval_time:{1000 * stated:.0f}ms",
        "final_int8_zlib_roundtrip_exact val_loss:2.07250000 val_bpb:1.22747000",
    )


def legal() -> Story:
    """A record as it should be: trained for 600.06 s by its own clock, launched 100 s before."""
    story = saved(trained(), 710.0)
    return evaluated(story, 711.0)


def moved(trace: RunTrace, **changes: object) -> RunTrace:
    """The same with other fields."""
    return replace(trace, **changes)  # type: ignore[arg-type]

"""Attacks by the files of a folder: numbers, keys, links, pipes, names, sizes; and by what is around the process."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from .attack import ILLEGAL, LEGAL, TRACK, Attack, Command, Place, Surface

README = "# Entry\n\nTrained on 8xH100.\n"
LOG = "seed:42\nworld_size:8\nstep:1/1 train_loss:3.0 train_time:1000ms\nfinal val_loss:3.0 val_bpb:1.1000\n"
CLAIM = '{"name": "x", "author": "y", "val_bpb": 1.1}'


def _folder(
    name: str,
    files: Mapping[str, str | bytes],
    *,
    hope: str,
    exits: tuple[int, ...],
    command: str = "records",
    says: tuple[str, ...] = (),
    hides: tuple[str, ...] = (),
    more: Callable[[Path], None] = lambda folder: None,
    options: tuple[str, ...] = (),
) -> Attack:
    """A folder with a script that is fine, and with `files` over it."""

    def build(place: Place) -> Command:
        place.write({"train_gpt.py": LEGAL, "README.md": README, "log.txt": LOG, "submission.json": CLAIM})
        for path, content in files.items():
            (place.folder / path).unlink(missing_ok=True)
            place.write({path: content})
        more(place.folder)
        return Command(arguments=(command, str(place.folder), *options))

    return Attack(
        name=name, surface=Surface.FILES, hope=hope, build=build, exits=exits, says=says, hides=hides
    )


def _claim(value: str) -> dict[str, str]:
    seeds = f'"seed_results": {{"42": {{"val_bpb": {value}}}}}'
    return {"submission.json": f'{{"val_bpb": 1.1, "bytes_total": {value}, {seeds}}}'}


CRASH = "a crash, told apart from a judgement by nobody"

NUMBERS = (
    _folder(
        "number beyond every float in submission.json",
        _claim("1e400"),
        hope=CRASH,
        exits=(1,),
        says=("too large: 1e400",),
    ),
    _folder(
        "integer of 400 digits in submission.json",
        _claim("9" * 400),
        hope=CRASH,
        exits=(1,),
        says=(r"too large: 9+… \(400 characters\)",),
    ),
    _folder(
        "integer of 5,000 digits in submission.json",
        _claim("9" * 5000),
        hope=CRASH,
        exits=(1,),
        says=("too large",),
    ),
    _folder(
        "integer of 5,000 digits in submission.json, audited",
        _claim("9" * 5000),
        hope=CRASH,
        command="audit",
        exits=(0, 3),
    ),
    _folder(
        "NaN and Infinity in submission.json",
        _claim('NaN, "a": -Infinity, "b": Infinity'),
        hope=CRASH,
        exits=(0, 1),
    ),
    _folder("number as text of 5,000 digits", _claim(f'"{"9" * 5000}"'), hope=CRASH, exits=(0, 1)),
    _folder(
        "integer of 5,000 digits in a log",
        {"log.txt": f"{LOG}Total submission size: {'9' * 5000} bytes\nseed:{'9' * 5000}\n"},
        hope=CRASH,
        exits=(0, 1),
        says=("not read: log.txt:5 and 1 more lines", "more than 40 digits"),
    ),
    _folder(
        "number of 400 digits in a metric line",
        {"log.txt": f"final val_loss:{'9' * 400}.0 val_bpb:{'9' * 400}.0\n"},
        hope=CRASH,
        exits=(0, 1),
    ),
    _folder(
        "superscript as a count of processes",
        {"run.sh": "torchrun --nproc_per_node=² train_gpt.py\n"},
        hope=CRASH,
        command="audit",
        exits=(0, 3),
    ),
    _folder(
        "digits of other scripts in a log",
        {"log.txt": LOG + "seed:٤٢\nworld_size:८\nTotal submission size: ９９９ bytes\n"},
        hope=CRASH,
        exits=(0, 1),
    ),
    _folder(
        "key that stands twice",
        {"submission.json": '{"val_bpb": 1.3, "name": "x", "val_bpb": 1.1}'},
        hope="the number that people read is not the one that counts",
        exits=(0, 1),
        says=("'val_bpb' twice with different values; the last counts",),
    ),
    _folder(
        "JSON a hundred thousand levels deep",
        {"submission.json": '{"a":' * 100_000 + "1" + "}" * 100_000},
        hope="a stack overflow",
        exits=(1,),
        says=("nested too deeply",),
    ),
    _folder(
        "JSON five hundred levels deep",
        {"submission.json": '{"val_bpb": 1.1, "x": ' + "[" * 500 + "]" * 500 + "}"},
        hope="a stack overflow in a walk",
        exits=(1,),
        says=("nested too deeply",),
    ),
    _folder(
        "JSON that is a list",
        {"submission.json": "[" + "1," * 50_000 + "1]"},
        hope=CRASH,
        exits=(1,),
        says=("json_invalid",),
    ),
    _folder(
        "keys with terminal escapes",
        {"submission.json": json.dumps({"val_bpb": 1.3, "\x1b[2J": {"val_bpb": "\x1b]0;x\x07"}})},
        hope="a terminal that shows something else",
        exits=(1,),
        hides=("\x1b",),
    ),
)


def _linked(name: str, target: str) -> Callable[[Path], None]:
    def link(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return link


def _many(folder: Path) -> None:
    (folder / "train_gpt.py").unlink()
    (folder / "zz_train_gpt.py").write_text(ILLEGAL, encoding="utf-8")
    (folder / "aa_train_gpt.py").write_text(LEGAL, encoding="utf-8")
    for number in range(5_000):
        (folder / f"b{number}.bin").touch()


def _deep(folder: Path) -> None:
    place = folder.joinpath(*["d"] * 40)
    place.mkdir(parents=True)
    (place / "train_gpt.py").write_text(ILLEGAL, encoding="utf-8")


def _undecodable(folder: Path) -> None:
    with open(os.fsencode(folder) + b"/train\xff.py", "w", encoding="utf-8") as stream:
        stream.write(ILLEGAL)


def _fifos(folder: Path) -> None:
    for name in ("log.txt", "extra.py", "submission.json", "README.md"):
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)


def _fifo_script(folder: Path) -> None:
    (folder / "train_gpt.py").unlink()
    os.mkfifo(folder / "train_gpt.py")


def _loop(folder: Path) -> None:
    (folder / "a.py").symlink_to("b.py")
    (folder / "b.py").symlink_to("a.py")
    (folder / "up").symlink_to("..")


DECOY = {"train_real.txt": ILLEGAL, "run.sh": "torchrun --standalone --nproc_per_node=8 train_real.txt\n"}
ONLY_3_12 = 'print(f"{"a"}")\n'
"""Quotes of the same kind in an f-string: Python 3.11 takes it for an error, so that our second parser is asked."""
HANG = "the auditor waits for ever"
LEAK = "a file of the reader's machine in the report"

PLACES = (
    _folder(
        "log that is a link to /etc/passwd",
        {},
        more=_linked("log.txt", "/etc/passwd"),
        hope=LEAK,
        exits=(1,),
        hides=("root:",),
        says=("outside the folder",),
    ),
    _folder(
        "README that is a link out",
        {},
        more=_linked("README.md", "../../../../../../etc/hostname"),
        hope=LEAK,
        exits=(0, 1),
        says=("outside the folder",),
    ),
    _folder(
        "log that is a link to /dev/zero", {}, more=_linked("log.txt", "/dev/zero"), hope=HANG, exits=(1,)
    ),
    _folder(
        "script that is a link out",
        {},
        more=_linked("train_gpt.py", "/etc/passwd"),
        command="audit",
        hope=LEAK,
        exits=(2, 3),
        hides=("root:",),
    ),
    _folder("pipes in place of files", {}, more=_fifos, hope=HANG, exits=(1,), says=("not a regular file",)),
    _folder("pipe in place of the script", {}, more=_fifo_script, command="audit", hope=HANG, exits=(2, 3)),
    _folder("links in a circle", {}, more=_loop, command="audit", hope=HANG, exits=(0, 3)),
    _folder(
        "the real script behind five thousand files",
        {},
        more=_many,
        command="audit",
        options=("--quiet",),
        hope="a script that is not listed is not judged",
        exits=(1, 3),
        says=("REVIEW|VIOLATION",),
    ),
    _folder(
        "the real script forty folders down",
        {},
        more=_deep,
        command="audit",
        options=("--quiet",),
        hope="a script that is not listed is not judged",
        exits=(1, 3),
    ),
    _folder(
        "script whose name is no text",
        {},
        more=_undecodable,
        command="audit",
        options=("--quiet",),
        hope="a script that cannot be named is not judged",
        exits=(1, 3),
        says=(r"REVIEW",),
    ),
    _folder(
        "second training script with a NUL byte",
        {"train_ttt.py": ILLEGAL.encode() + b"\0"},
        command="audit",
        options=("--quiet",),
        hope="what cannot be read is not judged",
        exits=(3,),
        says=("REVIEW",),
    ),
    _folder(
        "training script of 40 MB",
        {"train_ttt.py": ILLEGAL + "# " + "x" * 40_000_000},
        command="audit",
        options=("--quiet",),
        hope="what is too large is not judged",
        exits=(3,),
    ),
    _folder(
        "legal script beside the one that is run",
        DECOY,
        command="audit",
        options=("--quiet",),
        hope="the script that runs has another ending, and is not judged",
        exits=(3,),
        says=("REVIEW",),
    ),
    _folder(
        "second training script that only our caps refuse",
        {"train_ttt.py": f"x = {'-' * 300}1\n{ONLY_3_12}{ILLEGAL}"},
        command="audit",
        options=("--quiet",),
        hope="what we cannot read is said to be no Python, and nothing",
        exits=(3,),
        says=("REVIEW",),
    ),
    _folder(
        "second training script with more brackets than are read",
        {"train_ttt.py": f"x = {'(' * 30_000}1{')' * 30_000}\n{ILLEGAL}"},
        command="audit",
        options=("--quiet",),
        hope="what we cannot read is said to be no Python, and nothing",
        exits=(3,),
        says=("REVIEW",),
    ),
    _folder(
        "large-file pointer in place of the script",
        {"train_gpt.py": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"},
        command="audit",
        hope="what is elsewhere is not judged",
        exits=(2, 3),
    ),
    _folder(
        "log of 40 MB",
        {"log.txt": LOG + "x" * 40_000_000},
        hope="memory without bound",
        exits=(1,),
        says=("more than the 16777216 read",),
    ),
    _folder("log of one line", {"log.txt": "val_bpb: " * 1_000_000}, hope="time without bound", exits=(1,)),
    _folder(
        "log of a million metrics",
        {"log.txt": "val_bpb:1.1\n" * 300_000},
        hope="time without bound",
        exits=(0, 1),
    ),
    _folder(
        "README of brackets",
        {"README.md": "[" * 200_000 + "`" * 200_000 + "| " * 100_000},
        command="audit",
        hope="a regular expression without bound",
        exits=(0, 3),
    ),
    _folder(
        "setting that no script has",
        {},
        command="audit",
        options=("--config", "TTT_LORA_RNAK=5"),
        hope="a slip that nobody notices",
        exits=(2,),
        says=("did you mean TTT_LORA_RANK",),
    ),
)


def _entry_without_script(place: Place) -> Command:
    folder = place.write(
        {
            f"{TRACK}/2026-04-01_X/train_gpt.txt": ILLEGAL,
            f"{TRACK}/2026-04-01_X/run.sh": "python train_gpt.txt\n",
        }
    )
    return Command(arguments=("audit", str(folder / TRACK / "2026-04-01_X")))


def _process(
    name: str,
    *,
    hope: str,
    exits: tuple[int, ...],
    environment: Mapping[str, str] | None = None,
    stdout: str = "",
    arguments: tuple[str, ...] = (),
    folder: str = "entry",
    says: tuple[str, ...] = (),
    files: Callable[[Place], Mapping[str, str]] = lambda place: {},
) -> Attack:
    def build(place: Place) -> Command:
        place.write(
            {f"{folder}/train_gpt.py": ILLEGAL, **{f"{folder}/{n}": text for n, text in files(place).items()}}
        )
        home = place.folder / folder
        return Command(
            arguments=arguments or ("audit", "--quiet", str(home)),
            cwd=home,
            environment=environment or {},
            stdout=stdout,
        )

    return Attack(name=name, surface=Surface.FILES, hope=hope, build=build, exits=exits, says=says)


def _modules(place: Place) -> dict[str, str]:
    names = (
        "json",
        "click",
        "libcst",
        "sitecustomize",
        "usercustomize",
        "rich",
        "encodings",
        "auditor",
        "rules",
    )
    return {f"{name}.py": place.plant for name in names}


AROUND = (
    Attack(
        name="entry without a script",
        surface=Surface.FILES,
        hope="nothing to judge is nothing wrong",
        build=_entry_without_script,
        exits=(3,),
        says=("REVIEW", "no .py file"),
    ),
    _process(
        "modules named as those that everything imports",
        files=_modules,
        hope="code that runs outside of any sandbox",
        exits=(1,),
        says=("VIOLATION",),
    ),
    _process(
        "folder that is not ASCII in a POSIX locale",
        environment={"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        folder="Übung_é",
        hope=CRASH,
        exits=(1,),
        says=("VIOLATION",),
    ),
    _process(
        "records of a folder that is not ASCII in a POSIX locale",
        environment={"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        folder="Übung_é",
        arguments=("records", "."),
        hope=CRASH,
        exits=(1,),
    ),
    _process(
        "disk that is full",
        stdout="/dev/full",
        hope="a bug of the auditor's, it says",
        exits=(2,),
        says=("cannot write the result: No space left",),
    ),
    _process(
        "disk that is full while it helps",
        stdout="/dev/full",
        arguments=("--help",),
        hope="a bug of the auditor's, it says",
        exits=(2,),
    ),
)

ATTACKS = (*NUMBERS, *PLACES, *AROUND)

"""Attacks by a pull request's tree, and by the repository that it is read from."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from .attack import ENTRY, ILLEGAL, LEGAL, TRACK, Attack, Command, Place, Surface

AUTHOR = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")


def git(repository: Path, *arguments: str, stdin: bytes | None = None) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(repository),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    done = subprocess.run(
        ["git", "-C", str(repository), *AUTHOR, *arguments],
        env=environment,
        input=stdin,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().strip()


def commit(repository: Path) -> None:
    git(repository, "add", "-A", "-f")
    git(repository, "commit", "-q", "--allow-empty", "-m", "change")


def repository(
    place: Place, files: Mapping[str, str | bytes], *, more: Callable[[Path], None] = lambda path: None
) -> Path:
    """A repository with a `main` and, checked out, a `pr` that adds files and whatever `more` does."""
    place.write({"README.md": "challenge\n", f"{TRACK}/2026-03-01_Old/train_gpt.py": LEGAL})
    git(place.folder, "init", "-q", "-b", "main")
    commit(place.folder)
    git(place.folder, "checkout", "-q", "-b", "pr")
    place.write(files)
    more(place.folder)
    commit(place.folder)
    return place.folder


def _pull(
    name: str,
    files: Mapping[str, str | bytes] | None = None,
    *,
    hope: str,
    exits: tuple[int, ...],
    more: Callable[[Path], None] = lambda path: None,
    after: Callable[[Place], None] = lambda place: None,
    command: tuple[str, ...] = ("pr",),
    says: tuple[str, ...] = (),
    hides: tuple[str, ...] = (),
    where: str = "",
) -> Attack:
    def build(place: Place) -> Command:
        path = repository(place, {} if files is None else files, more=more)
        after(place)
        arguments = command if "--ref" in command else (*command, "--ref", "pr")
        return Command(arguments=(*arguments, "--git", str(path / where)))

    return Attack(name=name, surface=Surface.GIT, hope=hope, build=build, exits=exits, says=says, hides=hides)


def undecodable(path: Path) -> None:
    folder = os.fsencode(path) + b"/" + TRACK.encode() + b"/2026-04-01_\xff"
    os.mkdir(folder)
    with open(folder + b"/train_gpt.py", "w", encoding="utf-8") as stream:
        stream.write(ILLEGAL)


def _link(path: Path) -> None:
    (path / ENTRY).parent.mkdir(parents=True, exist_ok=True)
    (path / ENTRY).symlink_to("2026-03-01_Old")


def _module(path: Path) -> None:
    git(path, "update-index", "--add", "--cacheinfo", f"160000,{git(path, 'rev-parse', 'HEAD')},{ENTRY}")
    (path / ENTRY).mkdir(parents=True)  # as a checkout leaves a submodule that was not fetched


def _records_link(path: Path) -> None:
    git(path, "rm", "-rq", "records")
    (path / "records").symlink_to("/tmp")


def _bring_along(path: Path) -> None:
    """A bare repository as files: `--git .` in the folder would read another history than the pull request's."""
    own = path / ENTRY
    subprocess.run(["git", "init", "-q", "--bare", str(own)], check=True)
    for folder in ("objects", "refs"):
        (own / folder / "kept").write_text("x")
    (own / "train_gpt.py").write_text(ILLEGAL, encoding="utf-8")


def configure(place: Place) -> None:
    """Everything in a repository's configuration that names a program."""
    touch = f"touch {place.canary}"
    for name in (
        "core.fsmonitor",
        "core.pager",
        "core.editor",
        "core.sshCommand",
        "core.gitProxy",
        "diff.external",
        "gpg.program",
        "diff.x.textconv",
        "diff.x.command",
        "filter.x.clean",
        "filter.x.smudge",
        "alias.cat-file",
        "alias.ls-tree",
        "uploadpack.packObjectsHook",
        "credential.helper",
    ):
        git(place.folder, "config", name, f"!{touch}" if name.startswith("alias") else touch)
    git(place.folder, "config", "log.showSignature", "true")
    for hook in (
        "post-checkout",
        "pre-commit",
        "reference-transaction",
        "post-index-change",
        "fsmonitor-watchman",
    ):
        script = place.folder / ".git" / "hooks" / hook
        script.parent.mkdir(exist_ok=True)
        script.write_text(f"#!/bin/sh\n{touch}\n")
        script.chmod(0o755)


def _replace(place: Place) -> None:
    """`refs/replace` and a graft: git itself would show a legal script under the pull request's own ids."""
    legal = git(place.folder, "hash-object", "-w", "--stdin", stdin=LEGAL.encode())
    git(place.folder, "replace", git(place.folder, "rev-parse", f"pr:{ENTRY}/train_gpt.py"), legal)
    (place.folder / ".git" / "info" / "grafts").write_text(f"{git(place.folder, 'rev-parse', 'pr')}\n")


def _promise(place: Place) -> None:
    """A partial clone whose missing script is fetched from a remote that is a command."""
    blob = git(place.folder, "rev-parse", f"pr:{ENTRY}/train_gpt.py")
    (place.folder / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    for name, value in (
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", f"ext::sh -c touch% {place.canary}"),
        ("protocol.ext.allow", "always"),
    ):
        git(place.folder, "config", name, value)


def _twins(place: Place) -> None:
    """A tree with two files of one name, the legal one last; no checkout is alike."""
    illegal, legal = (
        git(place.folder, "hash-object", "-w", "--stdin", stdin=text.encode()) for text in (ILLEGAL, LEGAL)
    )
    entries = b"".join(b"100644 train_gpt.py" + b"\0" + bytes.fromhex(blob) for blob in (illegal, legal))
    tree = git(place.folder, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=entries)
    for name in reversed(ENTRY.split("/")):
        tree = git(place.folder, "mktree", stdin=f"040000 tree {tree}\t{name}\n".encode())
    head = git(place.folder, "commit-tree", tree, "-p", "main", "-m", "twins")
    git(place.folder, "update-ref", "refs/heads/pr", head)


def _upwards(place: Place) -> None:
    """A tree with an entry `..`, which no checkout would write."""
    blob = git(place.folder, "hash-object", "-w", "--stdin", stdin=ILLEGAL.encode())
    entry = b"100644 train_gpt.py\0" + bytes.fromhex(blob)
    tree = git(place.folder, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=entry)
    for name in ("..", *reversed(ENTRY.split("/"))):
        raw = b"40000 " + name.encode() + b"\0" + bytes.fromhex(tree)
        tree = git(place.folder, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=raw)
    git(
        place.folder,
        "update-ref",
        "refs/heads/pr",
        git(place.folder, "commit-tree", tree, "-p", "main", "-m", "up"),
    )


def _shallow(place: Place) -> Command:
    path = repository(place, {f"{ENTRY}/train_gpt.py": ILLEGAL})
    git(path, "clone", "-q", "--depth", "1", "--no-single-branch", f"file://{path}", str(path / "shallow"))
    return Command(
        arguments=("pr", "--git", str(path / "shallow"), "--ref", "origin/pr", "--base", "origin/main")
    )


GREEN = "what cannot be judged passes"
RUNS = "code that runs while a repository is read"

ATTACKS = (
    _pull(
        "folder whose name is no text",
        more=undecodable,
        hope=GREEN,
        exits=(2,),
        says=(r"not UTF-8 text: .*\\xff",),
    ),
    _pull(
        "NUL byte appended to a pull request's script",
        {f"{ENTRY}/train_gpt.py": ILLEGAL.encode() + b"\0"},
        command=("audit",),
        hope=GREEN,
        exits=(3,),
        says=("NUL byte",),
    ),
    _pull(
        "script of a pull request renamed to .txt",
        {f"{ENTRY}/train_gpt.txt": ILLEGAL, f"{ENTRY}/run.sh": "python train_gpt.txt\n"},
        command=("audit",),
        hope=GREEN,
        exits=(3,),
    ),
    _pull(
        "script renamed to .txt, in a review",
        {f"{ENTRY}/train_gpt.txt": ILLEGAL, f"{ENTRY}/run.sh": "python train_gpt.txt\n"},
        hope=GREEN,
        exits=(1, 3),
        says=("No script could be judged",),
        hides=("in order",),
    ),
    _pull(
        "legal entry beside one without a script",
        {f"{ENTRY}/train_gpt.py": LEGAL, f"{TRACK}/2026-04-02_B/run.sh": "python x.txt\n"},
        command=("audit",),
        hope=GREEN,
        exits=(3,),
    ),
    _pull(
        "link in place of an entry",
        more=_link,
        command=("records",),
        hope="the track folder itself is validated instead",
        exits=(2,),
        says=("link or a submodule",),
    ),
    _pull(
        "submodule in place of an entry",
        more=_module,
        command=("records",),
        hope="the track folder itself is validated instead",
        exits=(2,),
        says=("link or a submodule",),
    ),
    _pull(
        "submodule in place of an entry, audited", more=_module, command=("audit",), hope=GREEN, exits=(3,)
    ),
    _pull(
        "submodule named as the folder",
        more=_module,
        command=("audit", "--folder", ENTRY),
        hope="an endless search for its home",
        exits=(2,),
        says=("has no folder",),
    ),
    _pull("records as a link", more=_records_link, command=("audit",), hope=GREEN, exits=(3,)),
    _pull(
        "entry outside of records",
        {"Records/track_10min_16mb/x/train_gpt.py": ILLEGAL},
        command=("audit",),
        hope=GREEN,
        exits=(2,),
        says=("outside of records/",),
    ),
    _pull(
        "repository within the pull request",
        more=_bring_along,
        where=ENTRY,
        command=("audit", "--ref", "HEAD"),
        hope="another history answers",
        exits=(2,),
        says=("tracks as files",),
    ),
    _pull(
        "every program that a configuration can name",
        {f"{ENTRY}/train_gpt.py": ILLEGAL, ".gitattributes": "* filter=x diff=x\n"},
        after=configure,
        command=("audit",),
        hope=RUNS,
        exits=(1,),
        says=("VIOLATION",),
    ),
    _pull(
        "replaced objects and grafts",
        {f"{ENTRY}/train_gpt.py": ILLEGAL},
        after=_replace,
        command=("audit",),
        hope="another script is judged",
        exits=(1,),
        says=("VIOLATION",),
    ),
    _pull(
        "missing script promised by a command",
        {f"{ENTRY}/train_gpt.py": ILLEGAL},
        after=_promise,
        command=("audit",),
        hope=RUNS,
        exits=(2, 3),
        hides=("COMPLIANT",),
    ),
    _pull(
        "two files of one name in a tree",
        after=_twins,
        command=("audit",),
        hope="the other one is judged",
        exits=(1, 3),
    ),
    _pull(
        "entry of a tree that leads upwards",
        after=_upwards,
        command=("audit",),
        hope="a file of another folder",
        exits=(1, 2, 3),
    ),
    _pull(
        "ref that looks like an option",
        {f"{ENTRY}/train_gpt.py": ILLEGAL},
        command=("audit", "--ref", "--output=/tmp/x"),
        hope="an option for git",
        exits=(2,),
        says=("no commit named",),
    ),
    _pull(
        "base that looks like an option",
        {f"{ENTRY}/train_gpt.py": ILLEGAL},
        command=("audit", "--ref", "pr", "--base", "--all"),
        hope="an option for git",
        exits=(2,),
        says=("no base branch",),
    ),
    _pull(
        "base that is not there",
        {f"{ENTRY}/train_gpt.py": ILLEGAL},
        command=("audit", "--ref", "pr", "--base", "nowhere"),
        hope=GREEN,
        exits=(2,),
        says=("no base branch named 'nowhere'",),
    ),
    _pull(
        "folder named as a pattern of git",
        {f"{TRACK}/:(exclude)*/train_gpt.py": ILLEGAL},
        command=("audit",),
        hope="another folder is listed",
        exits=(1,),
        says=("VIOLATION",),
    ),
    _pull(
        "name with a newline and an escape",
        {f"{TRACK}/2026-04-01_\n\x1b[2J/train_gpt.py": ILLEGAL},
        hope="a second line of output, or a cleared screen",
        exits=(1,),
        hides=("\x1b",),
    ),
    _pull(
        "blob of 40 MB",
        {f"{ENTRY}/train_gpt.py": ILLEGAL + "#" * 40_000_000},
        command=("audit",),
        hope="memory without bound, or nothing judged",
        exits=(3,),
        says=("more than the 33554432 read",),
    ),
    Attack(
        name="shallow clone",
        surface=Surface.GIT,
        hope=GREEN,
        build=_shallow,
        exits=(2,),
        says=("shallow clone",),
    ),
)

"""Attacks on whoever reads a report: the browser, the terminal, the page of a pull request."""

from __future__ import annotations

from .attack import ILLEGAL, LEGAL, Attack, Command, Place, Surface

MARKS = "<img src=x onerror=alert(1)></textarea></script><script>alert(1)</script>"
ESCAPE = "\\x1b]8;;http://evil.example\\x07\\x1b[2J\\u202e"
"""In a Python string: a terminal link, a cleared screen, a right-to-left override."""
MARKDOWN = "`</details> | @team ![x](http://evil.example/x) <!-- ```"


def _script(label: str) -> str:
    """A script that prints its number under a label, and has that label in a setting and a function's name too."""
    script = LEGAL.replace("final_ttt_lora", label)
    assert script != LEGAL
    return script.replace('"SEED", 1337', f'"SEED", 1337)) + int(os.environ.get("X {label}", 0')


def _shown(
    name: str, label: str, format_name: str, hope: str, hides: tuple[str, ...], says: tuple[str, ...] = ()
) -> Attack:
    def build(place: Place) -> Command:
        folder = place.write({"train_gpt.py": _script(label), "submission.json": '{"val_bpb": 1.1}'})
        return Command(arguments=("audit", str(folder), "--format", format_name))

    return Attack(
        name=name, surface=Surface.REPORTS, hope=hope, build=build, exits=(0, 1, 3), hides=hides, says=says
    )


def _named(name: str, file: str, format_name: str, hope: str, hides: tuple[str, ...]) -> Attack:
    def build(place: Place) -> Command:
        folder = place.write({file: ILLEGAL})
        return Command(arguments=("audit", str(folder), "--format", format_name))

    return Attack(name=name, surface=Surface.REPORTS, hope=hope, build=build, exits=(1,), hides=hides)


def _before_the_run(name: str, file: str, hope: str, hides: tuple[str, ...]) -> Attack:
    def build(place: Place) -> Command:
        return Command(arguments=("preflight", str(place.write({file: ILLEGAL}))))

    return Attack(name=name, surface=Surface.REPORTS, hope=hope, build=build, exits=(1,), hides=hides)


SCRIPT = "a script in the reader's browser"
TERMINAL = "a terminal that shows something else"

ATTACKS = (
    _shown("markup in a label, HTML", MARKS, "html", SCRIPT, ("<img src=x", "<script>alert")),
    _shown("markup in a label, Markdown", MARKS, "markdown", SCRIPT, ()),
    _shown("escapes in a label, text", ESCAPE, "text", TERMINAL, ("\x1b", "\u202e", "\x07")),
    _shown("escapes in a label, Markdown", ESCAPE, "markdown", TERMINAL, ("\x1b", "\u202e", "\x07")),
    _shown("escapes in a label, HTML", ESCAPE, "html", TERMINAL, ("\x1b", "\u202e", "\x07")),
    _shown("escapes in a label, JSON", ESCAPE, "json", TERMINAL, ("\x1b", "\u202e", "\x07")),
    _shown("escapes in a label, SARIF", ESCAPE, "sarif", TERMINAL, ("\x1b", "\u202e", "\x07")),
    _shown(
        "a folded section that a label closes",
        MARKDOWN,
        "markdown",
        "text outside of its section",
        ("\n</details> |",),
        says=(r"\n(````+)text\n[^\n].*!\[x\].*\n\1\n",),
    ),
    _named(
        "markup in a file's name, HTML", "<img src=x onerror=alert(1)>.py", "html", SCRIPT, ("<img src=x",)
    ),
    _named("escape in a file's name, text", "train\x1b[2J.py", "text", TERMINAL, ("\x1b",)),
    _named(
        "newline in a file's name, text",
        "train\nCOMPLIANT.py",
        "text",
        "a line of its own that says so",
        ("\nCOMPLIANT",),
    ),
    _named(
        "address in a file's name, SARIF",
        "javascript:alert(1)//train_gpt.py",
        "sarif",
        SCRIPT,
        ('"uri": "javascript:',),
    ),
    _shown(
        "workflow command in a label, annotations",
        "x\\n::set-output name=exit-code::0\\n::add-path::/tmp",
        "annotations",
        "an output that says 0",
        ("\n::set-output", "\n::add-path"),
    ),
    _named("escape in a file's name, annotations", "train\x1b[2J.py", "annotations", TERMINAL, ("\x1b",)),
    _named("escape in a file's name, code quality", "train\x1b[2J.py", "codequality", TERMINAL, ("\x1b",)),
    _before_the_run("escape in a file's name, preflight", "train\x1b[2J.py", TERMINAL, ("\x1b",)),
)

"""What a script prints about its hyperparameters: f-strings whose fields are names, matched against log
lines.

`log0(f"lr={args.ttt_lr} epochs:{args.ttt_epochs}")` in the program and `lr=0.01 epochs:4` in the log say that
the attribute `ttt_epochs` was 4, whatever the label in the text. Matching is by literal pieces from left to
right, in linear time; no pattern of the submission is ever compiled.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from auditor.program.model import Program
from auditor.program.walk import walk

OWNERS = frozenset(
    {
        "args",
        "h",
        "hp",
        "hparams",
        "cfg",
        "config",
        "self",
        "hps",
        "Hyperparameters",
        "conf",
        "opt",
        "C",
        "H",
        "A",
    }
)
_MAX_FIELDS = 24
_UNREADABLE = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """An f-string: literal pieces around fields; `fields[i]` stands between `pieces[i]` and `pieces[i + 1]`.

    A field is the name it prints, or None where it prints something else; `decimals[i]` is how many it rounds
    to, or None where it prints all.
    """

    pieces: tuple[str, ...]
    fields: tuple[str | None, ...]
    decimals: tuple[int | None, ...]

    def match(self, line: str) -> dict[str, tuple[str, int | None]]:
        """Return what each named field printed in `line` (and how rounded), or nothing for another line."""
        first = self.pieces[0]
        position = line.find(first)
        if position < 0 or (first and position > 40):
            return {}
        position += len(first)
        found: dict[str, tuple[str, int | None]] = {}
        for name, piece, decimals in zip(self.fields, self.pieces[1:], self.decimals, strict=True):
            end = line.find(piece, position) if piece else len(line)
            if end < 0:
                return {}
            value = line[position:end]
            if name is not None and _is_value(value.strip()):
                found[name] = value.strip(), decimals
            position = end + len(piece)
        return found


def _is_value(text: str) -> bool:
    """Whether the text can be one printed value: no blanks but in brackets."""
    return bool(text) and (" " not in text or text[0] in "[(")


def templates(program: Program, known: frozenset[str]) -> list[Template]:
    """Return the f-strings of the program that print at least one of the `known` names.

    Consecutive strings of one call are one template. Only those with a literal start of two characters or
    more.
    """
    result: list[Template] = []
    for layer in program.layers:
        if layer.module is None:
            continue
        for node in walk(layer.module):
            if isinstance(node, ast.JoinedStr):
                template = _template(node, known)
                if template is not None:
                    result.append(template)
    return result


def _template(node: ast.JoinedStr, known: frozenset[str]) -> Template | None:
    pieces: list[str] = [""]
    fields: list[str | None] = []
    decimals: list[int | None] = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            pieces[-1] += str(part.value)
        elif isinstance(part, ast.FormattedValue):
            rounded = _decimals(part)
            fields.append(_printed_name(part, known) if rounded != _UNREADABLE else None)
            decimals.append(rounded)
            pieces.append("")
    if len(pieces[0].strip()) < 2 or len(fields) > _MAX_FIELDS or not any(fields) or "\n" in "".join(pieces):
        return None
    # Two fields with nothing between cannot be told apart.
    if any(not piece for piece in pieces[1:-1]):
        return None
    return Template(pieces=tuple(pieces), fields=tuple(fields), decimals=tuple(decimals))


def _decimals(part: ast.FormattedValue) -> int | None:
    """Return how many decimals a field keeps, None for all of the value, `_UNREADABLE` for another form."""
    if part.format_spec is None:
        return None
    spec = part.format_spec
    text = "".join(
        str(piece.value) if isinstance(piece, ast.Constant) else "?"
        for piece in (spec.values if isinstance(spec, ast.JoinedStr) else [])
    )
    match = re.fullmatch(r"[<>^]?\d*(?:\.(\d+)([fg]))?[sd]?", text)
    if match is None:
        return _UNREADABLE
    if match[1] is None:
        return None
    return int(match[1]) if match[2] == "f" else _UNREADABLE


def _printed_name(part: ast.FormattedValue, known: frozenset[str]) -> str | None:
    value = part.value
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and len(value.args) == 1:
        if value.func.id not in ("int", "float", "bool", "str"):
            return None
        value = value.args[0]
    if isinstance(value, ast.Attribute) and isinstance(value.value, (ast.Name, ast.Attribute)):
        owner = value.value.id if isinstance(value.value, ast.Name) else value.value.attr
        return value.attr if value.attr in known and owner in OWNERS else None
    if isinstance(value, ast.Name):
        # A local variable may shadow the name; a constant of the module does not.
        return value.id if value.id in known and value.id.isupper() else None
    return None

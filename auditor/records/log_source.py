"""The script's own text inside a log: found, cut out, given back.

The upstream logger writes the source first and a rule of equals signs after it; later scripts print their
hyperparameters before. Comparing it with the shipped script is the business of `code_checks`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

_RULE = re.compile(r"^(?:\[\w+\]:?)?\s*={20,}\s*$")
_CODE_LINE = re.compile(
    r"^\s*(?:import \w|from [\w.]+ import|def \w+\(|class \w+|return\b|@\w|if .*:$|for .*:$|else:$|elif .*:$"
    r"|with .*:$|[\w.]+(?:\[.*\])? [-+*/]?= |exec\()"
)
_OPENING = re.compile(r"^\s*(?:import \w|from [\w.]+ import|def \w+\(|class \w+|exec\()")


def find_source(lines: Sequence[str]) -> tuple[int, int] | None:
    """Find the printed script between rules of equals signs.

    Returns:
        the half-open range of line indices of the longest block that reads as Python, or None.
    """
    rules = [index for index, line in enumerate(lines) if line[:1] in "=[ " and _RULE.match(line)]
    edges = [-1, *rules, len(lines)]
    best: tuple[int, int] | None = None
    for start, end in itertools.pairwise(edges):
        block = (start + 1, end)
        if reads_as_python(lines[block[0] : block[1]]) and (
            best is None or end - start - 1 > best[1] - best[0]
        ):
            best = block
    if best is not None and best[1] == len(lines):
        # No rule after the source: it ends where the last line of code stands.
        last = max(i for i in range(best[0], best[1]) if _CODE_LINE.match(lines[i]))
        best = (best[0], last + 1)
    if best is not None:
        # Lines of the logger before the first statement are no source.
        while best[0] < best[1] and not _opens(lines[best[0]]):
            best = (best[0] + 1, best[1])
    return best if best is not None and best[0] < best[1] else None


def _opens(line: str) -> bool:
    return bool(_OPENING.match(line)) or line.startswith(('"""', "'''", "#", "from __future__"))


def reads_as_python(block: Sequence[str]) -> bool:
    """Whether a block holds a script: several statements that open a scope or import, or a packed stub."""
    openings = 0
    for line in block:
        if _OPENING.match(line):
            openings += 1
            if "exec(" in line and ("decompress" in line or "b85decode" in line):
                return True
        if openings > 8:
            return True
    return False

"""Bounds of the program stage: a submission is hostile input, so everything that grows has a cap.

Reaching a cap is never silence: it becomes a `Problem` or an unresolved place that names the cap.
The numbers leave an order of magnitude over the largest of some 1,790 real scripts (254,613 bytes of
text, two layers).
"""

from __future__ import annotations

from typing import Final

MAX_LAYER_DEPTH: Final = 8
"""Layers within layers; the deepest real script has three."""

MAX_LAYERS: Final = 64
"""Layers and sibling modules of one program, together."""

MAX_LAYER_BYTES: Final = 8_000_000
"""One decoded layer, and any single value while decoding."""

MAX_TOTAL_BYTES: Final = 64_000_000
"""Everything that is allocated while unpacking one program."""

MAX_STEPS: Final = 1_000_000
"""Expressions and statements interpreted while unpacking one program."""

MAX_ATTEMPT_STEPS: Final = 60_000
"""Of these for one attempt to reach a call inside a function; decoding at module level may take them all."""

MAX_CALL_DEPTH: Final = 24
"""Calls of the script's own functions within each other while unpacking."""

MAX_DECODER_MEMORY_BYTES: Final = 160_000_000
"""Window or dictionary of a decompressor (an lzma preset 9 decoder takes 65 MiB)."""

MAX_NESTING: Final = 150
"""Brackets within brackets; CPython's own parser stops at 200."""

MAX_PREFIX_CHAIN: Final = 200
"""Unary operators in a row (`- - - x`): recursion in native parsers, which overflow at some 10,000."""

MAX_PARSED_CHARACTERS: Final = 2_000_000
"""Text of one layer that is parsed: eight times that of the largest real script, 12 s and 1 GB for what follows."""

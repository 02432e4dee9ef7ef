"""Where the challenge lives: what links of reports lead to, and what a queue is fetched from."""

from __future__ import annotations

from typing import Final

CHALLENGE: Final = "https://github.com/openai/parameter-golf"

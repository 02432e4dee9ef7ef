"""Colours of a picture, for light and dark paper, and its style sheet.

Each kind of state has a hue in four tones. Red is an offence and nothing else, amber a question. Scores are solid and
updates hatched, so that the two differ without any colour; edges have the deepest tone, since light tones alone have
too little contrast.
"""

from __future__ import annotations

import re

from auditor.trace.events import State

TINTS = ("model", "adapter", "table", "delta")

_ADAPTER = re.compile(r"lora|adapt|peft", re.IGNORECASE)
_DELTA = re.compile(r"delta|bias|prompt|logit|slot", re.IGNORECASE)

LIGHT: dict[str, str | tuple[str, ...]] = {
    "paper": "#ffffff", "ink": "#17202a", "soft": "#5b6672", "faint": "#69737d", "rule": "#cfd6dd",
    "red": "#c21f14", "amber": "#8a5a00",
    "model": ("#b9cfe8", "#86acd8", "#5287c2", "#2a62a3"),
    "adapter": ("#a8dcd3", "#6cc0b3", "#2f9e8f", "#0b7569"),
    "table": ("#ecd9a6", "#dcbc66", "#c39a2c", "#8f6b08"),
    "delta": ("#d9c6ec", "#bb9bdc", "#9a70c6", "#7443a6"),
}  # fmt: skip
DARK: dict[str, str | tuple[str, ...]] = {
    "paper": "#11161c", "ink": "#e8edf2", "soft": "#a3aeb9", "faint": "#8d98a3", "rule": "#333d47",
    "red": "#ff6b5c", "amber": "#e3b341",
    "model": ("#2d4766", "#446b99", "#628fc7", "#7fb0e8"),
    "adapter": ("#1f4f49", "#307c72", "#46a195", "#5cc7b8"),
    "table": ("#57461a", "#846a22", "#b08f36", "#dcb650"),
    "delta": ("#473763", "#67518f", "#8d71b6", "#b598e0"),
}  # fmt: skip


def tint_of(state: State, how: str) -> str:
    """The hue of a state: by its kind where that tells, else by what the source calls it."""
    if state.kind in ("table", "container", "file") or how in ("table", "container"):
        return "table"
    if _ADAPTER.search(state.name):
        return "adapter"
    if state.kind == "tensor" or _DELTA.search(state.name):
        return "delta"
    return "model"


def style() -> str:
    """The style of all pictures on a page; a document's own colours are not touched."""
    dark = _variables(DARK)
    return (
        f".picture{{{_variables(LIGHT)}}}"
        f"@media (prefers-color-scheme:dark){{.picture{{{dark}}}}}"
        f"@media print{{.picture{{{_variables(LIGHT)}}}}}" + _RULES
    )


def _variables(colours: dict[str, str | tuple[str, ...]]) -> str:
    parts = []
    for name, value in colours.items():
        if isinstance(value, str):
            parts.append(f"--p-{name}:{value}")
        else:
            parts += [f"--p-{name}{tone}:{colour}" for tone, colour in enumerate(value)]
    return ";".join(parts)


_RULES = (
    ".picture text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:var(--p-ink)}"
    ".picture .head{font-size:14px;font-weight:650}"
    ".picture .strong{font-weight:650}"
    ".picture .mono{font-family:ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace;font-size:11px}"
    ".picture.narrow .mono{font-size:10px}"
    ".picture .soft{fill:var(--p-soft)}"
    ".picture .faint{fill:var(--p-faint)}"
    ".picture .red{fill:var(--p-red);font-weight:650}"
    ".picture .amber{fill:var(--p-amber);font-weight:650}"
    ".picture .on{fill:var(--p-paper);font-weight:700;font-size:11px}"
    ".picture .band{stroke:var(--p-rule)}"
    ".picture .guide{stroke:var(--p-rule);stroke-dasharray:1 4}"
    ".picture .halo{paint-order:stroke;stroke:var(--p-paper);stroke-width:4px;stroke-linejoin:round}"
    ".picture a{cursor:pointer}"
    ".picture .cell:focus{outline:none}"
    ".picture .cell:focus .edge,.picture .cell:hover .edge{stroke:var(--p-ink);stroke-width:2}"
)

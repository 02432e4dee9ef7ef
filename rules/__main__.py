"""Writes `rules/README.md` from the rules' own documentation: `python -m rules`."""

from __future__ import annotations

from pathlib import Path

from rules.docs.catalogue import catalogue

if __name__ == "__main__":
    Path(__file__).with_name("README.md").write_text(catalogue(), encoding="utf-8")

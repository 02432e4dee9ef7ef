"""Shared by the replay's tests: the rung that works here, and a session for a script given as text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from auditor.errors import AuditorError
from auditor.replay.sandbox.ladder import Rung, choose, unavailable
from auditor.replay.session import Session

pytest.importorskip("torch", reason="the replay's tests need torch")


@pytest.fixture(scope="session")
def rung() -> Rung:
    """The highest rung that works on this machine."""
    try:
        return choose()[0]
    except AuditorError as error:
        pytest.skip(str(error))


@contextmanager
def session_of(script: str, rung: Rung) -> Iterator[Session]:
    """A session for one script."""
    files = {"train_gpt.py": script.encode()}
    with Session(
        rung, files=files, script="train_gpt.py", lowered={}, data_names=("fineweb10B_sp64",)
    ) as session:
        yield session


def skip_unless(rung: Rung) -> None:
    """Skip a test whose rung does not work on this machine."""
    reason = unavailable(rung)
    if reason:
        pytest.skip(f"{rung.value}: {reason}")

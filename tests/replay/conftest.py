"""Shared by the replay's tests: the rung that works here, and skipping by rung."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from auditor.errors import AuditorError
from auditor.replay.runs.session import Session
from auditor.replay.sandbox.isolation_levels import IsolationLevel, choose, unavailable

pytest.importorskip("torch", reason="the replay's tests need torch")


@pytest.fixture(scope="session")
def rung() -> IsolationLevel:
    """The highest rung that works on this machine."""
    try:
        return choose()[0]
    except AuditorError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def session(rung: IsolationLevel) -> Iterator[Session]:
    """A session there, for one file of tests."""
    with Session(rung) as made:
        yield made


def skip_unless(rung: IsolationLevel) -> None:
    """Skip a test whose rung does not work on this machine."""
    reason = unavailable(rung)
    if reason:
        pytest.skip(f"{rung.value}: {reason}")

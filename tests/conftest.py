"""Settings of all tests: no deadline for property tests, since the machines they run on may be busy."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

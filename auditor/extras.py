"""Optional parts of the installation: a command that needs one says so, and how to get it."""

from __future__ import annotations

import importlib.util

from auditor.errors import AuditorError


def require(extra: str, *modules: str) -> None:
    """Check that the modules of an extra are installed.

    Raises:
        AuditorError: one is missing.
    """
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise AuditorError(
            f"this needs {' and '.join(missing)}", hint=f"pip install 'parameter-golf-auditor[{extra}]'"
        )

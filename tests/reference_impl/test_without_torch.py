"""Says why the reference's tests are missing where torch is."""

from __future__ import annotations

import importlib.util

import pytest


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None,
    reason="torch is not installed: reference tests are not collected",
)
def test_torch_is_installed_so_the_other_tests_ran() -> None:
    import reference_impl.model

    assert reference_impl.model.GPT is not None


def test_command_line_shows_help_without_importing_torch() -> None:
    import subprocess
    import sys

    code = (
        "import sys, reference_impl.__main__ as m\n"
        "try: m.main(['--help'])\nexcept SystemExit as e: assert e.code == 0\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "submission" in done.stdout

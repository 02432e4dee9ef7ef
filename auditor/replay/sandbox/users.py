"""The user that a submission runs as where this process is root: one that nobody on the machine is."""

from __future__ import annotations

import grp
import os
import pwd
import secrets
from typing import Final

UNUSED: Final = range(0x7000_0000, 0x7FF0_0000)
"""Numbers that no distribution, container manager or systemd gives to anyone."""


def spare_user() -> int | None:
    """A number that is no user's and no group's, another for each sandbox; None where this process is not root."""
    if os.geteuid() != 0:
        return None
    while True:
        number = secrets.choice(UNUSED)
        if not _is_known(number):
            return number


def _is_known(number: int) -> bool:
    for look in (pwd.getpwuid, grp.getgrgid):
        try:
            look(number)
        except KeyError:
            continue
        return True
    return False

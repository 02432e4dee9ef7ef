"""What shows that this program wrote something: an HMAC under a key of the user's own, which no confined run can read.

The key lies in the user's state folder ($XDG_STATE_HOME, by the XDG Base Directory Specification), never beside what
it seals: whoever hands over a checkout with a folder of evidence in it cannot make a seal.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from auditor.errors import InputError

KEY: Final = "parameter-golf-auditor/full.key"
KEY_BYTES: Final = 32
_HINT: Final = "remove it, or name another state folder by XDG_STATE_HOME"


def seal(*parts: bytes) -> str:
    """The seal of some contents in order.

    Raises:
        InputError: the key cannot be kept, or others could read it.
    """
    code = hmac.new(_key(), digestmod=hashlib.sha256)
    for part in parts:
        code.update(len(part).to_bytes(8, "big"))
        code.update(part)
    return code.hexdigest()


def is_sealed(mark: str, *parts: bytes) -> bool:
    """Whether a seal is that of some contents."""
    return hmac.compare_digest(mark.strip().encode(), seal(*parts).encode())


def _key() -> bytes:
    named = os.environ.get("XDG_STATE_HOME", "")
    try:
        folder = Path(named) if os.path.isabs(named) else Path.home() / ".local" / "state"
        path = folder / KEY
        if not os.path.lexists(path):
            _make(path)
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            key = file.read(KEY_BYTES + 1) if stat.S_ISREG(status.st_mode) else b""
    except (OSError, RuntimeError) as error:
        raise InputError(f"the key of full runs cannot be kept: {error}", hint=_HINT) from error
    if status.st_uid != os.geteuid() or status.st_mode & 0o077 or len(key) != KEY_BYTES:
        raise InputError(f"{path} is no key that only this user can read", hint=_HINT)
    return key


def _make(path: Path) -> None:
    """Write a new key whole or not at all; another process may do so at the same time."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = path.with_name(f".{secrets.token_hex(8)}")
    descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(written, path)
    finally:
        written.unlink()

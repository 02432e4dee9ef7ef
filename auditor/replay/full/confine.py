"""Last code before the launcher, inside the sandbox: what it opens and connects waits for the parent from here on.

Runs in the place of the launcher, confines itself and becomes it. Where no namespace of processes ends all with the
parent, a process stays behind that does.
"""

from __future__ import annotations

import array  # noqa: F401  (socket.send_fds needs it, when nothing can be imported any more)
import contextlib
import json
import os
import signal
import socket
import sys
from typing import Any, Final

from auditor.replay.sandbox import landlock, seccomp
from auditor.replay.sandbox.processes import descendants, kill_until_gone, prctl, show

PR_SET_PDEATHSIG: Final = 1
PR_SET_NO_NEW_PRIVS: Final = 38


def confine(text: str) -> None:
    """Confine this process and become the program of the order.

    Exits with 3 if the kernel refuses a step.
    """
    order: dict[str, Any] = json.loads(text)
    try:
        if order["janitor"]:
            _stay_behind()
        _restrict(order)
    except OSError as error:
        print(f"{error.filename or 'confine'}: {error.strerror}", file=sys.stderr)
        sys.exit(3)
    os.chdir(order["folder"])
    os.execv(order["program"][0], order["program"])


def _restrict(order: dict[str, Any]) -> None:
    if order["locked"] and landlock.version():
        landlock.restrict(
            readable=order["readable"],
            writable=order["devices"],
            listed=order["listed"],
            handed=order["own"],
            shared=order["shared"],
            network=True,
        )
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    show()
    line = socket.socket(fileno=order["control"])
    calls = seccomp.lay_run(sockets=True, listened=True)
    socket.send_fds(line, [b"0"], [calls])
    os.close(calls)
    line.close()


def _stay_behind() -> None:
    """Fork; the parent waits for the child and ends all below it when it ends or when the harness does.

    Orphans come to it: `enter` made this process their parent.
    """
    child = os.fork()
    if not child:
        return

    def end(number: int, _: object) -> None:
        kill_until_gone(lambda: _below(own))
        os._exit(128 + number)

    own = os.getpid()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    kill_until_gone(lambda: _below(own))
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def _below(process: int) -> list[int]:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    return descendants(process)

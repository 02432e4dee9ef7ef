"""First code inside the sandbox: builds what the rung asks for, gives every privilege up, then serves.

Runs before torch is imported and before anything of the submission is near.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from auditor.replay.sandbox import landlock, namespaces, seccomp
from auditor.replay.sandbox.privileges import drop_privileges, is_open_to_all, limit_cores
from auditor.replay.sandbox.processes import be_reaper, hide, prctl

PR_SET_PDEATHSIG = 1


def enter(text: str) -> None:
    """Enter the rung named in the order, then serve or become the program it names.

    Exits with 3 if the kernel refuses a step.
    """
    order: dict[str, Any] = json.loads(text)
    rung = order["rung"]
    try:
        _enter(rung, order)
    except OSError as error:
        print(f"{error.filename or rung}: {error.strerror}", file=sys.stderr)
        sys.exit(3)
    if order["program"]:
        os.chdir(order["folder"])
        os.execv(order["program"][0], order["program"])
    if not order["serve"]:
        print("entered")
        sys.exit(0)
    from auditor.replay.inside.server import Surroundings, serve

    private = rung in ("bubblewrap", "unshare")

    def inside(paths: list[str]) -> tuple[str, ...]:
        if not private:
            return tuple(paths)
        return tuple(namespaces.there(path, order["root"], order["inside"]) for path in paths)

    serve(
        Surroundings(
            private=private,
            filtered=rung != "none",
            counted=private or order["user"] is not None,
            readable=inside([path for path in order["readable"] if path not in order["served"]]),
            served=inside(order["served"]),
            writable=inside(order["writable"]),
            control=order["control"],
            readable_memory=order["user"] is None,
        )
    )


def _enter(rung: str, order: dict[str, Any]) -> None:
    be_reaper()
    if rung == "none":
        return
    limit_cores()
    if rung == "unshare":
        namespaces.enter(
            root=order["root"],
            readable=order["readable"],
            writable=order["writable"],
            inside=order["inside"],
        )
        be_reaper()
    reads = rung == "landlock" and order["user"] is not None and not is_open_to_all(order["readable"])
    drop_privileges(order["user"], reads=reads)
    # After the change of user, which takes both back.
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    hide()
    if rung == "landlock":
        if not landlock.version():
            raise OSError(38, "this kernel has no Landlock", "landlock")
        shared = [*order["writable"], "/dev/shm", *landlock.DEVICES]
        landlock.restrict(
            readable=[*order["readable"], "/proc"],
            writable=shared,
            listed=order["listed"],
            # Ranks meet on ports of the loopback; a program is watched in what it connects to.
            network=bool(order["program"]),
        )
    seccomp.lay_floor(private_memory=not order["program"])
    if os.environ.get("TMPDIR"):
        os.chdir(os.environ["TMPDIR"])

"""Full runs of many entries on a Ray cluster, each on a machine with eight GPUs to itself.

    python examples/full_runs_ray.py --data /shared/data --evidence /shared/evidence records/track_10min_16mb/*/

The folders must be there on every machine, and $XDG_STATE_HOME or the home folder too, whose key seals the evidence.
A run whose machine was lost is tried again and keeps its finished seeds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

import ray


@ray.remote(num_gpus=8, max_retries=3)
def full_run(entry: str, data: str, evidence: str, seeds: str) -> tuple[str, int, str]:
    """One entry: its folder, the exit code of `auditor replay --full`, and its report."""
    words = ["replay", "--full", entry, "--data", data, "--evidence", evidence, "--seeds", seeds]
    done = subprocess.run([sys.executable, "-P", "-m", "auditor", *words], capture_output=True, text=True)
    return entry, done.returncode, done.stdout or done.stderr


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("entries", nargs="+")
    parser.add_argument("--data", required=True)
    parser.add_argument("--evidence", required=True)
    parser.add_argument("--seeds", default="42,314,999")
    parser.add_argument("--address", default="auto", help="of the cluster")
    asked = parser.parse_args()
    ray.init(address=asked.address)
    waiting = [full_run.remote(entry, asked.data, asked.evidence, asked.seeds) for entry in asked.entries]
    worst = 0
    while waiting:
        (done,), waiting = ray.wait(waiting)
        entry, code, report = ray.get(done)
        print(f"== {entry}: exit code {code}\n{report}", flush=True)
        worst = max(worst, code)
    return worst


if __name__ == "__main__":
    sys.exit(main())

"""The whole collection, classroom profile: two workers against one; and nothing to do."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from validation.kills import RUN, copy_collection

PROMISED = 1 / 0.65
"""Two workers take at most 0.65 of the time of one."""


def measure() -> list[dict]:
    with tempfile.TemporaryDirectory(prefix="cohabit-bench-") as folder:
        root = Path(folder) / "root"
        copy_collection(root)
        # two workers go first: they pay for what a first run fills
        two, one = (call(root, "--force", "--jobs", jobs) for jobs in ("2", "1"))
        again = call(root, "--jobs", "2")
    about = {"name": "The collection, classroom profile", "peer": "one worker"}
    row = {**about, "ours_seconds": two, "peer_seconds": one, "ratio": one / two}
    idle = {"name": "The same again, unchanged", "ours_seconds": again, "note": "promised: 5 s"}
    return [row | {"target": PROMISED, "note": "without the report"}, idle]


def call(root: Path, *options: str) -> float:
    """Return how many seconds one run takes."""
    began = time.perf_counter()
    command = [sys.executable, "-c", RUN, *options]
    environment = {**os.environ, "COHABIT_ROOT": str(root)}
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began

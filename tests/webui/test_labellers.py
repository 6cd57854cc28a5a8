"""Eight people label one data set at once over real HTTP, with a login each: nothing lost, nothing doubled, the figures right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_eight_people_at_once_lose_and_double_nothing_and_agree_as_computed_elsewhere(tmp_path: Path):
    told = tmp_path / "told.json"
    command = [
        sys.executable,
        "tests/benchmarks/labellers.py",
        "--people",
        "8",
        "--seconds",
        "10",
        "--rows",
        "400",
        "--pause",
        "0.2",
    ]
    done = subprocess.run(
        [*command, "--json", str(told)], cwd=ROOT, capture_output=True, text=True, timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    found = json.loads(told.read_text())
    counts = found["counts"]
    assert not found["wrong"] and counts["lost"] == counts["doubled"] == counts["errors"] == 0
    assert (
        counts["sent"] == counts["in the log"] > 80
        and counts["taken back"]
        and found["rows with two answers or more"] > 10
    )

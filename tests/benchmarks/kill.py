"""A real run (BANKING77, bundled encoder, Balanced phases) killed with SIGKILL at random moments: it ends with the bits of one that was left alone.

    python tests/benchmarks/kill.py [--rows 1500] [--kills 4] [--epochs 2] [--threads 2] [--seed 1]

Same torch, thread count and processor throughout. tests/core/training/test_kill.py holds the same of a tiny model at ten moments.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "core" / "training")]

from run_folders import events, weights, worker_process, write_run  # noqa: E402

PHASES = ["head", "full"]


def main() -> None:
    options = arguments()
    rows = texts(options.rows)
    settings = {
        "epochs": options.epochs,
        "patience": 0,
        "save_seconds": 5.0,
        "max_length": 64,
        "threads": options.threads,
    }
    with tempfile.TemporaryDirectory() as folder:
        whole = write_run(Path(folder) / "whole", "bundled:all-MiniLM-L6-v2", PHASES, rows, **settings)
        begun = time.monotonic()
        finish(whole)
        took = time.monotonic() - begun
        print(f"left alone: {took:.0f} s, test {events(whole, 'finished')[0]['test']['accuracy']:.4f}", flush=True)
        other = write_run(Path(folder) / "killed", "bundled:all-MiniLM-L6-v2", PHASES, rows, **settings)
        dice = random.Random(options.seed)
        for number in range(options.kills):
            process = worker_process(other)
            time.sleep(dice.uniform(4, took * 0.6))
            if process.poll() is not None:
                break
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            said = events(other)
            print(f"kill {number + 1}: during “{said[-1]['kind']}”, step {said[-1].get('step', '-')}", flush=True)
        finish(other)
        resumed = [e["step"] for e in events(other, "resumed")]
        equal = weights(whole) == weights(other)
        print(f"resumed from steps {resumed}; weights bit-identical: {'yes' if equal else 'NO'}")
        sys.exit(0 if equal else 1)


def finish(folder: Path) -> None:
    process = worker_process(folder)
    _, said = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, "worker", stderr=said)


def texts(count: int) -> list[dict[str, str]]:
    folder = Path(os.environ.get("HONE_TEST_DATA") or ROOT.parent / "shared" / "data")
    with (folder / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows = rows[:: max(1, len(rows) // count)][:count]
    splits = ("train", "train", "train", "validation", "test")
    return [
        {"id": f"1:{i}", "text": row["text"], "label": row["category"], "split": splits[i % 5]}
        for i, row in enumerate(rows)
    ]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()

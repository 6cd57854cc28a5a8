"""The shoot-out on BANKING77: several ways to tune on one split with one budget, through the same study that the page starts; prints the table.

    python tests/benchmarks/shootout.py                          # 2,000 rows, head, lora, top, full and word counting, what Balanced proposes
    python tests/benchmarks/shootout.py --rows 0 --methods head,lora,full     # all rows (an hour on two cores)
    python tests/benchmarks/shootout.py --quick                  # 400 rows, one round: to see that it works

Needs HONE_TEST_DATA (the folder with banking77). The test split of the data set is the test; a tenth of the rest steers.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.cli import main as hone


def rows(path: Path, most: int, seed: int) -> list[dict[str, str]]:
    """So many rows, each label its share as chance has it; all with 0."""
    with path.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    random.Random(seed).shuffle(found)
    return found[:most] if most else found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000, help="of the training file; 0 takes all (default: 2000)")
    parser.add_argument("--test-rows", type=int, default=1_000, help="of the test file; 0 takes all (default: 1000)")
    parser.add_argument("--methods", default="head,lora,top,full")
    parser.add_argument("--bases", default="bundled:all-MiniLM-L6-v2,classic:ngram")
    parser.add_argument("--epochs", type=float, help="rounds of each way (default: what Balanced proposes)")
    parser.add_argument("--folds", type=int, default=0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.rows, options.test_rows, options.epochs = 400, 200, 1.0
    data = os.environ.get("HONE_TEST_DATA")
    if not data:
        parser.error("set HONE_TEST_DATA")
    with tempfile.TemporaryDirectory(prefix="hone-shootout-") as folder:
        files = []
        for name, most in (("train", options.rows), ("test", options.test_rows)):
            table = Path(folder) / f"{name}.csv"
            chosen = rows(Path(data) / "banking77" / f"{name}.csv", most, options.seed)
            with table.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, ["text", "category"])
                writer.writeheader()
                writer.writerows(chosen)
            files.append(table)
        command = ["compare", str(files[0]), "--test", str(files[1]), "--text", "text", "--label", "category"]
        command += ["--workspace", str(Path(folder) / "home"), "--methods", options.methods, "--bases", options.bases]
        command += ["--epochs", str(options.epochs)] if options.epochs else []
        command += ["--folds", str(options.folds)] if options.folds else []
        return hone([*command, "--seed", str(options.seed)])


if __name__ == "__main__":
    raise SystemExit(main())

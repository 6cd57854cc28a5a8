"""What making a run smaller costs and brings: a run on SST-2, then every way, with score, file, speed and memory before and after.

    python tests/benchmarks/smaller.py [--rows N] [--held N] [--ways int8 distil ...] [--epochs X] [--rounds X] [--workspace FOLDER]

Trains the run with Balanced's settings on the bundled encoder, makes it smaller in each way, measures both in turns, and prints a table. `--rows`
and `--held` take that many rows, for a quick look. `--ways distil:keep=2` sets options. Run it on an idle machine: speed is measured.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core import projects  # noqa: E402
from core.smaller import measuring, results, starting  # noqa: E402
from core.training import draft, runs  # noqa: E402
from core.training.worker import worker  # noqa: E402
from core.workspace import Workspace  # noqa: E402

DATA = Path(os.environ.get("HONE_TEST_DATA") or ROOT.parent / "shared" / "data") / "sst2"
WAYS = (
    "int8",
    "distil:keep=3",
    "distil:keep=2",
    "layers:keep=3",
    "neurons:share=0.5",
    "neurons:share=0.25",
    "weights:share=0.6",
    "distil_words",
)


def main() -> None:
    options = asked()
    with tempfile.TemporaryDirectory(prefix="hone-") as folder:
        project = projects.create(Workspace.open(Path(options.workspace or folder)), "SST-2")
        fill(project, options)
        first = tuned(project, options)
        made = [made_by(project, first, one, options) for one in options.ways]
        measuring.measure(
            first.folder,
            [str(one.folder) for one in made],
            lambda done, total: print(f"\rmeasured {done}/{total}", end="", file=sys.stderr),
        )
        tell(first, made)


def asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, help="training rows (default: all)")
    parser.add_argument("--held", type=int, help="rows for validation and test each (default: all)")
    parser.add_argument("--ways", nargs="*", default=list(WAYS), help="way or way:option=value,...")
    parser.add_argument("--epochs", type=float, help="rounds of the run itself (default: Balanced's)")
    parser.add_argument("--rounds", type=float, help="rounds afterwards (default: the way's)")
    parser.add_argument(
        "--hide",
        type=float,
        default=0.0,
        help="share of training labels that are hidden; taught ways learn from these texts, too",
    )
    parser.add_argument("--workspace", help="folder to keep everything in")
    return parser.parse_args()


def fill(project: Any, options: argparse.Namespace) -> None:
    """The data set as one file: its own splits, labels hidden where that is asked for."""
    table = project.folder / "sst2.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "split"])
        for name, split in (("train", "train"), ("dev", "validation"), ("test", "test")):
            rows = read(next(DATA.glob(f"{name}.*")))
            if split != "train":
                rows = rows[: options.held]
            else:
                rows = rows[: options.rows]
                hidden = round(len(rows) * options.hide)
                rows = [*((text, "") for text, _ in rows[:hidden]), *rows[hidden:]]
            writer.writerows((text, label, split) for text, label in rows)
    project.dataset().add(table, table.name)


def read(path: Path) -> list[tuple[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    titles = rows[0] if rows[0][0] in ("text", "sentence", "label") else None
    text, label = (titles.index("label") == 0, titles.index("label")) if titles else (0, 1)
    return [(row[int(text)], row[label]) for row in (rows[1:] if titles else rows) if len(row) > 1]


def tuned(project: Any, options: argparse.Namespace) -> Any:
    changed = {"epochs": options.epochs} if options.epochs else {}
    settled = draft.settle(draft.drafted("balanced", changed), project.dataset().facts())
    run = runs.create(
        project.folder,
        name="SST-2",
        task=project.dataset().task,
        base=settled.base,
        settings=settled.settings,
        phases=settled.phases,
        preset="balanced",
        dataset=project.dataset(),
    )
    return carried_out(run)


def made_by(project: Any, first: Any, wanted: str, options: argparse.Namespace) -> Any:
    name, _, given = wanted.partition(":")
    values: dict[str, Any] = dict(one.split("=", 1) for one in given.split(",") if one)
    if options.rounds:
        values["rounds"] = options.rounds
    return carried_out(starting.begin(first, name, values, project.dataset()))


def carried_out(run: Any) -> Any:
    begun = time.monotonic()
    worker(str(run.folder))
    view = run.view()
    if view.state != "finished":
        raise SystemExit(f"{run.name}: {view.state}\n{run.error}")
    print(
        f"{run.name}: {time.monotonic() - begun:.0f} s, {json.dumps({k: round(v, 4) for k, v in view.test.items()})}",
        file=sys.stderr,
    )
    return run


def tell(first: Any, made: list[Any]) -> None:
    print()
    print(
        f"{'':44} {'score':>7} {'interval':>15} {'p':>6} {'file MB':>8} {'zip MB':>7} {'texts/s':>8} {'times':>6} {'1 text ms':>9} {'memory MB':>9}"
    )
    for line in results.table(first, made):
        f: Any = line.figures
        p = "" if line.p is None else f"{line.p:.3f}"
        print(
            f"{line.run.name[:44]:44} {f['value']:7.4f} {f['low']:7.3f}-{f['high']:.3f} {p:>6} {f['size'] / 1e6:8.1f} {f['zipped'] / 1e6:7.1f}"
            f" {f['rate']:8.0f} {f['times']:6.2f} {1000 * f['one']:9.1f} {f['memory'] / 1e6:9.0f}"
        )
    for line in results.table(first, made)[1:]:
        print(f"{line.run.name}: {line.sentence.said('en') if line.sentence else ''}")


if __name__ == "__main__":
    main()

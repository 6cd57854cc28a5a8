"""How far the estimate before the start was from what the run then took.

    python tests/benchmarks/estimates.py [--rows 1500] [--presets quick balanced] [--sets banking77 sst2 chnsenticorp]
    python tests/benchmarks/estimates.py --grid [--sets sst2] [--methods head lora]      # method by length by batch, two rounds each

Each line is a real project: a data set imported, settings proposed, a few steps measured in a job, then the whole run in a worker
process. Run it on an idle machine; with other work beside it, both figures are of a machine that is busy.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core import processes  # noqa: E402
from core.data.dataset import Dataset  # noqa: E402
from core.jobs import Jobs  # noqa: E402
from core.training import draft, estimate, runs  # noqa: E402
from core.training.engine import Engine  # noqa: E402
from core.workspace import Workspace  # noqa: E402

SETS = {"banking77": "train.csv", "sst2": "train.tsv", "chnsenticorp": "train.tsv"}
METHODS = ("full", "top", "lora", "bitfit", "adapter", "prompt", "prefix", "contrastive", "headsteps")
SIZES = ((24, 32), (64, 8), (64, 64))  # tokens of a text at most, texts a step


def main() -> None:
    options = arguments()
    errors = []
    with tempfile.TemporaryDirectory() as home:
        workspace = Workspace.open(home)
        engine, jobs = Engine(workspace.home), Jobs(workspace.jobs)
        print(f"{processes.cores()} cores, {options.rows} rows of each set")
        print(
            f"{'set':14}{'settings':18}{'measured in':>12}{'estimate':>10}{'range':>16}{'took':>8}{'error':>8}{'memory':>18}"
        )
        try:
            for name in options.sets:
                project = workspace.projects / name
                dataset = Dataset.open(project / "data")
                dataset.add(cut(source(name), options.rows, Path(home)), f"{name}.csv")
                for title, wanted in asked(options):
                    errors.append(one(engine, jobs, project, dataset, title, wanted))
        finally:
            engine.close()
            jobs.close()
            processes.spare().close()
    for what, found in zip(("time", "memory"), zip(*errors, strict=True), strict=True):
        print(f"{what}: median error {statistics.median(found):.0%}, largest {max(found):.0%}, {len(found)} settings")


def asked(options: argparse.Namespace) -> list[tuple[str, draft.Draft]]:
    """What is estimated and run: presets as they are, or a grid of settings that go two rounds without an early stop."""
    if not options.grid:
        return [(preset, draft.Draft(preset)) for preset in options.presets]
    return [
        (
            f"{method} {length} x {batch}",
            draft.Draft("balanced", {"method": method, "max_length": length, "batch_size": batch, "epochs": 2.0, "patience": 0}),
        )
        for method in options.methods
        for length, batch in SIZES
    ]  # fmt: skip


def one(
    engine: Engine, jobs: Jobs, project: Path, dataset: Dataset, title: str, wanted: draft.Draft
) -> tuple[float, float]:
    """Estimate, run, compare; the errors of time and memory as a share of what it took."""
    settled = draft.settle(wanted, dataset.facts())
    begun = time.monotonic()
    while (told := estimate.told(jobs, project, dataset, settled))["state"] == "measuring":
        time.sleep(0.1)
    measuring = time.monotonic() - begun
    if told["state"] != "done":
        raise SystemExit(str(told))
    run = runs.create(
        project, name=title, task="classification", base=settled.base, settings=settled.settings, phases=settled.phases,
        preset=wanted.preset, dataset=dataset, estimate=told,
    )  # fmt: skip
    begun = time.monotonic()
    engine.start(run)
    if engine.wait(run) != "finished":
        raise SystemExit(f"{run.view().state}: {run.view().failure} {run.error}")
    took, view = time.monotonic() - begun, run.view()
    used = max((m or 0 for m in view.points["memory"]), default=0)
    error = abs(told["seconds"] - took) / took
    span = f"{told['low']:.0f} to {told['high']:.0f} s"
    memory = f"{told['memory'] / 2**20:.0f} / {used / 2**20:.0f} MB"
    print(
        f"{project.name:14}{title:18}{measuring:10.1f} s{told['seconds']:8.1f} s{span:>16}{took:6.1f} s{error:8.0%}{memory:>18}",
        flush=True,
    )
    return error, abs(told["memory"] - used) / max(1, used)


def source(name: str) -> Path:
    folder = Path(os.environ.get("HONE_TEST_DATA") or ROOT.parent / "shared" / "data")
    return folder / name / SETS[name]


def cut(path: Path, rows: int, folder: Path) -> Path:
    """Evenly spread rows of a file, as a file of their own."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ","))
    head, body = lines[0], lines[1:]
    out = folder / f"{path.parent.name}.csv"
    with out.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *body[:: max(1, len(body) // rows)][:rows]])
    return out


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1500, help="of each set")
    parser.add_argument("--presets", nargs="+", default=["quick", "balanced"])
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--grid", action="store_true", help="method by length by batch instead of presets")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), help="of the grid")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""How far the estimate before the start was from what the run then took.

    python tests/benchmarks/estimates.py [--rows 1500] [--presets quick balanced] [--sets banking77 sst2 chnsenticorp]

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


def main() -> None:
    options = arguments()
    errors = []
    with tempfile.TemporaryDirectory() as home:
        workspace = Workspace.open(home)
        engine, jobs = Engine(workspace.home), Jobs(workspace.jobs)
        print(f"{processes.cores()} cores, {options.rows} rows of each set")
        print(
            f"{'set':14}{'preset':10}{'measured in':>12}{'estimate':>10}{'range':>16}{'took':>8}{'error':>8}{'memory':>18}"
        )
        try:
            for name in options.sets:
                project = workspace.projects / name
                dataset = Dataset.open(project / "data")
                dataset.add(cut(source(name), options.rows, Path(home)), f"{name}.csv")
                for preset in options.presets:
                    errors.append(one(engine, jobs, project, dataset, preset))
        finally:
            engine.close()
            jobs.close()
            processes.spare().close()
    print(f"median error {statistics.median(errors):.0%}, largest {max(errors):.0%}")


def one(engine: Engine, jobs: Jobs, project: Path, dataset: Dataset, preset: str) -> float:
    """Estimate, run, compare; the error as a share of the time taken."""
    settled = draft.settle(draft.Draft(preset), dataset.facts())
    begun = time.monotonic()
    while (told := estimate.told(jobs, project, dataset, settled))["state"] == "measuring":
        time.sleep(0.1)
    measuring = time.monotonic() - begun
    if told["state"] != "done":
        raise SystemExit(str(told))
    run = runs.create(
        project, name=preset, task="classification", base=settled.base, settings=settled.settings, phases=settled.phases,
        preset=preset, dataset=dataset, estimate=told,
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
        f"{project.name:14}{preset:10}{measuring:10.1f} s{told['seconds']:8.1f} s{span:>16}{took:6.1f} s{error:8.0%}{memory:>18}",
        flush=True,
    )
    return error


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
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--presets", nargs="+", default=["quick", "balanced"])
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    return parser.parse_args()


if __name__ == "__main__":
    main()

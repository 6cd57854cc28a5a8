"""A search of 20 trials on 2,000 rows of SST-2 against the settings as they were, killed with SIGKILL in the middle and taken up again.

    python tests/benchmarks/search.py [--rows 2000] [--trials 20] [--epochs 2] [--quick] [--workspace W]

The preset is Balanced with texts cut at 64 word pieces and two rounds, so that a trial is short; what is searched is what is ticked on the page
(rounds from 1 to 2). Validation is SST-2's own, and so is the final test, which is compared for the best trial and the default alone.
`--quick` does it with 300 rows and 4 trials.
"""

from __future__ import annotations

import argparse
import csv
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core import processes, projects  # noqa: E402
from core.studies import ranges, search, worth  # noqa: E402
from core.studies.base import look  # noqa: E402
from core.studies.director import Director  # noqa: E402
from core.studies.study import Study  # noqa: E402
from core.training import draft  # noqa: E402
from core.training.engine import Engine  # noqa: E402
from core.workspace import Workspace  # noqa: E402


def main() -> None:
    options = arguments()
    if options.work:
        return work(Path(options.work[0]), Study(Path(options.work[1])))
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(options.workspace or folder)
        study = begun(workspace, options)
        began = time.monotonic()
        half = max(1, options.trials // 2)
        killed_during(study, workspace.home, half, options.threads)
        before = search.book_of(study).trials()
        process = worker(study, workspace.home, options.threads)
        if process.wait():
            sys.exit(process.returncode)
        after = search.book_of(study).trials()
        tell(study, before, after, time.monotonic() - began)
    return None


def begun(workspace: Workspace, options: argparse.Namespace) -> Study:
    project = projects.create(workspace, f"sst2-{options.rows}")
    data = project.dataset()
    source = Path(os.environ.get("HONE_TEST_DATA") or ROOT.parent / "shared" / "data") / "sst2"
    with (source / "train.tsv").open(encoding="utf-8", newline="") as file:
        head, *rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    small = project.folder / "train.tsv"
    chosen = rows[:: max(1, len(rows) // options.rows)][: options.rows]
    small.write_text("\n".join("\t".join(row) for row in [head, *chosen]), encoding="utf-8")
    data.add(small, "train.tsv", split="train")
    for name, part in (("dev", "validation"), ("test", "test")):
        kept = (source / f"{name}.tsv").read_text(encoding="utf-8").splitlines()[: options.kept + 1]
        (project.folder / f"{name}.tsv").write_text("\n".join(kept), encoding="utf-8")
        data.add(project.folder / f"{name}.tsv", f"{name}.tsv", split=part)
    short = {"max_length": 64, "epochs": options.epochs, "evaluations": 2.0, "seed": options.seed}
    settled = draft.settle(draft.Draft("balanced", short), data.facts())
    wanted = {one.name: {} for one in ranges.usual(settled)}
    wanted["epochs"] = {"low": 1.0, "high": max(options.epochs, 1.5)}
    print(f"rows {dict(data.counts().splits)}; searched: {', '.join(wanted)}", flush=True)
    return search.begin(project.folder, data, settled, ranges.chosen(settled, wanted), trials=options.trials)


def work(home: Path, study: Study) -> None:
    """In a process that may be killed."""
    director = Director(Engine(home, inline=True, warm=False))
    director.lead(study)
    director.wait(study)
    director.close()
    director.engine.close()


def worker(study: Study, home: Path, threads: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, __file__, "--work", str(home), str(study.folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "GOMP_SPINCOUNT": "10000"}
    return subprocess.Popen(command, cwd=ROOT, env=environment)


def killed_during(study: Study, home: Path, number: int, threads: int) -> None:
    """Let it work until trial `number` takes steps, then kill it."""
    process = worker(study, home, threads)
    while process.poll() is None:
        one = next((seen for seen in look(study) if seen.key == str(number)), None)
        if one and one.view and len(one.view.phases) > 1 and one.view.step > one.view.phases[-1].first_step:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            print(f"killed in trial {number}, at step {one.view.step}", flush=True)
            return
        time.sleep(0.05)


def tell(study: Study, before: list, after: list, seconds: float) -> None:
    told = search.result(study, look(study))
    for one in told["trials"]:
        values = ", ".join(f"{name} {value}" for name, value in one["values"].items())
        score = "–" if one["score"] is None else f"{one['score']:.4f}"
        print(f"{one['number']:3} {one['state']:9} {score}  {one['seconds']:5.0f} s  {values}")
    kept = all(after[t.number].values == t.values for t in before)
    counted = [t.number for t in after if t.counts]
    print(f"{len(counted)} trials counted, each once; those before the kill as they were: {'yes' if kept else 'NO'}")
    print("mattered: " + ", ".join(f"{one['name']} {one['share']:.2f}" for one in told["importance"]))
    if told["best"] != told["default"]:
        compared = worth.compare(str(study.folder), told["best"], told["default"])
        for part in ("validation", "test"):
            p = compared[part]
            print(
                f"{part}: best (trial {told['best']}) {p['best']:.4f}, default {p['default']:.4f},"
                f" difference {p['difference']:+.4f} ({p['low']:+.4f} to {p['high']:+.4f}) on {p['texts']} texts"
            )
    print(search.result(study, look(study))["sentence"])
    print(f"{seconds / 60:.1f} minutes; {told['budget']['pruned']} of {told['budget']['asked']} trials stopped early")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--kept", type=int, default=2000, help="most rows of validation and of the final test")
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=processes.cores())
    parser.add_argument("--quick", action="store_true", help="300 rows, 100 to judge by, 4 trials, one round")
    parser.add_argument("--workspace", help="keep everything here instead of in a temporary folder")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.rows, options.trials, options.epochs, options.kept = 300, 4, 1.0, 100
    return options


if __name__ == "__main__":
    main()

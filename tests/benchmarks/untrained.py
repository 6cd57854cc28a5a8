"""Without training: how far descriptions of labels and a few labelled texts get, on the test files of BANKING77 and SST-2.

    python tests/benchmarks/untrained.py                    # both sets; HONE_TEST_DATA says where they are
    python tests/benchmarks/untrained.py --quick            # 200 test texts each
    python tests/benchmarks/untrained.py --sets sst2

By the names of the labels alone ("similar": the bundled encoder, cosine to the label's name made readable; SST-2's 0 and 1 are called negative
and positive review), then by the nearest of 1, 8 and all labelled texts of each label; each beside chance and beside the commonest label.
The number of neighbours is settled on the validation texts that Hone keeps apart from the training file.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core.data.dataset import Dataset  # noqa: E402
from core.prompting import attempts, descriptions  # noqa: E402
from core.prompting.settings import UntrainedSettings  # noqa: E402

DATA = Path(os.environ.get("HONE_TEST_DATA", ROOT.parent / "shared" / "data"))
SETS = {"banking77": ("banking77/train.csv", "banking77/test.csv"), "sst2": ("sst2/train.tsv", "sst2/test.tsv")}
WORDS = {"0": ("a negative review",), "1": ("a positive review",)}  # what SST-2's labels mean
TRIED = (
    ("names alone", {"way": "similar"}),
    ("names and 1 text a label", {"way": "similar", "mixed": 1}),
    ("names and 8 texts a label", {"way": "similar", "mixed": 8}),
    ("nearest of 1 a label", {"way": "nearest", "pool": 1}),
    ("nearest of 8 a label", {"way": "nearest", "pool": 8}),
    ("nearest of all", {"way": "nearest"}),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--quick", action="store_true", help="200 test texts of each set")
    told = parser.parse_args()
    for name in told.sets.split(","):
        with tempfile.TemporaryDirectory() as folder:
            measured(name, Path(folder), 200 if told.quick else None)


def measured(name: str, project: Path, rows: int | None) -> None:
    data = Dataset.open(project / "data")
    train, test = (DATA / file for file in SETS[name])
    data.add(train, train.name, None, None)
    data.add(test, test.name, None, "test")
    data.set_split(test=0.0)
    for label in data.state.alive:
        if label.name in WORDS:
            descriptions.keep(project / attempts.FOLDER, label.id, WORDS[label.name][0], WORDS[label.name])
    state = data.state
    gold = state.label[(state.split == 2) & (state.label >= 0)]
    commonest = max((gold == i).mean() for i in range(len(state.alive)))
    labels = len(state.alive)
    print(
        f"\n{name}: {labels} labels, {len(gold):,} test texts; chance {1 / labels:.3f}, commonest label {commonest:.3f}"
    )
    for title, values in TRIED:
        settings = UntrainedSettings(**values, rows=rows)
        began = time.perf_counter()
        attempt = attempts.create(project, data, settings, attempts.base_of(settings, data.state))
        attempts.make(str(attempt.folder), progress=lambda *_: None, cancelled=lambda: False)
        made = attempt.report
        assert made is not None
        interval = f"[{made['low']:.3f}, {made['high']:.3f}]"
        print(
            f"  {title:26s} {made['accuracy']:.3f} {interval}  macro F1 {made['macro_f1']:.3f}  "
            f"{1000 * made['seconds_a_text']:.1f} ms a text, {time.perf_counter() - began:.0f} s in all  {made['chosen'] or ''}",
            flush=True,
        )
    data.close()


if __name__ == "__main__":
    main()

"""Every shared data set opens with the rows its README states; and a million rows: time, memory, and how pleasant they are after.

    python tests/benchmarks/reading.py [--rows 1000000] [--only million|sets]

Prints ratios and figures; asserts nothing. Memory is counted above the process as it was with everything imported.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from core.data import checks, reading
from core.data.dataset import Dataset
from core.errors import HoneError

SHARED = Path(os.environ.get("HONE_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
README: dict[str, int | str] = {  # rows its README states, or why the file opens otherwise
    "alpaca_zh/alpaca_zh_demo.json": 1_000,
    "banking77/train.csv": 10_003,
    "banking77/test.csv": 3_080,
    "c4_text/c4_demo.jsonl": 300,
    "chnsenticorp/train.tsv": 9_600,
    "chnsenticorp/dev.tsv": 1_200,
    "chnsenticorp/test.tsv": 1_200,
    "cluener2020/train.jsonl": 10_748,
    "cluener2020/dev.jsonl": 1_343,
    "conll2003/train.txt": 14_041,
    "conll2003/valid.txt": 3_250,
    "conll2003/test.txt": 3_453,
    "dpo_pref/dpo_en_demo.json": 300,
    "dpo_pref/dpo_zh_demo.json": 300,
    "goemotions/train.csv": 43_410,
    "goemotions/dev.csv": 5_426,
    "goemotions/test.csv": 5_427,
    "goemotions/train.jsonl": 43_410,
    "goemotions/dev.jsonl": 5_426,
    "goemotions/test.jsonl": 5_427,
    "goemotions/labels.txt": 28,
    "messy/DERIVED_waimai_gb18030_crlf.csv": 11_987,
    "messy/DERIVED_htl_excel_utf8bom.csv": 7_766,
    "messy/mrpc_train_bom_unbalanced_quotes.tsv": 4_076,
    "messy/stsb_en_train_no_header_crlf.csv": 5_749,
    "mrpc/train.csv": 4_076,
    "mrpc/test.csv": 1_725,
    "multi30k/train.en-de.csv": 29_000,
    "multi30k/val.en-de.csv": 1_014,
    "multi30k/test_2016_flickr.en-de.csv": 1_000,
    "oasst_zh_multiturn/messages.jsonl": 766,
    "oasst_zh_multiturn/oaast_sft_zh.json": 766,
    "scitldr_a/train.jsonl": 1_992,
    "scitldr_a/dev.jsonl": 619,
    "scitldr_a/test.jsonl": 618,
    "semeval2010_task8/train.csv": 8_000,
    "semeval2010_task8/test.csv": 2_717,
    "semeval2010_task8/TRAIN_FILE.TXT": 8_000,
    "semeval2010_task8/TEST_FILE_FULL.TXT": 2_717,
    "sms_spam/spam.csv": 5_572,
    "sms_spam/spam_kaggle_layout.csv": 5_572,
    "squad_v1/derived_train.json": 6_743,
    "squad_v1/derived_heldout.json": 3_827,
    "sst2/train.tsv": 6_920,
    "sst2/dev.tsv": 872,
    "sst2/test.tsv": 1_821,
    "stsb_en/train.csv": 5_749,
    "stsb_en/dev.csv": 1_500,
    "stsb_en/test.csv": 1_379,
    "wiki_text/wiki_demo.txt": 30,
    "hymenoptera_images/train/ants": "pictures, which are refused by name",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("million", "sets"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.only != "million":
            sets(Path(folder))
        if options.only != "sets":
            million(Path(folder), options.rows)


def sets(folder: Path) -> None:
    right = stated = 0
    for name, expected in README.items():
        path = SHARED / name
        if path.is_dir():
            path = next(path.iterdir())
        try:
            read = reading.read(path, None, folder / "out.arrow")
            told = f"{read.rows:>7,} rows  {', '.join(read.columns)[:60]}"
            if isinstance(expected, int):
                stated += 1
                right += read.rows == expected
                told += "" if read.rows == expected else f"  EXPECTED {expected:,}"
            else:
                told += f"  ({expected})"
        except HoneError as error:
            told = f"        refused: {error.message}"
        print(f"{name:45s} {told}")
    print(f"\n{right} of {stated} files open with the rows their README states\n")


def million(folder: Path, rows: int) -> None:
    path = folder / "million.csv"
    write_million(path, rows)
    process = psutil.Process()
    data = Dataset.open(folder / "data")
    idle = process.memory_info().rss
    print(
        f"{rows:,} rows, {path.stat().st_size / 1e6:.0f} MB\n{'':34s}{'seconds':>9s}{'processor':>11s}{'most MB':>9s}"
    )

    def step(name: str, work: Callable[[], Any]) -> Any:
        with peak() as most:
            started, busy = time.perf_counter(), time.process_time()
            result = work()
            seconds, processor = time.perf_counter() - started, time.process_time() - busy
        print(f"{name:34s}{seconds:9.3f}{processor:11.3f}{(most() - idle) / 1e6:9.0f}")
        return result

    step("look at it", lambda: reading.inspect(path, path.name))
    step("import", lambda: data.add(path, path.name))
    step("counts, splits (first time)", data.counts)
    step("a page", lambda: data.page(rows // 2, 50))
    step("search", lambda: data.page(0, 50, search="refund"))
    step("search, next page", lambda: data.page(50, 50, search="refund"))
    step("filter by label", lambda: data.page(0, 50, label="card_arrival"))
    step("filter by split", lambda: data.page(0, 50, split="test"))
    step("sort by length (first time)", lambda: data.page(0, 50, sort="-length"))
    step("facts", data.facts)
    step("check-up, what is said at once", lambda: data.findings(wait=False))
    step("check-up, all (a job does it)", data.findings)
    step("queue of the Label tab", lambda: data.queue(only="all"))
    step("one label", lambda: data.labels.put([{"row": "1:0", "label": 1, "seq": 1, "client": "b"}], "b"))
    step("queue after it", lambda: data.queue(only="all", after="1:0"))
    step("page after it", lambda: data.page(0, 50))
    step("counts after it", data.counts)
    answers = [{"row": f"1:{i}", "label": 2, "seq": i, "client": "c"} for i in range(min(rows, 100_000))]
    step("100,000 labels", lambda: data.labels.put(answers, "b"))
    group = step("mend duplicates", lambda: checks.apply(data, "duplicate", "keep_one"))
    step("page after mending", lambda: data.page(0, 50))
    step("undo", lambda: (data.undo(group), data.page(0, 50)))
    step("freeze for a run", lambda: data.freeze(folder / "rows.arrow"))
    data.close()
    step("open again, first page", lambda: Dataset.open(folder / "data").page(0, 50))


def write_million(path: Path, rows: int) -> None:
    """Banking questions with words of film reviews behind them, about 170 characters each, and a few duplicates."""
    chance = random.Random(1)
    with (SHARED / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
        questions = list(csv.reader(file))[1:]
    reviews = [
        line.split("\t")[0] for line in (SHARED / "sst2" / "train.tsv").read_text(encoding="utf-8").splitlines()[1:]
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "category"])
        for i in range(rows):
            question, label = questions[chance.randrange(len(questions))]
            review = reviews[chance.randrange(len(reviews))]
            writer.writerow([f"{question.strip()} {review[:90]}{f' no {i}' if i % 3 else ''}", label])


@contextmanager
def peak() -> Iterator[Callable[[], int]]:
    """The most memory the process held inside the block, looked at every 10 ms."""
    process, stop = psutil.Process(), threading.Event()
    most = [process.memory_info().rss]

    def watch() -> None:
        while not stop.wait(0.01):
            most[0] = max(most[0], process.memory_info().rss)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: most[0]
    finally:
        stop.set()
        thread.join()


if __name__ == "__main__":
    main()

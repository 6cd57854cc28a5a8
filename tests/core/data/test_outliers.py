"""Texts unlike all others: planted ones are found, ordinary data has hardly any."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.data import checks
from core.data.checkup import outliers
from core.data.dataset import Dataset

LOG = "0x7ffe21b4 SEGV_MAPERR #00 pc 0004a1b8 /lib64/ld-2.31.so (__libc_start+0x27) #01 pc 00012ff4"


def opened(tmp_path: Path, path: Path) -> Dataset:
    data = Dataset.open(tmp_path / "data")
    data.add(path, path.name)
    return data


def test_a_log_and_a_whole_page_among_questions_are_found_and_left_out(tmp_path: Path, data_dir: Path) -> None:
    source = (data_dir / "banking77/train.csv").read_text(encoding="utf-8").rstrip("\r\n")
    path = tmp_path / "train.csv"
    page = "how do i get my card back from the machine " * 60
    path.write_text(f'{source}\n"{LOG}",card_arrival\n{page},card_arrival\n', encoding="utf-8")
    data = opened(tmp_path, path)
    finding = next(f for f in data.findings() if f.id == "outlier")
    texts = [row["text"] for row in data.page(only="finding:outlier").rows]
    assert LOG in texts and page.strip() in [text.strip() for text in texts]
    assert finding.count == len(texts) <= 10
    group = checks.apply(data, "outlier", "leave_out")
    assert data.counts().excluded == finding.count
    checks.undo(data, group)
    assert data.counts().excluded == 0


@pytest.mark.parametrize(
    "name", ["sms_spam/spam.csv", "sst2/train.tsv", "banking77/train.csv", "chnsenticorp/test.tsv"]
)
def test_ordinary_data_has_hardly_any(tmp_path: Path, data_dir: Path, name: str) -> None:
    state = opened(tmp_path, data_dir / name).state
    assert outliers.unlike_rows(state).sum() <= 0.001 * len(state)


def test_among_few_texts_none_is_unlike_the_others(labelled: Callable[..., Dataset]) -> None:
    data = labelled([*((f"a plain text {i}", "ab"[i % 2]) for i in range(40)), (LOG, "a")])
    assert not outliers.unlike_rows(data.state).any()

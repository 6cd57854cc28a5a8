"""What several test files of the data room need."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from core.data.dataset import Dataset


@pytest.fixture
def labelled(tmp_path: Path) -> Callable[..., Dataset]:
    """labelled([(text, label), ...], test=[...], validation=[...]): a data set of those rows, each list a file."""

    def make(rows: Sequence[tuple[str, str]], **others: Sequence[tuple[str, str]]) -> Dataset:
        data = Dataset.open(tmp_path / "data")
        for split, some in ((None if not others else "train", rows), *others.items()):
            path = tmp_path / f"{split}.jsonl"
            path.write_text("\n".join(json.dumps({"text": text, "label": label}) for text, label in some))
            data.add(path, path.name, split=split)
        return data

    return make

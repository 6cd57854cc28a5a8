"""Files coming in as jobs: the source stays beside the data, an upload is used up, a failure leaves things as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.data import intake
from core.data.dataset import Dataset
from core.errors import Cancelled, DataError, Missing, NotATable


def nothing(done: int, total: int) -> None: ...


def never() -> bool:
    return False


def upload(tmp_path: Path, text: str, name: str = "up") -> Path:
    folder = tmp_path / "uploads" / name
    folder.mkdir(parents=True)
    (folder / "file").write_text(text, encoding="utf-8")
    return folder / "file"


def bring(tmp_path: Path, text: str, **more):
    path = upload(tmp_path, text, f"up{len(list(tmp_path.glob('uploads/*')))}")
    return intake.bring(str(tmp_path / "data"), str(path), "mail.csv", progress=nothing, cancelled=never, **more)


def test_a_file_is_read_and_its_source_kept_by_its_number(tmp_path: Path):
    told = bring(tmp_path, "text,label\none,a\ntwo,b\n")
    data = Dataset.open(tmp_path / "data")
    assert told == {"file": data.imports[0].id, "name": "mail.csv", "rows": 2}
    one, path = intake.source(data, told["file"])
    assert one.rows == 2 and path.read_text() == "text,label\none,a\ntwo,b\n" and intake.has_source(data, one)
    assert not list((tmp_path / "uploads").iterdir())


def test_a_source_is_read_again_in_another_way_and_labels_stay(tmp_path: Path):
    told = bring(tmp_path, "text;label\none;a\ntwo;b\n")
    data = Dataset.open(tmp_path / "data")
    data.labels.put([{"row": f"{told['file']}:0", "label": "b", "seq": 1, "client": "w"}], "maria")
    again = intake.reread(str(tmp_path / "data"), told["file"], {"header": False}, progress=nothing, cancelled=never)
    assert again["rows"] == 3 and again["file"] != told["file"]
    assert [path.name for path in (tmp_path / "data" / "sources").iterdir()] == [str(again["file"])]
    back = intake.reread(str(tmp_path / "data"), again["file"], {}, progress=nothing, cancelled=never)
    assert data.row(f"{back['file']}:0")["label"] == "b"


def test_a_replaced_file_takes_its_source_along(tmp_path: Path):
    bring(tmp_path, "text,label\none,a\n")
    told = bring(tmp_path, "text,label\nnew,a\nnewer,b\n", replace=True)
    assert [path.name for path in (tmp_path / "data" / "sources").iterdir()] == [str(told["file"])]


@pytest.mark.parametrize(("text", "error"), [("", NotATable), ("text,label\n", DataError)])
def test_what_cannot_be_read_leaves_nothing_behind(tmp_path: Path, text: str, error: type[Exception]):
    with pytest.raises(error):
        bring(tmp_path, text)
    assert Dataset.open(tmp_path / "data").empty and not list((tmp_path / "uploads").iterdir())


def test_cancelling_leaves_nothing_behind(tmp_path: Path):
    path = upload(tmp_path, "text\n" + "a line\n" * 50_000)
    with pytest.raises(Cancelled):
        intake.bring(str(tmp_path / "data"), str(path), "mail.csv", progress=nothing, cancelled=lambda: True)
    assert Dataset.open(tmp_path / "data").empty and not path.exists()


def test_a_limit_on_rows_ends_the_import(tmp_path: Path):
    with pytest.raises(DataError, match="up to 3 rows"):
        bring(tmp_path, "text\n" + "a line\n" * 4, most=3)
    bring(tmp_path, "text\n" + "a line\n" * 3, most=3)


def test_a_file_whose_source_was_not_kept_says_so(tmp_path: Path):
    example = tmp_path / "example.csv"
    example.write_text("text,label\none,a\n")
    told = intake.copy(str(tmp_path / "data"), str(example), "example.csv", progress=nothing, cancelled=never)
    data = Dataset.open(tmp_path / "data")
    assert example.exists() and not intake.has_source(data, data.imports[0])
    with pytest.raises(Missing, match="not kept"):
        intake.source(data, told["file"])
    with pytest.raises(Missing):
        intake.source(data, 99)

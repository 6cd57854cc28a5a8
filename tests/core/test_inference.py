"""Finished models of every kind at work, on texts and on files."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from core.errors import Cancelled, ColumnMissing, ModelError
from core.inference import Predictor, predict_file
from core.training.runs import Run

TEXTS = ["lost my card the bank", "", "a red bike", "great movie " * 60, "x"]
KINDS = ["classic_run", "probe_run", "tuned_run", "standard_run"]


@pytest.fixture(params=KINDS)
def run(request: pytest.FixtureRequest) -> Run:
    return request.getfixturevalue(request.param)


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_every_kind_answers_every_text(run: Run):
    predictor = Predictor.open(run.model, device="cpu")
    shares = predictor.probabilities(TEXTS)
    assert shares.shape == (5, 3) and shares.dtype == np.float32
    assert np.allclose(shares.sum(axis=1), 1, atol=1e-5)
    answers = predictor.predict(TEXTS)
    assert (
        [a.label for a in answers[:4:2]] == ["lost card", "bicycle"] if run.spec["base"]["kind"] == "classic" else True
    )
    for answer, share in zip(answers, shares, strict=True):
        assert answer.label == predictor.labels[share.argmax()]
        assert answer.probabilities == pytest.approx(dict(zip(predictor.labels, share, strict=True)), abs=1e-6)


def test_a_text_gets_the_same_answer_alone_and_among_others(run: Run):
    predictor = Predictor.open(run.model, device="cpu")
    alone = np.concatenate([predictor.probabilities([text]) for text in TEXTS])
    assert np.allclose(predictor.probabilities(TEXTS * 30)[-5:], alone, atol=1e-5)


def test_the_scores_of_the_run_come_out_again(run: Run):
    from core.evaluation.report import splits

    found, names = splits(run.folder, run.spec["labels"]["names"])
    predictor = Predictor.open(run.model, device="cpu")
    said = predictor.probabilities(found["test"].texts).argmax(axis=1)
    assert predictor.labels == names
    assert (said == found["test"].labels).mean() == pytest.approx(run.view().test["accuracy"])


def test_no_texts_give_no_answers(tuned_run: Run):
    assert Predictor.open(tuned_run.model).predict([]) == []


def test_a_folder_without_a_model_is_told(tmp_path: Path):
    with pytest.raises(ModelError, match="holds no model"):
        Predictor.open(tmp_path)


def test_a_file_comes_back_with_answers_and_is_harmless_in_a_spreadsheet(tuned_run: Run, tmp_path: Path):
    source = tmp_path / "mails.csv"
    source.write_text('id;Message;prediction\n1;"=1+1; a red bike";x\n2;great film;\n3;;y\n', encoding="utf-8")
    seen: list[tuple[int, int]] = []
    told = predict_file(tuned_run.model, source, tmp_path / "out.csv", progress=lambda d, t: seen.append((d, t)))
    assert told == {
        "path": str(tmp_path / "out.csv"), "rows": 3, "done": 3, "column": "Message",
        "columns": {"text": ["Message"]}, "cancelled": False,
    }  # fmt: skip
    names, *rows = read(tmp_path / "out.csv")
    assert names == ["id", "Message", "prediction", "prediction 2", "probability"]
    assert rows[0][1] == "'=1+1; a red bike" and rows[2][:3] == ["3", "", "y"]
    expected = Predictor.open(tuned_run.model).predict(["=1+1; a red bike", "great film", ""])
    assert [row[3] for row in rows] == [a.label for a in expected]
    assert [float(row[4]) for row in rows] == pytest.approx([a.probabilities[a.label] for a in expected], abs=1e-5)
    assert seen[-1] == (3, 3)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mails.csv", "out.csv"]


def test_with_all_labels_each_has_a_column_of_probabilities(classic_run: Run, tmp_path: Path):
    (tmp_path / "a.tsv").write_text("text\tn\ngreat film\t1\nred bike\t2\n", encoding="utf-8")
    predict_file(classic_run.model, tmp_path / "a.tsv", tmp_path / "out.csv", all_labels=True)
    names, *rows = read(tmp_path / "out.csv")
    assert names[4:] == [f"p({label})" for label in Predictor.open(classic_run.model).labels]
    assert sum(float(cell) for cell in rows[0][4:]) == pytest.approx(1, abs=1e-4)


def test_a_sheet_comes_back_as_a_sheet(classic_run: Run, tmp_path: Path):
    book = openpyxl.Workbook()
    for row in (["text", "n"], ["great film", 1], ["=A1", 2]):
        book.active.append(row)
    book.active["A3"].data_type = "s"
    book.save(tmp_path / "a.xlsx")
    predict_file(classic_run.model, tmp_path / "a.xlsx", tmp_path / "out.xlsx")
    rows = list(openpyxl.load_workbook(tmp_path / "out.xlsx").active.iter_rows(values_only=True))
    assert rows[0] == ("text", "n", "prediction", "probability")
    assert rows[1][2] == "praise" and isinstance(rows[1][3], float)


def test_a_wanted_column_that_is_not_there_is_told_with_those_that_are(classic_run: Run, tmp_path: Path):
    (tmp_path / "a.csv").write_text("text,n\ngreat film,1\n", encoding="utf-8")
    with pytest.raises(ColumnMissing, match=r"no column “body” in this file\. It has: text, n"):
        predict_file(classic_run.model, tmp_path / "a.csv", tmp_path / "out.csv", column="body")
    assert (
        predict_file(classic_run.model, tmp_path / "a.csv", tmp_path / "out.csv", column=" TEXT ")["column"] == "text"
    )


def test_several_columns_are_put_together_by_a_template(tmp_path, classic_run):
    (tmp_path / "a.csv").write_text("head,body\ncard lost,bank pay\n,bike wheel\n", encoding="utf-8")
    columns = {"text": "{head}! {body}"}
    told = predict_file(classic_run.model, tmp_path / "a.csv", tmp_path / "out.csv", columns=columns)
    assert told["columns"] == {"text": ["head", "body"]} and told["done"] == 2
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    said = Predictor.open(classic_run.model).predict(["card lost! bank pay", "! bike wheel"])
    assert [float(row["probability"]) for row in rows] == pytest.approx(
        [max(p.probabilities.values()) for p in said], abs=1e-5
    )


def test_cancelling_keeps_what_is_done(classic_run: Run, tmp_path: Path):
    with (tmp_path / "a.csv").open("w", encoding="utf-8") as file:
        file.write("text,n\n" + "".join(f"great film number {i},{i}\n" for i in range(3000)))
    at = [0]

    def progress(done: int, total: int) -> None:
        at[0] = done

    told = predict_file(
        classic_run.model, tmp_path / "a.csv", tmp_path / "out.csv", None, progress, lambda: at[0] >= 1024
    )
    assert told["cancelled"] and 1024 <= told["done"] < 3000 and told["rows"] == 3000
    rows = read(tmp_path / "out.csv")
    assert len(rows) == told["done"] + 1 and rows[-1][1] == str(told["done"] - 1)


def test_cancelling_while_the_file_is_read_leaves_nothing(classic_run: Run, tmp_path: Path):
    (tmp_path / "a.csv").write_text("text,n\n" + "great film,1\n" * 20_000, encoding="utf-8")
    with pytest.raises(Cancelled):
        predict_file(classic_run.model, tmp_path / "a.csv", tmp_path / "out.csv", cancelled=lambda: True)
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]


def test_a_moved_model_still_answers(tuned_run: Run, tmp_path: Path):
    shutil.copytree(tuned_run.model, tmp_path / "elsewhere")
    here, there = Predictor.open(tuned_run.model), Predictor.open(tmp_path / "elsewhere")
    assert (here.probabilities(TEXTS) == there.probabilities(TEXTS)).all()

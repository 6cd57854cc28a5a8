"""Several columns as one text by a template: row by row and many at once, in a data set, and wherever columns are named."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from core.data import templates
from core.data.dataset import Dataset
from core.errors import DataError
from core.tasks import guessing

LETTER = "Subject: {subject}\n\n{body} ({subject})"


def letters(tmp_path: Path) -> Dataset:
    file = tmp_path / "mail.csv"
    file.write_text('subject,body,topic\nLate,Where is it?,a\n,"Only, a body",b\n  ,,a\n{body},x,b\n', encoding="utf-8")
    data = Dataset.open(tmp_path / "data")
    data.add(file, "mail.csv")
    data.set_roles({"text": LETTER, "label": "topic"})
    return data


def test_what_is_a_template_and_which_columns_it_names():
    assert templates.is_template(LETTER, ["subject", "body"]) and templates.is_template("{x}", [])
    assert not templates.is_template("{x}", ["{x}"])  # a column may be called so
    assert not templates.is_template("subject", []) and not templates.is_template(["{a}", "b"], [])
    assert templates.columns_in(LETTER, ["body", "subject", "topic"]) == ["subject", "body"]
    assert templates.columns_in(LETTER, ["body"]) is None
    assert templates.columns_in(["a", "b"], ["a", "b"]) == ["a", "b"]
    assert templates.columns_in("a", ["b"]) is None and templates.columns_in(None, []) == []


def test_many_rows_are_filled_as_one_is():
    cells = {"subject": ["Late", "", " ", "{body}", None], "body": ["Where?", "Only this", "", "x", None]}
    many = templates.joined(LETTER, {name: pa.array(values, pa.string()) for name, values in cells.items()})
    rows = [dict(zip(cells, values, strict=True)) for values in zip(*cells.values(), strict=True)]
    assert many.to_pylist() == [templates.filled(LETTER, row) for row in rows]
    assert many.to_pylist() == [
        "Subject: Late\n\nWhere? (Late)",
        "Subject: \n\nOnly this ()",
        "",
        "Subject: {body}\n\nx ({body})",
        "",
    ]


def test_a_data_set_reads_its_texts_by_the_template(tmp_path: Path):
    data = letters(tmp_path)
    assert data.task == "classification" and data.counts().labels == {
        "a": 1,
        "b": 2,
    }  # a row without words counts as empty
    rows = data.page(0, 9).rows
    assert rows[0]["text"] == "Subject: Late\n\nWhere is it? (Late)" and rows[3]["text"].startswith("Subject: {body}")
    frozen = tmp_path / "rows.arrow"
    assert data.freeze(frozen).columns["text"] == LETTER
    with pa.memory_map(str(frozen)) as source:
        assert pa.ipc.open_file(source).read_all().column("text")[0].as_py() == rows[0]["text"]
    assert Dataset.open(tmp_path / "data").page(0, 1).rows[0]["text"] == rows[0]["text"]  # after a restart
    data.set_roles({"text": ["subject", "body"]})
    assert data.page(0, 1).rows[0]["text"] == "Late\nWhere is it?"


def test_the_second_text_of_a_pair_may_have_one_too(tmp_path: Path):
    file = tmp_path / "pairs.csv"
    file.write_text("one,title,body,same\na dog,An animal,runs,yes\na cat,A plant,grows,no\n", encoding="utf-8")
    data = Dataset.open(tmp_path / "data")
    data.add(file, "pairs.csv")
    guessing.settle(data, "pairs")
    data.set_roles({"text": "{one}!", "text_b": "{title}: {body}", "label": "same"})
    assert data.page(0, 1).rows[0]["inputs"] == {"text": "a dog!", "text_b": "An animal: runs"}
    with pytest.raises(DataError, match="no template"):
        data.set_roles({"label": "{same}"})


def test_a_further_file_with_these_columns_is_read_by_it(tmp_path: Path):
    data = letters(tmp_path)
    more = tmp_path / "more.csv"
    more.write_text("topic,body,subject\nb,Thanks,Praise\n", encoding="utf-8")
    data.add(more, "more.csv")
    assert data.page(4, 1).rows[0]["text"] == "Subject: Praise\n\nThanks (Praise)"


@pytest.mark.parametrize(
    ("template", "told"), [("{subjekt}: {body}", "no column “subjekt”"), ("{" + "x" * 3000 + "}", "up to 2,000")]
)
def test_a_template_that_cannot_be_filled_is_refused(template, told, tmp_path: Path):
    data = letters(tmp_path)
    with pytest.raises(DataError, match=told):
        data.set_roles({"text": template})
    assert data.page(0, 1).rows[0]["text"].startswith("Subject: Late")


def test_a_recipe_holds_it(tmp_path: Path):
    from core.export.recipe import read_recipe, recipe_text
    from core.training.settings import TrainingSettings

    text = recipe_text(
        TrainingSettings(), preset="quick", phases=None, name="x", task="classification", roles={"text": LETTER}
    )
    told = read_recipe(text)
    assert not told.problems and told.roles == {"text": LETTER}
    assert json.dumps(LETTER)[1:-1] in text or "Subject" in text

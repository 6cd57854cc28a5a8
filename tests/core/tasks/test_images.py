"""The task of pictures: from a zip of folders to a model that answers, on made-up pictures and the smallest blank model."""

from __future__ import annotations

import csv
import io
import json
import random
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core import projects
from core.data import images
from core.data.dataset import Dataset
from core.data.image_folders import gathered
from core.errors import DataError, Missing
from core.evaluation import measured, report
from core.export import pack
from core.inference import Predictor, predict_file
from core.models import blank
from core.models.catalogue import find
from core.models.loading import open_base
from core.tasks import guessing, task
from core.tasks.base import Labels, LabelScores
from core.tasks.histograms import contender
from core.tasks.images import edge_of, varied
from core.training import runs
from core.training.runs import Run
from core.training.settings import TrainingSettings
from core.training.worker import worker
from core.workspace import Workspace

IMAGES = task("images")
COLOURS = {"apple": (200, 30, 40), "leaf": (30, 170, 50)}


def picture(label: str, dice: random.Random) -> bytes:
    """A blot in the label's colour on any grey ground."""
    ground = dice.randint(40, 220)
    made = Image.new("RGB", (40, 30), (ground, ground, ground))
    made.paste(COLOURS[label], (dice.randint(0, 10), dice.randint(0, 8), dice.randint(24, 38), dice.randint(18, 28)))
    buffer = io.BytesIO()
    made.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def zipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """50 pictures in a folder for each label, and one file that is no picture."""
    path, dice = tmp_path_factory.mktemp("fruit") / "fruit.zip", random.Random(5)
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(50):
            for label in COLOURS:
                archive.writestr(f"fruit/{label}/{i}.png", picture(label, dice))
        archive.writestr("fruit/apple/broken.png", b"no picture at all")
    return path


@pytest.fixture(scope="module")
def run(zipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run on the zip, as Start makes it."""
    project = projects.create(Workspace.open(tmp_path_factory.mktemp("home")), "Fruit")
    data = project.dataset()
    data.add(zipped, "fruit.zip")
    assert guessing.settle(data) == "images"
    base = find("blank:image-tiny")
    values = {**IMAGES.usual, "base": base.id, "epochs": 4.0, "batch_size": 8, "learning_rate": 5e-3, "patience": 0}
    made = runs.create(
        project.folder, name="Fruit", task=data.task, base=base, settings=TrainingSettings(**values),
        phases=[{"method": "full", "settings": {}, "fresh": False}], preset="own", dataset=data, threads=1,
    )  # fmt: skip
    worker(str(made.folder))
    assert made.view().state == "finished", made.error
    return made


def rows_of(folder: Path, count: int = 12) -> list[dict[str, Any]]:
    dice, found = random.Random(2), []
    for i in range(count):
        label = ("apple", "leaf")[i % 2]
        name = images.keep(picture(label, dice), folder).image
        found.append({"id": str(i), "image": str(folder / name), "label": label, "split": "train"})
    return found


# From the zip to the rows ----------------------------------------------------------------------------------------------


def test_a_zip_of_folders_is_a_data_set_of_pictures(zipped: Path, tmp_path: Path):
    data = Dataset.open(tmp_path)
    one = data.add(zipped, "fruit.zip")
    assert guessing.settle(data) == "images"
    assert one.rows == 100 and "1 file is no readable picture" in str(one.warnings[0])
    page = data.page(0, 3)
    assert [row["label"] for row in page.rows] == ["apple", "leaf", "apple"]
    assert all((data.files / row["inputs"]["image"]).is_file() for row in page.rows)
    assert data.counts().labelled == 100


def test_a_zip_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("core.data.reading.SMALL_ZIP", 1 << 20)
    buffer = io.BytesIO()
    Image.new("RGB", (700, 700)).save(buffer, "BMP")  # 1.5 MB that shrink to nearly nothing
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(4):
            archive.writestr(f"a/{i}.bmp", buffer.getvalue()[:-1] + bytes([i]))
    data = Dataset.open(tmp_path / "data")
    with pytest.raises(DataError, match="larger than"):
        data.add(tmp_path / "bomb.zip", "bomb.zip")
    assert data.empty and not list(data.files.glob("*.bmp"))


def test_a_table_that_comes_after_its_zip_gives_the_pictures_their_labels(tmp_path: Path):
    dice = random.Random(8)
    with zipfile.ZipFile(tmp_path / "loose.zip", "w") as archive:
        for i in range(10):
            archive.writestr(f"all/{i}.png", picture(("apple", "leaf")[i % 2], dice))
    lines = [f"all/{i}.png,{('apple', 'leaf')[i % 2]},note {i}" for i in range(9)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,kind,note", *lines, "gone.png,apple,x"]), encoding="utf-8")
    data = Dataset.open(tmp_path / "data")
    data.add(tmp_path / "loose.zip", "loose.zip")
    assert guessing.settle(data) == "images" and data.counts().labelled == 0
    one = data.add(tmp_path / "labels.csv", "labels.csv")
    assert [i.name for i in data.imports] == ["labels.csv"] and data.counts().labelled == 9
    assert data.roles["label"].column == "kind" and "names no picture" in str(one.warnings[0])
    assert {row["label"] for row in data.page(0, 20).rows} == set(COLOURS)
    assert len(list(data.files.iterdir())) == 9  # the one that nobody names any more is gone
    again = data.reread(one.id, tmp_path / "labels.csv", None)
    assert again.rows == 9 and data.state.usable.all() and data.counts().labelled == 9


def test_a_table_beside_labelled_pictures_that_names_none_stays_a_table(zipped: Path, tmp_path: Path):
    (tmp_path / "mail.csv").write_text("text,topic\nhello there,a\ngood bye,b\n", encoding="utf-8")
    data = Dataset.open(tmp_path / "data")
    data.add(zipped, "fruit.zip")
    guessing.settle(data)
    one = data.add(tmp_path / "mail.csv", "mail.csv")
    assert len(data.imports) == 2 and one.columns == ("text", "topic") and data.counts().labelled == 100


def test_pictures_go_with_their_file_but_runs_keep_theirs(zipped: Path, tmp_path: Path):
    data = Dataset.open(tmp_path / "data")
    one = data.add(zipped, "fruit.zip")
    guessing.settle(data)
    data.freeze(tmp_path / "run" / "rows.arrow")
    there = {path.name for path in data.files.iterdir()}
    data.remove(one.id)
    assert len(there) == 100 and not any(data.files.iterdir())
    assert {path.name for path in (tmp_path / "run" / "files").iterdir()} == there


def test_a_row_whose_cell_is_no_picture_takes_no_part(tmp_path: Path):
    """A table may say anything; only names that Hone gave to pictures are looked for."""
    table = tmp_path / "rows.csv"
    table.write_text("image,label\n/etc/hostname,a\n../log.sqlite,b\n", encoding="utf-8")
    data = Dataset.open(tmp_path / "data")
    data.add(table, "rows.csv")
    guessing.settle(data, "images")
    assert not data.state.usable.any()
    rows = [{"image": "../../secret"}, {"image": "a" * 32 + ".png"}]
    images.placed(rows, IMAGES.columns, tmp_path)
    assert rows == [{"image": None}, {"image": str(tmp_path / ("a" * 32 + ".png"))}]


# Learning ----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def processor(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("blank")
    blank.make("image", "tiny", [], folder)
    return open_base(find(str(folder)), "image").tokenizer


def test_pictures_vary_by_a_chance_of_each_round_and_never_when_asked(processor: Any, tmp_path: Path):
    rows = rows_of(tmp_path)
    examples = list(IMAGES.encode(rows, processor, None))
    settings = SimpleNamespace(batch_size=4, augmentation=True)

    def seen(seed: int | None, augmentation: bool = True) -> np.ndarray:
        chosen = SimpleNamespace(**{**settings.__dict__, "augmentation": augmentation})
        batch = examples if seed is None else [e for some in IMAGES.arrange(examples, chosen, seed) for e in some]
        order = np.argsort([example.row for example in batch])
        return IMAGES.collate(batch, [0] * len(batch), processor)["pixel_values"].numpy()[order]

    assert np.array_equal(seen(1), seen(1)) and not np.array_equal(seen(1), seen(2))
    assert np.array_equal(seen(1, augmentation=False), seen(None))
    assert not np.array_equal(seen(1), seen(None))
    assert seen(None).shape == (12, 3, edge_of(processor), edge_of(processor))


def test_varied_pictures_keep_most_of_what_they_show():
    made = Image.new("RGB", (90, 60), (200, 30, 40))
    for seed in range(40):
        found = varied(made, np.random.default_rng(seed))
        assert 0.6 <= found.width * found.height / (90 * 60) <= 1.0
        red, green, blue = np.asarray(found).reshape(-1, 3).mean(axis=0)
        assert red > 2 * green and red > 2 * blue


def test_a_file_that_is_no_picture_is_refused_with_its_name(processor: Any, tmp_path: Path):
    (tmp_path / "notes.png").write_text("not a picture", encoding="utf-8")
    with pytest.raises(DataError) as refused:
        list(IMAGES.encode([{"image": str(tmp_path / "notes.png")}], processor, None))
    assert "notes.png" in str(refused.value.message)
    with pytest.raises(DataError):
        list(IMAGES.encode([{"image": None}], processor, None))


def test_large_pictures_are_made_small_and_turned_upright(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    Image.new("RGB", (800, 400), "red").save(tmp_path / "large.jpg", exif=exif)
    assert images.look(tmp_path / "large.jpg", 100).size == (100, 200)


def test_colours_alone_tell_red_from_green(tmp_path: Path):
    rows = rows_of(tmp_path, 40)
    labels = Labels(("apple", "leaf"), (20, 20))
    said = contender(rows[:30], [], rows[30:], labels, lambda: False)
    assert [answer.label for answer in said] == [row["label"] for row in rows[30:]]


# What it reaches, and what it is good for ----------------------------------------------------------------------------------


def test_the_run_tells_colours_apart_and_its_report_shows_pictures_by_name(run: Run):
    assert run.view().test["accuracy"] >= 0.8
    made = report.make(run.folder)
    figures = {figure["name"]: figure["data"] for figure in made["figures"]}
    confusion = figures["confusion"]
    assert sum(count for _, _, count in confusion["cells"]) == made["total"] == len(run_rows(run, "test"))
    assert all((run.folder / "files" / name).is_file() for _, _, names in confusion["pictures"] for name in names)
    assert {one["id"] for one in made["contenders"]} == {"run", "commonest", "histograms"}
    asked = measured.rows_of(run.folder, only="worst")["rows"]
    assert all(images.NAME.fullmatch(row["inputs"]["image"]) for row in asked)
    assert str(run.folder) not in json.dumps(made) + json.dumps(asked)


def run_rows(run: Run, split: str) -> list[dict[str, Any]]:
    return [row for row in measured.rows_in(run.folder / "rows.arrow", IMAGES) if row["split"] == split]


def test_sure_mistakes_stand_first():
    labels = Labels(("a", "b"), (1, 1))
    rows = [{"image": f"{i}.png", "label": "a"} for i in range(3)]
    said = [LabelScores("b", {"a": 0.4, "b": 0.6}), LabelScores("b", {"a": 0.1, "b": 0.9}), LabelScores("a", {"a": 0.5, "b": 0.5})]  # fmt: skip
    told = IMAGES.report(rows, said, labels)
    assert [row["inputs"]["image"] for row in told["samples"]["rows"]] == ["1.png", "0.png"]
    credits = [IMAGES.credit(row, p, labels) for row, p in zip(rows, said, strict=True)]
    assert credits == [0.4, 0.1, 1.0]


def test_a_zip_comes_back_with_an_answer_beside_each_picture(run: Run, zipped: Path, tmp_path: Path):
    done = predict_file(run.model, zipped, tmp_path / "answers.csv", device="cpu")
    with (tmp_path / "answers.csv").open(encoding="utf-8-sig", newline="") as file:
        found = list(csv.DictReader(file))
    assert done["done"] == len(found) == 100 and list(found[0]) == ["label", "name", "prediction", "probability"]
    assert sum(row["label"] == row["prediction"] for row in found) >= 80


def test_a_table_with_file_names_and_a_folder_are_packed_for_asking(run: Run, tmp_path: Path):
    dice = random.Random(9)
    (tmp_path / "shots").mkdir()
    for label in COLOURS:
        (tmp_path / "shots" / f"{label}.png").write_bytes(picture(label, dice))
    table = tmp_path / "list.csv"
    table.write_text(
        "file,note\nshots/apple.png,first\nshots/leaf.png,second\nshots/gone.png,third\n", encoding="utf-8"
    )
    done = predict_file(run.model, gathered(table, tmp_path / "list.zip"), tmp_path / "out.csv", device="cpu")
    assert done["done"] == 2
    told = (tmp_path / "out.csv").read_text(encoding="utf-8-sig").splitlines()
    assert told[0].startswith("file,note") or told[0].startswith("note")
    done = predict_file(run.model, gathered(tmp_path / "shots", tmp_path / "two.zip"), tmp_path / "o.csv", device="cpu")
    assert done["done"] == 2
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError):
        gathered(tmp_path / "empty", tmp_path / "none.zip")


def test_the_copy_answers_as_the_run_does(run: Run):
    made = pack.pack(run.folder)
    assert made["checked"] == made["equal"] == len(run_rows(run, "test"))


def test_a_kept_model_is_asked_with_a_path(run: Run, tmp_path: Path):
    (tmp_path / "one.png").write_bytes(picture("leaf", random.Random(1)))
    predictor = Predictor.open(run.model, device="cpu")
    (answer,) = predictor.predict([str(tmp_path / "one.png")])
    assert answer.as_json()["label"] == "leaf"
    with pytest.raises((DataError, Missing)):
        predictor.predict([str(tmp_path / "away.png")])


def test_the_command_line_learns_from_a_folder_and_answers_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    from core.cli import main

    dice = random.Random(6)
    for label in COLOURS:
        (tmp_path / "fruit" / label).mkdir(parents=True)
        for i in range(15):
            (tmp_path / "fruit" / label / f"{i}.png").write_bytes(picture(label, dice))
    home = ["--workspace", str(tmp_path / "home")]
    knobs = ["--base", "blank:image-tiny", "--epochs", "2", "--patience", "0", "--batch-size", "8"]
    assert main(["train", str(tmp_path / "fruit"), *home, *knobs, "--inline"]) == 0
    assert main(["predict", "last", str(tmp_path / "fruit" / "leaf"), *home]) == 0
    with (tmp_path / "fruit" / "leaf.answered.csv").open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.DictReader(file))) == 15
    capsys.readouterr()
    assert main(["predict", "last", str(tmp_path / "fruit" / "leaf" / "0.png"), *home]) == 0
    assert capsys.readouterr().out.split("\t")[0] in COLOURS

"""Pictures through the page's calls and routes: from a zip to rows, small copies, a report and answers; and what nobody may fetch."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from core import projects
from core.errors import DataError, HoneError, Missing
from core.evaluation import report
from core.models.catalogue import find
from core.tasks import task
from core.training import runs
from core.training.settings import TrainingSettings
from core.training.worker import worker
from core.workspace import Workspace, new_id, write_json
from webui import measures
from webui.calls import Here, plain
from webui.guard import Guard
from webui.routes import routes
from webui.studio import Studio
from webui.tabs import data, evaluate, label, playground, train
from webui.who import welcome

COLOURS = {"apple": (200, 30, 40), "leaf": (30, 170, 50)}


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (300, 200)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG")
    return buffer.getvalue()


def a_zip(path: Path) -> Path:
    dice = random.Random(4)
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(30):
            for name, (red, green, blue) in COLOURS.items():
                other = (red + dice.randint(-20, 20), green + dice.randint(-20, 20), blue + dice.randint(-20, 20))
                archive.writestr(f"{name}/{i}.jpg", picture(other, (40 + i, 40)))
    return path


def sent(here: Here, data: bytes, name: str) -> str:
    """What the upload route leaves behind."""
    upload = new_id("upload")
    folder = here.workspace.folder / "uploads" / upload
    folder.mkdir(parents=True)
    (folder / "file").write_bytes(data)
    write_json(folder / "upload.json", {"format": 1, "file": "file", "name": name, "size": len(data)})
    return upload


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    """A project with 60 pictures that came as a zip."""
    folder = tmp_path_factory.mktemp("pictures")
    workspace = Workspace.open(folder / "home")
    studio = Studio(workspace.home)
    one = Here(studio, workspace, "en", projects.create(workspace, "Fruit").id)
    started = data.load(one, upload=sent(one, a_zip(folder / "fruit.zip").read_bytes(), "fruit.zip"))
    ended = plain(one.jobs.wait(started["id"], timeout=60), "en")
    assert ended["state"] == "done", ended
    yield one
    studio.close()


@pytest.fixture(scope="module")
def run(here: Here) -> runs.Run:
    base = find("blank:image-tiny")
    values = {**task("images").usual, "base": base.id, "epochs": 3.0, "batch_size": 8, "learning_rate": 5e-3}
    made = runs.create(
        here.project.folder, name="Fruit", task="images", base=base, settings=TrainingSettings(**values),
        phases=[{"method": "full", "settings": {}, "fresh": False}], preset="own", dataset=here.dataset, threads=1,
    )  # fmt: skip
    worker(str(made.folder))
    assert made.view().state == "finished", made.error
    return made


def client(studio: Studio) -> TestClient:
    return TestClient(Starlette(routes=routes(studio), middleware=[Middleware(Guard, hosts={"testserver"})]))


def names(here: Here) -> list[str]:
    return [row["inputs"]["image"] for row in data.rows(here, count=5)["rows"]]


# Rows and labels -------------------------------------------------------------------------------------------------------


def test_a_zip_of_pictures_shows_rows_with_their_names_and_labels(here: Here):
    told = plain(data.state(here), "en")
    assert told["task"]["name"] == "images" and told["counts"]["rows"] == 60
    assert "zip of pictures" in told["imports"][0]["said"]
    assert {row["label"]["name"] for row in data.rows(here)["rows"]} == set(COLOURS)
    assert data.facts(here)["mean"] == 0 and not any(
        f["code"] in ("long", "unknown") for f in data.findings(here)["findings"]
    )
    assert data.choices(here)[0]["name"] == "images"


def test_the_label_tab_gets_a_picture_to_show_and_takes_its_label(here: Here):
    state = plain(label.state(here), "en")
    assert state["inputs"] == [{"role": "image", "kind": "image", "title": "The pictures are in"}]
    assert state["question"] == "What is in this picture?"
    row = label.texts(here, show="all", count=1)["rows"][0]
    assert row["inputs"]["image"].endswith(".jpg")


# Small copies ----------------------------------------------------------------------------------------------------------


def test_pictures_are_sent_as_small_copies_of_our_own(here: Here):
    web, name = client(here.studio), names(here)[0]
    for size, most in (("", 160), ("?size=large", 1000)):
        answer = web.get(f"/hone/picture/{here.project_id}/{name}{size}")
        assert answer.status_code == 200 and answer.headers["content-type"] == "image/webp"
        assert answer.headers["x-content-type-options"] == "nosniff" and "private" in answer.headers["cache-control"]
        assert max(Image.open(io.BytesIO(answer.content)).size) <= most


@pytest.mark.parametrize(
    "address",
    ["{project}/" + "0" * 32 + ".jpg", "{project}/..%2F..%2Flog.sqlite", "{project}/log.sqlite", "..%2F{project}/{name}", "nobody/{name}", "{project}/{name}/..", "{project}/" + "0" * 32 + ".jpg?run=../../x"],
)  # fmt: skip
def test_nothing_else_can_be_fetched(here: Here, address: str):
    asked = address.format(project=here.project_id, name=names(here)[0])
    assert client(here.studio).get(f"/hone/picture/{asked}").status_code == 404


def test_a_visitor_sees_only_pictures_of_his_own(here: Here, tmp_path: Path):
    studio = Studio(tmp_path / "home", mode="demo")
    try:
        mine, other = welcome(studio), welcome(studio)
        owner = Here(studio, playground_of(studio, mine), "en")
        owner.project_id = projects.create(owner.workspace, "Mine").id
        owner.dataset.add(a_zip(tmp_path / "mine.zip"), "mine.zip")
        name = owner.dataset.page(0, 1).rows[0]["cells"]["image"]
        address = f"/hone/picture/{owner.project_id}/{name}"
        web = client(studio)
        assert web.get(address, headers={"X-Hone-Token": mine}).status_code == 200
        assert web.get(address, headers={"X-Hone-Token": other}).status_code == 404
        assert web.get(address).status_code == 404
    finally:
        studio.close()


def playground_of(studio: Studio, token: str) -> Any:
    from webui.who import who

    return who(studio, None, token)


# A finished run --------------------------------------------------------------------------------------------------------


def test_a_report_shows_pictures_and_hides_where_they_lie(here: Here, run: runs.Run):
    told = plain(measures.parts(here, run.id, report.make(run.folder)), "en")
    page = plain(evaluate.texts(here, run=run.id, what={"kind": "worst"}, start=0, count=5), "en")
    watched = train.opened(here, run=run.id)["watched"]
    assert all(row["kind"] == "image" for row in watched)
    shown = [row["inputs"]["image"] for row in page["rows"]] + [row["text"] for row in watched]
    web = client(here.studio)
    for name in shown:
        assert web.get(f"/hone/picture/{here.project_id}/{name}?run={run.id}").status_code == 200
    assert str(here.workspace.home) not in json.dumps([told, page, watched])


def test_pictures_of_a_run_outlive_the_data(here: Here, run: runs.Run):
    name = names(here)[0]
    frozen = next(path.name for path in (run.folder / "files").iterdir())
    (here.project.data / "files" / frozen).rename(here.project.data / "files" / "aside")
    try:
        web = client(here.studio)
        for copy in (here.project.data / "cache").glob(f"{frozen[:32]}*"):
            copy.unlink()
        assert web.get(f"/hone/picture/{here.project_id}/{frozen}").status_code == 404
        assert web.get(f"/hone/picture/{here.project_id}/{frozen}?run={run.id}").status_code == 200
        assert web.get(f"/hone/picture/{here.project_id}/{name}?run=run-none").status_code in (200, 404)
    finally:
        (here.project.data / "files" / "aside").rename(here.project.data / "files" / frozen)


def test_the_playground_answers_a_picture_that_was_sent_and_one_kept_aside(here: Here, run: runs.Run):
    mine = sent(here, picture((205, 25, 45)), "mine.jpg")
    (answer,) = playground.answer(here, runs=[run.id], inputs={"image": {"upload": mine}})["answers"]
    assert answer["labels"][0]["name"] == "apple"
    kept = plain(playground.sample(here, run=run.id), "en")
    (answer,) = playground.answer(here, runs=[run.id], inputs={"image": {"name": kept["inputs"]["image"]}})["answers"]
    assert answer["kind"] == "label_scores"
    text = sent(here, b"words", "words.txt")
    with pytest.raises(HoneError):
        playground.answer(here, runs=[run.id], inputs={"image": {"upload": text}})


def test_the_playground_opens_no_file_that_a_page_names(here: Here, run: runs.Run, tmp_path: Path):
    (tmp_path / "secret.jpg").write_bytes(picture((200, 30, 40)))
    path = str(tmp_path / "secret.jpg")
    for asked in ({"inputs": {"image": path}}, {"inputs": {"image": {"name": path}}}, {"inputs": {"image": {"upload": path}}}, {"text": path}):  # fmt: skip
        with pytest.raises((Missing, DataError)):
            playground.answer(here, runs=[run.id], **asked)


def test_a_zip_is_answered_picture_by_picture(here: Here, run: runs.Run, tmp_path: Path):
    upload = sent(here, a_zip(tmp_path / "more.zip").read_bytes(), "more.zip")
    look = plain(playground.file_look(here, run=run.id, upload=upload), "en")
    assert look["roles"][0]["columns"] == ["image"] and look["first"]["image"] == "0.jpg"
    playground.file_start(here, run=run.id, upload=upload, column="image")
    here.jobs.wait(here.jobs.latest(f"file:{here.project_id}"), timeout=120)
    done = plain(playground.file_state(here), "en")
    assert done["state"] == "done" and done["rows"] == 60 and done["sample"][0]["text"].endswith(".jpg")

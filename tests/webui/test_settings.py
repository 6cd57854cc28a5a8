"""The calls of the Settings tab: the draft on the server, and that everything is checked again before a run is made."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest

from core import projects
from core.data.dataset import Dataset
from core.errors import HoneError, NotAllowed, SettingsError
from core.tasks import guessing
from core.training import draft as drafts
from core.training.draft import Draft
from core.workspace import Workspace
from webui.calls import Here, plain
from webui.studio import DEMO, Studio
from webui.tabs import settings as tab
from webui.tabs import train


@pytest.fixture
def here(workspace: Workspace, tmp_path: Path):
    studio = Studio(workspace.home, inline=True)
    project = projects.create(workspace, "Mail")
    file = tmp_path / "mail.csv"
    lines = [f"the card of {i} is lost,money" for i in range(40)] + [
        f"the wheel of {i} is bent,bike" for i in range(40)
    ]
    file.write_text("text,label\n" + "\n".join(lines), encoding="utf-8")
    Dataset.open(project.data).add(file, file.name)
    studio.engine.close()  # what is started waits in line: these tests are about what comes before
    return Here(studio, workspace, "en", project.id)


def said(value) -> dict:
    return json.loads(json.dumps(plain(value, "en")))


def test_all_that_the_tab_draws_comes_in_one_answer(here: Here):
    told = said(tab.settings(here))
    assert told["preset"] == "balanced" and told["changed"] == {}
    assert [p["title"] for p in told["presets"]] == ["Quick look", "Balanced", "Best"]
    assert told["good"]["base"] == told["base"]["id"] == "bundled:all-MiniLM-L6-v2"
    assert told["texts"] == 64
    assert told["why"] and told["needs"] is None and told["problems"] == {}


def test_a_kept_draft_is_there_again(here: Here):
    told = said(tab.keep(here, preset="best", changed={"learning_rate": 0.5}))
    assert told["problems"] == {"learning_rate": "0.5 is outside 0.0000001 to 0.1. 0.00005 suits this model."}
    assert said(tab.settings(here))["changed"] == {"learning_rate": 0.5}


def test_a_wrong_draft_starts_nothing_however_the_page_asks(here: Here):
    tab.keep(here, preset="balanced", changed={"learning_rate": 0.5, "batch_size": -3})
    with pytest.raises(SettingsError) as caught:
        tab.start(here)
    assert {p.field for p in caught.value.problems} == {"learning_rate", "batch_size"}
    assert here.project.runs() == []


def test_start_writes_the_run_as_it_was_asked_for(here: Here):
    tab.keep(here, preset="balanced", changed={"epochs": "2", "class_weights": "sqrt"})
    run = here.run(tab.start(here)["run"])
    assert here.engine.place(run) == 1
    assert run.spec["changed"] == {"epochs": 2.0, "class_weights": "sqrt"}
    assert run.spec["name"] == "Balanced, changed"
    assert [p["method"] for p in run.spec["phases"]] == ["head", "full"]
    assert run.spec["why"] and run.spec["base"]["id"] == "bundled:all-MiniLM-L6-v2"


def test_what_is_ticked_stands_beside_the_run_in_words_and_is_followed_only_on_ones_own_machine(here: Here):
    ticked = {"follow": ["mlflow", "tensorboard"], "vary_texts": ["drop"]}
    assert said(tab.keep(here, preset="balanced", changed=ticked))["more"]["own_machine"] is True
    run = here.run(tab.start(here)["run"])
    assert run.spec["settings"]["follow"] == ["tensorboard", "mlflow"]  # in the order of the choices
    [line] = said(train.training(here))["runs"]
    assert sorted(line["changed"]) == ["Vary the texts: Words left out", "Watched by others, too: TensorBoard, MLflow"]
    shared = Here(Studio(here.studio.home, mode="login", inline=True), here.workspace, "en", here.project_id)
    shared.studio.engine.close()
    run = shared.run(tab.start(shared)["run"])
    assert run.spec["settings"]["follow"] == [] and run.spec["settings"]["vary_texts"] == ["drop"]


def test_what_is_cleaned_away_is_shown_on_a_text_of_the_data_and_kept_with_the_run(here: Here):
    here.dataset.change_cell(here.dataset.page(3, 1).rows[0]["id"], "text", "the <b>CARD</b> is lost")
    told = said(tab.cleaning(here, steps=["html", "lower"]))
    assert told == {"looked": 80, "example": {"before": "the <b>CARD</b> is lost", "after": "the card is lost"}}
    assert said(tab.cleaning(here, steps=["urls"]))["example"] is None
    with pytest.raises(HoneError, match="bleach"):
        tab.cleaning(here, steps=["bleach"])
    told = said(tab.keep(here, preset="balanced", changed={"cleaning": ["html", "bleach"]}))
    assert "bleach" in told["problems"]["cleaning"]
    tab.keep(here, preset="balanced", changed={"cleaning": ["lower", "html"]})
    run = here.run(tab.start(here)["run"])
    assert run.spec["changed"] == {"cleaning": ["html", "lower"]} and run.settings.cleaning == ["html", "lower"]


def test_of_conversations_the_turns_that_are_read_are_shown(workspace: Workspace, tmp_path: Path):
    file = tmp_path / "talk.jsonl"
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "<b>Hello</b>"}, {"role": "user", "content": "a <i>b</i>"}, {"role": "assistant", "content": "Yes"}]  # fmt: skip
    file.write_text(json.dumps({"messages": turns}), encoding="utf-8")
    talks = projects.create(workspace, "Talks")
    here = Here(Studio(workspace.home, inline=True), workspace, "en", talks.id)
    here.dataset.add(file, "talk.jsonl")
    guessing.settle(here.dataset)
    assert here.dataset.task == "chat" and here.things == "conversations"
    told = said(tab.cleaning(here, steps=["html"]))
    assert told == {"looked": 2, "example": {"before": "a <i>b</i>", "after": "a b"}}


def test_nothing_starts_without_two_labels(workspace: Workspace):
    empty = projects.create(workspace, "Empty")
    here = Here(Studio(workspace.home, inline=True), workspace, "en", empty.id)
    assert said(tab.settings(here))["needs"]["tab"] == "data"
    with pytest.raises(HoneError, match="Needs texts"):
        tab.start(here)


def test_a_recipe_comes_back_as_the_same_draft(here: Here):
    tab.keep(here, preset="balanced", changed={"epochs": 5, "learning_rate": 2e-5})
    text = tab.recipe(here)["text"]
    tab.keep(here, preset="quick", changed={})
    told = said(tab.load_recipe(here, text=text))
    assert told["preset"] == "balanced"
    assert told["changed"] == {"epochs": 5.0, "learning_rate": 2e-5}


def test_a_recipe_with_mistakes_changes_nothing(here: Here):
    tab.keep(here, preset="best", changed={})
    with pytest.raises(SettingsError) as caught:
        tab.load_recipe(here, text="settings: {epochs: 9999, seed: -1}")
    assert {p.field for p in caught.value.problems} == {"epochs", "seed"}
    assert drafts.read(here.project.folder) == Draft("best")


def test_a_base_that_cannot_be_had_is_said_plainly(here: Here, tmp_path: Path):
    with pytest.raises(HoneError, match="holds no model"):
        tab.look_up_base(here, name=str(tmp_path))
    with pytest.raises(HoneError, match="no base model called"):
        tab.look_up_base(here, name="nonsense")


def test_a_folder_with_a_model_is_a_base(here: Here, tiny_encoder: Path):
    told = said(tab.look_up_base(here, name=str(tiny_encoder)))
    assert (
        told["kind"] == "encoder"
        and told["facts"][1:] == ["reads up to 64 word pieces"]
        and re.fullmatch(r"[\d,]+ parameters", told["facts"][0])
    )


def test_a_folder_without_safe_weights_is_refused(here: Here, tmp_path: Path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(HoneError, match="no safetensors weights"):
        tab.look_up_base(here, name=str(tmp_path))


def test_the_demo_shortens_runs_and_takes_no_folders(here: Here, tiny_encoder: Path):
    demo = Here(Studio(here.studio.home, mode="demo", inline=True, limits=DEMO), here.workspace, "en", here.project_id)
    demo.studio.engine.close()
    with pytest.raises(HoneError, match="Folders of the server"):
        tab.look_up_base(demo, name=str(tiny_encoder))
    tab.keep(demo, preset="balanced", changed={"length": "steps", "steps": 100_000})
    run = demo.run(tab.start(demo)["run"])
    assert run.settings.steps == DEMO.steps
    with pytest.raises(NotAllowed, match="one training"):
        tab.start(demo)


def test_an_uploaded_model_is_a_base_of_this_person(here: Here, tiny_encoder: Path):
    told = said(tab.upload_base(here, upload=uploaded(here, tiny_encoder)))
    assert told["id"].startswith("uploaded:model-") and told["title"] == "model (uploaded)"
    state = said(tab.keep(here, preset="balanced", changed={"base": told["id"]}))
    assert state["problems"] == {} and state["base"]["id"] == told["id"] in [base["id"] for base in state["bases"]]
    run = here.run(tab.start(here)["run"])
    assert Path(run.spec["base"]["source"]).is_relative_to(here.workspace.folder / "models")


def test_an_upload_that_does_not_fit_the_task_leaves_nothing(here: Here, tmp_path: Path):
    from core.models import blank

    blank.make("image", "tiny", [], tmp_path / "eyes")
    with pytest.raises(HoneError, match="this task needs one"):
        tab.upload_base(here, upload=uploaded(here, tmp_path / "eyes"))
    assert not list((here.workspace.folder / "models").iterdir())


def uploaded(here: Here, model: Path) -> str:
    """A zip of a model's folder, as the page sends it."""
    folder = here.workspace.folder / "uploads" / "upload-1"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "file", "w") as archive:
        for file in model.iterdir():
            archive.write(file, file.name)
    (folder / "upload.json").write_text('{"format": 1, "file": "file", "name": "model.zip"}', encoding="utf-8")
    return folder.name


def test_good_bases_of_the_hub_are_named_with_their_reason(here: Here):
    told = said(tab.settings(here))["known"]
    assert "BAAI/bge-small-en-v1.5" in [base["id"] for base in told] and all(base["note"] for base in told)
    assert not {base["id"] for base in told} & {base["id"] for base in said(tab.settings(here))["bases"]}

"""The page's way to go on from a finished run: what is told of what has arrived, what is proposed, the start, and what was forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import projects
from core.errors import RunError
from core.models.catalogue import find
from core.training import runs
from core.training.events import Finished, Noticed, Started
from core.training.settings import TrainingSettings
from core.words import Message
from core.workspace import Workspace, write_json
from webui.calls import Here, plain
from webui.studio import Studio
from webui.tabs import retune


@pytest.fixture
def here(workspace: Workspace, tmp_path: Path) -> Here:
    studio = Studio(workspace.home, inline=True)
    studio.engine.close()  # what is started waits in line
    project = projects.create(workspace, "Mail")
    here = Here(studio, workspace, "en", project.id)
    lines = [f"the card of {i} is lost,money" for i in range(40)]
    add(here, tmp_path, "first", [*lines, *(f"the wheel number {i} was bent again,bike" for i in range(40))])
    return here


def add(here: Here, folder: Path, name: str, lines: list[str]) -> None:
    path = folder / f"{name}.csv"
    path.write_text("text,label\n" + "\n".join(lines), encoding="utf-8")
    here.dataset.add(path, path.name)


@pytest.fixture
def run(here: Here):
    """A finished run, as a worker would have left it."""
    one = runs.create(
        here.project.folder, name="Balanced", task="classification", base=find("bundled:all-MiniLM-L6-v2"), preset="balanced",
        settings=TrainingSettings(), phases=[{"method": "full", "settings": {}, "fresh": False}], dataset=here.dataset,
    )  # fmt: skip
    one.model.mkdir()
    write_json(one.model / "hone.json", {"format": 1, "kind": "pooled", "labels": ["money", "bike"]})
    one.write(Started(pid=1, host="here"))
    one.write(Finished(step=9, best_step=9, scores={"accuracy": 0.9}, test={"accuracy": 0.9}))
    return one


def test_nothing_is_offered_until_something_has_arrived(here, run, tmp_path):
    assert retune.arrived(here, run=run.id) == {"sentence": None}
    with pytest.raises(RunError, match="Nothing has arrived"):
        retune.retune(here, run=run.id, remember="replay")
    add(here, tmp_path, "third", [f"send {i} parcels to my other house please,parcel" for i in range(20)])
    said = str(retune.arrived(here, run=run.id)["sentence"])
    assert said == "Since this run, 16 texts to learn from arrived or changed, with one new label."


def test_the_sheet_proposes_a_way_with_its_reason_and_a_start_puts_the_run_in_line(here, run, tmp_path):
    add(here, tmp_path, "third", [f"send {i} parcels to my other house please,parcel" for i in range(20)])
    told = plain(retune.retuning_of(here, run=run.id), "en")
    assert [way["value"] for way in told["ways"]] == ["replay", "distil", "ewc", "nothing"]
    assert (told["remember"], told["share"], told["known"]) == ("replay", 1.0, 64)
    assert "It sees all 64 old texts again: they are few enough." in told["why"] and told["seconds"] > 0
    assert retune.retuning_of(here, run=run.id, remember="ewc")["remember"] == "ewc"
    new = here.run(retune.retune(here, run=run.id, remember="replay", share=0.25)["run"])
    assert new.name == "Balanced, retuned" and new.view().state == "queued"
    assert new.spec["continues"]["replayed"] == 16 and (new.folder / "from" / "model" / "hone.json").is_file()
    assert new.spec["labels"]["names"] == [label["name"] for label in here.dataset.labels.labels()]


def test_a_chain_is_told_with_what_it_knew_and_what_it_lost(here, run, tmp_path):
    assert retune.remembered(here, run=run.id)["chain"] == []
    add(here, tmp_path, "third", [f"send {i} parcels to my other house please,parcel" for i in range(20)])
    new = here.run(retune.retune(here, run=run.id, remember="distil")["run"])
    new.write(Noticed(code="knew", step=0, values={"measure": "accuracy", "score": 0.9, "n": 8, "share": True}))
    matrix = {"measure": "accuracy", "lower": False, "split": "test", "rows": [8, 2], "matrix": [[0.9], [0.875, 1.0]]}
    write_json(new.folder / "forgetting.json", matrix)
    told = retune.remembered(here, run=new.id)
    assert [one["name"] for one in told["chain"]] == ["Balanced", "Balanced, retuned"]
    assert (told["knew"], told["replayed"], told["new_labels"]) == (0.9, 0, ["parcel"])
    assert told["lost"] == pytest.approx([0.025])
    assert str(told["verdict"]) == "It has lost 2.5 points on what it knew (Share right)."
    assert isinstance(told["verdict"], Message)

"""The Settings tab for a task that writes: without a network a blank base is offered, chosen, made and trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core import projects
from core.data.dataset import Dataset
from core.errors import SettingsError
from core.tasks.guessing import settle
from core.training.worker import worker
from core.workspace import Workspace
from webui.calls import Here, plain
from webui.studio import Studio
from webui.tabs import settings as tab


@pytest.fixture
def here(workspace: Workspace, tmp_path: Path):
    studio = Studio(workspace.home, inline=True)
    project = projects.create(workspace, "Talks")
    file = tmp_path / "talks.jsonl"
    turns = ({"user": f"what is number {i}", "assistant": f"number {i} is a bike of mine"} for i in range(50))
    lines = [json.dumps({"messages": [{"role": who, "content": said} for who, said in one.items()]}) for one in turns]
    file.write_text("\n".join(lines), encoding="utf-8")
    data = Dataset.open(project.data)
    data.add(file, file.name)
    assert settle(data) == "chat"
    studio.engine.close()  # what is started waits in line; the test carries it out
    return Here(studio, workspace, "en", project.id)


def test_a_blank_base_is_offered_and_trained_without_a_network(here: Here):
    told = json.loads(json.dumps(plain(tab.settings(here), "en")))
    assert told["base"]["id"] == "blank:causal-small" and told["problems"] == {} and told["needs"] is None
    assert {base["id"] for base in told["bases"]} == {f"blank:causal-{size}" for size in ("tiny", "small", "medium")}
    tab.keep(here, preset="quick", changed={"base": "blank:causal-tiny", "steps": 3, "answer_length": 4})
    run = here.run(tab.start(here)["run"])
    worker(str(run.folder))
    view = run.view()
    assert (run.model / "hone.json").is_file() and (run.folder / "base" / "tokenizer.json").is_file()
    assert view.test["perplexity"] > 1 and all(check.watched for check in view.checks)


def test_a_base_that_only_reads_starts_nothing_and_those_that_fit_are_named(here: Here):
    tab.keep(here, preset="balanced", changed={"base": "bundled:all-MiniLM-L6-v2"})
    with pytest.raises(SettingsError) as caught:
        tab.start(here)
    (problem,) = caught.value.problems
    assert problem.field == "base" and "blank:causal-small" in str(problem.message)

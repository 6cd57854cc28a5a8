"""For the tests of answering without training: a small data set, and tiny models of each kind that answers."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from core import projects
from core.projects import Project
from core.workspace import Workspace

TELLING = {"lost_card": "my card is lost", "BikeWheel": "the wheel of my bike", "praise": "a great movie"}


def rows() -> list[dict[str, str]]:
    """Sixty texts of three labels, each with its split and a column that is neither."""
    found = []
    for i in range(20):
        split = ("train", "train", "train", "validation", "test")[i % 5]
        found += [
            {"text": f"{words} {i}", "topic": label, "split": split, "shop": f"shop {i % 3}"}
            for label, words in TELLING.items()
        ]
    return found


@pytest.fixture
def project(workspace: Workspace, tmp_path: Path) -> Project:
    made = projects.create(workspace, "Mail")
    table = tmp_path / "mail.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["text", "topic", "split", "shop"])
        writer.writeheader()
        writer.writerows(
            [*rows(), {"text": "nobody knows about this card", "topic": "", "split": "", "shop": "shop 9"}]
        )
    data = made.dataset()
    data.add(table, "mail.csv")
    data.set_roles({"text": "text", "label": "topic", "split": "split"})
    return made


@pytest.fixture(scope="session")
def nli(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random classifier of three answers that say whether a sentence follows, as MNLI models have them."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    folder = tmp_path_factory.mktemp("tiny-nli")
    AutoTokenizer.from_pretrained(tiny_encoder).save_pretrained(folder)
    torch.manual_seed(4)
    names = {0: "CONTRADICTION", 1: "NEUTRAL", 2: "ENTAILMENT"}
    config = BertConfig.from_pretrained(
        tiny_encoder, num_labels=3, id2label=names, label2id={v: k for k, v in names.items()}
    )
    model = BertForSequenceClassification(config)
    torch.nn.init.normal_(model.classifier.weight, std=2.0)  # so that answers lie apart
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def stories(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real little causal model that tells stories."""
    folder = tmp_path_factory.mktemp("stories")
    shutil.copytree(data_dir / "stories260k", folder, dirs_exist_ok=True)
    return folder


@pytest.fixture
def attempt(project: Project) -> Callable[..., object]:
    """attempt(way="similar", ...): made on the project, with its report."""
    from core.prompting import attempts
    from core.prompting.settings import UntrainedSettings

    def make(**values: object):
        data, settings = project.dataset(), UntrainedSettings(**values)
        found = attempts.create(project.folder, data, settings, attempts.base_of(settings, data.state))
        attempts.make(str(found.folder), progress=lambda *_: None, cancelled=lambda: False)
        return found

    return make

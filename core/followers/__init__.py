"""Watched by others: TensorBoard, Weights & Biases, MLflow and trackio as optional followers of a run's events.

A follower reads the same events.jsonl that the page folds, from outside the training: in a process of its own (`core.followers.following`), so that a
slow or failing one neither stops nor slows a run. It sees numbers and settings, never texts. What it needs is imported there and only there
(`pip install "hone[watchers]"`). The table knows names and words; the module of a follower has the class `Follower`.

begin(run_folder)     start what the run and HONE_FOLLOW ask for; returns at once
told(run_folder)      how each of them fares, for the page and the command line
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import processes
from core.errors import Missing
from core.words import Message, listed
from core.workspace import read_json

FOLDER = "following"  # in the run's folder: <name>.json (how it fares, and up to which byte it has read), <name>.log, its files
VARIABLE = "HONE_FOLLOW"


@dataclass(frozen=True)
class Kind:
    """`module` holds the class `Follower`; `shared`: its files lie in the project's folder, for all runs together."""

    name: str
    title: str
    module: str
    package: str
    shared: bool = False


FOLLOWERS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("tensorboard", "TensorBoard", "core.followers.tensorboard", "tensorboard"),
        Kind("wandb", "Weights & Biases", "core.followers.wandb", "wandb"),
        Kind("mlflow", "MLflow", "core.followers.mlflow", "mlflow", shared=True),
        Kind("trackio", "trackio", "core.followers.trackio", "trackio", shared=True),
    )
}


def kind(name: str) -> Kind:
    if name not in FOLLOWERS:
        raise Missing(
            Message("There is no follower called “{name}”; there are: {names}.", name=name, names=listed(FOLLOWERS))
        )
    return FOLLOWERS[name]


def wanted(spec: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> list[str]:
    """Names, in the order of the table: those of the run's settings and of HONE_FOLLOW (with commas between). Unknown ones are passed over."""
    asked = {*spec.get("settings", {}).get("follow", ())}
    asked |= {name.strip() for name in environment.get(VARIABLE, "").split(",")}
    return [name for name in FOLLOWERS if name in asked]


def begin(folder: Path, spec: Mapping[str, Any]) -> Sequence[processes.Worker]:
    """A process for each follower. One that cannot be started is no reason for a run not to."""
    started = []
    for name in wanted(spec):
        with contextlib.suppress(OSError):
            here = folder / FOLDER
            here.mkdir(exist_ok=True)
            process = processes.Process(threads=1)
            arguments = {"run": str(folder), "name": name}
            process.run("core.followers.following:follow", arguments, log=here / f"{name}.log", threads=1)
            started.append(process)
    return started


def told(folder: Path) -> list[dict[str, Any]]:
    """[{"name", "title", "state", "where", "message"}] of the followers that the run ever had. `state`: following | done | failed; `where`: where its
    files lie; `message` is a Message in JSON form, where something is to be said."""
    found = []
    for name, one in FOLLOWERS.items():
        with contextlib.suppress(OSError, ValueError):
            known = read_json(folder / FOLDER / f"{name}.json")
            told = {key: known.get(key) for key in ("state", "where", "message")}
            found.append({"name": name, "title": one.title, **told})
    return found

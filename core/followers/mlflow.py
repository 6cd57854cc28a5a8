"""MLflow: into the server that MLFLOW_TRACKING_URI names, else into a file of the project, all its runs together. See them with the command that
`where` ends with: mlflow ui --backend-store-uri sqlite:///FILE"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from core.followers.base import Subject, plain

AT_ONCE = 900  # numbers that MLflow takes in one call
TAG = "hone.run"
ENDED = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}


class Follower:
    def __init__(self, subject: Subject):
        from mlflow.entities import Metric, Param
        from mlflow.tracking import MlflowClient

        self._metric = Metric
        self.where = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(subject.folder / 'mlflow.db').as_posix()}"
        self._client = MlflowClient(tracking_uri=self.where)
        known = self._client.get_experiment_by_name(subject.project)
        place = (subject.folder / "files").as_uri()
        experiment = known.experiment_id if known else self._client.create_experiment(subject.project, place)
        before = self._client.search_runs([experiment], f"tags.`{TAG}` = '{subject.run}'")
        self._waiting: list[Any] = []
        if before:
            self._run = before[0].info.run_id
            self._client.set_terminated(self._run, "RUNNING")
            return
        self._run = self._client.create_run(experiment, run_name=subject.name, tags={TAG: subject.run}).info.run_id
        settings = [Param(name, str(value)[:500]) for name, value in plain(subject.settings).items()]
        for start in range(0, len(settings), 100):
            self._client.log_batch(self._run, params=settings[start : start + 100])

    def numbers(self, step: int, values: Mapping[str, float], at: float) -> None:
        self._waiting += [self._metric(_allowed(name), value, int(1000 * at), step) for name, value in values.items()]

    def back(self, step: int) -> None:
        """A later number of the same step is the one that MLflow shows."""

    def flush(self) -> None:
        for start in range(0, len(self._waiting), AT_ONCE):
            self._client.log_batch(self._run, metrics=self._waiting[start : start + AT_ONCE])
        self._waiting = []

    def end(self, state: str) -> None:
        self.flush()
        if state in ENDED:
            self._client.set_terminated(self._run, ENDED[state])


def _allowed(name: str) -> str:
    """MLflow takes letters, digits and a few signs in a name."""
    return "".join(c if c.isalnum() or c in "_-./ " else "_" for c in name)

"""trackio: into a folder of the project, all its runs together, without any network. See them with: TRACKIO_DIR=FOLDER trackio show"""

from __future__ import annotations

import os
from collections.abc import Mapping

from core.followers.base import Subject, plain


class Follower:
    def __init__(self, subject: Subject):
        os.environ["TRACKIO_DIR"] = str(subject.folder)  # before the import, which reads it
        import trackio

        self.where = str(subject.folder)
        self._run = trackio.init(
            project=subject.project,
            name=f"{subject.name} {subject.run}",
            config=plain(subject.settings),
            resume="allow",
        )

    def numbers(self, step: int, values: Mapping[str, float], at: float) -> None:
        self._run.log(dict(values), step=step)

    def back(self, step: int) -> None:
        """What was told stays; the same steps come again."""

    def flush(self) -> None:
        """It writes by itself."""

    def end(self, state: str) -> None:
        self._run.finish()

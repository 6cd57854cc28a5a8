"""TensorBoard: one folder of event files a run, without any network. See them with: tensorboard --logdir PROJECT/runs"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.followers.base import Subject, plain


class Follower:
    def __init__(self, subject: Subject):
        from torch.utils.tensorboard import SummaryWriter

        self.where = str(subject.folder)
        self._make: Any = lambda **more: SummaryWriter(log_dir=self.where, **more)
        # Behind what was told before, so that what a follower wrote and could not note is taken back rather than told twice.
        self._writer = self._make(purge_step=subject.step + 1) if subject.again else self._make()
        if not subject.again:
            lines = [f"| {name} | {value} |" for name, value in plain(subject.settings).items()]
            self._writer.add_text("settings", "\n".join(["| | |", "|---|---|", *lines]))

    def numbers(self, step: int, values: Mapping[str, float], at: float) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step, walltime=at)

    def back(self, step: int) -> None:
        self._writer.close()
        self._writer = self._make(purge_step=step + 1)

    def flush(self) -> None:
        self._writer.flush()

    def end(self, state: str) -> None:
        self._writer.close()

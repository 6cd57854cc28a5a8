"""A saved model that answers: rows in, predictions out. Batches of like length, as many examples as fit a budget of tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from core.device import Device, choose
from core.models import stored
from core.models.heads import TextModel
from core.models.loading import load_text_model
from core.tasks.base import Labels, Prediction, Row
from core.training import asking


class Encoder:
    """See core.models.loading.Answering."""

    def __init__(self, model: TextModel, tokenizer: Any, about: dict[str, Any], device: Device):
        self.kind: str = about["kind"]
        self.task: str = about["task"]
        self.labels: tuple[str, ...] = tuple(about["labels"])
        self.max_length: int = about["max_length"]
        told = {**about.get("settings", {}), "max_length": self.max_length, "answering": True}
        self.settings = SimpleNamespace(**told)  # `answering`: nothing is learnt any more
        self.stored: dict[str, Any] = {}
        self.extra: dict[str, Any] = dict(about.get("extra") or {})
        self.model = model.to(device.name).eval()
        self.tokenizer = tokenizer
        self.device = device

    @staticmethod
    def load(folder: Path, about: dict[str, Any], device: Device | None = None) -> Encoder:
        model, tokenizer = load_text_model(folder, about)
        opened = Encoder(model, tokenizer, about, device or choose(SimpleNamespace(precision="fp32")))
        opened.stored = stored.load(folder)
        return opened

    def answer(self, rows: Sequence[Row], progress: Callable[[int, int], None] | None = None) -> list[Prediction]:
        from core.tasks import task

        mine = task(self.task)
        examples = list(mine.encode(rows, self.tokenizer, self.settings))
        told = progress or (lambda done, total: None)
        found = asking.outputs(self.model, examples, mine, self.tokenizer, self.device, told)
        labels = Labels(self.labels, (0,) * len(self.labels), self.extra, self.stored)
        return mine.decode(found, rows, examples, labels)

    def stream(self, row: Row, cancelled: Callable[[], bool] = lambda: False) -> Iterator[str]:
        """The text it writes to a row, piece by piece; nothing where the task writes otherwise than by going on from a prompt."""
        from core.models import generating
        from core.tasks import task
        from core.tasks.causal import how_written

        for example in task(self.task).encode([row], self.tokenizer, self.settings):
            if (prompt := example.extra.get("prompt")) is not None:
                how = how_written(self.model, example.extra)
                yield from generating.stream(self.model.body, self.tokenizer, prompt, how, cancelled)
                return

    def probabilities(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> np.ndarray:
        answers = self.answer([{"text": text} for text in texts], progress)
        shares = [[p.probabilities[name] for name in self.labels] for p in answers]  # type: ignore[union-attr]
        return np.array(shares, dtype=np.float32).reshape(len(texts), len(self.labels))

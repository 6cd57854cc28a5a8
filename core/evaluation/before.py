"""The model before tuning: a linear probe on the base's frozen features (the run's own where it has one, else fitted here), or the whole base
where it came with a last layer for the same job.

What it answers on the test texts tells what moving the base's weights brought.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from core.data.cleaning import Cleaning
from core.errors import Cancelled, ModelError
from core.tasks.base import Example, Labels, Prediction, Row, Task

Progress = Callable[[int, int], None]
Stop = Callable[[], bool]


def before(
    run_dir: Path,
    spec: Mapping[str, Any],
    splits: Mapping[str, Any],
    names: Sequence[str],
    split: str,
    progress: Progress,
    cancelled: Stop,
) -> np.ndarray:
    """Label numbers for the texts of `split`, as the frozen base with a fitted last layer answers."""
    from core.inference import Predictor

    if not (run_dir / "probe" / "hone.json").is_file():
        return _fitted(spec, splits, len(names), split, progress, cancelled)
    predictor = Predictor.open(run_dir / "probe")
    shares = predictor.probabilities(splits[split].texts, progress, cancelled)
    return np.array([names.index(name) for name in predictor.labels])[shares.argmax(axis=1)]


def _fitted(
    spec: Mapping[str, Any], splits: Mapping[str, Any], labels: int, split: str, progress: Progress, cancelled: Stop
) -> np.ndarray:
    """A run without a probe: fit the last layer on its training texts; validation picks the restraint."""
    from core.training.fit import DENSE_TRIALS, Objective, lbfgs

    parts = list(dict.fromkeys(("train", "validation", split)))
    features = _features(spec, {part: splits[part].texts for part in parts}, progress, cancelled)
    objective = Objective(features["train"], splits["train"].labels, labels, None)
    judge = "validation" if len(splits["validation"]) else "train"
    best, most, point = None, -1, objective.start
    for c in DENSE_TRIALS if judge == "validation" else DENSE_TRIALS[3:4]:
        for move in lbfgs(partial(objective, c=c), point):
            if cancelled():
                raise Cancelled
            point = move.point
        head = objective.head(point)
        right = int((head.logits(features[judge]).argmax(axis=1) == splits[judge].labels).sum())
        if right > most:
            best, most = head, right
    assert best is not None
    return best.logits(features[split]).argmax(axis=1)


def _features(
    spec: Mapping[str, Any], texts: Mapping[str, Sequence[str]], progress: Progress, cancelled: Stop
) -> dict[str, np.ndarray]:
    """part -> (texts, width): what the frozen base makes of each text."""
    import torch

    from core.device import choose
    from core.models.catalogue import Base
    from core.models.loading import new_model, open_base
    from core.tasks import task
    from core.training.batches import by_tokens, padded

    source = open_base(Base.from_json(spec["base"]))
    device = choose(SimpleNamespace(precision="fp32")).name
    model = new_model(source, spec["labels"]["names"]).eval().to(device)
    settings = SimpleNamespace(max_length=spec["settings"]["max_length"])
    total, done = sum(len(part) for part in texts.values()), 0
    found: dict[str, np.ndarray] = {}
    cleaning = Cleaning.of(spec["settings"].get("cleaning") or ())
    for part, found_texts in texts.items():
        given = [cleaning.apply(text) for text in found_texts]
        examples = list(task(spec["task"]).encode([{"text": text} for text in given], source.tokenizer, settings))
        rows: np.ndarray | None = None
        with torch.inference_mode():
            for batch in by_tokens(examples):
                if cancelled():
                    raise Cancelled
                inputs = {k: v.to(device) for k, v in padded(batch, source.tokenizer).items()}
                made = model.features(inputs["input_ids"], inputs["attention_mask"]).float()
                made = (made if made.dim() == 2 else made[:, 0]).cpu().numpy()
                rows = np.zeros((len(given), made.shape[1]), dtype=np.float32) if rows is None else rows
                rows[[e.row for e in batch]] = made
                done += len(batch)
                progress(done, total)
        found[part] = rows if rows is not None else np.zeros((0, 1), dtype=np.float32)
    return found


CAME_WHOLE = re.compile(r"ForCausalLM|LMHeadModel|ForMaskedLM|ForPreTraining")  # in a base that brings its last layer


def untuned(
    spec: Mapping[str, Any],
    task: Task,
    examples: Sequence[Example],
    rows: Sequence[Row],
    labels: Labels,
    cancelled: Stop,
) -> list[Prediction] | None:
    """What the base, as it came, says of the same tokens; no text is written. None where it knew nothing before (a blank base, or one without
    a last layer for this), or is not at hand any more."""
    from core.device import choose
    from core.models.catalogue import BLANK, BUNDLED, Base, find
    from core.models.loading import open_base
    from core.training import asking
    from core.training.settings import TrainingSettings

    base = Base.from_json(spec["base"])
    if base.id.startswith(BLANK):
        return None
    try:
        source = open_base(find(base.id) if base.id == BUNDLED else base, task.family)
    except ModelError:
        return None
    if not any(CAME_WHOLE.search(name) for name in source.config.architectures or ()):
        return None

    def look(done: int, total: int) -> None:
        if cancelled():
            raise Cancelled

    device = choose(SimpleNamespace(precision="fp32"))
    model: Any = task.model(source, labels, TrainingSettings(**spec["settings"]))
    silent = task.sparing(examples)
    found = asking.outputs(model.eval().to(device.name), silent, task, source.tokenizer, device, look)
    return task.decode(found, rows, silent, labels)


def vectors(spec: Mapping[str, Any], texts: Sequence[str], cancelled: Stop) -> np.ndarray:
    """(texts, width) of unit length: the mean of what the base, as it came, makes of each text's tokens. Equal texts are read once."""
    return reader(spec)(texts, lambda done, total: None, cancelled)


def reader(spec: Mapping[str, Any]) -> Callable[[Sequence[str], Progress, Stop], np.ndarray]:
    """`vectors` for any number of lists of texts: the base is opened once."""
    from core.device import choose
    from core.models.catalogue import Base
    from core.models.loading import new_apart, open_base

    source = open_base(Base.from_json(spec["base"]))
    device = choose(SimpleNamespace(precision="fp32")).name
    model = new_apart(source, ("vector",), "none").eval().to(device)
    return partial(_read, source, model, device, spec["settings"]["max_length"])


def _read(
    source: Any, model: Any, device: str, longest: int, texts: Sequence[str], progress: Progress, cancelled: Stop
) -> np.ndarray:
    import torch

    from core.tasks.texts import encoded
    from core.training.batches import by_tokens, padded

    places = {text: i for i, text in enumerate(dict.fromkeys(texts))}
    settings = SimpleNamespace(max_length=min(longest, source.base.max_length or 512))
    found = np.zeros((len(places), model.head.in_features), dtype=np.float32)
    done = 0
    with torch.inference_mode():
        for batch in by_tokens(list(encoded([{"text": text} for text in places], source.tokenizer, settings))):
            if cancelled():
                raise Cancelled
            inputs = {k: v.to(device) for k, v in padded(batch, source.tokenizer).items()}
            found[[e.row for e in batch]] = model.turned(model.vectors(**inputs)).cpu().numpy()
            done += len(batch)
            progress(done, len(places))
    return found[[places[text] for text in texts]]

"""A few real steps on this machine: the job behind every estimate. Opens the actual base, takes the person's own texts, times what
a run would do with them (`core.training.estimate` does the sums).

Steps are timed as a + b * tokens (padding counted, learnt words before a text too), because that is how they grow; the longest batch is taken too, for
the memory. Where only the last layer learns, they are steps on what the body made of the texts, as in the run (`core.training.frozen`).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import Cancelled, RunError
from core.tasks.base import Task
from core.training.settings import TrainingSettings
from core.words import Message

SAMPLE = 1_600  # texts: as many as the loop sorts by length together, at 32 a step
BUDGET = 6.0  # seconds of steps, and half of that without learning
FEWEST, MOST = 2, 24  # steps
LONGEST = 2_048  # tokens counted of one text
FIT_ROWS = 4_000  # rows of the trial fit
QUANTILES = 200
AT_ONCE = (1, 4, 16)  # texts written together
TOKENS_WRITTEN = 16  # of each


def measure(
    data: str,
    settings: Mapping[str, Any],
    base: Mapping[str, Any],
    *,
    progress: Callable[..., None] = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """What `core.training.estimate` needs to know of this machine, this base and these texts. JSON."""
    from core.data.dataset import Dataset

    chosen = TrainingSettings(**settings)
    task, rows, names = _sample(Dataset.open(Path(data)), chosen.seed)
    clock = _Clock(progress, cancelled)
    if base["kind"] == "classic":
        return {"task": task.name, **_classic(task, rows, names, chosen, clock)}
    return {"task": task.name, **_encoder(task, rows, names, chosen, base, clock)}


@dataclass
class _Clock:
    """Progress over the whole job, and the question whether anybody still wants it."""

    progress: Callable[..., None]
    cancelled: Callable[[], bool]

    def at(self, share: float) -> None:
        if self.cancelled():
            raise Cancelled
        self.progress(int(100 * share), 100)


def _sample(dataset: Any, seed: int) -> tuple[Task, list[dict[str, Any]], list[str]]:
    """The task, training rows at random, and the names of all labels."""
    from core import tasks
    from core.data import images
    from core.data.splits import NAMES

    state = dataset.state
    there = np.flatnonzero((state.split == NAMES.index("train")) & (state.label >= 0) & state.usable)
    if len(there) == 0:
        raise RunError(
            Message("No text with a label is left to learn from."),
            fix=Message("Label some texts, or put fewer of them aside for validation and test."),
        )
    places = np.random.default_rng(seed).permutation(there)[:SAMPLE]
    rows = [{**row, "split": "train"} for row in state.inputs(places)]
    if target := state.shape.target:
        for row, place in zip(rows, places.tolist(), strict=True):
            row[target.role] = state.value(place)
    there_are = [one.name for one, n in zip(state.alive, state.label_counts.tolist(), strict=True) if n]
    images.placed(rows, tasks.task(state.shape.task).columns, dataset.files)
    return tasks.task(state.shape.task), rows, there_are


# An encoder ---------------------------------------------------------------------------------------------------------


def _encoder(
    task: Task,
    rows: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    settings: TrainingSettings,
    base: Mapping[str, Any],
    clock: _Clock,
) -> dict[str, Any]:
    import torch

    from core import device as devices
    from core.models.catalogue import BUNDLED, Base, find
    from core.models.loading import open_base
    from core.training.grounding import grounded

    begun = time.perf_counter()
    device = devices.choose(settings)
    chosen = Base.from_json(base)
    chosen = find(chosen.id) if chosen.id == BUNDLED else chosen
    with tempfile.TemporaryDirectory(prefix="hone-base-") as folder:
        source = open_base(grounded(chosen, Path(folder) / "base", task, rows, settings.seed), task.family)
        told: dict[str, Any] = {"kind": "encoder", "device": device.as_json(), "threads": torch.get_num_threads()}
        told |= _lengths(task, rows, source.tokenizer, settings)
        clock.at(0.1)
        trial = _Trial(task, rows, names, settings, source, device)
        told["load"] = time.perf_counter() - begun
        clock.at(0.2)
        told["forward"] = trial.forward(clock)
        told |= trial.fit() if task.link else {"iteration": 0.0}
        told |= trial.writing(clock)
        clock.at(0.5)
        told |= trial.steps(clock)
        return told


def _lengths(
    task: Task, rows: Sequence[Mapping[str, Any]], tokenizer: Any, settings: TrainingSettings
) -> dict[str, Any]:
    """Token counts of the sample as quantiles, and the seconds that encoding takes a row."""
    begun = time.perf_counter()
    examples = list(task.encode(rows, tokenizer, settings.model_copy(update={"max_length": LONGEST})))
    seconds = (time.perf_counter() - begun) / len(rows)
    counts = np.sort([len(one.input_ids) for one in examples])
    return {
        "lengths": np.quantile(counts, np.linspace(0, 1, QUANTILES)).round().astype(int).tolist(),
        "encode": seconds,
    }


class _Trial:
    """The model of a run on its device, with examples ready; times its passes."""

    def __init__(
        self,
        task: Task,
        rows: Sequence[Mapping[str, Any]],
        names: Sequence[str],
        settings: TrainingSettings,
        source: Any,
        device: Any,
    ):
        self.settings, self.device, self.tokenizer = settings, device, source.tokenizer
        self.task = task
        self.labels = task.labels(rows, names or None)
        limit = source.base.max_length or settings.max_length
        self.cut = settings.model_copy(update={"max_length": min(settings.max_length, limit)})
        self.train = rows
        encoded = enumerate(e for e in self.examples(rows) if e.weight)
        self.training_examples = [replace(example, number=i) for i, example in encoded]
        self.model: Any = self.task.model(source, self.labels, settings).to(device.name)

    def tokens(self, batch: Sequence[Any]) -> int:
        """What the body reads in a step."""
        return len(batch) * (max(len(e.input_ids) for e in batch) + self.settings.words_in_front)

    # What is wrapped around the loss asks these of a session (core.training.around).

    continues = False

    @property
    def processor(self) -> Any:
        return self.tokenizer

    def examples(self, rows: Sequence[Mapping[str, Any]], progress: Any = None) -> list[Any]:
        return list(self.task.encode(rows, self.tokenizer, self.cut))

    def targets(self, rows: Sequence[Mapping[str, Any]], examples: Sequence[Any]) -> list[Any]:
        return [self.task.target(rows[e.row], e, self.labels) for e in examples]

    def forward(self, clock: _Clock) -> list[float]:
        """[a, b]: seconds of a batch without learning, a + b * tokens."""
        import torch

        from core.training.batches import by_tokens
        from core.training.precision import autocast

        batches = list(by_tokens(self.training_examples))
        self.model.eval()
        seen = []
        begun = time.perf_counter()
        with torch.inference_mode(), autocast(self.device):
            for batch in [batches[0], *_spread(batches, MOST)]:
                inputs = {k: v.to(self.device.name) for k, v in self.task.collate(batch, None, self.tokenizer).items()}
                seconds = self._timed(partial(self.task.forward, self.model, inputs))
                seen.append((len(batch) * max(len(e.input_ids) for e in batch), seconds))
                spent = (time.perf_counter() - begun) / (BUDGET / 2)
                clock.at(0.2 + 0.2 * min(1.0, spent))
                if spent > 1 and len(seen) > FEWEST:
                    break
        return _line(seen[1:])  # the first one pays for what is made only once

    def writing(self, clock: _Clock) -> dict[str, Any]:
        """`writing` [a, b]: seconds that a batch of texts takes for each token, a + b * texts, reading the prompts counted; tokens of a `prompt`
        on average, and of a long right `answer`. Empty where no text is written."""
        from core.models import generating
        from core.tasks.causal import how_written
        from core.training.precision import autocast

        asked = [
            e for e in self.training_examples if e.extra.get("prompt") is not None and self.task.texts_written(1, False)
        ]
        if not asked:
            return {}
        how = replace(how_written(self.model, asked[0].extra), way="greedy", stops=())
        how = replace(how, max_new_tokens=min(how.max_new_tokens, TOKENS_WRITTEN))
        prompts = [e.extra["prompt"] for e in _spread(asked, max(AT_ONCE))]
        seen: list[tuple[int, float]] = []
        begun = time.perf_counter()

        def write(some: Sequence[Any], how: Any) -> None:
            found = generating.generate(self.model.body, self.tokenizer, some, how)
            steps.append(max(one.tokens + one.ended for one in found))

        steps: list[int] = []
        with autocast(self.device):
            write(prompts[:1], replace(how, max_new_tokens=1))  # pays for what is made only once
            for size in AT_ONCE:
                seconds = self._timed(partial(write, (prompts * size)[:size], how))
                seen.append((size, seconds / max(1, steps[-1])))
                clock.at(0.4)
                if time.perf_counter() - begun > BUDGET / 2:
                    break
        return {
            "writing": _line(seen),
            "prompt": float(np.mean([len(e.extra["prompt"]) for e in asked])),
            "answer": float(np.quantile([self.task.answer_tokens(e) for e in asked], 0.95)),
        }

    def fit(self) -> dict[str, Any]:
        """Seconds that one iteration of the convex fit takes, for a row and a label; on features as wide as the model's."""
        import torch

        from core.training.fit import Objective

        width = self.model.head.in_features
        rows, count = min(FIT_ROWS, 4 * len(self.training_examples)), len(self.labels.names)
        features = np.random.default_rng(0).standard_normal((rows, width), dtype=np.float32)
        objective = Objective(features, np.arange(rows) % count, count, None)
        point = torch.zeros(count, width + 1)
        objective(point, 1.0)
        begun, times = time.perf_counter(), 0
        while times < 3 or time.perf_counter() - begun < 0.2:
            objective(point, 1.0)
            times += 1
        return {"iteration": (time.perf_counter() - begun) / times / (rows * count)}

    def steps(self, clock: _Clock) -> dict[str, Any]:
        """[a, b] of real steps (forward, backward, optimizer), how many were taken, and the memory they need; `kept`: where they were steps on kept
        features, the bytes of them a text."""
        from core.models.methods import method
        from core.training.around import arranged
        from core.training.loop import Material, backward, one_round
        from core.training.optimizers import optimizer as new_optimizer
        from core.training.phases import Phase
        from core.training.plan import Place
        from core.training.precision import Arithmetic
        from core.training.translating import recomputed

        settings, examples = self.settings, self.training_examples
        method(settings.method).prepare(self.model, settings)
        if settings.recompute:
            recomputed(self.model)
        self.model.train()
        optimizer, arithmetic = new_optimizer(self.model, settings), Arithmetic(self.device)
        weights = [w for w in self.model.parameters() if w.requires_grad]
        around: Any = arranged(self, Phase(1, settings.method, settings, True), self.model)  # type: ignore[arg-type]
        task, kept = self._kept(around)
        material = Material(
            task, self.labels, self.tokenizer, examples, self.targets(self.train, examples), settings, self.device,
            settings.seed, around,
        )  # fmt: skip
        batches = [batch for step in one_round(material, 0) for batch in step]
        longest = max(batches, key=self.tokens)
        place = Place(0, 0)
        seen: list[tuple[int, float]] = []
        told: list[Any] = []

        def step(batch: Any) -> None:
            backward(self.model, optimizer, arithmetic, [batch], material, place, told.append)
            arithmetic.step(optimizer, weights, settings.clip_norm)
            for one in around.values():
                one.stepped(self.model, 0)
            seconds = time.perf_counter() - begun
            clock.at(0.5 + 0.5 * min(1.0, seconds / BUDGET))

        begun = time.perf_counter()
        first = self._timed(partial(step, longest))  # pays for what is made only once, and needs the most memory
        used, total = self._memory()
        for batch in _spread(batches, MOST):
            seconds = self._timed(partial(step, batch))
            seen.append((self.tokens(batch), seconds))
            if time.perf_counter() - begun > BUDGET and len(seen) >= FEWEST:
                break
        tokens = self.tokens(longest)
        if len(seen) < FEWEST:
            seen.append((tokens, first))
        return {
            **kept,
            "step": _line(seen),
            "measured_steps": len(seen) + 1,
            "batch": settings.batch_size // place.splits,
            "tokens": tokens // place.splits,
            "memory": max(used, self._memory()[0]),
            "fixed": self._fixed(weights),
            "memory_total": total,
        }

    def _kept(self, around: Mapping[str, Any]) -> tuple[Task, dict[str, float]]:
        """The task that answers from kept features where the run would; here they are zeros, which takes no pass."""
        from core.training import frozen

        per_word, width = not self.task.link, self.model.head.in_features
        if frozen.why_not(self.task, self.model, around) or self.settings.vary_texts:
            return self.task, {}
        sizes = [len(e.input_ids) if per_word else 1 for e in self.training_examples]
        kept = frozen.Kept([(self.training_examples, np.zeros((sum(sizes), width), np.float32))], per_word)
        return frozen.standing_in(self.task, kept), {"kept": 4.0 * width * sum(sizes) / len(sizes)}

    def _timed(self, work: Callable[[], Any]) -> float:
        begun = time.perf_counter()
        work()
        if self.device.kind == "cuda":
            import torch

            torch.cuda.synchronize()
        return time.perf_counter() - begun

    def _memory(self) -> tuple[int, int]:
        """The most this process has needed, and what there is: of the GPU where it computes, else of the machine."""
        from core import device as devices

        used, total = devices.memory(self.device)
        return max(used, devices.most_memory(self.device)), total

    def _fixed(self, weights: Sequence[Any]) -> int:
        """Bytes that do not grow with the batch: weights, their gradients, the optimizer's memory, the libraries."""
        model = sum(p.numel() * p.element_size() for p in self.model.parameters())
        learning = sum(p.numel() * p.element_size() for p in weights)
        states = {"adamw": 2, "adam": 2, "sgd": 1, "adafactor": 0}[self.settings.optimizer]
        libraries = 350 << 20 if self.device.kind == "cpu" else 500 << 20
        return model + learning * (1 + states) + libraries


# Counted pieces -----------------------------------------------------------------------------------------------------


def _classic(
    task: Task, rows: Sequence[Mapping[str, Any]], names: Sequence[str], settings: TrainingSettings, clock: _Clock
) -> dict[str, Any]:
    """Counting and one iteration of the fit on the sample; both grow with the number of texts."""
    import torch

    from core import device as devices
    from core.models.classic import MOST_WEIGHTS, Vocabulary, counting
    from core.training.fit import Objective

    begun = time.perf_counter()
    texts = [str(row["text"]) for row in rows]
    labels = task.labels(rows, names or None)
    count = len(labels.names)
    most = min(settings.most_features, MOST_WEIGHTS // count)
    vocabulary = Vocabulary.learn(texts, counting(settings, texts), settings.least_count, most)
    clock.at(0.4)
    features = vocabulary.features(texts)
    told = {"count": (time.perf_counter() - begun) / len(texts)}
    clock.at(0.6)
    targets = np.array([task.target(row, None, labels) for row in rows])
    objective = Objective(features, targets, count, None, task.link or "softmax")
    point = torch.zeros(count, features.shape[1] + 1)
    objective(point, 1.0)
    begun, times = time.perf_counter(), 0
    while times < 3 or time.perf_counter() - begun < 0.5:
        objective(point, 1.0)
        times += 1
        clock.at(0.6 + min(0.4, 0.04 * times))
    total = devices.memory("cpu")[1]
    return {
        "kind": "classic",
        "threads": torch.get_num_threads(),
        **told,
        "iteration": (time.perf_counter() - begun) / times / len(texts),
        "pieces": features.shape[1],
        "most": most,
        "stored": features.nnz / len(texts),
        "labels": count,
        "rows": len(texts),
        "measured_steps": times + 1,
        "memory": devices.most_memory(),
        "memory_total": total,
        "load": 0.5,
    }


def _spread(batches: Sequence[Any], most: int) -> list[Any]:
    """Some of the batches, long and short ones mixed from the start."""
    order = np.random.default_rng(5).permutation(len(batches))[:most]
    return [batches[i] for i in order]


def _line(seen: Sequence[tuple[int, float]]) -> list[float]:
    """[a, b] of seconds = a + b * tokens, by least squares; neither is negative."""
    tokens = np.array([t for t, _ in seen], dtype=float)
    seconds = np.array([s for _, s in seen])
    if len(seen) > 2 and np.ptp(tokens) > 0:
        b, a = np.polyfit(tokens, seconds, 1)
        if a >= 0 and b > 0:
            return [float(a), float(b)]
    return [0.0, float(seconds.sum() / max(1.0, tokens.sum()))]

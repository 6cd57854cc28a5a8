"""What a small model sees of every row while people label: one vector a row, computed once, kept on disk, gone on with after a restart.

Texts go through the bundled encoder (untouched, mean of its last states). Where it does not know the language, words and letters are counted and
squeezed to a few hundred numbers (latent semantic analysis, Deerwester et al. 1990). Pictures become their colours (core.tasks.histograms).
Vectors are kept by the hash of a row's inputs, so that rows added later cost only themselves. Knows nothing of labels.

<data set>/cache/vectors/<way>/keys.u64 · vectors.f16 (appended together, block by block) · width
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data import facts
from core.data.dataset import Dataset
from core.data.state import State
from core.data.values import kind
from core.errors import Cancelled
from core.models import catalogue
from core.training.advice import UNKNOWN

MOST = 100_000  # rows with a vector; of more, those whose hashes come first (chance), and every labelled one
BLOCK = 256  # texts between two looks at whether to go on, and between two writes
LONGEST = 128  # tokens of a text that are read: enough to tell what it is about, at half the time
SQUEEZED = 256  # numbers a counted text becomes
PIECES = 60_000  # n-grams that are counted
LEARNT_FROM = 20_000  # texts from which the squeezing is learnt
Progress = Callable[[int, int], None]
Stop = Callable[[], bool]


@dataclass(frozen=True)
class Features:
    """`vectors` (rows, width), fp32, of the rows at `places` (rising); what has none yet is not among them."""

    way: str
    places: NDArray[np.int64]
    vectors: NDArray[np.float32]

    def rows(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where these places stand in `vectors`; -1 for one that has no vector."""
        at = np.searchsorted(self.places, places)
        at = np.minimum(at, max(0, len(self.places) - 1))
        found = len(self.places) and self.places[at] == places
        return np.where(found, at, -1)


def way(state: State) -> str:
    """How the rows of this data set become vectors: encoder | counted | pictures | "" where they cannot."""
    kinds = [part.kind for part in state.shape.inputs]
    if "image" in kinds:
        return "pictures"
    if not kinds:
        return ""
    return "encoder" if facts.facts(state).unknown_share < UNKNOWN and _installed() else "counted"


def wanted(state: State) -> NDArray[np.int64]:
    """Places of the rows that are to have a vector: all that can take part, up to MOST."""
    places = np.flatnonzero(state.usable)
    if len(places) <= MOST:
        return places
    labelled = places[state.label[places] >= 0][:MOST]
    rest = places[state.label[places] < 0]
    chosen = rest[np.argsort(state.keys[rest], kind="stable")[: MOST - len(labelled)]]
    return np.sort(np.concatenate([labelled, chosen]))


def known(data: Dataset) -> Features:
    """What is on disk for the rows as they stand now."""
    state, name = data.state, way(data.state)
    places = wanted(state)
    keys, vectors = _kept(_folder(data, name))
    order = np.argsort(keys, kind="stable")
    at = np.searchsorted(keys[order], state.keys[places])
    at = order[np.minimum(at, max(0, len(keys) - 1))] if len(keys) else at
    there = keys[at] == state.keys[places] if len(keys) else np.zeros(len(places), np.bool_)
    return Features(name, places[there], np.asarray(vectors[at[there]], np.float32))


def missing(data: Dataset) -> NDArray[np.int64]:
    """Places of the rows that have no vector yet, each text once."""
    state = data.state
    places = wanted(state)
    keys, _ = _kept(_folder(data, way(state)))
    fresh = places[~np.isin(state.keys[places], keys)]
    _, first = np.unique(state.keys[fresh], return_index=True)
    return fresh[np.sort(first)]


def mark(data: Dataset) -> tuple[str, int]:
    """Changes when more vectors lie on disk."""
    name = way(data.state)
    try:
        return name, (_folder(data, name) / "keys.u64").stat().st_size
    except OSError:
        return name, 0


def ready(data: Dataset, progress: Progress, cancelled: Stop) -> Features:
    """All vectors: what is missing is computed, and kept block by block. Raises Cancelled; what was computed stays."""
    state = data.state
    name, places = way(state), missing(data)
    if name and len(places):
        folder = _folder(data, name)
        folder.mkdir(parents=True, exist_ok=True)
        if name == "counted":  # what the squeezing is learnt from changes with the texts: all anew
            places = wanted(state)
            for file in folder.iterdir():
                file.unlink(missing_ok=True)
        done = 0
        for some, vectors in WAYS[name](data, places, progress, cancelled):
            _append(folder, state.keys[some], vectors)
            done += len(some)
            progress(done, len(places))
            if cancelled():
                raise Cancelled
    return known(data)


def compute(folder: str, *, progress: Progress, cancelled: Stop) -> dict[str, Any]:
    """`ready` as a job of the page."""
    data = Dataset.open(folder)
    try:
        found = ready(data, progress, cancelled)
        return {"way": found.way, "rows": len(found.places), "width": int(found.vectors.shape[1])}
    finally:
        data.close()


# --- the ways --------------------------------------------------------------------------------------------------------

Blocks = Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]


def _encoded(data: Dataset, places: NDArray[np.int64], progress: Progress, cancelled: Stop) -> Blocks:
    """Vectors of length sqrt(width), blocks of like length first, so that little is padding."""
    import torch

    from core.device import choose
    from core.models.loading import new_model, open_base
    from core.tasks.base import Example
    from core.training.batches import by_tokens, padded

    source = open_base(catalogue.find(catalogue.BUNDLED))
    device = choose().name
    model = new_model(source, ["a", "b"]).eval().to(device)
    progress(0, len(places))
    state = data.state
    for start in range(0, len(places), BLOCK):
        if cancelled():
            raise Cancelled
        some = places[start : start + BLOCK]
        parts = texts_of(state, some)
        flat = [text for texts in parts for text in texts]
        ids = source.tokenizer(flat, truncation=True, max_length=LONGEST)["input_ids"]
        examples = [Example(i, np.array(one, np.int32)) for i, one in enumerate(ids)]
        found = np.zeros((len(flat), model.head.in_features), np.float32)
        with torch.inference_mode():
            for batch in by_tokens(examples):
                inputs = {name: tensor.to(device) for name, tensor in padded(batch, source.tokenizer).items()}
                made = model.features(inputs["input_ids"], inputs["attention_mask"]).float().cpu().numpy()
                found[[example.row for example in batch]] = made
        yield some, _joined(found, [len(texts) for texts in parts])


def _counted(data: Dataset, places: NDArray[np.int64], progress: Progress, cancelled: Stop) -> Blocks:
    from sklearn.decomposition import TruncatedSVD

    from core.models.classic import Counting, Vocabulary, unspaced

    state = data.state
    texts = ["\n".join(parts) for parts in texts_of(state, places)]
    counting = Counting(None, (1, 3)) if unspaced(texts) else Counting((1, 2), (2, 4))
    sample = texts[:: max(1, len(texts) // LEARNT_FROM)]
    vocabulary = Vocabulary.learn(sample, counting, 2, PIECES)
    if cancelled():
        raise Cancelled
    width = min(SQUEEZED, len(vocabulary.pieces) - 1, len(sample) - 1)
    counts = vocabulary.features(sample)
    svd = TruncatedSVD(max(1, width), random_state=0).fit(counts) if width > 1 else None
    for start in range(0, len(places), BLOCK):
        counted = vocabulary.features(texts[start : start + BLOCK])
        yield places[start : start + BLOCK], _scaled(counted.toarray() if svd is None else svd.transform(counted))


def _pictures(data: Dataset, places: NDArray[np.int64], progress: Progress, cancelled: Stop) -> Blocks:
    from core.tasks.histograms import features

    role = next(part.role for part in data.shape.inputs if part.kind == "image")
    for start in range(0, len(places), BLOCK // 8):
        some = places[start : start + BLOCK // 8]
        names = [row[role] for row in data.state.inputs(some)]
        seen = features([{"image": str(data.files / name)} for name in names], cancelled)
        yield some, _scaled(seen - seen.mean(axis=1, keepdims=True))


WAYS: dict[str, Callable[[Dataset, NDArray[np.int64], Progress, Stop], Blocks]] = {
    "encoder": _encoded,
    "counted": _counted,
    "pictures": _pictures,
}


def texts_of(state: State, places: NDArray[np.int64]) -> list[list[str]]:
    """The input texts of each row; what is no text as it is shown in a line."""
    parts = state.shape.inputs
    if len(parts) == 1 and parts[0].kind == "text" and parts[0].role == state.shape.first:
        return [[text] for text in state.texts(places)]
    return [
        [kind(part.kind).shown(row[part.role], row) if row[part.role] is not None else "" for part in parts]
        for row in state.inputs(places)
    ]


def _joined(vectors: NDArray[np.float32], counts: list[int]) -> NDArray[np.float32]:
    """(texts, width) to (rows, joined width): two texts beside each other with what they differ and agree in (Conneau et al. 2017), more
    than two as their mean."""
    if not counts or max(counts) == 1:
        return vectors
    per_row = vectors.reshape(len(counts), counts[0], -1)
    if counts[0] != 2:
        return _scaled(per_row.mean(axis=1))
    u, v = per_row[:, 0], per_row[:, 1]
    return np.concatenate([u, v, np.abs(u - v), u * v], axis=1)


def _scaled(vectors: Any) -> NDArray[np.float32]:
    """Rows of length sqrt(width): each number has a variance of about 1."""
    found = np.asarray(vectors, np.float32)
    lengths = np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
    return found / lengths * np.sqrt(found.shape[1], dtype=np.float32)


def _installed() -> bool:
    from importlib.util import find_spec

    return find_spec(catalogue.PACKAGE) is not None


# --- on disk ---------------------------------------------------------------------------------------------------------


def _folder(data: Dataset, name: str) -> Path:
    return data.folder / "cache" / "vectors" / (name or "none")


def _kept(folder: Path) -> tuple[NDArray[np.uint64], NDArray[np.float16]]:
    """Keys (n,) and vectors (n, width). A block of which only a part was written before a power cut is left out."""
    try:
        width = int((folder / "width").read_text(encoding="ascii"))
        keys = np.fromfile(folder / "keys.u64", np.uint64)
        held = (folder / "vectors.f16").stat().st_size // (2 * width)
        n = min(len(keys), held)
        if not n:
            return np.zeros(0, np.uint64), np.zeros((0, width), np.float16)
        return keys[:n], np.memmap(folder / "vectors.f16", np.float16, "r", shape=(n, width))
    except (OSError, ValueError):
        return np.zeros(0, np.uint64), np.zeros((0, 1), np.float16)


def _append(folder: Path, keys: NDArray[np.uint64], vectors: NDArray[np.float32]) -> None:
    """Vectors first: a key without its vector is cut off again by `_kept`."""
    width = vectors.shape[1]
    n = len(_kept(folder)[0])
    if not n:
        (folder / "width").write_text(str(width), encoding="ascii")
    for name, array, size in (("vectors.f16", vectors.astype(np.float16), 2 * width), ("keys.u64", keys, 8)):
        with (folder / name).open("r+b" if (folder / name).exists() else "wb") as file:
            file.truncate(n * size)
            file.seek(n * size)
            file.write(np.ascontiguousarray(array).tobytes())

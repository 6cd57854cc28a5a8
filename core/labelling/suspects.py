"""Which labels of a data set may be wrong: one look at all of them, kept until somebody looks again.

Models say what they think of each labelled row without having seen it (core.labelling.unseen, and core.labelling.tagger for marked places); confident
learning tells which labels to doubt (core.labelling.confident). Near-equal texts with different labels come first. Whatever is found is a
proposal: nothing is changed here.

<data set>/cache/suspects.json: what was found, and the version of the data it was found in
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data import near
from core.data.dataset import Dataset
from core.data.state import State
from core.data.values import kind
from core.errors import DataError
from core.words import Message
from core.workspace import read_json, write_json

FORMAT = 1
LEAST = 50  # labelled rows that are needed
LEAST_OF_LABEL = 5  # rows of a label, below which nothing is said of it
MOST = 1_000  # rows that are kept to be looked at
PAIRS = 40  # lines of the table
SIMILAR = 3  # labelled rows shown beside a doubted one
FAR = 3.0  # spreads from what the models say, at which a number is doubted

Pair = tuple[str | None, str | None, int]  # given, true, how many; None is no label
Progress = Callable[..., None]  # done, total, note
Stop = Callable[[], bool]


@dataclass(frozen=True)
class Judged:
    """What a look at some labelled rows gave. `places` (rows,); `score` (rows,): small is doubtful; `doubted`: indices into them, the most
    doubtful first, each with what is told of it; `wrong`: how many labels the confident joint holds for wrong, too many where the models are weak; `pairs`: [(given, true, how many)], names."""

    places: NDArray[np.int64]
    score: NDArray[np.float64]
    doubted: list[tuple[int, dict[str, Any]]]
    wrong: int
    pairs: list[Pair] = field(default_factory=list)
    models: int = 1

    @property
    def order(self) -> list[int]:
        """All rows (indices), the most doubtful first."""
        first = dict.fromkeys(i for i, _ in self.doubted)
        return [*first, *[i for i in np.argsort(self.score, kind="stable").tolist() if i not in first]]


# --- from outside ----------------------------------------------------------------------------------------------------


def can(state: State) -> bool:
    """Is there a way to look for wrong labels in such a data set?"""
    target = state.shape.target
    optional = any(part.kind == "choices" for part in state.shape.inputs)
    return target is not None and target.kind in KINDS and not optional


def enough(state: State) -> bool:
    """Are there labels enough to tell right from wrong ones?"""
    labelled = state.usable & (state.label >= 0)
    if int(labelled.sum()) < LEAST:
        return False
    if state.shape.target is None or state.shape.target.kind != "category":
        return True
    return int((np.bincount(state.label[labelled]) >= LEAST_OF_LABEL).sum()) >= 2


def look(folder: str, *, progress: Progress, cancelled: Stop) -> dict[str, Any]:
    """Look through all labels, as a job of the page; what is found is kept. Returns {"found", "wrong"}."""
    data = Dataset.open(folder)
    try:
        found = keep(data, judge(data, progress, cancelled))
        return {"found": len(found["found"]), "wrong": found["wrong"]}
    finally:
        data.close()


def judge(data: Dataset, progress: Progress, cancelled: Stop) -> Judged:
    """Raises DataError where labels are too few, Cancelled."""
    state = data.state
    if not can(state) or not enough(state) or state.shape.target is None:
        raise DataError(
            Message("There are too few labels to tell wrong ones from right ones."),
            fix=Message("Label {n} or more, at least {m} of each label.", n=LEAST, m=LEAST_OF_LABEL),
        )
    return KINDS[state.shape.target.kind](data, progress, cancelled)


def keep(data: Dataset, judged: Judged) -> dict[str, Any]:
    """Write down what was found, with label ids in the place of names."""
    state = data.state
    ids = {label.name: label.id for label in state.alive}
    rows = state.rows.ids(judged.places)
    told = {
        "format": FORMAT,
        "version": data.version,
        "imports": [one.id for one in data.imports],
        "task": data.task,
        "labelled": len(judged.places),
        "wrong": judged.wrong,
        "models": judged.models,
        "pairs": [[ids.get(a or ""), ids.get(b or ""), n] for a, b, n in judged.pairs],
        "found": [{"row": rows[i], **_with_ids(state, entry, ids)} for i, entry in judged.doubted[:MOST]],
    }
    path = _file(data)
    path.parent.mkdir(exist_ok=True)
    write_json(path, told)
    return told


def known(data: Dataset) -> dict[str, Any] | None:
    """What the last look found; None before the first one, and where the data set is another now."""
    try:
        told = read_json(_file(data))
    except (OSError, ValueError):
        return None
    same = told.get("format") == FORMAT and told.get("task") == data.task
    return told if same and told.get("imports") == [one.id for one in data.imports] else None


def changed_since(data: Dataset, version: int) -> int:
    """How many rows have got another answer since."""
    query = "SELECT COUNT(*) FROM in_force WHERE stamp > ?"
    return int(data.log.read().execute(query, (version,)).fetchone()[0])


def _file(data: Dataset) -> Path:
    return data.folder / "cache" / "suspects.json"


def _with_ids(state: State, entry: Mapping[str, Any], ids: Mapping[str, int]) -> dict[str, Any]:
    told = dict(entry)
    for key in ("given", "proposed", "doubted", "instead"):
        if key in told:
            told[key] = as_ids(state, told[key], ids)
    if "near" in told:
        told["near"] = [[state.rows.id(int(place)), share] for place, share in told["near"]]
    return told


def as_ids(state: State, value: Any, ids: Mapping[str, int]) -> Any:
    """A value with label ids in the place of names."""
    target = state.shape.target
    if value is None or target is None:
        return None
    return ids.get(value) if target.kind == "category" else kind(target.kind).renamed(value, ids)


# --- labels of rows, from their vectors ------------------------------------------------------------------------------


def _one_label(data: Dataset, progress: Progress, cancelled: Stop) -> Judged:
    from core.labelling import confident
    from core.labelling.unseen import Rows, asked

    state, view = data.state, _View.of(data, progress, cancelled)
    counts = np.bincount(state.label[view.places])
    view = view.only(counts[state.label[view.places]] >= LEAST_OF_LABEL)
    numbers, given = np.unique(state.label[view.places], return_inverse=True)
    names = [state.alive[k].name for k in numbers.tolist()]
    rows = Rows(view.vectors, view.words, given, len(names), "softmax", view.groups, given)
    said = asked(rows, view.tick(progress), cancelled)
    shares = confident.joint(confident.confident_joint(said.mean, given), given)
    score = confident.self_confidence(said.mean, given).astype(np.float64)
    other = confident.others_best(said.mean, given)
    twins = conflicts(state, view.places, given, said.mean)
    mask = confident.doubted(said.mean, given, shares)
    first = sorted(twins, key=lambda i: score[i])
    order = [*first, *[i for i in np.argsort(score, kind="stable").tolist() if mask[i] and i not in twins]]
    doubted = []
    similar = view.similar(order[:MOST])
    for n, i in enumerate(order):
        k = twins.get(i, int(other[i]))
        told = {
            "why": "twins" if i in twins else "model",
            "given": names[given[i]],
            "proposed": names[k],
            "p": float(said.mean[i, k]),
            "p_given": float(score[i]),
            "votes": int(said.votes[i, k]),
            "near": similar[n] if n < len(similar) else [],
        }
        doubted.append((i, told))
    off = np.rint(shares * len(given)).astype(np.int64) * (1 - np.eye(len(names), dtype=np.int64))
    pairs: list[Pair] = [(names[a], names[b], int(off[a, b])) for a, b in zip(*np.nonzero(off), strict=True)]
    wrong = round(len(given) * (1 - float(np.trace(shares))))
    return Judged(view.places, score, doubted, wrong, most_often(pairs), said.models)


def _several(data: Dataset, progress: Progress, cancelled: Stop) -> Judged:
    from core.labelling import confident
    from core.labelling.unseen import Rows, asked

    state, view = data.state, _View.of(data, progress, cancelled)
    values = [set(state.value(place) or ()) for place in view.places.tolist()]
    counts = Counter(name for value in values for name in value)
    names = [label.name for label in state.alive if counts[label.name] >= LEAST_OF_LABEL]
    given = np.array([[name in value for name in names] for value in values], np.bool_).reshape(len(values), -1)
    strata = np.where(given.any(axis=1), given.argmax(axis=1), len(names))
    rows = Rows(view.vectors, view.words, given.astype(np.float32), len(names), "sigmoid", view.groups, strata)
    said = asked(rows, view.tick(progress), cancelled)
    flags, score = confident.of_sets(said.mean, given)
    order = [i for i in np.argsort(score, kind="stable").tolist() if flags[i].any()]
    similar, doubted = view.similar(order[:MOST]), []
    for n, i in enumerate(order):
        on = np.flatnonzero(flags[i]).tolist()
        sure = np.where(given[i], 1 - said.mean[i], said.mean[i])  # that it is the other way round
        worst = max(on, key=lambda k: float(sure[k]))
        told = {
            "why": "model",
            "given": sorted(values[i]),
            "proposed": sorted(
                (values[i] - {names[k] for k in on if given[i, k]}) | {names[k] for k in on if not given[i, k]}
            ),
            "p": float(sure[worst]),
            "votes": int(said.models - said.votes[i, worst] if given[i, worst] else said.votes[i, worst]),
            "near": similar[n] if n < len(similar) else [],
        }
        doubted.append((i, told))
    pairs: list[Pair] = []
    for k, name in enumerate(names):
        pairs += [
            (name, None, int((flags[:, k] & given[:, k]).sum())),
            (None, name, int((flags[:, k] & ~given[:, k]).sum())),
        ]
    return Judged(view.places, score, doubted, len(order), most_often(pairs), said.models)


def _numbers(data: Dataset, progress: Progress, cancelled: Stop) -> Judged:
    from core.labelling.unseen import Rows, asked

    state, view = data.state, _View.of(data, progress, cancelled)
    given = np.array([float(state.value(place)) for place in view.places.tolist()], np.float64)
    strata = np.argsort(np.argsort(given, kind="stable"), kind="stable") // 10
    rows = Rows(view.vectors, None, given, 1, "identity", view.groups, strata)
    said = asked(rows, view.tick(progress), cancelled)
    missed = given - said.mean[:, 0]
    spread = max(
        float(np.median(np.abs(missed - np.median(missed)))) * 1.4826, 1e-9
    )  # as the deviation of a bell curve
    far = np.abs(missed - np.median(missed)) / spread
    order = [i for i in np.argsort(-far, kind="stable").tolist() if far[i] > FAR]
    digits = 0 if np.all(given == np.round(given)) else 2
    low, high = float(given.min()), float(given.max())
    similar, doubted = view.similar(order[:MOST]), []
    for n, i in enumerate(order):
        told = {
            "why": "model",
            "given": float(given[i]),
            "proposed": round(min(max(float(said.mean[i, 0]), low), high), digits) + 0.0,
            "far": float(far[i]),
            "near": similar[n] if n < len(similar) else [],
        }
        doubted.append((i, told))
    return Judged(view.places, -far, doubted, len(order), [], said.models)


@dataclass(frozen=True)
class _View:
    """Labelled rows as models see them."""

    places: NDArray[np.int64]
    vectors: NDArray[np.float32]
    words: Any
    groups: NDArray[np.int64]

    @staticmethod
    def of(data: Dataset, progress: Progress, cancelled: Stop) -> _View:
        from core.labelling import features, unseen

        reading, state = Message("Reading the texts"), data.state
        found = features.ready(data, lambda done, total: progress(done, total, reading), cancelled)
        labelled = np.flatnonzero(state.usable & (state.label >= 0))
        at = found.rows(labelled)
        places, vectors = labelled[at >= 0], found.vectors[at[at >= 0]]
        single = len(state.shape.inputs) == 1 and state.shape.inputs[0].kind == "text"
        words = unseen.counted(state.texts(places)) if single else None
        return _View(places, vectors, words, groups(state, places))

    def only(self, mask: NDArray[np.bool_]) -> _View:
        words = self.words[np.flatnonzero(mask)] if self.words is not None else None
        return _View(self.places[mask], self.vectors[mask], words, self.groups[mask])

    def similar(self, some: list[int]) -> list[list[tuple[int, float]]]:
        """For some rows (indices) the labelled rows most like each: [(place, cosine)], the likest first."""
        length = np.maximum(np.linalg.norm(self.vectors, axis=1, keepdims=True), 1e-9)
        unit, answer = self.vectors / length, []
        for start in range(0, len(some), 200):
            mine = np.array(some[start : start + 200], np.int64)
            close = unit[mine] @ unit.T
            close[np.arange(len(mine)), mine] = -2
            best = np.argsort(-close, axis=1, kind="stable")[:, :SIMILAR]
            for row, others in zip(close, best, strict=True):
                answer.append([(int(self.places[j]), round(float(row[j]), 3)) for j in others.tolist() if row[j] > -2])
        return answer

    def tick(self, progress: Progress) -> Callable[[int, int], None]:
        note = Message("Asking models that have not seen them")
        return lambda done, total: progress(done, total, note)


# --- marked places ---------------------------------------------------------------------------------------------------


def _marks(data: Dataset, progress: Progress, cancelled: Stop) -> Judged:
    from core.labelling import doubted_marks

    state = data.state
    places = np.flatnonzero(state.usable & (state.label >= 0))
    return doubted_marks.judge(state, places, groups(state, places), progress, cancelled)


KINDS: dict[str, Callable[[Dataset, Progress, Stop], Judged]] = {
    "category": _one_label,
    "categories": _several,
    "number": _numbers,
    "spans": _marks,
}


# --- near-equal texts ------------------------------------------------------------------------------------------------


def groups(state: State, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """(rows,): rows of one number are near-equal or equal, and must not be parted."""
    group = near.groups(state)[places]
    _, equal = np.unique(state.keys[places], return_inverse=True)
    return np.where(group >= 0, group, len(state) + equal.reshape(-1))


def conflicts(
    state: State, places: NDArray[np.int64], given: NDArray[np.int64], said: NDArray[np.float32]
) -> dict[int, int]:
    """{row: label}: rows (indices) whose near-equal texts mostly carry another label, and which. Where there are as many of either, the
    models decide; where the words are not the same, they must agree."""
    first, pairs = near.pairs(state)
    rows_of: dict[int, list[int]] = {}
    for i, one in enumerate(first[places].tolist()):
        rows_of.setdefault(one, []).append(i)
    beside: dict[int, list[int]] = {}
    for a, b in pairs.tolist():
        if a in rows_of and b in rows_of:
            beside.setdefault(a, []).append(b)
            beside.setdefault(b, []).append(a)
    found: dict[int, int] = {}
    for one, rows in rows_of.items():
        alike = [j for other in beside.get(one, ()) for j in rows_of[other]]
        if len(rows) + len(alike) < 2:
            continue
        same, around = Counter(given[rows].tolist()), Counter(given[[*rows, *alike]].tolist())
        for i in rows:
            mine = int(given[i])
            others = [(count, float(said[i, k]), k) for k, count in around.items() if k != mine]
            if not others:
                continue
            count, _, k = max(others)
            against = said[i].argmax() != mine
            if count > around[mine] - 1 and (against or same[k] > same[mine]):
                found[i] = k
    return found


def most_often(pairs: list[Pair]) -> list[Pair]:
    return sorted((pair for pair in pairs if pair[2] > 0), key=lambda pair: -pair[2])[:PAIRS]

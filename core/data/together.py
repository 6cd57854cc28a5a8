"""What a team needs to know of its work: how far each person is, how well they agree, and the rows to be settled.

Counts everybody's last answer to a row; answers that settle a row are nobody's opinion and stay out. Kept until something changes.
"""

from __future__ import annotations

import itertools
import json
import statistics
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from core.data import agreement, browse, team
from core.data.agreement import Figure, Rating
from core.data.state import UNTOUCHED, State

if TYPE_CHECKING:
    from core.data.dataset import Dataset

PAUSE = 300.0  # seconds without an answer after which a person was doing something else
SETS = ("categories",)
MOST_PAIRS = 40  # of labels that are mixed up, and of people
NAMED = ("category", "option")  # one name a row

_counting = threading.Lock()
LONG = 0.5  # seconds of counting from which on an answer is given again
_recent: weakref.WeakKeyDictionary[Dataset, tuple[Any, float, dict[str, Any]]] = weakref.WeakKeyDictionary()

Said = dict[str, Any]  # person -> what they said, as a value


def said(data: Dataset) -> dict[int, Said]:
    """place -> what each person said of it last, in the order in which they first answered."""
    state = data.state
    if "said by people" not in state.memory:
        query = "SELECT row, who, label, value FROM answers WHERE NOT undone AND origin != 'settled' ORDER BY seq"
        rows = [tuple(r) for r in data.log.read().execute(query)]
        places = state.rows.places(np.array([r[0] for r in rows], np.int64)).tolist()
        last = {(place, who): (label, value) for place, (_, who, label, value) in zip(places, rows, strict=True)}
        names = {label: team.named(state, label, None) for label, value in set(last.values()) if value is None}
        found: dict[int, Said] = {}
        for (place, who), (label, value) in last.items():
            meant = names[label] if value is None else team.named(state, None, json.loads(value))
            if place >= 0 and meant is not None:
                found.setdefault(place, {})[who] = meant
        state.memory["said by people"] = found
    there: dict[int, Said] = state.memory["said by people"]
    return there


def told(data: Dataset, who_labels: team.Team) -> dict[str, Any]:
    """{"people", "agreement", "settling"} together. Where counting takes LONG and many ask, an answer is given again for ten times as long as
    it took: all who look at a large data set take a tenth of a core."""
    with _counting:
        mark, now = (data.version, who_labels), time.monotonic()
        before = _recent.get(data)
        if before and (before[0] == mark or (now < before[1] and before[0][1] == who_labels)):
            return before[2]
        found = {"people": people(data, who_labels), "agreement": figures(data), "settling": settling(data)}
        done = time.monotonic()
        took = done - now
        _recent[data] = (mark, done + (10 * took if took > LONG else 0), found)
        return found


def people(data: Dataset, who_labels: team.Team) -> list[dict[str, Any]]:
    """[{who, done, rows, seconds: median a row or None, last, agrees: with the others or None}]: the team in its order, then whoever else
    has answered. `rows` is None for those who are not of the team."""
    state = data.state
    speed, agrees = _speed(data), _each_with_the_others(data)
    answered: dict[str, list[int]] = {name: [] for name in who_labels.people}
    for place, row in said(data).items():
        for name in row:
            answered.setdefault(name, []).append(place)
    found = []
    for name, places in answered.items():
        rows = None
        if who_labels.on and name in who_labels.people:
            rows = int(team.dealt(data, state, who_labels, name, places)[0].sum())
        seconds, last = speed.get(name, (None, None))
        told = {"who": name, "done": len(places), "rows": rows}
        found.append({**told, "seconds": seconds, "last": last, "agrees": agrees.get(name)})
    return found


def figures(data: Dataset) -> dict[str, Any]:
    """{rows: with two answers or more, pairs, same: share of pairs of answers that are equal, figures: [{name, value, low, high, rows, answers,
    band}], people: [{a, b, value, rows}], labels: [{label, value, rows}], mixed: [{a, b, n}]}. `b` is None where one person gave the label
    and the other did not."""
    state = data.state
    if "agreement" not in state.memory:
        state.memory["agreement"] = _figures(data, state)
    found: dict[str, Any] = state.memory["agreement"]
    return found


def settling(data: Dataset) -> dict[str, int]:
    """{differ: rows on which people differ and nobody has settled it, open: those among them without an answer in force, settled}."""
    places = _differing(data)
    state = data.state
    waits = int((state.human[places] == UNTOUCHED).sum()) if len(places) else 0
    return {"differ": len(places), "open": waits, "settled": int(team.settled(data, state).sum())}


def to_settle(
    data: Dataset,
    only: str = "all",
    labels: Sequence[str | None] = (),
    of: Sequence[str] = (),
    after: str | None = None,
    count: int = 20,
) -> dict[str, Any]:
    """The next rows on which people differ, those without an answer in force first: {rows: [row of `browse.rows` with `answers`: [{value,
    who: [names]}], the most first], total}.

    `only`: all | open. `labels`: two names of labels (None: no label) that stand against each other there. `of`: people who differ there.
    """
    state, everything = data.state, said(data)
    places = _differing(data)
    if only == "open":
        places = [place for place in places if state.human[place] == UNTOUCHED]
    if labels:
        wanted = frozenset(labels)
        places = [
            place for place in places if any(frozenset(two) == wanted for two in _mixed_up(state, everything[place]))
        ]
    if len(of) == 2:
        a, b = of
        keyed = ((place, _keys(state, everything[place])) for place in places)
        places = [place for place, key in keyed if a in key and b in key and key[a] != key[b]]
    start = 0
    if after is not None:
        ids = state.rows.ids(np.array(places, np.int64))
        start = ids.index(after) + 1 if after in ids else 0
    chosen = np.array(places[start : start + count], np.int64)
    rows = browse.rows(state, chosen, splits=False)
    for place, row in zip(chosen.tolist(), rows, strict=True):
        row["answers"] = _side_by_side(state, everything[place])
    return {"rows": rows, "total": len(places)}


# --- what people said, compared ---


def _figures(data: Dataset, state: State) -> dict[str, Any]:
    ratings, target = _ratings(data), state.shape.target
    kept = [row for row in ratings if len(row) > 1]
    pairs = [(a, b) for row in kept for (_, a), (_, b) in itertools.combinations(row, 2)]
    found: dict[str, Any] = {
        "rows": len(kept),
        "pairs": len(pairs),
        "figures": [],
        "people": [],
        "labels": [],
        "mixed": [],
    }
    found["same"] = sum(a == b for a, b in pairs) / len(pairs) if pairs else None
    if not kept or target is None:
        return found
    for name, figure in _of_kind(data, state, kept).items():
        found["figures"].append({"name": name, **asdict(figure), "band": agreement.band(figure.value)})
    two = _between_two(data, state, kept)
    ranked = sorted(two.items(), key=lambda one: one[1].value if np.isfinite(one[1].value) else 2.0)
    found["people"] = [{"a": a, "b": b, "value": one.value, "rows": one.rows} for (a, b), one in ranked[:MOST_PAIRS]]
    if target.kind in SETS:
        found["labels"] = _label_by_label(state, kept)
    counted = Counter(two for row in said(data).values() if len(row) > 1 for two in _mixed_up(state, row))
    found["mixed"] = [{"a": a, "b": b, "n": n} for (a, b), n in counted.most_common(MOST_PAIRS)]
    return found


def _of_kind(data: Dataset, state: State, kept: list[list[Rating]]) -> dict[str, Figure]:
    """The figures that suit the kind of the answers, by name; the first is the one to look at."""
    target = state.shape.target
    name = target.kind if target else ""
    if name == "number":
        return {"alpha_interval": agreement.alpha(kept, "interval")}
    if name in SETS:
        return {
            "alpha_masi": agreement.alpha(kept, agreement.masi),
            "alpha_jaccard": agreement.alpha(kept, agreement.jaccard),
        }
    if name == "spans":
        ratings, lengths = agreement.stretches(_marked(data, state))
        strict, loose = _f1(state, said(data))
        return {"alpha_characters": agreement.alpha(ratings, weights=lengths), "f1_overlap": loose, "f1_strict": strict}
    found = {"alpha": agreement.alpha(kept)}
    if name in NAMED:
        if all(_is_number(value) for row in kept for _, value in row):
            numbers = [[(who, float(value)) for who, value in row] for row in kept]
            found["alpha_ordinal"] = agreement.alpha(numbers, "ordinal")
        two = _between_two(data, state, kept)
        found["cohen"] = next(iter(two.values())) if len(two) == 1 else agreement.mean_of(two.values())
        if len(two) > 1:
            found["fleiss"] = agreement.fleiss(kept)
    return found


def _between_two(data: Dataset, state: State, kept: list[list[Rating]]) -> dict[tuple[str, str], Figure]:
    """`_two_by_two`, kept."""
    if "two by two" not in state.memory:
        state.memory["two by two"] = _two_by_two(data, state, kept)
    found: dict[tuple[str, str], Figure] = state.memory["two by two"]
    return found


def _two_by_two(data: Dataset, state: State, kept: list[list[Rating]]) -> dict[tuple[str, str], Figure]:
    """The figure of every two people, without intervals: kappa of labels, F1 of marked places, alpha of all else."""
    target = state.shape.target
    name = target.kind if target else ""
    if name in NAMED:
        return agreement.cohen_pairs(kept)
    if name == "spans":
        return _f1_pairs(said(data))[1]
    far: str | Callable[[Any, Any], float] = (
        "interval" if name == "number" else agreement.masi if name in SETS else "nominal"
    )
    return {
        pair: agreement.alpha([[("a", a), ("b", b)] for a, b in answers], far, interval=False)
        for pair, answers in agreement.both(kept).items()
    }


def _each_with_the_others(data: Dataset) -> dict[str, float]:
    """Person -> the mean of their figures with everybody they share rows with."""
    kept = [row for row in _ratings(data) if len(row) > 1]
    with_others: dict[str, list[float]] = {}
    for pair, figure in _between_two(data, data.state, kept).items():
        for name in pair:
            if np.isfinite(figure.value):
                with_others.setdefault(name, []).append(figure.value)
    return {name: statistics.fmean(values) for name, values in with_others.items()}


def _label_by_label(state: State, kept: list[list[Rating]]) -> list[dict[str, Any]]:
    """Kappa of every label by itself: given or not."""
    found = []
    for label in state.alive:
        figure = agreement.fleiss([[(who, label.name in value) for who, value in row] for row in kept], interval=False)
        n = sum(any(label.name in value for _, value in row) for row in kept)
        if n:
            found.append({"label": label.name, "value": figure.value, "rows": n})
    return sorted(found, key=lambda one: one["value"] if np.isfinite(one["value"]) else 2.0)


def _ratings(data: Dataset) -> list[list[Rating]]:
    state = data.state
    if state.shape.by_label:
        return [list(row.items()) for row in said(data).values()]
    return [list(_keys(state, row).items()) for row in said(data).values()]


def _keys(state: State, row: Said) -> dict[str, Any]:
    return row if state.shape.by_label else {who: _key(state, value) for who, value in row.items()}


def _key(state: State, value: Any) -> Any:
    """A value as something that can be compared: equal ones are the same answer."""
    target = state.shape.target
    if target is not None and target.kind in SETS:
        return frozenset(value)
    if isinstance(value, str | float | int):
        return value
    if isinstance(value, list):
        value = sorted(value, key=lambda one: json.dumps(one, sort_keys=True))
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _marked(data: Dataset, state: State) -> list[tuple[str, list[tuple[str, Any]]]]:
    rows = {place: row for place, row in said(data).items() if len(row) > 1}
    texts = state.texts(np.array(list(rows), np.int64))
    return [(text, list(row.items())) for text, row in zip(texts, rows.values(), strict=True)]


def _f1_pairs(everything: Mapping[int, Said]) -> tuple[dict[tuple[str, str], Figure], dict[tuple[str, str], Figure]]:
    """(strict, overlapping) F1 of every two people."""
    strict: dict[tuple[str, str], Figure] = {}
    loose: dict[tuple[str, str], Figure] = {}
    for pair, answers in agreement.both([list(row.items()) for row in everything.values()]).items():
        a, b = agreement.span_f1(answers)
        nan = float("nan")
        strict[pair] = Figure(a, nan, nan, len(answers), 2 * len(answers))
        loose[pair] = Figure(b, nan, nan, len(answers), 2 * len(answers))
    return strict, loose


def _f1(state: State, everything: Mapping[int, Said]) -> tuple[Figure, Figure]:
    strict, loose = _f1_pairs(everything)
    return agreement.mean_of(strict.values()), agreement.mean_of(loose.values())


def _mixed_up(state: State, row: Said) -> list[tuple[Any, Any]]:
    """Pairs of labels that two people gave where the other gave another one; (label, None) where the other gave none. Names in order."""
    target = state.shape.target
    found: list[tuple[Any, Any]] = []
    if target is None or target.kind not in ("category", *SETS, "spans"):  # options are the row's own
        return found
    for a, b in itertools.combinations(row.values(), 2):
        if target.kind == "category":
            found += [(a, b)] if a != b else []
        elif target.kind in SETS:
            found += [(one, None) for one in set(a) ^ set(b)]
        else:
            found += _spans_mixed(a, b)
    return [two if two[1] is None or str(two[0]) <= str(two[1]) else (two[1], two[0]) for two in found]


def _spans_mixed(first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    for own, others, both_ways in ((first, second, True), (second, first, False)):
        for span in own:
            there = [one for one in others if one["start"] < span["end"] and span["start"] < one["end"]]
            if not there:
                found.append((span["label"], None))
            elif both_ways and all(one["label"] != span["label"] for one in there):
                found.append((span["label"], there[0]["label"]))
    return found


def _differing(data: Dataset) -> list[int]:
    """Places on which people differ and nobody has settled it: those without an answer in force first, numbers by how far they are apart."""
    state = data.state
    if "differing" not in state.memory:
        done = team.settled(data, state)
        found = [
            place
            for place, row in said(data).items()
            if len(row) > 1 and not done[place] and state.usable[place] and len(set(_keys(state, row).values())) > 1
        ]
        if state.shape.target is not None and state.shape.target.kind == "number":
            found.sort(key=lambda place: (min(said(data)[place].values()) - max(said(data)[place].values()), place))
        else:
            found.sort(key=lambda place: (state.human[place] != UNTOUCHED, place))
        state.memory["differing"] = found
    there: list[int] = state.memory["differing"]
    return there


def _side_by_side(state: State, row: Said) -> list[dict[str, Any]]:
    """[{value, who}] of the different answers to a row, the most given first."""
    found: dict[Any, dict[str, Any]] = {}
    for who, value in row.items():
        found.setdefault(_key(state, value), {"value": value, "who": []})["who"].append(who)
    return sorted(found.values(), key=lambda one: -len(one["who"]))


def _speed(data: Dataset) -> dict[str, tuple[float | None, float]]:
    """Person -> (median seconds a row, when they last answered). Where the page told no seconds, the time since the answer before."""
    query = "SELECT who, at, seconds FROM answers WHERE NOT undone AND origin = 'human' ORDER BY who, seq"
    found: dict[str, tuple[float | None, float]] = {}
    for who, answers in itertools.groupby(data.log.read().execute(query), key=lambda r: r["who"]):
        took: list[float] = []
        before = None
        for r in answers:
            if r["seconds"] is not None:
                took.append(r["seconds"])
            elif before is not None and 0 < r["at"] - before < PAUSE:
                took.append(r["at"] - before)
            before = r["at"]
        if before is not None:
            found[who] = (statistics.median(took) if took else None, before)
    return found


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True

"""The Label tab's part "Doubtful labels": a look for labels that may be wrong, and what a person decides of each. The page is
assets/js/label_doubtful*.js.

Every decision can be taken back: each call that decides returns `undo`, which `doubtful_undo` takes. Values travel with label ids in the place of
names, as everywhere on this tab. For the owner of a project only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.data import browse
from core.errors import Missing
from core.labelling import reviews, suspects
from core.words import Message
from core.workspace import new_id
from webui.calls import Here, call
from webui.tabs import label_rows

MOST = 40  # rows a call
SHORT = 300  # characters of a similar text


@call
def doubtful(here: Here) -> dict[str, Any]:
    """How it stands: `state` few | none | looking | ready, the `job`, and once there is a result all doubted rows with what became of each:
    open, kept, changed or gone.
    """
    data = here.dataset
    state = data.state
    counts = data.counts()
    told: dict[str, Any] = {
        "labelled": counts.labelled,
        "least": suspects.LEAST,
        "least_of_label": suspects.LEAST_OF_LABEL,
        "seconds": _seconds(data),
        "job": _job(here),
    }
    if not suspects.can(state) or not suspects.enough(state):
        return {**told, "state": "few"}
    found = suspects.known(data)
    if found is None:
        return {**told, "state": "looking" if _under_way(told["job"]) else "none"}
    values, kept = _values(data, [entry["row"] for entry in found["found"]]), reviews.kept(data)
    rows = [{"row": e["row"], "why": e["why"], **_became(e, values, kept)} for e in found["found"]]
    return {
        **told,
        "state": "looking" if _under_way(told["job"]) else "ready",
        "version": found["version"],
        "rows": rows,
        "looked_through": found["labelled"],
        "models": found["models"],
        "pairs": found["pairs"],
        "changed": suspects.changed_since(data, found["version"]),
    }


@call
def doubtful_look(here: Here) -> dict[str, Any]:
    """Begin a look through all labels."""
    title = Message("Looking for doubtful labels")
    arguments = {"folder": str(here.dataset.folder)}
    job = here.jobs.start("core.labelling.suspects:look", arguments, title=title, key=_key(here), torch=True)
    return here.jobs.state(job.id)


@call
def doubtful_stop(here: Here) -> None:
    if last := here.jobs.latest(_key(here)):
        here.jobs.cancel(last)


@call
def doubtful_rows(here: Here, *, rows: list[str]) -> list[dict[str, Any]]:
    """Some doubted rows whole: text and other inputs, the answer now, what the models say, and the evidence."""
    data = here.dataset
    found = suspects.known(data)
    entries = {entry["row"]: entry for entry in found["found"]} if found else {}
    wanted = [row for row in rows[:MOST] if row in entries]
    shown = _shown(here, wanted)
    near = _shown(here, list({row for one in wanted for row, _ in entries[one].get("near", ())}))
    told = []
    for row in wanted:
        if row not in shown:
            continue
        entry = {key: value for key, value in entries[row].items() if key not in ("row", "near")}
        similar = [{**_brief(near[one]), "share": share} for one, share in entries[row].get("near", ()) if one in near]
        told.append({**shown[row], **entry, "similar": similar})
    return told


# --- what a person decides ---


@call
def doubtful_keep(here: Here, *, row: str) -> dict[str, Any]:
    """The answer on this row is right."""
    data = here.dataset
    reviews.keep(data, _values(data, [row]), here.person)
    return {"undo": {"how": "kept", "row": row}}


@call
def doubtful_change(here: Here, *, rows: list[dict[str, Any]], many: bool = False) -> dict[str, Any]:
    """Another answer on some rows [{row, value}], None for none. `many`: several at once, which is how they are counted."""
    data = here.dataset
    client = new_id("doubtful")
    field = "label" if data.shape.by_label else "value"
    entries = [{"row": r["row"], field: r["value"], "seq": n, "client": client} for n, r in enumerate(rows, start=1)]
    saved = data.labels.decide(entries, here.person, "bulk" if many else "human")
    if len(saved["refused"]) == len(entries) and entries:
        raise Missing(Message.from_json(saved["refused"][0]["message"]))
    done = [{"row": rows[n - 1]["row"], "seq": n} for n in saved["saved"]]
    return {"undo": {"how": "answer", "client": client, "rows": done}, "saved": len(done)}


@call
def doubtful_leave_out(here: Here, *, row: str) -> dict[str, Any]:
    """The row takes part in nothing any more."""
    return {"undo": {"how": "left out", "group": here.dataset.exclude([row], here.person)}}


@call
def doubtful_undo(here: Here, *, undo: dict[str, Any]) -> None:
    """Take back what a decision returned. Taking it back twice changes nothing."""
    data, how = here.dataset, undo.get("how")
    if how == "kept":
        reviews.forget(data, [str(undo["row"])])
    elif how == "left out":
        data.undo(str(undo["group"]))
    elif how == "answer":
        client = new_id("doubtful")
        backs = [{"client": undo["client"], "seq": one["seq"]} for one in undo["rows"]]
        entries = [
            {"row": one["row"], "seq": n, "client": client, "takes_back": back}
            for n, (one, back) in enumerate(zip(undo["rows"], backs, strict=True), start=1)
        ]
        data.labels.put(entries, here.person)


CALLS: list[Any] = [doubtful, doubtful_look, doubtful_stop, doubtful_rows, doubtful_keep, doubtful_change,
                    doubtful_leave_out, doubtful_undo]  # fmt: skip


def _key(here: Here) -> str:
    return f"doubtful {here.project_id}"


def _job(here: Here) -> dict[str, Any] | None:
    last = here.jobs.latest(_key(here))
    if last is None:
        return None
    state = here.jobs.state(last)
    return {name: state[name] for name in ("state", "done", "total", "seconds_left", "note", "error")}


def _under_way(job: Mapping[str, Any] | None) -> bool:
    return job is not None and job["state"] in ("waiting", "running")


def _seconds(data: Any) -> float:
    """About how long a look takes: reading the texts (those that were read before cost nothing), and the models."""
    labelled = data.counts().labelled
    target = data.shape.target
    if target is not None and target.kind == "spans":
        return 2 + labelled / 350
    from core.labelling import features

    return 4 + len(features.missing(data)) / 120 + labelled * (2 + len(data.state.alive) / 20) / 1_500


def _values(data: Any, rows: Sequence[str]) -> dict[str, Any]:
    """row -> the answer in force, with label ids in the place of names; rows that are gone or left out are not among them."""
    state = data.state
    ids = {label.name: label.id for label in state.alive}
    found = {}
    for row in rows:
        try:
            place = state.rows.place(row)
        except Missing:
            continue
        if state.usable[place]:
            found[row] = suspects.as_ids(state, state.value(place), ids)
    return found


def _became(entry: Mapping[str, Any], values: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, str]:
    row = entry["row"]
    if row not in values:
        return {"became": "gone"}
    now = values[row]
    if row in kept and kept[row] == now:
        return {"became": "kept"}
    return {"became": "open" if _same(now, entry["given"]) else "changed"}


def _same(one: Any, other: Any) -> bool:
    """Sets of labels have no order."""
    if isinstance(one, list) and isinstance(other, list) and not any(isinstance(x, dict) for x in [*one, *other]):
        return set(one) == set(other)
    return bool(one == other)


def _shown(here: Here, rows: Sequence[str]) -> dict[str, dict[str, Any]]:
    state, places = here.dataset.state, []
    for row in rows:
        try:
            places.append(state.rows.place(row))
        except Missing:
            continue
    seen = browse.rows(state, np.array(sorted(places), np.int64), splits=False)
    return {row["id"]: row for row in label_rows.shown(here, seen, None, None)}


def _brief(row: Mapping[str, Any]) -> dict[str, Any]:
    text = row["text"]
    short = text if len(text) <= SHORT else text[:SHORT].rstrip() + " …"
    return {"row": row["id"], "text": short, "inputs": row["inputs"], "value": row["value"]}

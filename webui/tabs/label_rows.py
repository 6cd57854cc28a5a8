"""Label: rows as the page of the Label tab needs them, and which rows a person's list holds. Shared by what gives the next texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.data import team
from core.data.shape import Shape
from core.data.values import kind
from webui.calls import Here

LONGEST = 20_000  # characters of a text that are sent; a person reads no more


def listed(show: str, search: str, label: str) -> tuple[str, str]:
    """What the page shows as `only` and `search` of core.data.browse.waiting. `label` "none" is without one."""
    if show != "search":
        return "all" if show == "all" else "unlabelled", ""
    return {"": "all", "none": "unlabelled"}.get(str(label), f"label:{label}"), str(search)


def shown(here: Here, rows: Sequence[dict[str, Any]], own: team.Mine | None, after: str | None) -> list[dict[str, Any]]:
    """Rows of browse.rows as the page keeps them; each knows the one `place` before it, the first one `after`."""
    data = here.dataset
    if own is None:
        given = data.labels.given([row["id"] for row in rows if row["origin"] == "human"])
    else:
        given = {row: {"who": here.person, "at": at} for row, at in team.as_mine(data.state, list(rows), own).items()}
    ids = {one.name: one.id for one in data.state.alive}
    found, before = [], after
    for row in rows:
        ruled = None if own is not None and own.blind else row["guessed"]
        found.append({**_row(data.shape, ids, row, given.get(row["id"]), before), "ruled": ruled})
        before = row["id"]
    return found


def mine(here: Here) -> team.Mine | None:
    """What falls to the person, where several label and they are one of them; the owner sees everything unless they take part."""
    data = here.dataset
    who_labels = team.of(data.log)
    if not who_labels.on or not (here.is_guest or here.person in who_labels.people):
        return None
    return team.mine(data, here.person, who_labels)


def _row(
    shape: Shape, ids: Mapping[str, int], row: dict[str, Any], given: dict[str, Any] | None, before: str | None
) -> dict[str, Any]:
    return {
        "id": row["id"],
        "n": row["number"],
        "text": row["text"][:LONGEST],
        "cut": len(row["text"]) > LONGEST,
        "inputs": {
            part.role: _short(row["inputs"].get(part.role))
            for part in shape.inputs
            if part.kind != "text" or part.role != shape.first
        },
        "value": _value(shape, ids, row),
        "origin": row["origin"],
        "by": given["who"] if given else None,
        "at": given["at"] if given else None,
        "place": before,
    }


def _value(shape: Shape, ids: Mapping[str, int], row: dict[str, Any]) -> Any:
    """The answer in force as the page keeps it: label ids in the place of names; the name itself where the row's options are the labels."""
    if shape.by_label:
        return row["label"] if any(part.kind == "choices" for part in shape.inputs) else row["label_id"]
    if shape.target is None or row["value"] is None:
        return None
    return kind(shape.target.kind).renamed(row["value"], ids)


def _short(value: Any) -> Any:
    return value[:LONGEST] if isinstance(value, str) else value

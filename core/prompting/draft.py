"""What a person has typed on the page before anything is asked: raw values by knob, right or wrong. Kept in <project>/untrained/draft.json,
so that a reload shows it again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.prompting.attempts import FOLDER
from core.prompting.settings import LONGEST, UntrainedSettings
from core.prompting.ways import WAYS
from core.workspace import FORMAT, read_json, write_json

FILE = "draft.json"


def read(project: Path) -> dict[str, Any]:
    """Every knob as it stands: what was typed over what is usual."""
    try:
        typed = known(read_json(project / FOLDER / FILE)["values"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        typed = {}
    return {**UntrainedSettings().model_dump(), **typed}


def write(project: Path, values: Mapping[str, Any]) -> None:
    (project / FOLDER).mkdir(parents=True, exist_ok=True)
    write_json(project / FOLDER / FILE, {"format": FORMAT, "values": known(values)})


def known(values: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values of knobs that exist, cut to a sane length."""
    there = {n: v for n, v in dict(values).items() if n in UntrainedSettings.model_fields}
    if there.get("way") not in WAYS:
        there.pop("way", None)
    plain = {n: v for n, v in there.items() if v is None or isinstance(v, (str, int, float, bool))}
    return {n: v[: LONGEST + 1] if isinstance(v, str) else v for n, v in plain.items()}

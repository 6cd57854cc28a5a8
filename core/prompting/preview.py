"""What a model would read, filled with a real row: shown while a person writes a prompt. Needs no model.

Examples stand here as chance draws them; which are most similar is known only once vectors are there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from core.data.splits import NAMES
from core.data.state import State
from core.prompting import prompts
from core.prompting.descriptions import described
from core.prompting.settings import UntrainedSettings

SHOWN = 4  # labels whose sentence is shown
LOOKED = 5_000  # labelled rows among which examples are drawn here


def preview(state: State, folder: Path, settings: UntrainedSettings, at: int) -> dict[str, Any] | None:
    """{"lines": what is read, "answers": words of labels, "of": rows to look at, "at"} of the row number `at`; None without rows. Raises
    SettingsError where the prompt is off."""
    known = prompts.variables(state)
    prompts.check(settings, known)
    places = np.flatnonzero(state.usable & (state.split != NAMES.index("train")))
    places = places if len(places) else np.flatnonzero(state.usable)
    if not len(places):
        return None
    labels, columns = described(state, folder), prompts.columns(settings, known)
    at = int(at) % len(places)
    row = _rows(state, places[[at]], columns)[0]
    if settings.way == "entails":
        asked = [prompts.filled(settings.hypothesis, {**row, "label": one.words}) for one in labels[:SHOWN]]
        lines = [str(row["text"]), *asked]
    else:
        words = {one.name: one.words for one in labels}
        pool = np.flatnonzero(state.usable & (state.label >= 0) & (state.split == NAMES.index("train")))[:LOOKED]
        drawn = np.random.Generator(np.random.PCG64(settings.seed)).permutation(pool)[: settings.examples]
        shown = [
            prompts.example(settings.example, one, words[state.alive[label].name])
            for one, label in zip(_rows(state, drawn, columns), state.label[drawn].tolist(), strict=True)
        ]
        lines = [prompts.question(settings.prompt, row, labels, shown)]
    answers = [one.words for one in labels[:SHOWN]]
    return {"lines": lines, "answers": answers, "labels": len(labels), "at": at, "of": len(places)}


def _rows(state: State, places: Any, columns: list[str]) -> list[dict[str, Any]]:
    cells = state.rows.cells(places.tolist()) if columns else [{} for _ in places]
    rows = [{role: value or "" for role, value in row.items()} for row in state.inputs(places)]
    return [{**{c: cell.get(c, "") for c in columns}, **row} for cell, row in zip(cells, rows, strict=True)]

"""What a draft would cost on this machine: measured by a job with a few real steps, and remembered for the same settings and data.

Remembered in <project>/estimates.json, so that a reload, the Train tab and the run itself know it without measuring again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

from core.training.advice import PRESETS
from core.training.draft import Settled
from core.words import Message
from core.workspace import FORMAT, read_json, write_json
from webui.calls import Here

FILE = "estimates.json"
MOST = 40  # remembered at a time
FREE_OF_TIME = (
    "patience",
    "metric",
    "keep_best",
    "seed",
    "save_seconds",
    "label_smoothing",
    "weight_decay",
    "warmup",
    "schedule",
)
SAFE = 0.9  # share of the memory a run may need before a smaller batch is proposed


def told(here: Here, settled: Settled, *, busy: bool) -> dict[str, Any]:
    """How it stands for the page: done with the figures, measuring, busy (another run works), failed, or none."""
    folder = here.project.folder
    now = key(here, settled)
    if found := _remembered(folder).get(now):
        return {"state": "done", **found, "repair": _repair(found, settled), "presets": presets(here, settled)}
    job = here.jobs.latest(_job(folder))
    state = here.jobs.state(job) if job else None
    if state and _asked(here, job) == now and state["state"] != "cancelled":
        return _of_job(folder, now, state, settled, here)
    if busy:
        return {"state": "busy", "presets": presets(here, settled)}
    arguments = {
        "data": str(here.project.data),
        "settings": settled.settings.model_dump(),
        "base": settled.base.as_json(),
        "phases": settled.phases,
    }
    here.jobs.start(
        "core.training.estimate:estimate",
        {**arguments},
        title=Message("Measuring a few steps…"),
        key=_job(folder),
        torch=settled.base.kind == "encoder",
    )
    write_json(folder / "estimating.json", {"format": FORMAT, "key": now})
    return {"state": "measuring", "done": 0, "total": 0, "presets": presets(here, settled)}


def known(here: Here, settled: Settled) -> dict[str, Any] | None:
    """The figures, if they have been measured for this draft and this data."""
    return _remembered(here.project.folder).get(key(here, settled))


def presets(here: Here, settled: Settled) -> dict[str, float]:
    """Seconds of each preset that has been measured with this data and base."""
    from core.training import draft as drafts

    found = _remembered(here.project.folder)
    changed = {"base": settled.base.id} if settled.base.id != settled.proposed.id else {}
    others = {name: drafts.settle(drafts.Draft(name, changed), settled.facts) for name in PRESETS}
    return {name: found[k]["seconds"] for name, one in others.items() if (k := key(here, one)) in found}


def key(here: Here, settled: Settled) -> str:
    """The same for drafts that cost the same: settings that take no time are left out."""
    values = {k: v for k, v in settled.settings.model_dump().items() if k not in FREE_OF_TIME}
    facts = settled.facts
    text = json.dumps(
        [values, settled.phases, facts.train, facts.validation, sorted(facts.tokens.items())], sort_keys=True
    )
    return hashlib.blake2s(text.encode(), digest_size=12).hexdigest()


def _of_job(folder: Path, now: str, state: dict[str, Any], settled: Settled, here: Here) -> dict[str, Any]:
    if state["state"] == "done":
        found = dict(state["result"])
        write_json(
            folder / FILE, {"format": FORMAT, "found": dict([*_remembered(folder).items(), (now, found)][-MOST:])}
        )
        return {"state": "done", **found, "repair": _repair(found, settled), "presets": presets(here, settled)}
    if state["state"] == "failed":
        return {"state": "failed", "message": state["error"]["message"], "fix": state["error"]["fix"]}
    return {"state": "measuring", "done": state["done"], "total": state["total"], "presets": presets(here, settled)}


def _repair(found: dict[str, Any], settled: Settled) -> dict[str, Any] | None:
    """When it needs more memory than there is: how many texts a step would fit, as a button."""
    need, there = found.get("memory") or 0, found.get("memory_total") or 0
    batch = settled.settings.batch_size
    if not there or need <= there or "batch_size" not in settled.counted or batch == 1:
        return None
    smaller = batch
    while smaller > 1 and need * smaller / batch > SAFE * there:
        smaller //= 2
    return {
        "sentence": Message("With {n} texts a step it should fit.", n=smaller),
        "title": Message("Use {n}", n=smaller),
        "values": {"batch_size": smaller},
    }


def _remembered(folder: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError, KeyError):
        return dict(read_json(folder / FILE)["found"])
    return {}


def _asked(here: Here, job: str | None) -> str | None:
    with contextlib.suppress(OSError, ValueError, KeyError):
        return str(read_json(here.project.folder / "estimating.json")["key"])
    return None


def _job(folder: Path) -> str:
    return f"estimate-{folder.name}"

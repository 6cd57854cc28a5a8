"""Which bases suit a task and its data, best first, each with its reason: language, length of the texts, what the machine can hold.

Knows facts about texts and machines, never a text. Asks no network: what stands in the catalogue's table is all it knows of the Hub.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.models.catalogue import BUNDLED, CLASSIC, Base, find
from core.models.footprint import footprint
from core.models.known import KNOWN, MULTI
from core.tasks.base import Family
from core.words import Message

GPU_MEMORY = 16 << 30  # where a GPU is there and nobody says how large it is
SHARE = 0.8  # of the memory that a run may take
BATCH = {"encoder": 16, "causal": 4, "encoder-decoder": 8, "image": 16}
SLOW = {
    "encoder": 150e6,
    "causal": 400e6,
    "encoder-decoder": 100e6,
    "image": 30e6,
}  # parameters from which on a processor alone takes hours
LONG = 8_192


def advise_base(
    family: Family,
    language: str,
    lengths: Mapping[int, float] | None,
    machine: Any,
    *,
    counting: bool = False,
    most: int = 6,
) -> list[tuple[Base, Message]]:
    """Bases for a family, best first, each with the reason. Empty where none is known that fits; then a blank model remains.

    `language` is a code ("en", "zh", ..., "" for unknown); `lengths` are percentiles of tokens ({50: 12, 95: 30}); `machine` has cores, memory
    (bytes), gpu (a name or "") and perhaps gpu_memory. `counting`: the task can also do with counts of words (a classic base).
    """
    length = _length(lengths)
    found = []
    for base in _candidates(family, language):
        how = _method(base, family, length, machine)
        if how is not None:
            found.append(
                (_merit(base, language, length, machine, how), base, _reason(base, language, length, machine, how))
            )
    found.sort(key=lambda entry: entry[0], reverse=True)
    chosen = [(base, reason) for _, base, reason in found[:most]]
    if counting and family == "encoder":
        classic = (find(CLASSIC), Message("Needs no network and serves every language: counts instead of reading."))
        chosen.insert(
            0 if not chosen or (not _fits_language(find(BUNDLED), language) and not machine.gpu) else len(chosen),
            classic,
        )
    return chosen


def _candidates(family: Family, language: str) -> list[Base]:
    """Those of the family that know the language; with an unknown language those that know several."""
    bundled = [find(BUNDLED)] if family == "encoder" else []
    return [base for base in (*bundled, *KNOWN.values()) if base.family == family and _fits_language(base, language)]


def _fits_language(base: Base, language: str) -> bool:
    if base.family == "image":
        return True
    return language in base.languages if language in ("en", "zh") else MULTI in base.languages


def _method(base: Base, family: Family, length: int, machine: Any) -> str | None:
    """The fullest way to learn that fits into memory; None where not even LoRA does."""
    room = SHARE * (getattr(machine, "gpu_memory", 0) or GPU_MEMORY if machine.gpu else machine.memory)
    tokens = min(length, base.max_length or length)
    batch = max(1, BATCH[family] * 128 // max(128, tokens))  # long texts in smaller batches, gathered
    for method in ("full", "lora"):
        need = footprint(base, method, batch=batch, length=tokens, precision="bf16" if machine.gpu else "fp32")
        if need and need.total <= room:
            return method
    return None


def _merit(base: Base, language: str, length: int, machine: Any, how: str) -> float:
    """Larger models are better where they are quick enough; a model of one's own language, one that reads texts whole, one that is here."""
    slow = SLOW[base.family or "encoder"]
    size = base.parameters / slow
    merit = min(size, 1.0) if not machine.gpu else min(base.parameters / (10 * slow), 1.0)
    merit -= max(0.0, size - 1.0) if not machine.gpu else 0.0
    merit += (0.5 if base.family == "encoder" else 0.2) * (MULTI not in base.languages)
    merit += 0.5 * (length <= (base.max_length or length)) if base.family != "image" else 0.0
    merit += 1.0 * (base.id == BUNDLED and not machine.gpu)
    return merit - 0.3 * (how == "lora")


def _reason(base: Base, language: str, length: int, machine: Any, how: str) -> Message:
    """What the base is for, what limits it here, and how it can learn."""
    note = base.note
    if base.family != "image" and base.max_length and length > base.max_length:
        note = Message(
            "{note} Reads {n:,} word pieces; longer texts are cut or windowed.", note=note, n=base.max_length
        )
    elif base.max_length >= LONG and length > 512:
        note = Message("{note} Reads your long texts whole.", note=note)
    if not machine.gpu and base.parameters > SLOW[base.family or "encoder"]:
        return Message("{note} Without a GPU this takes hours.", note=note)
    if how == "lora":
        return Message("{note} Fits into this machine with LoRA, not as a whole.", note=note)
    return note


def _length(lengths: Mapping[int, float] | None) -> int:
    """Tokens of nearly all texts."""
    if not lengths:
        return 128
    return round(lengths.get(95) or max(lengths.values()))

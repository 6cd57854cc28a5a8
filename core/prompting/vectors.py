"""Vectors of texts by an encoder as it came, of unit length, kept by the hash of the text so that another attempt reads only what is new.

<project>/untrained/vectors-<base>.npz    keys (n,) u64 · vectors (n, width) f16 · seconds, texts: what reading took, over all times
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data import kept
from core.evaluation import before
from core.models.catalogue import Base
from core.prompting.ways import Floats, Progress, Stop
from core.words import Message

READ = 256  # tokens of a text that are read: what sentence encoders were trained on
KEPT = 200_000  # vectors on disk; beyond, the oldest go
BLOCK = 4_096  # texts between two writes


@dataclass
class Vectors:
    """Reads texts with a base; `seconds` a text as it was when it read them."""

    base: Base
    folder: Path
    progress: Progress
    cancelled: Stop

    def __post_init__(self) -> None:
        name = hashlib.blake2b(f"{self.base.id} {self.base.source}".encode(), digest_size=6).hexdigest()
        self._path = self.folder / f"vectors-{name}.npz"
        self._known = dict(kept.read(self._path) or {})
        self._reader: Any = None

    @property
    def seconds(self) -> float:
        return float(self._known.get("seconds", 0.0)) / max(1.0, float(self._known.get("texts", 0.0)))

    def of(self, texts: Sequence[str]) -> Floats:
        """(texts, width), in their order."""
        keys = np.array([_key(text) for text in texts], np.uint64)
        _, first = np.unique(keys, return_index=True)
        fresh = first[~np.isin(keys[first], self._keys)]
        for start in range(0, len(fresh), BLOCK):
            some = fresh[start : start + BLOCK]
            self._read([texts[i] for i in some], keys[some], start, len(fresh))
        order = np.argsort(self._keys, kind="stable")
        at = order[np.searchsorted(self._keys[order], keys)]
        return np.asarray(self._known["vectors"][at], np.float32)

    @property
    def _keys(self) -> NDArray[np.uint64]:
        found: NDArray[np.uint64] = self._known.get("keys", np.zeros(0, np.uint64))
        return found

    def _read(self, texts: Sequence[str], keys: NDArray[np.uint64], before_them: int, total: int) -> None:
        if self._reader is None:
            spec = {"base": self.base.as_json(), "settings": {"max_length": READ}}
            self._reader = before.reader(spec)
        began = time.perf_counter()
        made = self._reader(texts, partial(self._told, before_them, total), self.cancelled).astype(np.float16)
        took = time.perf_counter() - began
        old = self._known.get("vectors", np.zeros((0, made.shape[1]), np.float16))
        self._known = {
            "keys": np.concatenate([self._keys, keys]),
            "vectors": np.concatenate([old, made]),
            "seconds": np.array(float(self._known.get("seconds", 0.0)) + took),
            "texts": np.array(float(self._known.get("texts", 0.0)) + len(texts)),
        }
        lasting = {name: self._known[name][-KEPT:] for name in ("keys", "vectors")}
        kept.write(self._path, {**self._known, **lasting})

    def _told(self, before_them: int, total: int, done: int, _: int) -> None:
        self.progress(before_them + done, total, Message("Reading the texts …"))


def _key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")

"""Garbled characters: UTF-8 that was once read as Windows-1252 and saved again ("donâ€™t"). Finds such texts and mends them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.data.chunks import flags
from core.data.state import State

SIGNS = ("Ã", "â€", "Â", "ï")
GARBLED = "Ã[\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€|Â[\u00a0-\u00bf]|ï¿½|ï»¿"
RUN = re.compile("[\u0080-\u00ff€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]{2,}")


def garbled_rows(state: State) -> NDArray[np.bool_]:
    """Texts that the mending would change."""
    if "garbled" not in state.text_memory:
        places = np.flatnonzero(flags(state.text, _maybe_garbled))
        changed = np.array([mended(text) != text for text in state.texts(places)], np.bool_)
        mask = np.zeros(len(state), np.bool_)
        mask[places[changed]] = True
        state.text_memory["garbled"] = mask
    found: NDArray[np.bool_] = state.text_memory["garbled"]
    return found & ~state.edits.excluded


def _maybe_garbled(chunk: Any) -> Any:
    """The pattern, sought only where its rarest signs stand at all."""
    for sign in SIGNS:
        if pc.any(pc.match_substring(chunk, sign)).as_py():
            return pc.match_substring_regex(chunk, GARBLED)
    return pa.repeat(pa.scalar(False), len(chunk))


def mended(text: str) -> str:
    """UTF-8 that was read as Windows-1252 once, read rightly; runs that are something else stay."""
    return RUN.sub(lambda run: _decoded(run[0]), text)


def _decoded(run: str) -> str:
    try:
        return b"".join(bytes([ord(c)]) if ord(c) < 256 else c.encode("cp1252") for c in run).decode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError):
        return run

"""The job of the check-up: measures what findings need, in a process of its own, so that the page answers meanwhile.

What it finds out lies in the data set's folder `cache`; the page reads it from there and makes sentences of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.data import checks
from core.data.dataset import Dataset
from core.errors import Cancelled


def look(folder: str, texts: str, progress: Callable[..., None], cancelled: Callable[[], bool]) -> dict[str, Any]:
    """Measure the texts of the data set in `folder`. `texts` is their fingerprint: other texts are another job."""
    data = Dataset.open(folder)
    try:
        state = data.state
        for number, measure in enumerate(checks.MEASURES):

            def told(done: int, total: int, number: int = number, title: Any = measure.title) -> None:
                if cancelled():
                    raise Cancelled()
                progress(100 * number + 100 * done // max(1, total), 100 * len(checks.MEASURES), title)

            told(0, 1)
            measure.of(state, told)
        return {"texts": texts}
    finally:
        data.close()

"""The model before tuning: a linear probe on the base's frozen features. The run's own where it has one, else fitted here.

What it answers on the test texts tells what moving the base's weights brought.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np


def before(
    run_dir: Path,
    spec: Mapping[str, Any],
    splits: Mapping[str, Any],
    names: Sequence[str],
    split: str,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> np.ndarray | None:
    """Label numbers for the texts of `split`; None where there is nothing before (a classic model, a run of the last layer only)."""
    from core.evaluation.report import is_classic, only_last_layer
    from core.inference import Predictor

    if is_classic(spec) or only_last_layer(spec):
        return None
    if not (run_dir / "probe" / "hone.json").is_file():
        return None
    predictor = Predictor.open(run_dir / "probe")
    shares = predictor.probabilities(splits[split].texts, progress, cancelled)
    return np.array([names.index(name) for name in predictor.labels])[shares.argmax(axis=1)]

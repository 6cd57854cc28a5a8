"""What a rare label weighs, as one plain function: how many times more than a common one."""

from __future__ import annotations

from typing import Any

import numpy as np


def rarer(counts: np.ndarray, than: np.ndarray, settings: Any) -> np.ndarray:
    """How many times more a label that `counts` texts carry weighs than one that `than` texts carry, by `settings.class_weights`.

    "effective": by the effective number of texts (1 - β^n) / (1 - β) of Cui et al. 2019, "Class-Balanced Loss Based on Effective Number of
    Samples": of many texts of a label a further one tells little new. Towards 1 it becomes "balanced".
    """
    way = settings.class_weights
    if way == "effective":
        beta = settings.effective_beta
        return (1 - beta**than) / (1 - beta**counts)
    return (than / counts) ** {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}[way]

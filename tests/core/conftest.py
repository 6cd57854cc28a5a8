"""For the tests of core."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def until() -> Callable[..., None]:
    """Wait for something that other processes bring about; fails loudly when it does not come."""

    def wait(true: Callable[[], Any], seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, "it did not come about"
            time.sleep(0.01)

    return wait

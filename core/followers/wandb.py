"""Weights & Biases: into the account that this machine is logged in to, else into a folder (`wandb sync` sends it later). Never asks.

Nothing of the machine, of the code or of what is printed is sent along.
"""

from __future__ import annotations

import contextlib
import netrc
import os
from collections.abc import Mapping
from urllib.parse import urlparse

from core.followers.base import Subject, plain


class Follower:
    def __init__(self, subject: Subject):
        import wandb

        os.environ.setdefault("WANDB_SILENT", "true")
        offline = os.environ.get("WANDB_MODE") == "offline" or not _logged_in()
        quiet = wandb.Settings(
            console="off",
            silent=True,
            disable_git=True,
            disable_code=True,
            x_disable_stats=True,
            x_disable_meta=True,
            x_save_requirements=False,
        )
        self._run = wandb.init(
            project=subject.project, name=subject.name, id=subject.run, dir=str(subject.folder), config=plain(subject.settings),
            resume="allow", mode="offline" if offline else "online", settings=quiet,
        )  # fmt: skip
        self.where = self._run.url or str(subject.folder)
        self._run.define_metric("*", step_metric="step")

    def numbers(self, step: int, values: Mapping[str, float], at: float) -> None:
        self._run.log({**values, "step": step})

    def back(self, step: int) -> None:
        self._run.log({"resumed": step, "step": step})  # what was sent stays there; the step says where it went on

    def flush(self) -> None:
        """It sends by itself."""

    def end(self, state: str) -> None:
        self._run.summary["state"] = state
        self._run.finish(exit_code=1 if state == "failed" else 0)


def _logged_in() -> bool:
    """Whether an account is known on this machine, where the library itself looks for it; asking the library would ask the person."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    with contextlib.suppress(OSError, netrc.NetrcParseError):
        host = urlparse(os.environ.get("WANDB_BASE_URL") or "https://api.wandb.ai").hostname
        return netrc.netrc().authenticators(str(host)) is not None
    return False

"""The learning-rate range test: steps whose width rises from tiny to far too large, and how wrong the model is after each.

Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017; with a geometric rise, as usual since. Where the loss falls fastest
the width is good; where it shoots up it was too much. The test is a real run's first phase on the person's own texts, in a folder that is
thrown away: nothing of it is kept as a model. A job (`JOB`); what it found is kept in <project>/rates.json until the next test.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import Cancelled, RunError
from core.words import Message
from core.workspace import read_json, write_json

JOB = "core.studies.rates:find"
FILE = "rates.json"
FIRST, LAST = 1e-6, 1e-1  # step widths at which it begins and ends
STEPS = 100
SMOOTH = 0.9  # of the running mean of the loss is kept at a step, which decides when the test ends
SPREAD = 3  # steps over which the curve is smoothed, to both sides
BLOWN = 2.0  # times its lowest value, from which on the smoothed loss has blown up
SETTLED = 5  # steps before which nothing is read off
BELOW = 10.0  # the suggestion stays so many times under the blow-up
FALLS = 0.02  # share by which the loss must fall at all for its steepest place to mean something
ROUND = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)


@dataclass(frozen=True)
class Reading:
    """What the curve says. `suggested` is a round number; `blown` the width at which it blew up; `falls` whether the loss fell at all."""

    suggested: float
    steepest: float | None
    blown: float | None
    falls: bool

    def as_json(self) -> dict[str, Any]:
        return dict(self.__dict__)


def find(
    data: str,
    settings: Mapping[str, Any],
    base: Mapping[str, Any],
    keep: str = "",
    steps: int = STEPS,
    *,
    progress: Callable[..., None] = lambda *at: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Take the steps on the data set in `data`: {"rates", "losses", "smooth", "reading", "settings", "base"}; also left in the folder `keep`."""
    from core.data.dataset import Dataset
    from core.training import runs
    from core.training.advice import phases
    from core.training.settings import TrainingSettings

    chosen = TrainingSettings(**settings)
    with tempfile.TemporaryDirectory(prefix="hone-rates-") as folder:
        dataset = Dataset.open(Path(data))
        run = runs.create(
            Path(folder),
            name="rates",
            task=dataset.task,
            base=base,
            settings=chosen,
            phases=phases(chosen, str(base["kind"])),
            preset="own",
            dataset=dataset,
        )
        rates, losses = _steps(run.folder, steps, progress, cancelled)
    smooth = smoothed(losses)
    found = {
        "rates": rates,
        "losses": [round(loss, 5) if math.isfinite(loss) else None for loss in losses],
        "smooth": [round(loss, 5) if math.isfinite(loss) else None for loss in smooth],
        "reading": read_off(rates, smooth).as_json(),
        "settings": {name: settings[name] for name in ("method", "batch_size", "optimizer")},
        "base": base["id"],
    }
    if keep:
        write_json(Path(keep) / FILE, {"format": 1, **found}, lasting=False)
    return found


def kept(project: Path) -> dict[str, Any] | None:
    """What the last test found; None where there was none."""
    try:
        return read_json(project / FILE)
    except (OSError, ValueError):
        return None


def smoothed(losses: Sequence[float]) -> list[float]:
    """Means over the neighbours on both sides, weighted by a Gaussian of SPREAD steps: unlike a running mean it does not lag behind. Not a
    number where the loss is none."""
    found = []
    for i, here in enumerate(losses):
        near = [(j, losses[j]) for j in range(max(0, i - 3 * SPREAD), min(len(losses), i + 3 * SPREAD + 1))]
        known = [(math.exp(-0.5 * ((j - i) / SPREAD) ** 2), loss) for j, loss in near if math.isfinite(loss)]
        total = sum(weight for weight, _ in known)
        found.append(sum(w * loss for w, loss in known) / total if math.isfinite(here) else math.nan)
    return found


def read_off(rates: Sequence[float], smooth: Sequence[float]) -> Reading:
    """The width at which the smoothed loss falls fastest, and never nearer than tenfold to where it blows up; a round number."""
    start = min(SETTLED, max(0, len(smooth) - 2))
    lowest, blown = math.inf, None
    bottom = start
    for i in range(start, len(smooth)):
        if not math.isfinite(smooth[i]) or smooth[i] > BLOWN * lowest:
            blown = i
            break
        if smooth[i] < lowest:
            lowest, bottom = smooth[i], i
    falls = smooth[start] - lowest > FALLS * abs(smooth[start])
    steepest = None
    if falls:
        slopes = {i: smooth[i + 1] - smooth[i - 1] for i in range(max(1, start), min(bottom, len(smooth) - 1))}
        steepest = min(slopes, key=lambda i: slopes[i]) if slopes else None
    rises = rates[blown] if blown is not None else None
    limit = (rises or rates[bottom]) / BELOW
    wanted = min(rates[steepest], limit) if steepest is not None else limit
    return Reading(rounded(wanted), rates[steepest] if steepest is not None else None, rises, falls)


def rounded(rate: float) -> float:
    """The nearest of 1, 1.5, 2, 3, 5, 7 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rate))
    near = min([*ROUND, 10.0], key=lambda factor: abs(math.log(factor * power / rate)))
    return float(f"{near * power:.2g}")


# The steps -----------------------------------------------------------------------------------------------------------


def _steps(
    folder: Path, steps: int, progress: Callable[..., None], cancelled: Callable[[], bool]
) -> tuple[list[float], list[float]]:
    """Widths and losses of the run's first phase that takes steps, with rising widths."""
    from core.training.loop import Material, backward, one_round
    from core.training.optimizers import optimizer as new_optimizer
    from core.training.optimizers import set_rate
    from core.training.plan import Place
    from core.training.precision import Arithmetic
    from core.training.session import Session
    from core.training.tuning import start

    def emit(event: Any) -> None:
        if cancelled():
            raise Cancelled

    session = Session(folder, emit)
    phase = _phase(session, steps)
    progress(0, steps, Message("The step width rises …"))
    model, _ = start(session, phase)
    optimizer, arithmetic = new_optimizer(model, phase.settings), Arithmetic(session.device)
    examples, place = session.training_examples, Place(0, 0)
    stuff = Material(
        session.task, session.labels, session.processor, examples, session.targets(session.train, examples), phase.settings,
        session.device, 1_000_003 * session.settings.seed,
    )  # fmt: skip
    weights = [w for w in model.parameters() if w.requires_grad]
    model.train()
    rates: list[float] = []
    losses: list[float] = []
    best, running = math.inf, 0.0
    while len(rates) < steps:
        for batches in one_round(stuff, place.epoch):
            rate = FIRST * (LAST / FIRST) ** (len(rates) / max(1, steps - 1))
            set_rate(optimizer, rate)
            loss = backward(model, optimizer, arithmetic, batches, stuff, place, emit)
            arithmetic.step(optimizer, weights, phase.settings.clip_norm)
            rates.append(rate)
            losses.append(loss)
            progress(len(rates), steps)
            if cancelled():
                raise Cancelled
            running = loss if len(losses) == 1 else SMOOTH * running + (1 - SMOOTH) * loss
            best = min(best, running)
            if not math.isfinite(loss) or running > 1.5 * BLOWN * best:
                return rates, losses
            if len(rates) >= steps:
                break
        place.epoch += 1
    return rates, losses


def _phase(session: Any, steps: int) -> Any:
    """The first phase that takes steps, on as many texts as they need. The last layer is fitted first where the run would do that."""
    import random

    from core.models.methods import method
    from core.training.fitting import fit

    steps_taken = [one for one in session.phases if not (method(one.method).fits and session.task.link)]
    phase = next(iter(steps_taken), None)
    if phase is None:
        raise RunError(
            Message("Nothing here takes steps, so there is no step width to find."),
            fix=Message("Choose a way to tune that changes more than the last layer."),
        )
    needed = steps * phase.settings.batch_size * phase.settings.accumulation
    if len(session.train) > needed:
        session.train = random.Random(session.settings.seed).sample(session.train, needed)
    while session.state.phase < phase.number:
        fit(session, session.phases[session.state.phase])
        session.state.phase += 1
        session.state.within, session.tensors = {}, {}
    return phase

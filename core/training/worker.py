"""One run, from its folder to its end: `worker(run_dir)`. Killed at any moment and called again, it goes on as if nothing had happened.

Says that it has the run before torch is imported, which takes seconds. Errors are raised; who called puts them into the run.
"""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.journal import Journal, read
from core.training import adapting, shrinking
from core.training.control import ENDS, Control, Ended
from core.training.events import Event, Finished, Noticed, Preparing, Started, Stopped, as_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.training.session import Session

LASTING = ("started", "began", "evaluated", "saved", "paused", "resumed", "finished", "stopped", "failed")


def worker(run_dir: str) -> None:
    """Carry the run out. Returns when it has finished, was stopped or discarded, or is to leave for a later resume."""
    folder = Path(run_dir)
    log = Journal(folder / "events.jsonl")
    try:
        before = [line["kind"] for line in read(log.path)[0]]
        if before and before[-1] == "finished":
            return

        def emit(event: Event) -> None:
            log.append(as_line(event), sync=event.kind in LASTING)

        emit(Started(pid=os.getpid(), host=platform.node()))
        emit(Preparing(what="loading"))
        carry_out(folder, emit, began_before=bool(before))
    finally:
        log.close()


def carry_out(folder: Path, emit: Callable[[Event], None], began_before: bool) -> None:
    """The run, after the one before it in which its base gets to know the texts, where that was asked for."""
    if adapting.waits(folder):
        open_and_carry_on(folder / adapting.FOLDER, adapting.relay(emit), False, control=folder)
        if (word := Control(folder).word()) in ENDS:
            if word != "leave":
                emit(Stopped(step=0, kept=False))
                shutil.rmtree(folder / adapting.FOLDER)
            return
    if shrinking.prepare(folder, emit):
        open_and_carry_on(folder, emit, began_before)


def open_and_carry_on(
    folder: Path, emit: Callable[[Event], None], began_before: bool, control: Path | None = None
) -> None:
    """Open the run, carry it on, and hand back the memory."""
    from core.device import give_back
    from core.training.session import Session

    session = Session(folder, emit, control)
    try:
        carry_on(session, began_before)
    finally:
        device = session.device
        del session  # before the memory is handed back: nothing may refer to the model any more
        give_back(device)


def carry_on(session: Session, began_before: bool) -> None:
    """From the last safety copy, phase by phase, to the end or to a person's word."""
    from core.training import carrying

    session.restore(began_before)
    if not session.validation and not session.state.step:
        session.emit(Noticed(code="no_validation", step=0))
    try:
        if session.earlier and not session.state.step:
            carrying.say_what_it_knew(session)
        while session.state.phase < len(session.phases):
            one_phase(session)
    except Ended as ended:
        return end_early(session, ended.word)
    finish(session)


def one_phase(session: Session) -> None:
    """Carry out the phase the run stands at, and put down that it is over. A last layer that cannot be fitted alone takes steps, too."""
    from core.models.methods import method
    from core.training.fitting import fit
    from core.training.tuning import tune

    phase = session.phases[session.state.phase]
    (fit if method(phase.method).fits and session.task.link else tune)(session, phase)
    session.state.phase += 1
    session.save({}, {})


def finish(session: Session) -> None:
    """The best moment becomes model/, and the test split is asked once."""
    from core.training import carrying

    model = kept(session)
    test = asked_last(session, model)
    if session.continues:
        carrying.write_matrix(session, model)
    best = session.state.best
    assert best is not None
    session.emit(Finished(step=session.state.step, best_step=best.step, scores=best.scores, test=test))
    session.tidy()


def asked_last(session: Session, model: Any) -> dict[str, float]:
    """The scores on the test split. A member of a study leaves more to be compared by; a trial of a search is not asked, so that nobody
    chooses among many by the test."""
    from core.training.judging import judge

    if session.spec.get("untested"):
        return {}
    return judge(session, model) if "study" in session.spec else session.test_scores(model)


def end_early(session: Session, word: str) -> None:
    """A person's word ended it. `leave` changes nothing: the last safety copy is there."""
    if word == "leave":
        return
    is_kept = word == "stop" and session.state.best is not None
    if is_kept:
        kept(session)
    session.emit(Stopped(step=session.state.step, kept=is_kept))
    session.tidy()


def kept(session: Session) -> Any:
    """The model of the best moment, written to model/. All of a classic model is its fitted layer."""
    from core.models.classic import Classic
    from core.models.loading import save_model
    from core.training import keeping

    session.prepare("saving")
    folder = session.folder / "model"
    if session.base.kind == "classic":
        classic = Classic.load(session.folder / "probe")
        session.settle(classic)
        classic.save(folder, session.about())
        return classic
    model, told = keeping.whole(session)
    session.settle(model)
    known = [*session.test, *session.validation, *session.train]
    reading = session.settings.model_copy(update={"max_length": session.about()["max_length"]})
    session.labels = session.task.gather(
        session.labels, known, model.to(session.device.name), session.processor, reading, session.device
    )
    save_model(model, session.processor, folder, {**session.about(), **told}, session.labels.stored)
    return model

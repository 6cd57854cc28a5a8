"""Knobs of what a model is given to read or to look at. They belong to TrainingSettings; `shown_when` says for which tasks they count."""

from __future__ import annotations

from core.settings import Settings, knob
from core.training.method_settings import TUNED


class ReadingSettings(Settings):
    cleaning: list[str] = knob(
        [],
        "What is cleaned away",
        "Done to every text before it is read, in training and afterwards: in the playground, in files and in the copy you take away.",
        term="normalization",
        choices={
            "html": "Take out HTML",
            "control": "Take out invisible characters",
            "width": "Full width to half width",
            "urls": "Mask web addresses",
            "emails": "Mask e-mail addresses",
            "simplified": "Traditional to simplified Chinese",
            "lower": "Lower case",
            "lines": "Tidy white space, lines stay",
            "one": "All in one line",
        },
        group="clean",
        shown_when={"task:cleaned": True},
    )
    augmentation: bool = knob(
        True,
        "Vary the pictures",
        "Each round shows them flipped, cut out and tinted a little, so that fewer are learnt by heart. Switch it off where left and right or colours tell the labels apart.",
        term="data augmentation",
        group="heart",
        shown_when={"family": "image", "method": TUNED},
    )

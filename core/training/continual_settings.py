"""Knobs of what is done against forgetting. They belong to TrainingSettings; they count for a run that continues an earlier one."""

from __future__ import annotations

from core.settings import Settings, knob

CONTINUES = {"continues": (True,)}  # told by who makes such a run; the Settings tab says False
MOST = 200  # old texts of a label whose mean is taken


class ContinualSettings(Settings):
    remember: str = knob(
        "replay",
        "What is done against forgetting",
        "A model that learns only new texts forgets the old ones within a round. Seeing some old texts again keeps them best; the other ways "
        "need no old text while it learns.",
        term="continual learning",
        choices={
            "replay": "It sees some old texts again (replay)",
            "distil": "It keeps answering new texts as it did before (learning without forgetting)",
            "ewc": "What mattered for old texts is held in place (elastic weight consolidation)",
            "nothing": "Nothing: it learns the new texts alone",
        },
        group="method",
        shown_when=CONTINUES,
    )
    replay_share: float = knob(
        0.1,
        "Share of old texts it sees again",
        "Drawn from every label. 1 is all of them: as good as learning everything anew, and as slow.",
        term="replay buffer",
        low=0.001,
        high=1.0,
        log=True,
        group="method",
        shown_when={**CONTINUES, "remember": ("replay",)},
    )
    replay_part: float = knob(
        0.5,
        "How much of a round is old texts",
        "The old texts that are seen again come as often as needed to fill this share of a round, though never more often per label than new ones.",
        group="method",
        low=0.05,
        high=0.95,
        advanced=True,
        shown_when={**CONTINUES, "remember": ("replay",)},
    )
    prototypes: bool = knob(
        True,
        "Old labels stand as the earlier model saw them",
        "Where new labels come, the old texts that are not seen again are stood for by the mean of each old label in the earlier model, in the last layer alone.",
        term="class prototypes",
        group="method",
        advanced=True,
        shown_when={**CONTINUES, "remember": ("replay",)},
    )
    distil_strength: float = knob(
        1.0,
        "Weight of the earlier answers",
        "How much it counts to answer as before, against learning the new label.",
        term="distillation weight",
        low=0.0,
        high=100.0,
        group="method",
        shown_when={**CONTINUES, "remember": ("distil",)},
    )
    distil_temperature: float = knob(
        2.0,
        "How finely earlier answers are read",
        "Larger looks at all labels it considered, 1 nearly at the first alone.",
        term="distillation temperature",
        low=0.1,
        high=100.0,
        group="method",
        advanced=True,
        shown_when={**CONTINUES, "remember": ("distil",)},
    )
    ewc_strength: float = knob(
        1000.0,
        "How firmly it is held",
        "Larger forgets less and learns less.",
        term="EWC lambda",
        low=0.0,
        high=1e9,
        group="method",
        shown_when={**CONTINUES, "remember": ("ewc",)},
    )

"""How Gradio's own parts are made to look like Hone's.

The tokens live in assets/css/tokens.css; the few colours named here are those Gradio needs before any sheet is loaded.
"""

from __future__ import annotations

import gradio as gr
from gradio.themes.utils.fonts import LocalFont

PETROL = (
    "#eef6f7",
    "#dcedef",
    "#b9dbe0",
    "#8fc5cd",
    "#5fa9b4",
    "#358a98",
    "#0b5f6e",
    "#0a5462",
    "#084b57",
    "#063b45",
    "#042a32",
)
STONE = (
    "#f8fafa",
    "#f2f5f5",
    "#e9eeee",
    "#d3dbdb",
    "#abbbbe",
    "#7c8b8d",
    "#586a6f",
    "#435459",
    "#2b3b3f",
    "#162124",
    "#0e1618",
)
SANS = ["PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "system-ui", "sans-serif"]


def theme() -> gr.themes.Base:
    made = gr.themes.Base(
        primary_hue=gr.themes.Color(*PETROL),
        neutral_hue=gr.themes.Color(*STONE),
        font=[LocalFont("IBM Plex Sans", (400, 700)), *SANS],
        font_mono=[LocalFont("IBM Plex Mono", (400,)), "ui-monospace", "Consolas", "monospace"],
    )
    return made.set(
        body_background_fill="#f2f5f5",
        body_background_fill_dark="#0e1618",
        body_text_color="#132124",
        body_text_color_dark="#e4ecec",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#162124",
        background_fill_secondary="#e9eeee",
        background_fill_secondary_dark="#101a1c",
        border_color_primary="#d3dbdb",
        border_color_primary_dark="#2b3b3f",
        body_text_size="14px",
        block_shadow="none",
        layout_gap="20px",
    )

"""How Gradio's own parts are made to look like Hone's, and what stands in the page's head.

The tokens live in assets/css/tokens.css; the few colours named here are those Gradio needs before any sheet is loaded.
"""

from __future__ import annotations

import json

import gradio as gr
from gradio.themes.utils.fonts import LocalFont

from core.words import ASSETS
from webui.routes import FIRST_SCRIPTS, FIRST_SHEETS, assets, plotly_address, words_address
from webui.studio import Studio

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


def head(studio: Studio) -> str:
    """Sheets first, so that nothing flashes; then the page's facts and scripts."""
    facts = {
        "language": studio.language,
        "mode": studio.mode,
        "limits": {"upload": studio.limits.upload_bytes},
        "words": {"zh": words_address("zh")},
        "plotly": plotly_address(),
    }
    start = (ASSETS / "js" / "start.js").read_text(encoding="utf-8")
    lines = [
        '<link rel="icon" type="image/svg+xml" href="' + assets_icon() + '">',
        *(f'<link rel="stylesheet" href="{address}">' for address in assets("css", FIRST_SHEETS)),
        f"<script>window.HONE={json.dumps(facts)};\n{start}</script>",
        *(f'<script src="{address}" defer></script>' for address in assets("js", FIRST_SCRIPTS)),
    ]
    return "\n".join(lines)


def assets_icon() -> str:
    return "hone/assets/icons/hone.svg"

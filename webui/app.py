"""The page: a header, and six tabs in their order; once in each language. Nothing more."""

from __future__ import annotations

from importlib import import_module

import gradio as gr

from core.words import LANGUAGES, Message
from webui import shelf
from webui.calls import panel
from webui.page import Page
from webui.studio import Studio

TABS = {
    "data": Message("Data"),
    "label": Message("Label"),
    "settings": Message("Settings"),
    "train": Message("Train"),
    "evaluate": Message("Evaluate"),
    "playground": Message("Playground"),
}


def build(studio: Studio) -> gr.Blocks:
    """The page in English at ``/`` and in Chinese at ``/zh``."""
    with gr.Blocks(title="Hone", analytics_enabled=False, fill_width=True, delete_cache=(600, 86400)) as demo:
        _page(Page("en", studio))
    for language, name in LANGUAGES.items():
        if language != "en":
            with demo.route(name, f"/{language}", show_in_navbar=False):
                _page(Page(language, studio))
    demo.queue(default_concurrency_limit=None, api_open=False, max_size=200)
    return demo


def _page(page: Page) -> None:
    panel(page, "frame", shelf.CALLS)
    with gr.Tabs(elem_id="steps", overflow_behavior="wrap"):
        for name, title in TABS.items():
            with gr.Tab(page.say(title), id=name, elem_id=f"tab-{name}"):
                import_module(f"webui.tabs.{name}").tab(page)

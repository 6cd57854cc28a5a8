"""The Settings tab in a real browser: three choices, every knob, its cost, recipes; what is wrong is said before anything starts."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from core.data.dataset import Dataset
from core.training import draft as drafts
from core.training.draft import Draft

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def mail(project, tmp_path: Path):
    """The project with 120 labelled texts in it."""
    chance = random.Random(3)
    words = {"money": "card lost bank pay refund order", "bike": "wheel bike box red blue green"}
    rows = [(" ".join(chance.choices(found.split(), k=6)), label) for label, found in words.items() for _ in range(60)]
    chance.shuffle(rows)
    file = tmp_path / "mail.csv"
    file.write_text("text,label\n" + "\n".join(f"{text},{label}" for text, label in rows), encoding="utf-8")
    Dataset.open(project.data).add(file, file.name)
    return project


def fold(page, name: str) -> None:
    page.get_by_role("button", name=re.compile(f"^{name}")).click()


def field(page, knob: str):
    return page.locator(f"[data-knob={knob}] input.set-input")


def chosen(page):
    return page.locator(".set-preset.chosen b")


def test_a_changed_knob_names_the_preset_changed_and_one_click_takes_it_back(page, open_tab, mail):
    open_tab(page, "settings")
    expect(chosen(page)).to_have_text("Balanced")
    fold(page, "Rounds, batch")
    field(page, "epochs").fill("2")
    expect(chosen(page)).to_have_text("Balanced, changed")
    page.get_by_role("button", name="Back to Balanced").click()
    expect(chosen(page)).to_have_text("Balanced")
    expect(field(page, "epochs")).to_have_value("12")


def test_a_value_out_of_range_is_said_beside_its_field_and_start_jumps_there(page, open_tab, mail):
    open_tab(page, "settings")
    fold(page, "Rounds, batch")
    field(page, "learning_rate").fill("0.5")
    said = page.locator("[data-knob=learning_rate] .set-bad")
    expect(said).to_have_text("0.5 is outside 0.0000001 to 0.1. 0.00005 suits this model.")
    expect(field(page, "learning_rate")).to_have_attribute("aria-invalid", "true")
    fold(page, "Rounds, batch")
    page.get_by_role("button", name="One value needs a look").click()
    expect(field(page, "learning_rate")).to_be_focused()
    expect(page.locator("#tab-settings-button")).to_have_attribute("aria-selected", "true")
    field(page, "learning_rate").fill("0.0001")
    expect(said).to_be_hidden()
    expect(page.get_by_role("button", name="Start training")).to_be_visible()


def test_what_is_typed_survives_a_reload_right_or_wrong(page, open_tab, mail):
    open_tab(page, "settings")
    page.locator("#set-preset-best").check()
    fold(page, "Rounds, batch")
    field(page, "batch_size").fill("many")
    page.reload()  # before anything was sent
    expect(chosen(page)).to_have_text("Best, changed")
    fold(page, "Rounds, batch")
    expect(field(page, "batch_size")).to_have_value("many")
    expect(page.locator("[data-knob=batch_size] .set-bad")).to_contain_text("“many” is not a number.")


def test_a_slider_moves_the_number_and_the_number_the_slider(page, open_tab, mail):
    open_tab(page, "settings")
    fold(page, "Rounds, batch")
    slider = page.locator("[data-knob=learning_rate] input[type=range]")
    slider.focus()
    slider.press("ArrowRight")
    expect(field(page, "learning_rate")).to_have_value("0.00006")
    field(page, "learning_rate").fill("0.001")
    expect(slider).to_have_attribute("aria-valuetext", "0.001")


def test_knobs_of_a_method_appear_only_when_it_is_chosen(page, open_tab, mail):
    open_tab(page, "settings")
    fold(page, "How much of it learns")
    rank = page.locator("[data-knob=lora_rank]")
    expect(rank).to_be_hidden()
    page.get_by_role("radio", name=re.compile("^Small added matrices")).check()
    expect(rank).to_be_visible()
    page.get_by_role("radio", name=re.compile("^Only the last layer")).first.check()
    expect(rank).to_be_hidden()
    expect(page.get_by_role("button", name=re.compile("^Rounds, batch"))).to_be_hidden()


def test_every_way_says_how_much_learns_and_one_that_cannot_be_had_says_why(page, open_tab, mail):
    open_tab(page, "settings")
    fold(page, "How much of it learns")
    ways = page.locator("[data-knob=method]")
    expect(ways.locator("label", has_text="All of it").first).to_contain_text("All 22,566,146 weights learn")
    page.get_by_text(re.compile("^More ways")).click()
    four_bits = ways.locator("label", has_text="in four bits")
    expect(four_bits).to_contain_text("Needs")
    expect(four_bits.locator("input")).to_be_disabled()
    page.get_by_role("radio", name=re.compile("^Words in front of every layer")).check()
    expect(page.locator("[data-knob=virtual_words]")).to_be_visible()
    fold(page, "Rounds, batch")
    expect(field(page, "learning_rate")).to_have_value("0.01")


def test_the_classic_base_has_its_own_few_knobs(page, open_tab, mail):
    open_tab(page, "settings")
    fold(page, "Base model")
    expect(page.locator("[data-knob=ngram_high]")).to_be_hidden()
    page.get_by_role("radio", name=re.compile("^Word and character counts")).check()
    expect(page.locator("[data-knob=ngram_high]")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Rounds, batch"))).to_be_hidden()


def test_a_folder_is_taken_as_a_base_when_it_holds_a_model(page, open_tab, mail, tiny_encoder: Path):
    open_tab(page, "settings")
    fold(page, "Base model")
    other = page.get_by_role("textbox", name="Another model")
    other.fill(str(tiny_encoder.parent))
    page.get_by_role("button", name="Look it up").click()
    expect(page.locator("[data-knob=base] .notice")).to_contain_text("holds no model")
    other.fill(str(tiny_encoder))
    page.get_by_role("button", name="Look it up").click()
    expect(page.get_by_role("radio", name=re.compile(tiny_encoder.name))).to_be_checked()


def test_the_cost_comes_from_real_steps(page, open_tab, mail, tiny_encoder: Path):
    drafts.write(mail.folder, Draft("balanced", {"base": str(tiny_encoder)}))
    open_tab(page, "settings")
    expect(page.locator(".set-estimate")).to_contain_text("real steps just now", timeout=90_000)
    expect(page.locator(".set-memory")).to_contain_text("of")
    expect(page.locator(".set-preset em")).to_have_count(3)
    fold(page, "Rounds, batch")
    measured = page.locator(".set-big").inner_text()
    field(page, "epochs").fill("200")
    page.wait_for_function(
        """(before) => {
            const card = document.querySelector('.set-preset.chosen em'), told = document.querySelector('.set-big');
            return told && told.innerText !== before && card && card.innerText.toLowerCase() === told.innerText.toLowerCase();
        }""",
        arg=measured,
    )


def test_a_recipe_goes_out_as_a_file_and_comes_back_in(page, open_tab, mail, tmp_path: Path):
    open_tab(page, "settings")
    fold(page, "Rounds, batch")
    field(page, "epochs").fill("5")
    page.get_by_role("button", name="Save as recipe").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    recipe = tmp_path / "recipe.yaml"
    download.value.save_as(recipe)
    assert "epochs: 5.0" in recipe.read_text(encoding="utf-8")
    page.get_by_role("button", name="Back to Balanced").click()
    expect(field(page, "epochs")).to_have_value("12")
    page.get_by_role("button", name="Load a recipe").click()
    page.get_by_label("Choose a file").set_input_files(recipe)
    expect(page.get_by_label("The recipe")).to_have_value(re.compile("epochs"))
    page.get_by_role("button", name="Load", exact=True).click()
    expect(field(page, "epochs")).to_have_value("5")
    expect(chosen(page)).to_have_text("Balanced, changed")


def test_a_wrong_recipe_is_said_field_by_field_and_changes_nothing(page, open_tab, mail):
    open_tab(page, "settings")
    page.get_by_role("button", name="Load a recipe").click()
    page.get_by_label("The recipe").fill("hone: 1\nsettings:\n  epochs: 9999\n  nonsense: 3\n")
    page.get_by_role("button", name="Load", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("There is no setting called nonsense.")
    expect(page.get_by_role("dialog")).to_contain_text("9999 is outside")
    page.keyboard.press("Escape")
    expect(chosen(page)).to_have_text("Balanced")


def test_without_texts_it_says_what_is_missing_and_leads_there(page, open_tab):
    open_tab(page, "settings")
    expect(page.locator(".set-notice")).to_contain_text("Needs texts")
    page.get_by_role("button", name="Start training").click()
    expect(page.locator(".set-notice")).to_contain_text("Needs texts")
    page.locator(".set-notice").get_by_role("button", name="Add your texts").click()
    expect(page.locator("#tab-data-button")).to_have_attribute("aria-selected", "true")


def test_it_speaks_chinese_and_fits_a_phone(new_page, open_tab, mail):
    page = new_page(width=390, height=844, language="zh-CN", dark=True)
    open_tab(page, "settings", language="zh")
    expect(page.locator("#page-settings h1")).to_have_text("训练要多用力？")
    fold(page, "轮数")
    field(page, "learning_rate").fill("7")
    expect(page.locator("[data-knob=learning_rate] .set-bad")).to_contain_text("7 不在 0.0000001 到 0.1 之间")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

"""Zips of pictures become files and rows, whoever made them and whatever is wrong with them."""

from __future__ import annotations

import io
import json
import random
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from core.data import image_zips, images
from core.data.image_zips import looks_like_images, matched, unpack, write
from core.data.images import keep, opened, prune, thumbnail
from core.data.reading import inspect
from core.errors import Cancelled, DataError, Missing, NotATable


def picture(colour: str = "red", size: tuple[int, int] = (40, 20), kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    Image.new(options.pop("mode", "RGB"), size, colour).save(buffer, kind, **options)
    return buffer.getvalue()


def zipped(path: Path, files: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def rows(done) -> list[dict[str, str]]:
    return [dict(zip(done.columns, row, strict=True)) for row in done.rows]


def labels(done) -> list[str]:
    return [row["label"] for row in rows(done)]


# Folders -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def insects(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("insects") / "hymenoptera.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted((data_dir / "hymenoptera_images").rglob("*.jpg")):
            archive.write(file, file.relative_to(data_dir))
    return path


def test_the_shared_pictures_come_with_their_labels_and_splits(insects: Path, tmp_path: Path):
    assert looks_like_images(insects)
    done = unpack(insects, tmp_path / "files")
    table = rows(done)
    assert done.columns == ("image", "label", "name", "split") and len(table) == 220 and not done.warnings
    assert {row["label"] for row in table} == {"ants", "bees"}
    parts = [sum(row["split"] == part for row in table) for part in ("train", "validation", "test")]
    assert sum(parts) == 220 and parts[0] == 140
    shown = opened(tmp_path / "files", table[0]["image"])
    assert shown.mode == "RGB" and max(shown.size) <= 256
    assert str(done.sentence) == "220 pictures."


def test_rows_of_pictures_are_a_table_for_the_import(insects: Path, tmp_path: Path):
    done = unpack(insects, tmp_path / "files")
    write(done, tmp_path / "rows.jsonl")
    sample = inspect(tmp_path / "rows.jsonl", "rows.jsonl")
    assert sample.columns == done.columns and sample.rows[0] == done.rows[0]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["cats/1.png", "dogs/2.png"], ["cats", "dogs"]),
        (["set/cats/1.png", "set/dogs/2.png"], ["cats", "dogs"]),
        (["cats/a/1.png", "dogs/b/2.png"], ["cats", "dogs"]),
        (["x/train/cats/1.png", "x/val/dogs/2.png"], ["cats", "dogs"]),
        (["train/cats/1.png", "train/dogs/2.png"], ["cats", "dogs"]),
        (["train/images/cats/1.png", "test/images/dogs/2.png"], ["cats", "dogs"]),
        (["./cats\\1.png", "dogs\\2.png"], ["cats", "dogs"]),
        (["1.png", "2.png"], ["", ""]),
        (["pictures/1.png", "pictures/2.png"], ["", ""]),
    ],
)
def test_labels_are_found_in_the_folders(tmp_path: Path, names: list[str], expected: list[str]):
    files = {name: picture(colour) for name, colour in zip(names, ("red", "blue"), strict=True)}
    done = unpack(zipped(tmp_path / "a.zip", files), tmp_path / "files")
    assert labels(done) == expected
    assert bool(done.warnings) == (expected[0] == "")


def test_a_chinese_folder_keeps_its_name_in_every_zip(tmp_path: Path):
    path = zipped(tmp_path / "a.zip", {"猫/1.png": picture(), "狗/2.png": picture("blue")})
    assert labels(unpack(path, tmp_path / "files")) == ["猫", "狗"]
    # As Windows writes it: GBK, without the mark for UTF-8. zipfile cannot, so the bytes of equally long names are put in.
    names = {b"aaaa/1.png": "猫猫".encode("gbk") + b"/1.png", b"bbbb/2.png": "狗狗".encode("gbk") + b"/2.png"}
    raw = zipped(tmp_path / "b.zip", {"aaaa/1.png": picture(), "bbbb/2.png": picture("blue")}).read_bytes()
    for old, new in names.items():
        raw = raw.replace(old, new)
    (tmp_path / "b.zip").write_bytes(raw)
    assert labels(unpack(tmp_path / "b.zip", tmp_path / "files")) == ["猫猫", "狗狗"]


def test_equal_pictures_are_one_file_and_two_rows(tmp_path: Path):
    done = unpack(zipped(tmp_path / "a.zip", {"a/1.png": picture(), "b/2.png": picture()}), tmp_path / "files")
    assert labels(done) == ["a", "b"] and len(list((tmp_path / "files").iterdir())) == 1


# Tables ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cells", [["one.png", "two.png"], ["one", "two"], ["imgs/one.png", "imgs/two.png"], ["C:\\x\\imgs\\one.png", "/y/two.png"], ["./imgs/ONE.PNG", "two"]]
)  # fmt: skip
def test_a_table_in_the_zip_names_its_pictures(tmp_path: Path, cells: list[str]):
    table = "file,label,age\n" + "".join(
        f"{cell},{label},3\n" for cell, label in zip(cells, ("cat", "dog"), strict=True)
    )
    files = {
        "imgs/one.png": picture(),
        "imgs/two.png": picture("blue"),
        "table.csv": table,
        "README.txt": "hello\nthere\n",
    }
    done = unpack(zipped(tmp_path / "a.zip", files), tmp_path / "files")
    assert done.columns == ("image", "label", "age", "name")
    assert [(row["label"], row["name"]) for row in rows(done)] == [("cat", "one.png"), ("dog", "two.png")]


def test_tables_called_train_and_test_say_so_of_their_rows(tmp_path: Path):
    files = {"1.png": picture(), "2.png": picture("blue"), "train.csv": "id,y\n1,a\n", "test.csv": "id,y\n2,b\n"}
    done = unpack(zipped(tmp_path / "a.zip", files), tmp_path / "files")
    assert [(row["y"], row["split"]) for row in rows(done)] == [("a", "train"), ("b", "test")]


def test_rows_and_pictures_without_each_other_are_left_out_and_said(tmp_path: Path):
    files = {"1.png": picture(), "2.png": picture("blue"), "t.csv": "file,label\n1.png,a\n9.png,b\n"}
    done = unpack(zipped(tmp_path / "a.zip", files), tmp_path / "files")
    assert len(done.rows) == 1
    assert [str(m) for m in done.warnings] == [
        "1 row of the table names no picture of the zip and was left out.",
        "1 picture is not named in the table and was left out.",
    ]


def test_a_table_beside_the_zip_is_matched(tmp_path: Path):
    done = unpack(zipped(tmp_path / "a.zip", {"x/1.png": picture(), "y/1.png": picture("blue")}), tmp_path / "files")
    column, found = matched(["n", "path"], [["1", "x/1.png"], ["2", "y/1.png"], ["3", "1.png"]], done.pictures)
    assert column == "path" and [p and p.path for p in found] == ["x/1.png", "y/1.png", None]
    assert matched(["n"], [["red"]], done.pictures) is None


# Pictures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_a_picture_is_what_its_bytes_say(kind: str, tmp_path: Path):
    kept = keep(picture(kind=kind), tmp_path)
    assert (kept.width, kept.height) == (40, 20) and opened(tmp_path, kept.image).size == (40, 20)
    assert kept.image.endswith({"JPEG": ".jpg"}.get(kind, f".{kind.lower()}"))


def test_a_photo_taken_sideways_stands_upright(tmp_path: Path):
    turned = Image.Exif()
    turned[0x0112] = 6
    kept = keep(picture(kind="JPEG", exif=turned), tmp_path / "files")
    assert (kept.width, kept.height) == (20, 40)
    assert opened(tmp_path / "files", kept.image).size == (20, 40)
    with Image.open(thumbnail(tmp_path / "files", kept.image, tmp_path / "cache")) as small:
        assert small.size == (20, 40)


def test_what_is_clear_becomes_white_and_sixteen_bits_become_eight(tmp_path: Path):
    clear = keep(picture((255, 0, 0, 0), mode="RGBA"), tmp_path)
    assert opened(tmp_path, clear.image).getpixel((0, 0)) == (255, 255, 255)
    deep = keep(picture(32768, mode="I;16"), tmp_path)
    assert opened(tmp_path, deep.image).getpixel((0, 0)) == (128, 128, 128)
    grey = keep(picture(100, mode="L"), tmp_path)
    assert opened(tmp_path, grey.image).getpixel((0, 0)) == (100, 100, 100)


def test_a_thumbnail_is_small_and_made_once(tmp_path: Path):
    dice = random.Random(3)
    noise = Image.frombytes("RGB", (800, 400), dice.randbytes(800 * 400 * 3))
    buffer = io.BytesIO()
    noise.save(buffer, "JPEG")
    kept = keep(buffer.getvalue(), tmp_path / "files")
    first = thumbnail(tmp_path / "files", kept.image, tmp_path / "cache")
    with Image.open(first) as small:
        assert small.size == (160, 80) and small.format == "WEBP"
    stamp = first.stat().st_mtime_ns
    again = thumbnail(tmp_path / "files", kept.image, tmp_path / "cache")
    assert again == first and again.stat().st_mtime_ns == stamp and first.stat().st_size < 40_000


def test_pictures_nobody_needs_go_and_nothing_else(tmp_path: Path):
    one, two = keep(picture(), tmp_path), keep(picture("blue"), tmp_path)
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    assert prune(tmp_path, {one.image}) == 1
    assert {p.name for p in tmp_path.iterdir()} == {one.image, "notes.txt"} and two.image != one.image


# Trouble -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../../up.png", "/etc/up.png", "C:\\up.png", "a/../../../up.png", "..\\..\\up.png"])
def test_no_name_in_an_archive_is_a_place_on_disk(tmp_path: Path, name: str):
    home = tmp_path / "deep" / "er"
    unpack(zipped(tmp_path / "a.zip", {name: picture()}), home / "files")
    assert {p.relative_to(tmp_path).parts[0] for p in tmp_path.rglob("*") if p.is_file()} == {"a.zip", "deep"}
    assert len([p for p in tmp_path.rglob("*") if p.is_file()]) == 2


@pytest.mark.parametrize(
    "name", ["../secret.png", "secret.png", "/etc/passwd", "a" * 32 + ".png", "", "a" * 32 + ".exe"]
)
def test_only_kept_pictures_can_be_opened(tmp_path: Path, name: str):
    (tmp_path / "secret.png").write_bytes(picture())
    (tmp_path / "files").mkdir()
    with pytest.raises(Missing, match="no picture called"):
        opened(tmp_path / "files", name)


def test_files_that_are_no_pictures_are_left_out_and_named(tmp_path: Path):
    half = picture("green", (300, 300), "JPEG")
    files = {"a/1.png": picture(), "a/2.png": b"no picture", "b/3.jpg": half[: len(half) // 2], "b/4.png": "<svg/>", "__MACOSX/a/._1.png": b"x", "a/.DS_Store": b"x"}  # fmt: skip
    done = unpack(zipped(tmp_path / "a.zip", files), tmp_path / "files")
    assert len(done.rows) == 1
    assert str(done.warnings[0]) == "3 files are no readable pictures and were left out: a/2.png, b/3.jpg, b/4.png."


def test_a_picture_of_too_many_pixels_is_left_out(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(images, "MAX_PIXELS", 1000)
    files = {"a/1.png": picture(size=(20, 20)), "a/2.png": picture(size=(200, 200))}
    done = unpack(zipped(tmp_path / "a.zip", files), tmp_path / "files")
    assert str(done.warnings[0]) == "1 picture is too large and was left out: a/2.png."


def test_a_picture_that_claims_to_be_vast_is_refused_before_it_is_decoded(tmp_path: Path):
    data = bytearray(picture(kind="BMP"))
    data[18:26] = (60_000).to_bytes(4, "little") + (60_000).to_bytes(4, "little")
    with pytest.raises(DataError, match="million pixels"):
        keep(bytes(data), tmp_path)


def test_a_zip_that_unpacks_into_too_much_is_refused_and_leaves_nothing(tmp_path: Path):
    files = {f"a/{i}.bmp": picture(size=(200, 200 + i), kind="BMP") for i in range(20)}
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    before = keep(picture(), tmp_path / "files")
    assert path.stat().st_size < 20_000
    with pytest.raises(DataError, match="larger than 1 MB"):
        unpack(path, tmp_path / "files", most_bytes=1 << 20)
    with pytest.raises(DataError, match="up to 3 are taken"):
        unpack(path, tmp_path / "files", most=3)
    with pytest.raises(Cancelled):
        unpack(path, tmp_path / "files", cancelled=iter([False, False, True]).__next__)
    assert [p.name for p in (tmp_path / "files").iterdir()] == [before.image]


def test_a_locked_zip_says_so(tmp_path: Path):
    raw = bytearray(zipped(tmp_path / "a.zip", {"a/1.png": picture()}).read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(mark) + offset] |= 1
    (tmp_path / "a.zip").write_bytes(raw)
    with pytest.raises(DataError, match="locked with a password"):
        unpack(tmp_path / "a.zip", tmp_path / "files")


def test_a_broken_zip_and_one_without_pictures_say_so(tmp_path: Path):
    good = zipped(tmp_path / "a.zip", {"a/1.png": picture()}).read_bytes()
    (tmp_path / "b.zip").write_bytes(good[:-30])
    with pytest.raises(NotATable, match="damaged"):
        unpack(tmp_path / "b.zip", tmp_path / "files")
    with pytest.raises(DataError, match="holds no picture"):
        unpack(zipped(tmp_path / "c.zip", {"a.txt": "hello"}), tmp_path / "files")


def test_only_zips_of_pictures_look_like_pictures(tmp_path: Path):
    assert looks_like_images(zipped(tmp_path / "a.zip", {"a/1.JPG": b"", "t.csv": b"", "b/2.png": b""}))
    assert not looks_like_images(
        zipped(tmp_path / "b.zip", {"model.safetensors": b"", "config.json": b"", "x.png": b""})
    )
    assert not looks_like_images(zipped(tmp_path / "c.zip", {}))
    (tmp_path / "d.zip").write_bytes(b"no zip")
    assert not looks_like_images(tmp_path / "d.zip")


def test_random_damage_never_escapes_as_another_error(tmp_path: Path):
    """400 pictures and zips with bytes changed at random: kept or refused in words."""
    dice = random.Random(7)
    whole = [picture("green", (30, 30), kind) for kind in images.FORMATS]
    for _ in range(300):
        data = bytearray(dice.choice(whole))
        for _ in range(dice.randint(1, 6)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        try:
            keep(bytes(data), tmp_path / "files")
        except DataError as error:
            assert error.fix
    good = zipped(tmp_path / "a.zip", {"a/1.png": picture(), "b/2.jpg": picture(kind="JPEG")}).read_bytes()
    for _ in range(100):
        data = bytearray(good)
        data[dice.randrange(len(data))] = dice.randrange(256)
        (tmp_path / "b.zip").write_bytes(data)
        try:
            assert unpack(tmp_path / "b.zip", tmp_path / "more").rows
        except DataError as error:
            assert error.message


def test_progress_is_told_to_the_end(tmp_path: Path):
    told: list[tuple[int, int]] = []
    path = zipped(tmp_path / "a.zip", {"a/1.png": picture(), "b/2.png": picture("blue")})
    done = unpack(path, tmp_path / "files", progress=lambda n, total: told.append((n, total)))
    assert told == [(0, 2), (1, 2), (2, 2)]
    assert json.loads(json.dumps([m.as_json() for m in done.warnings])) == [] and image_zips.MAX_FILES > 2

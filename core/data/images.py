"""A picture as data: kept under the name of its content, opened the same way by all that learn or predict, and made small for the page.

    keep(data, files)                  bytes into the folder `files`; DataError when they are no picture
    opened(files, image)               the picture upright, RGB
    look(path, edge)                   the same of any file, no larger than a model needs
    placed(rows, columns, files)       names of rows as paths, for those that open them
    thumbnail(files, image, cache)     a small copy, made once
    prune(files, used)                 let go of pictures that no row refers to

A picture is what its bytes say, never what its name says. It keeps its bytes; turning upright (EXIF) happens where it is opened. Zips of pictures
are `core.data.image_zips`. Knows nothing of models or of the data set.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import DataError, Missing
from core.words import Message

if TYPE_CHECKING:
    from PIL.Image import Image

    from core.tasks.base import Column

FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "BMP": "bmp"}
NAME = re.compile(r"[0-9a-f]{32}\.(jpg|png|webp|gif|bmp)")
MAX_ONE = 64 << 20  # bytes of one picture
MAX_PIXELS = 60_000_000  # of one picture: 180 MB as RGB
THUMBNAIL = 160  # pixels of the longer side


class TooLarge(DataError): ...


@dataclass(frozen=True)
class Picture:
    """`image` is the name under `files`; `path` is where it lay in the archive."""

    image: str
    path: str
    width: int
    height: int


def keep(data: bytes, files: Path, path: str = "") -> Picture:
    """One picture's bytes into `files`; already there is as good. DataError when they are no picture, TooLarge beyond the limits."""
    files.mkdir(parents=True, exist_ok=True)
    ending, width, height = _checked(data)
    image = f"{hashlib.sha256(data).hexdigest()[:32]}.{ending}"
    place = files / image
    if not place.exists():
        _written(place, data)
    return Picture(image, path, width, height)


def opened(files: Path, image: str) -> Image:
    """A kept picture: first frame, upright, RGB on white. Missing when there is none of this name."""
    from PIL import Image, ImageOps

    place = located(files, image)
    with _calm(), Image.open(place, formats=list(FORMATS)) as picture:
        return _rgb(ImageOps.exif_transpose(picture))


def look(path: Path, edge: int) -> Image:
    """A picture in any file, upright, RGB; its shorter side has `edge` pixels where it had more. DataError when it is none."""
    from PIL import Image, ImageOps

    try:
        with _calm(), Image.open(path, formats=list(FORMATS)) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise _too_large()
            picture.draft("RGB", (2 * edge, 2 * edge))  # a large JPEG is decoded at a fraction of its size
            seen = _rgb(ImageOps.exif_transpose(picture))
    except DataError:
        raise
    except Image.DecompressionBombError:
        raise _too_large() from None
    except Exception as error:  # Pillow's readers raise nearly every built-in error on broken files
        raise _no_picture(path.name) from error
    scale = edge / min(seen.size)
    if scale >= 1:
        return seen
    return seen.resize((max(1, round(seen.width * scale)), max(1, round(seen.height * scale))))


def placed(rows: Iterable[dict[str, Any]], columns: Iterable[Column], files: Path) -> None:
    """Turn the names in the columns of pictures into paths under `files`; what is no name that `keep` gives becomes None."""
    roles = [column.role for column in columns if column.kind == "image"]
    for row in rows if roles else ():
        for role in roles:
            name = row.get(role)
            row[role] = str(files / name) if isinstance(name, str) and NAME.fullmatch(name) else None


def linked(names: Iterable[str], source: Path, target: Path) -> None:
    """The same pictures in another folder: hard links where the disk has them, else copies."""
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        if not NAME.fullmatch(name) or (target / name).exists() or not (source / name).is_file():
            continue
        try:
            os.link(source / name, target / name)
        except OSError:
            shutil.copyfile(source / name, target / name)


def located(files: Path, image: str) -> Path:
    """The file of a picture; only names that `keep` gives are looked for."""
    if not NAME.fullmatch(image) or not (files / image).is_file():
        raise Missing(Message("There is no picture called “{name}” here.", name=image[:60]))
    return files / image


def thumbnail(files: Path, image: str, cache: Path, size: int = THUMBNAIL) -> Path:
    """A webp of at most `size` pixels a side, in the folder `cache`; made at the first call."""
    from PIL import Image, ImageOps

    source = located(files, image)
    place = cache / f"{image.split('.')[0]}-{size}.webp"
    if place.is_file():
        return place
    cache.mkdir(parents=True, exist_ok=True)
    with _calm(), Image.open(source, formats=list(FORMATS)) as picture:
        picture.draft("RGB", (2 * size, 2 * size))  # a large JPEG is decoded at a fraction of its size
        small = _rgb(ImageOps.exif_transpose(picture))
    small.thumbnail((size, size))
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=80)
    _written(place, buffer.getvalue())
    return place


def prune(files: Path, used: Collection[str]) -> int:
    """Remove kept pictures that are not in `used`; how many went."""
    gone = [place for place in files.glob("*") if NAME.fullmatch(place.name) and place.name not in used]
    for place in gone:
        place.unlink(missing_ok=True)
    return len(gone)


def _checked(data: bytes) -> tuple[str, int, int]:
    """Ending, width and height (as seen upright) of picture bytes that decode to the last row."""
    from PIL import Image

    if len(data) > MAX_ONE:
        raise _too_large()
    try:
        with _calm(), Image.open(io.BytesIO(data), formats=list(FORMATS)) as picture:
            ending, (width, height) = FORMATS[picture.format or ""], picture.size
            if width * height > MAX_PIXELS:
                raise _too_large()
            picture.verify()
        with _calm(), Image.open(io.BytesIO(data), formats=list(FORMATS)) as picture:
            picture.draft("RGB", (64, 64))  # a JPEG is read to its end, but decoded at a fraction of its size
            picture.load()
            turned = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    except DataError:
        raise
    except Image.DecompressionBombError:
        raise _too_large() from None
    except Exception as error:  # Pillow's readers raise nearly every built-in error on broken files
        raise _no_picture() from error
    return (ending, height, width) if turned else (ending, width, height)


def _no_picture(name: str = "") -> DataError:
    said = (
        Message("{file} is no picture that Hone can read.", file=name)
        if name
        else Message("This is no picture that Hone can read.")
    )
    return DataError(said, fix=Message("PNG, JPEG, WebP, GIF and BMP are read."))


def _too_large() -> TooLarge:
    return TooLarge(
        Message(
            "This picture is larger than {n} MB or {p} million pixels.", n=MAX_ONE >> 20, p=MAX_PIXELS // 1_000_000
        ),
        fix=Message("Take a smaller copy: most models look at 224 pixels."),
    )


def _rgb(picture: Image) -> Image:
    from PIL import Image

    if picture.mode.startswith(("I", "F")):  # 16 bits a pixel
        picture = picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        clear = picture.convert("RGBA")
        white = Image.new("RGBA", clear.size, "white")
        return Image.alpha_composite(white, clear).convert("RGB")
    return picture.convert("RGB")


@contextmanager
def _calm() -> Iterator[None]:
    """Pillow warns of pictures beyond its own limit; ours is lower."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _written(place: Path, data: bytes) -> None:
    """All or nothing."""
    handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).replace(place)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise

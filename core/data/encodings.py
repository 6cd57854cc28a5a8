"""Which encoding a text file has, with the reason. Knows bytes, nothing of columns.

A byte-order mark settles it; else strict UTF-8 over the whole file; else the pattern of the high bytes (GB18030 has them in pairs);
else charset-normalizer; else Windows-1252, the superset of Latin-1 in which every file can be read.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

from core.words import Message

SAMPLE = 1 << 20
COMMON_HANZI = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运"
)
WESTERN = frozenset(
    "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßœÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜŒ–—‘’‚“”„…•€°£§«»·´®©™½¼¾×±²³µ¿¡ºª\xa0\xad"
)


@dataclass(frozen=True)
class Found:
    encoding: str
    reason: Message
    bom: bool = False
    faults: bool = False  # some bytes cannot be read in it


def detect(path: Path) -> Found:
    """The encoding of a text file. An empty file is UTF-8."""
    with path.open("rb") as file:
        head = file.read(SAMPLE)
    if found := _by_mark(head):
        return found
    if wide := _wide_without_mark(head):
        return Found(wide, Message("Every other byte is zero, as in UTF-16."))
    broken = _first_fault(path)
    if broken is None:
        return Found("utf-8", Message("Every character is valid UTF-8."))
    high = _around_high_bytes(path, broken)
    if _mostly_utf8(high):
        return Found("utf-8", Message("Nearly every character is valid UTF-8."), faults=True)
    if _looks_chinese(high):
        return Found("gb18030", Message("The bytes come in pairs, as in Chinese GB18030."))
    if not _looks_western(high) and (guess := _guessed(high)):
        return Found(guess, Message("The pattern of its bytes fits best."))
    return Found("cp1252", Message("It is not UTF-8; Latin-1 can always be read."))


def _by_mark(head: bytes) -> Found | None:
    marks = (
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    )
    for mark, name in marks:
        if head.startswith(mark):
            return Found(name, Message("The file begins with a byte-order mark."), bom=True)
    return None


def _wide_without_mark(head: bytes) -> str | None:
    """UTF-16 without its mark: nearly all zero bytes stand at even, or at odd, places."""
    part = head[: 1 << 16]
    part = part[: len(part) // 2 * 2]
    if len(part) < 4 or part.count(0) < len(part) * 0.05:
        return None
    even, odd = part[::2].count(0), part[1::2].count(0)
    name = "utf-16-le" if odd > even else "utf-16-be"
    if min(even, odd) > 0.05 * max(even, odd):
        return None
    try:
        codecs.getincrementaldecoder(name)("strict").decode(part)
    except UnicodeDecodeError:
        return None
    return name


def _first_fault(path: Path) -> int | None:
    """Byte offset of the first thing that is not UTF-8; None when the whole file is. About a second a gigabyte."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    at = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 22):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                return max(0, at + error.start - 4)
            at += len(chunk)
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return max(0, at - 4)
    return None


def _around_high_bytes(path: Path, offset: int) -> bytes:
    """Whole lines from shortly before the first fault on: where the file shows its encoding."""
    with path.open("rb") as file:
        file.seek(max(0, offset - SAMPLE // 4))
        data = file.read(SAMPLE)
    start = data.find(b"\n") + 1 if offset > SAMPLE // 4 else 0
    end = data.rfind(b"\n") + 1
    return data[start:end] or data


def _mostly_utf8(data: bytes) -> bool:
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    right = sum(1 for c in text if c > "\x7f") - wrong
    return right > 10 * wrong


def _looks_chinese(data: bytes) -> bool:
    """Strict GB18030 (but for a few faults), high bytes in pairs, and words that people use."""
    text = data.decode("gb18030", "replace")
    beyond = [c for c in text if c > "\x7f"]
    if not beyond or beyond.count("\ufffd") > 0.02 * len(beyond):
        return False
    hanzi = [c for c in beyond if "\u4e00" <= c <= "\u9fff"]
    high = sum(1 for b in data if b > 0x7F)
    if len(hanzi) < 0.4 * len(beyond) or high < 1.6 * len(beyond):
        return False
    common = sum(1 for c in hanzi if c in COMMON_HANZI)
    return common >= (0.2 if len(hanzi) >= 50 else 0.1) * len(hanzi)


def _looks_western(data: bytes) -> bool:
    """Latin letters with now and then an accent or a typographic sign of Western Europe."""
    text = data.decode("cp1252", "replace")
    beyond = [c for c in text if c > "\x7f"]
    letters = sum(c.isalpha() for c in text)
    return len(beyond) < 0.25 * letters and sum(c in WESTERN for c in beyond) > 0.9 * len(beyond)


def _guessed(data: bytes) -> str | None:
    from charset_normalizer import from_bytes

    from core.data.how import ENCODINGS

    best = from_bytes(data[: 1 << 16], cp_isolation=["cp1252", *(e for e in ENCODINGS if e[:3] not in ("utf",))]).best()
    if best is None:
        return None
    name = best.encoding.replace("-", "_").lower()
    return name if name in ENCODINGS else None

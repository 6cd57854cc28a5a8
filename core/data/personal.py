"""Personal data in a text: mail addresses, phone numbers, card numbers, bank accounts, network addresses, national ids. Found to be masked.

What has check digits must pass them; what has none must look like nothing else, or stand beside a word such as “call”. So versions, dates,
prices and order numbers stay. Sources: Luhn, ISO/IEC 7812 (cards); ISO 13616, ISO/IEC 7064 mod 97-10 (IBAN); GB 11643, ISO/IEC 7064
mod 11-2 (China); the published rules of each other id beside its check.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from ipaddress import ip_address, ip_network

from core.data.cleaning import EMAIL
from core.words import Message

KINDS = ("email", "phone", "card", "iban", "network", "id")
MASKS = {
    "email": Message("[mail address]"),
    "phone": Message("[phone number]"),
    "card": Message("[card number]"),
    "iban": Message("[bank account]"),
    "network": Message("[network address]"),
    "id": Message("[identity number]"),
}
LOOKED = 20_000  # characters of a text
AROUND = 30  # characters in front of a number in which a word says what it is

CALLS = re.compile(
    r"(?:(?<![^\W\d_])(?:call|phone|tel|telephone|mobile|mob|cell|ring|txt|text|sms|fax|whatsapp|dial|contact|hotline|helpline|custcare|care|landline|anruf\w*|ruf\w*|"
    r"telefon\w*|handy|t[ée]l[ée]phone|appel\w*|m[óo]vil|ll[aá]m\w*|cellulare|chiama\w*|bel)|电话|手机|致电|拨打|联系方式|热线|来电|座机)[^\n]{0,18}$",
    re.IGNORECASE,
)
NOT_CALLS = re.compile(
    r"(?<![^\W\d_])(?:order|invoice|ref|reference|tracking|parcel|ticket|case|account|isbn|issn|serial|sku|model|part|version|ver|v|id|no|nr|code|otp|pin|"
    r"bestellung|rechnung|订单|单号|编号|快递|货号|型号|验证码)\W{0,3}(?:number|no|nr|号码?|is|:|#)?\W{0,3}$",
    re.IGNORECASE,
)
VERSION = re.compile(r"(?:version|ver|release|v|build|firmware|driver|版本|section|chapter|§)\W{0,2}$", re.IGNORECASE)


@dataclass(frozen=True)
class Hit:
    start: int
    end: int
    kind: str


def find(text: str) -> list[Hit]:
    """What stands in a text, in order; of places that overlap, the kind that is checked hardest."""
    found: list[Hit] = []
    for kind, places in FINDERS:
        for start, end in places(text[:LOOKED]):
            if all(end <= one.start or start >= one.end for one in found):
                found.append(Hit(start, end, kind))
    return sorted(found, key=lambda one: one.start)


def masked(text: str, language: str = "en") -> str:
    """The text with plain words in the place of what is personal."""
    pieces, at = [], 0
    for one in find(text):
        pieces += [text[at : one.start], MASKS[one.kind].said(language)]
        at = one.end
    return "".join([*pieces, text[at:]])


# --- check digits ----------------------------------------------------------------------------------------------------


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B: every second digit from the right is doubled."""
    doubled = (int(c) * (1 + i % 2) for i, c in enumerate(reversed(digits)))
    return sum(n - 9 if n > 9 else n for n in doubled) % 10 == 0


def mod97(account: str) -> bool:
    """ISO/IEC 7064 mod 97-10, as ISO 13616 uses it: the first four characters go to the end, letters count from 10."""
    turned = account[4:] + account[:4]
    return int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


def weighted(digits: str, weights: tuple[int, ...]) -> int:
    return sum(int(d) * w for d, w in zip(digits, weights, strict=False))


def _day(year: int, month: int, day: int) -> bool:
    try:
        return 1880 <= date(year, month, day).year <= date.today().year
    except ValueError:
        return False


# --- finders ---------------------------------------------------------------------------------------------------------

Places = Iterator[tuple[int, int]]
APART = (
    r"(?<![A-Za-z0-9_.,:/@#=-])",
    r"(?![A-Za-z0-9_@]|[.,:/-][A-Za-z0-9_])",
)  # no part of something longer; other scripts may follow


def _emails(text: str) -> Places:
    if "@" in text:
        for found in EMAIL.finditer(text):
            ending = found[0].rsplit(".", 1)[-1]
            if ending.isalpha() and len(ending) > 1:
                yield found.span()


CARD = re.compile(APART[0] + r"\d(?:[ -]?\d){12,18}" + APART[1])
CARDS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}"
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}"
)
SHARED_OUT = re.compile(r"\d{4}([ -]?)\d{4}\1\d{4}\1\d{1,7}|\d{4}([ -]?)\d{6}\2\d{4,5}|\d+")


def _cards(text: str) -> Places:
    for found in CARD.finditer(text):
        digits = re.sub(r"\D", "", found[0])
        grouped = SHARED_OUT.fullmatch(found[0])
        if (
            grouped
            and CARDS.fullmatch(digits)
            and luhn(digits)
            and len(set(digits)) > 1
            and not _is_other(text, found.start())
        ):
            yield found.span()


IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
IBAN_LENGTHS = {  # of the registry that SWIFT keeps for ISO 13616
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28,
    "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18,
    "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32,
    "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24,
    "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TN": 24, "TR": 26,
    "UA": 29, "VA": 22, "XK": 20,
}  # fmt: skip


def _ibans(text: str) -> Places:
    for found in IBAN.finditer(text):
        length = IBAN_LENGTHS.get(found[0][:2], 0)
        end, seen = found.start(), 0
        while end < found.end() and seen < length:  # a word in capitals may follow
            seen += text[end] != " "
            end += 1
        account = text[found.start() : end].replace(" ", "")
        if length and len(account) == length and not text[end : end + 1].isalnum() and mod97(account):
            yield found.start(), end


IP4 = re.compile(r"(?<![A-Za-z0-9_.-])\d{1,3}(?:\.\d{1,3}){3}(?![A-Za-z0-9_-]|\.\d)")
IP6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{1,4}(?![\w:]|\.\d)")


AT_HOME = [
    ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fe80::/10", "fc00::/7")
]  # the same in every house


def _networks(text: str) -> Places:
    for found in [*IP4.finditer(text), *IP6.finditer(text)]:
        try:
            address = ip_address(found[0])
        except ValueError:
            continue
        if (
            address.is_loopback
            or address.is_unspecified
            or any(address in one for one in AT_HOME)
            or VERSION.search(text[: found.start()][-AROUND:])
        ):
            continue
        if address.version == 4 and max(int(n) for n in found[0].split(".")) < 32:
            continue  # more likely a version or a chapter
        yield found.span()


def _is_other(text: str, start: int) -> bool:
    """Do the words in front say that the number is an order, a code, a version?"""
    return bool(NOT_CALLS.search(text[max(0, start - AROUND) : start]))


def _is_called(text: str, start: int) -> bool:
    return bool(CALLS.search(text[max(0, start - AROUND) : start]))


WORLD = re.compile(
    r"(?<![A-Za-z0-9_+.-])(?:\+|00(?=[1-9]\d))[ ]?(\d{1,3})[ .-]?(?:\(0?\d{1,4}\)[ .-]?)?\d(?:[ .-]?\d){5,12}(?![A-Za-z0-9_-]|[.,]\d)"
)
AMERICAN = re.compile(
    r"(?<![A-Za-z0-9_.-])(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d([ .-]))[2-9]\d\d(?(1)\1|[ .-])\d{4}(?![A-Za-z0-9_-]|[.,]\d)"
)
FRENCH = re.compile(r"(?<![A-Za-z0-9_.+-])0[1-9](?:([ .-])\d\d)(?:\1\d\d){3}(?![A-Za-z0-9_-]|[.,]\d|[ .-]\d\d\b)")
CHINESE_MOBILE = re.compile(r"(?<![A-Za-z0-9_.+-])1[3-9]\d(?:(?P<s>[ -]?)\d{4}(?P=s)\d{4})(?![\d-]|[.,]\d|[A-Za-z_])")
CHINESE = re.compile(
    r"(?<![A-Za-z0-9_.-])(?:0\d{2,3}-[2-8]\d{6,7}|\(0\d{2,3}\) ?[2-8]\d{6,7}|400-\d{3}-\d{4}|400-\d{4}-\d{3})(?![\d-]|[.,]\d)"
)
NATIONAL = re.compile(
    r"(?<![A-Za-z0-9_.+-])\(?0[1-9]\d{1,4}\)?[ /-]?\d{2,8}(?:[ -]?\d{2,6}){0,2}(?![A-Za-z0-9_-]|[.,]\d)"
)
DIGITS_ONLY = re.compile(r"(?<![A-Za-z0-9_.+£$€-])0[1-9]\d{8,9}(?![A-Za-z0-9_-]|[.,]\d)")


def _phones(text: str) -> Places:
    for found in WORLD.finditer(text):
        if 8 <= sum(c.isdigit() for c in found[0]) <= 15 and (found[0][0] == "+" or _is_called(text, found.start())):
            yield found.span()
    for pattern in (AMERICAN, FRENCH, CHINESE_MOBILE, CHINESE):
        for found in pattern.finditer(text):
            if not _is_other(text, found.start()):
                yield found.span()
    for pattern in (NATIONAL, DIGITS_ONLY):
        for found in pattern.finditer(text):
            if (
                9 <= sum(c.isdigit() for c in found[0]) <= 12
                and _is_called(text, found.start())
                and not _is_other(text, found.start())
            ):
                yield found.span()


# --- national ids ----------------------------------------------------------------------------------------------------


def _chinese(given: str) -> bool:
    """GB 11643-1999: region, day of birth, order, and a check by ISO/IEC 7064 mod 11-2."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    region = 11 <= int(given[:2]) <= 82
    born = _day(int(given[6:10]), int(given[10:12]), int(given[12:14]))
    return region and born and "10X98765432"[weighted(given, weights) % 11] == given[17].upper()


def _spanish(given: str) -> bool:
    """DNI and NIE: the letter follows from the number modulo 23; X, Y, Z in front count 0, 1, 2."""
    number = given[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2")
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == given[-1]


ODD = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23), strict=True))  # fmt: skip


def _italian(given: str) -> bool:
    """Codice fiscale: the last letter checks the others, by place (D.M. 23/12/1976)."""
    even = {c: int(c) if c.isdigit() else ord(c) - 65 for c in ODD}
    total = sum((ODD if i % 2 == 0 else even)[c] for i, c in enumerate(given[:15]))
    return chr(65 + total % 26) == given[15]


def _french(given: str) -> bool:
    """NIR: 97 less the first 13 digits modulo 97; Corsica's 2A and 2B count as 19 and 18."""
    number = re.sub(r"\s", "", given)
    first = number[:13].replace("2A", "19").replace("2B", "18")
    return 97 - int(first) % 97 == int(number[13:])


def _polish(given: str) -> bool:
    """PESEL: weights 1 3 7 9, and a day of birth whose month tells the century."""
    month = int(given[2:4])
    century = {0: 1900, 1: 2000, 4: 1800}.get(month // 20, 0)
    born = _day((1900, 2000, 2100, 2200, 1800)[min(month // 20, 4)] + int(given[:2]), month % 20, int(given[4:6]))
    return bool(century) and born and weighted(given, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def _brazilian(given: str) -> bool:
    """CPF: two check digits modulo 11."""
    digits = re.sub(r"\D", "", given)
    for n in (9, 10):
        rest = weighted(digits[:n], tuple(range(n + 1, 1, -1))) * 10 % 11 % 10
        if rest != int(digits[n]):
            return False
    return len(set(digits)) > 1


def _korean(given: str) -> bool:
    """Resident number: day of birth, and weights 2 to 9 and 2 to 5 modulo 11."""
    digits = given.replace("-", "")
    born = _day((1900 if digits[6] in "1256" else 2000) + int(digits[:2]), int(digits[2:4]), int(digits[4:6]))
    return born and (11 - weighted(digits[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10 == int(digits[12])


def _american(given: str) -> bool:
    """Social security: no check digit, but numbers that are never given out; the dashes must stand there."""
    area, group, serial = given.split("-")
    return area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"


IDS: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = tuple(
    (re.compile(APART[0] + pattern + APART[1]), check)
    for pattern, check in (
        (r"\d{17}[\dXx]", _chinese),
        (r"(?:\d{8}|[XYZ]\d{7})[A-Z]", _spanish),
        (r"[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]", _italian),
        (r"[12] ?\d\d ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d", _french),
        (r"\d{11}", _polish),
        (r"\d{3}\.\d{3}\.\d{3}-\d\d", _brazilian),
        (r"\d{6}-[1-8]\d{6}", _korean),
        (r"\d{3}-\d\d-\d{4}", _american),
    )
)


def _ids(text: str) -> Places:
    for pattern, check in IDS:
        for found in pattern.finditer(text):
            if check(found[0]) and not _is_order(text, found.start()) and not _is_called(text, found.start()):
                yield found.span()


def _is_order(text: str, start: int) -> bool:
    return bool(
        re.search(
            r"(?:order|invoice|tracking|parcel|订单|单号|快递)\W{0,3}\w{0,7}\W{0,3}$",
            text[max(0, start - AROUND) : start],
            re.IGNORECASE,
        )
    )


FINDERS: tuple[tuple[str, Callable[[str], Places]], ...] = (
    ("email", _emails),
    ("iban", _ibans),
    ("id", _ids),
    ("card", _cards),
    ("network", _networks),
    ("phone", _phones),
)

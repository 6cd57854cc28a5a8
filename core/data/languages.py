"""Which language a text is in: by its script, and by the little words that only one of the known languages has so often.

A guess for many texts together is safe; for one text it is made only where several little words agree. Knows ten languages in Latin letters,
and those that have a script of their own. No model, no network.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from core.words import Message

STOPWORDS = {
    "en": "the of and a i an my me about do so if would to in is you that it for on with as are this be at or from have not by but what all were we when your can there",
    "de": "der die und das ist nicht ein eine zu den mit von für auf dem sich des im ich sie es auch als wie an bei oder aus",
    "fr": "le la les de des et est un une que pour dans ce il qui ne sur pas au plus avec sont je vous nous mais ou elle",
    "es": "el la los las de que y en un una por con para es no se lo como más pero sus le ya o este sí porque muy",
    "it": "il lo la gli le di che è e un una per con non sono del della si come più ma anche nel alla questo",
    "pt": "o a os as de que e em um uma por com para é não se do da no na mais como mas foi ao ele das",
    "nl": "de het een en van is dat die niet in op te zijn voor met er aan ook als maar om dan zou wat",
    "pl": "nie to się w na i z że do jest jak o co tak za po ale ja od czy dla już",
    "tr": "bir ve bu da için ile de çok ne gibi daha ama var ben mi kadar en o",
    "sv": "och att det som en på är av för med den till inte om jag ett han men var",
}
# Of one text: more little words, so that short texts have some.
MORE = {
    "en": "he she they them his her its our their will just now how why which who been has had was did does don't i'm it's no out up get got one some any than then only am because into over could should",
    "de": "er wir ihr mich mir dir uns nur noch wenn war sind hat haben wird werden kann nach über vor bis mein dein kein keine so einen einem einer zum zur dass doch mal schon sehr hier",
    "fr": "du en à mon ma mes ton son sa ses cette cet qu c'est j'ai n'est tout bien aussi comme si être fait été très ils elles leur y par aux",
    "es": "del al mi tu su me te nos está son fue ha hay qué cuando todo bien también si donde yo ella ellos esta eso hace tiene puede ser",
    "it": "ho hai ha mi ti ci vi mio tuo suo era sei dei delle degli dal dalla nella sul se quando tutto bene molto perché cosa fare stato questa",
    "pt": "eu você meu minha seu sua me te nos está são foi tem há quando tudo bem também se onde ela eles esta isso pode ser nas nos pelo pela muito",
    "nl": "ik je jij we wij ze hij mijn jouw zijn haar heb hebt heeft was waren worden kan naar over uit nog wel geen hoe deze dit tot bij",
    "pl": "się są oni one swoje pod innych mnie mi cię jestem są był była tego tym który która bardzo przez przy przed tylko może być ma mam nas was",
    "tr": "değil şey olarak olan sonra benim senin biz siz onlar şu hiç her ki mı mu kez ise ya göre",
    "sv": "vi du ni de han hon sig min din sin har hade var kan ska skulle vara nu här där när hur vad från mycket inte också",
}
OWN = {
    name: frozenset(f"{STOPWORDS[name]} {MORE[name]}".split()) for name in STOPWORDS
}  # of each language its little words
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
LOOKED = 300  # characters of one text

SCRIPTS = (
    ("hangul", "ko", True),
    ("thai", "th", False),
    ("cyrillic", "ru", True),
    ("arabic", "ar", True),
    ("greek", "el", True),
    ("hebrew", "he", True),
    ("devanagari", "hi", True),
)

NAMES = {
    "en": Message("English"), "zh": Message("Chinese"), "de": Message("German"), "fr": Message("French"), "es": Message("Spanish"),
    "it": Message("Italian"), "pt": Message("Portuguese"), "nl": Message("Dutch"), "pl": Message("Polish"), "tr": Message("Turkish"),
    "sv": Message("Swedish"), "ja": Message("Japanese"), "ko": Message("Korean"), "th": Message("Thai"), "ru": Message("Russian"),
    "ar": Message("Arabic"), "el": Message("Greek"), "he": Message("Hebrew"), "hi": Message("Hindi"),
}  # fmt: skip


def language(texts: Sequence[str]) -> tuple[str, bool]:
    """A guess at the language of texts together ("" when none fits), and whether words are set apart by spaces."""
    text = " ".join(t[:500] for t in texts[:500])
    letters = [c for c in text if c.isalpha()]
    if not letters:
        return "", True
    found = _by_script(letters[:50_000])
    if found:
        return found
    words = Counter(text.lower().split())
    share = {name: sum(words[w] for w in common.split()) for name, common in STOPWORDS.items()}
    best = max(share, key=lambda name: share[name])
    return (best if share[best] > 0.05 * words.total() else ""), True


def of_text(text: str) -> str:
    """The language of one text; "" where it is not clear. In Latin letters: at least two different little words of the language, a sixth of
    all words, and twice as many as of any other language."""
    some = text[:LOOKED]
    if not some.isascii():
        letters = [c for c in some if c.isalpha()]
        found = _by_script(letters) if letters else None
        if found:
            return found[0]
    words = WORD.findall(some.lower().replace("’", "'"))
    if len(words) < 3:
        return ""
    there = Counter(words)
    scores = {name: sum(there[word] for word in own & there.keys()) for name, own in OWN.items()}
    best, second = sorted(scores, key=lambda name: scores[name], reverse=True)[:2]
    clear = scores[best] >= 2 * scores[second] and len(OWN[best] & there.keys()) >= 2
    return best if clear and scores[best] >= len(words) / 6 else ""


def _by_script(letters: Sequence[str]) -> tuple[str, bool] | None:
    """The language whose script these letters are; None where they are Latin or none that is known."""
    scripts = Counter(_script(c) for c in letters)
    n = len(letters)
    if scripts["kana"] > 0.05 * n:
        return "ja", False
    if scripts["han"] > 0.3 * n:
        return "zh", False
    for script, name, spaces in SCRIPTS:
        if scripts[script] > 0.3 * n:
            return name, spaces
    return None


def _script(c: str) -> str:
    n = ord(c)
    if n < 0x250:
        return "latin"
    for low, high, name in (
        (0x370, 0x3FF, "greek"),
        (0x400, 0x52F, "cyrillic"),
        (0x590, 0x5FF, "hebrew"),
        (0x600, 0x6FF, "arabic"),
        (0x900, 0x97F, "devanagari"),
        (0xE00, 0xE7F, "thai"),
        (0x3040, 0x30FF, "kana"),
        (0x3400, 0x9FFF, "han"),
        (0xAC00, 0xD7AF, "hangul"),
    ):
        if low <= n <= high:
            return name
    return "other"

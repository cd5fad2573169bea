"""Texts: one normalisation, the words that are read aloud, and what cannot be read, refused by name and place."""

import html
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from asheard.errors import PhoneError
from asheard.phones.folding import drop_invisible
from asheard.phones.lexicon import attested_pronunciations, bare_letters
from asheard.phones.numbers import JOINED, SIGNS, cardinal, letters, ordinal, readings

_APOSTROPHES: Final = "`´ʹʻʼʽˈˊˋ‘’‛′‵ꞌ\u055a\u05f3＇"
_QUOTES: Final = "“”„‟″‶«»"
# NFKC makes a blank and a combining mark of some of these, so they are replaced first.
_REPLACED: Final = str.maketrans(
    dict.fromkeys(_APOSTROPHES, "'") | dict.fromkeys(_QUOTES, '"') | {"⁄": "/", "∕": "/", "−": "-", "<": " ", ">": " "}
)
_ENTITY: Final = re.compile(r"&(?:amp;)*((?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[A-Za-z]\w{1,30});)")
_BREAKING_TAG: Final = re.compile(
    r"</?(?:br|p|div|li|ul|ol|tr|td|th|h[1-6])\b[^<>]*>|<!--.*?-->", re.IGNORECASE | re.DOTALL
)
_TAG: Final = re.compile(r"</?[A-Za-z][^<>]*>")
_ORNAMENTS: Final = frozenset("™℠©®℗")  # NFKC makes letters of some
_SUPERSCRIPTS: Final = "[\u00b2\u00b3\u00b9\u2070-\u2079]+"
_POWER: Final = re.compile(rf"(?<=[0-9]){_SUPERSCRIPTS}|(?<=\d[ kcm]m)[²³]|(?<=\dm)[²³]|(?<=\d [kcm]m)[²³]")
_FOOTNOTE: Final = re.compile(_SUPERSCRIPTS)
_SHARP: Final = re.compile(r"(?<![^\W_])([A-G])#(?!\w)")  # C#, F# minor
_MIXED: Final = re.compile("(?<=\\d)(?=[¼-¾⅐-⅞])")  # 2½ is 2 1/2
_REFUSED: Final = {
    "Cc": "a control character",
    "Cs": "half a character",
    "Co": "a private character",
    "Cn": "no character of Unicode",
}
_REPLACEMENT: Final = "\ufffd"  # what decoders put in place of bytes that are not UTF-8
_NUM_NAMED: Final = 3  # unreadable characters in a message

_LETTERS: Final = re.compile(r"'?[^\W\d_]+(?:'[^\W\d_]+)*'?")
_PUNCTUATION: Final = "PSMZ"  # first letters of categories that only separate words
_EDGES: Final = re.compile(r"^(?:[^\w.'$£€¥₹#+±-]|[.'+-](?![\d.$£€¥₹])|[#](?!\w))+|[^\w%°$£€¥₹¢+♯♭]+$")
_INITIALISM: Final = re.compile(r"([A-Z]{2,})('?[sS]|')?")
_ROMAN: Final = re.compile(r"(?=[LXVI]{2})(?!XL$)(XL|L?X{0,3})(IX|IV|V?I{0,3})")
_ROMAN_TENS: Final = ("", "X", "XX", "XXX", "XL", "L", "LX", "LXX", "LXXX")
_ROMAN_ONES: Final = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
_LONGEST_SPELLED: Final = 5  # letters of an unknown word in capitals that may be an initialism
_LONGEST_UNSURE: Final = 3  # letters of a known word in capitals that may be one too: US, IT


@dataclass(frozen=True, slots=True)
class Word:
    """One written word of a text.

    written: as it stands in the normalised text. readings: what people say for it, each as words of English with blanks
    between them (`nineteen eighty four`); the usual one first.
    """

    written: str
    readings: tuple[str, ...]


def normalise(text: str) -> str:
    """Return a text in plain characters, with single blanks; applied twice, it changes nothing more.

    HTML tags, invisible characters, signs such as ™ and emoji, and superscripts after a word are dropped; apostrophes
    of any form become `'`; the rest is NFKC.

    Raises:
        PhoneError: a character cannot be read; the message has its word, its place in it, its name and code point.
    """
    while (plain := _normalise_once(text)) != text:
        text = plain
    _check_readable(plain)
    return plain


def read_words(text: str) -> list[Word]:
    """Split a text into words, each with its readings.

    An apostrophe belongs to its word (`we'll`); a hyphen separates words. A stretch with digits or signs that are read
    aloud ($5, 3.50, R2D2, 1 000 000) is one word.

    Args:
        text: English in Latin letters, in any form that `normalise` reads.
    Raises:
        PhoneError: the text holds no word, or a character that cannot be read.
    """
    plain = normalise(text)
    in_capitals = plain.upper() == plain
    words: list[Word] = []
    for chunk in _chunks(plain):
        for written in _written_words(chunk):
            before = words[-1].written if words else ""
            if found := _readings(written, before, in_capitals=in_capitals):
                words.append(Word(written, found))
    if not words:
        raise PhoneError(f"the text {text[:60]!r} holds no word")
    return words


def describe_character(character: str) -> str:
    """Give a character with its Unicode name and code point."""
    shown = f"{character!r} " if character.isprintable() else ""
    name = unicodedata.name(character, "")
    return f"{shown}{name + ' ' if name else ''}(U+{ord(character):04X})"


def _normalise_once(text: str) -> str:
    text = _ENTITY.sub(lambda match: html.unescape(f"&{match[1]}"), text)
    text = _TAG.sub("", _BREAKING_TAG.sub(" ", text)).translate(_REPLACED)
    text = _MIXED.sub(" ", drop_invisible(text))
    text = _POWER.sub(lambda match: "^" + unicodedata.normalize("NFKC", match[0]), text)
    text = _SHARP.sub(r"\1♯", _FOOTNOTE.sub("", text))
    text = unicodedata.normalize("NFKC", "".join(" " if _is_ornament(character) else character for character in text))
    return " ".join("".join(map(_plain_character, text)).split())


def _is_ornament(character: str) -> bool:
    """Tell an emoji or sign from one that stands for letters or digits, such as ℃ and ①."""
    if character in _ORNAMENTS:
        return True
    if character == _REPLACEMENT:
        return False
    if unicodedata.category(character) not in ("So", "Sk"):
        return False
    folded = unicodedata.normalize("NFKC", character)
    return character not in SIGNS and character != "^" and not any(map(str.isalnum, folded))


def _plain_character(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Mn", "Me"):  # a mark that NFKC joins to no letter
        return ""
    if category == "Nd":
        return str(unicodedata.digit(character))
    return "-" if category == "Pd" else character


def _check_readable(plain: str) -> None:
    found = []
    for index, word in enumerate(plain.split(), start=1):
        for place, character in enumerate(word, start=1):
            if reason := _reason_unreadable(character):
                found.append(f"word {index}, character {place}: {describe_character(character)} is {reason}")
                break
    if found:
        more = f"; {len(found) - _NUM_NAMED} more words" if len(found) > _NUM_NAMED else ""
        raise PhoneError(f"{'; '.join(found[:_NUM_NAMED])}{more}. Write the text in English spelling")


def _reason_unreadable(character: str) -> str | None:
    """Say why a character of a normalised text cannot be read; None if it can, or if it separates words."""
    category = unicodedata.category(character)
    if character == _REPLACEMENT:
        return "left of a character that was not UTF-8"
    if character.isascii() and category != "Cc":
        return None
    if category in _REFUSED:
        return _REFUSED[category]
    if category[0] == "L":
        if "LATIN" not in unicodedata.name(character, ""):
            return "not a Latin letter"
        return None if bare_letters(character) else "a letter that no English word has"
    return None if category[0] in _PUNCTUATION else "no digit or sign that is read aloud"


def _chunks(plain: str) -> list[str]:
    """Split at blanks, but keep numbers together that are written with blanks."""
    chunks, start = [], 0
    for match in JOINED.finditer(plain):
        if " " in match[0]:
            chunks += [*plain[start : match.start()].split(), match[0]]
            start = match.end()
    return chunks + plain[start:].split()


def _written_words(chunk: str) -> list[str]:
    """Split a stretch into words."""
    if not any(character.isdigit() or character in SIGNS or character == "#" for character in chunk):
        return [_without_quotes(word) for word in _LETTERS.findall(chunk)]
    core = _EDGES.sub("", chunk)
    if any(map(str.isalnum, core)):
        return [core]
    return [chunk] if chunk in SIGNS else []


def _without_quotes(word: str) -> str:
    """Drop quotation marks around a word, unless CMUdict has them as apostrophes ('em, o')."""
    forms = (word, word.rstrip("'"), word.lstrip("'"), word.strip("'"))
    return next((form for form in forms if attested_pronunciations(form)), forms[-1])


def _readings(written: str, before: str, *, in_capitals: bool) -> tuple[str, ...]:
    """Give the readings of a word after the word `before`."""
    if not all(character.isalpha() or character == "'" for character in written):
        return tuple(readings(written))
    known = bool(attested_pronunciations(written))
    after_name = before[:1].isupper()
    if (roman := _ROMAN.fullmatch(written if known else written.upper())) and (
        not known or (after_name and not in_capitals)
    ):
        number = cardinal(10 * _ROMAN_TENS.index(roman[1]) + _ROMAN_ONES.index(roman[2]))
        ordinals = (f"the {ordinal(number)}",) if after_name else ()
        return (*ordinals, number, letters(written), *((written,) if known else ()))
    if initialism := _INITIALISM.fullmatch(written):
        return _capitals(written, initialism[1], initialism[2] or "", in_capitals=in_capitals)
    return (written,)


def _capitals(written: str, stem: str, ending: str, *, in_capitals: bool) -> tuple[str, ...]:
    """Read a word in capitals: as a word, as the names of its letters, or either.

    CMUdict's words stay words. In a text that is not all in capitals, short ones may be initialisms too (US, IT).
    A word that CMUdict lacks is an initialism if it has no vowel letter, and may be one if it is short.
    """
    spelled = letters(stem) + ("'s" if ending.strip("'") else "")
    if attested_pronunciations(written):
        return (written,) if in_capitals or len(stem) > _LONGEST_UNSURE else (written, spelled)
    if not set(stem) & set("AEIOUY"):
        return (spelled,)
    longest = _LONGEST_UNSURE if in_capitals else _LONGEST_SPELLED
    return (spelled, written) if len(stem) <= longest else (written,)

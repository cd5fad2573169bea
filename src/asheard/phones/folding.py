"""Folding: the translation of phone symbols of any alphabet to the 40 phones, and labels without a phone.

A label is folded alone, never joined to its neighbour: `t` then `ʃ` are two phones, while the single label `tʃ` (or
`t͡ʃ`) is one. A sound that the inventory does not have is folded to the nearest English phone; docs/phones.md explains
the choices that matter. Nothing is dropped silently: a label without a phone raises `PhoneError`, or
`fold_sequence` counts it if the caller gives a counter.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from asheard.errors import PhoneError
from asheard.phones.inventory import ERR, PHONES

Alphabet: TypeAlias = Literal["arpabet", "ipa", "espeak"]
Phones: TypeAlias = tuple[str, ...]


def _table(text: str) -> dict[str, Phones]:
    """Read blank-separated `label=phone` or `label=phone+phone` entries; labels are kept in Unicode NFD."""
    pairs = (entry.split("=") for entry in text.split())
    return {unicodedata.normalize("NFD", label): tuple(phones.split("+")) for label, phones in pairs}


# CMUdict's 39 symbols, then those TIMIT and Sphinx add. AH is split by stress below.
_ARPABET: Final = _table("""
    P=p B=b T=t D=d K=k G=ɡ CH=tʃ JH=dʒ F=f V=v TH=θ DH=ð S=s Z=z SH=ʃ ZH=ʒ HH=h
    M=m N=n NG=ŋ L=l R=ɹ W=w Y=j
    IY=i IH=ɪ EY=eɪ EH=ɛ AE=æ AA=ɑ AO=ɔ OW=oʊ UH=ʊ UW=u AH=ʌ AX=ə ER=ɝ AY=aɪ AW=aʊ OY=ɔɪ
    AXR=ɝ AX-H=ə IX=ɪ UX=u DX=t NX=n Q=t HV=h WH=w EL=ə+l EM=ə+m EN=ə+n ENG=ə+ŋ
""")

# One entry for each sound; marks that are finer than the 40 phones are removed before the look-up.
_IPA: Final = {phone: (phone,) for phone in PHONES} | _table("""
    g=ɡ ʧ=tʃ ʤ=dʒ r=ɹ ɻ=ɹ ʁ=ɹ ʀ=ɹ ɽ=ɹ ɾ=t ʔ=t ɫ=l ɭ=l ɬ=l ɮ=l ʟ=l ɺ=l ʍ=w ɥ=j ʝ=j
    ɓ=b ɗ=d ʙ=b ʈ=t ɖ=d q=k ɢ=ɡ c=tʃ ɟ=dʒ tɕ=tʃ dʑ=dʒ tʂ=tʃ dʐ=dʒ ʨ=tʃ ʥ=dʒ
    ɸ=f β=v ʋ=v ʂ=ʃ ʐ=ʒ ɕ=ʃ ʑ=ʒ ɧ=ʃ ç=h x=h χ=h ħ=h ɦ=h ʕ=h ɣ=ɡ ɰ=ɡ r̝=ʒ r̝̊=ʃ
    ɱ=m ɳ=n ɴ=ŋ ɲ=n+j ʎ=l+j ts=t+s dz=d+z pf=p+f
    m̩=ə+m n̩=ə+n ŋ̩=ə+ŋ l̩=ə+l ɫ̩=ə+l r̩=ɝ ɹ̩=ɝ
    e=eɪ o=oʊ a=ɑ ɒ=ɑ ɶ=ɑ ɐ=ə ɘ=ə ɤ=ʌ ɨ=ɪ ᵻ=ɪ ᵿ=ʊ ʏ=ʊ ɵ=ʊ y=u ʉ=u ɯ=u ø=ɝ œ=ɝ ɞ=ɝ
    ɜ=ɝ ɚ=ɝ ə˞=ɝ ɜ˞=ɝ ɜɹ=ɝ əɹ=ɝ ɑ˞=ɑ+ɹ ɔ˞=ɔ+ɹ
    ai=aɪ au=aʊ ei=eɪ ɛɪ=eɪ ou=oʊ əʊ=oʊ oɪ=ɔɪ oi=ɔɪ ɔi=ɔɪ
    ɪə=ɪ+ə eə=ɛ+ə ɛə=ɛ+ə ʊə=ʊ+ə aɪə=aɪ+ə aʊə=aʊ+ə
    ja=j+ɑ je=j+eɪ jo=j+oʊ ju=j+u jʌ=j+ʌ wa=w+ɑ we=w+eɪ wi=w+i wʌ=w+ʌ ɯi=u+i
""")

# What eSpeak writes beyond that: rhotics and schwa sequences of English as one label; the finals of Mandarin, the
# diphthongs of other languages; ASCII letters if a language's table has no IPA. `1` and `ʲ` are a tone and a
# palatalisation that are labels of their own in that vocabulary: they are no sound, so they fold to no phone.
_ESPEAK: Final = (
    _IPA
    | _table("""
    ɑɹ=ɑ+ɹ ɔɹ=ɔ+ɹ oɹ=ɔ+ɹ ɛɹ=ɛ+ɹ ɪɹ=ɪ+ɹ ʊɹ=ʊ+ɹ aɪɚ=aɪ+ɝ aʊɚ=aʊ+ɝ ər=ɝ əl=ə+l iə=i+ə
    ɪu=j+u ɨu=j+u iʊ=j+u eʊ=ɛ+ʊ ɛʊ=ɛ+ʊ eɑ=ɛ+ɑ ie=i+ɛ ui=u+i uɪ=u+ɪ uɨ=u+ɪ əɪ=eɪ əɨ=eɪ æi=aɪ aɨ=aɪ ɑɨ=aɪ
    ɔɨ=ɔɪ ɔø=ɔɪ øi=ɔɪ oe=ɝ ɐʊ=aʊ ɑu=aʊ iɑ=j+ɑ iɛ=j+ɛ iou=j+oʊ onɡ=ʊ+ŋ ua=w+ɑ uai=w+aɪ uei=w+eɪ uo=w+ɔ uə=w+ə
    yi=j+i yu=j+u yə=j+ə yæ=j+æ yɛ=j+ɛ i.=ɪ i̪=ɪ
    S=ʃ Z=ʒ tS=tʃ dZ=dʒ N=ŋ X=h sx=ʃ ??=t s.=ʃ ts.=tʃ r.=ɹ s^=ʃ t^=tʃ d^=dʒ
""")
    | {"1": (), "ʲ": ()}
)

_LENGTH_STRESS_TIE: Final = re.compile("[ːˑˈˌ\u0361\u035c]")
# Secondary articulation, release, nasality, devoicing, tone, small shifts of place and force: finer than the 40 phones.
_FINE: Final = re.compile(
    "[ʰʱʲʷˠˤᵝʼˀⁿˡ\u0300-\u0304\u0306\u0308\u030a-\u030c\u030f\u031a-\u0320\u0324\u0325\u032a\u032c\u032f\u0330\u0339-\u033d\u0348]"
)
_TONE: Final = re.compile("(?<=.)(?:[0-9]|ɜ$)")  # eSpeak writes the third tone of Mandarin, 3, as ɜ
_ASPIRATION: Final = re.compile("(?<=[ptksɕ.])h$")
_KIRSHENBAUM: Final = re.compile(r"""(?<=.)[.^["~:]""")  # ASCII marks of place and length
_NUM_KEPT: Final = 1024  # labels kept in each cache; the largest vocabulary has some 400
_DOUBLED: Final = re.compile(r"^(.+)(?=\1$)")


def fold_arpabet(symbol: str) -> str:
    """Fold one ARPAbet symbol, any case, with or without a stress digit.

    AH0 is schwa and AH, AH1, AH2 are the vowel of `strut`; ER is one phone at every stress.

    Args:
        symbol: a symbol of CMUdict, or of TIMIT and Sphinx if it is one phone (AX, AXR, IX, UX, DX, ...).
    Returns:
        An IPA phone of the inventory.
    Raises:
        PhoneError: no such symbol, or one that is two phones (EL, EM, EN, ENG; `fold_sequence` folds them).
    Source: CMU Pronouncing Dictionary 0.7b, phone set; Garofolo et al. 1993 (TIMIT).
    """
    phones = _arpabet_phones(symbol)
    if len(phones) != 1:
        raise PhoneError(f"ARPAbet symbol {symbol!r} is two phones ({' '.join(phones)}); write them apart")
    return phones[0]


@lru_cache(maxsize=_NUM_KEPT)
def fold_ipa(label: str) -> Phones:
    """Fold one IPA label.

    Args:
        label: one segment, affricate or diphthong, with or without stress, length, tie bars and fine diacritics.
    Returns:
        The phones of the label: usually one, two for a syllabic consonant (n̩) or a sound English lacks (ɲ).
    Raises:
        PhoneError: the label is empty, holds blanks, or is not in the table.
    """
    label = _checked(label, "IPA")
    return _look_up(label, _IPA, (_LENGTH_STRESS_TIE, _FINE), "IPA")


@lru_cache(maxsize=_NUM_KEPT)
def fold_espeak(label: str) -> Phones:
    """Fold one label of eSpeak NG, or of a recogniser trained on its labels (wav2vec2-lv-60-espeak-cv-ft).

    Beyond IPA, it accepts eSpeak's joint labels (ɔːɹ, aɪɚ, əl), tones, the finals of Mandarin and ASCII marks.

    Args:
        label: one phoneme, as eSpeak separates them.
    Returns:
        The phones of the label; none for `1` and `ʲ`, a bare tone and a bare palatalisation.
    Raises:
        PhoneError: the label is empty, holds blanks, or is not in the table.
    Source: Xu, Baevski and Auli 2021 (the recogniser's labels); eSpeak NG, docs/phonemes.md.
    """
    label = _checked(label, "eSpeak")
    steps = (_LENGTH_STRESS_TIE, _TONE, _FINE, _TONE, _ASPIRATION, _KIRSHENBAUM, _DOUBLED)
    return _look_up(label, _ESPEAK, steps, "eSpeak")


def fold_sequence(symbols: Iterable[str], alphabet: Alphabet, unknown: Counter[str] | None = None) -> list[str]:
    """Fold a sequence symbol by symbol; `err` stays unchanged.

    Args:
        symbols: labels in one alphabet, in order.
        alphabet: "arpabet", "ipa" or "espeak".
        unknown: if given, symbols without a phone are counted here and left out.
    Returns:
        IPA phones of the inventory, and `err`.
    Raises:
        PhoneError: an unknown symbol and no counter, an unknown alphabet, or a string in place of a list.
    """
    if isinstance(symbols, str):
        raise PhoneError(f"expected a list of symbols, not the string {symbols[:40]!r}; split it first")
    fold = _FOLDS.get(alphabet)
    if fold is None:
        raise PhoneError(f"alphabet {alphabet!r} is none of {', '.join(_FOLDS)}")
    folded: list[str] = []
    for symbol in symbols:
        if symbol == ERR:
            folded.append(ERR)
            continue
        try:
            folded.extend(fold(symbol))
        except PhoneError:
            if unknown is None:
                raise
            unknown[str(symbol)] += 1
    return folded


def detect_alphabet(symbols: Iterable[str]) -> Alphabet:
    """Detect the alphabet of a corpus.

    Args:
        symbols: all its symbols, as often as they come. Some (`b`, `n`, `y`) are in several alphabets, so one word may
            be ambiguous.
    Returns:
        The alphabet with the fewest unknown symbols. Of equals it is ARPAbet before IPA (also for no symbols at all),
        and IPA before eSpeak, which has all symbols of IPA and more. eSpeak's folding accepts a lot, even `qq`; so
        eSpeak is chosen only if a symbol that it alone knows has a letter outside ASCII (`ɔːɹ`, `əl`).
    """
    counts = Counter(symbols)
    unknown = {}
    for alphabet in _FOLDS:
        unknown[alphabet] = Counter[str]()
        fold_sequence(counts, alphabet, unknown[alphabet])
    best = min(_FOLDS, key=lambda alphabet: sum(counts[symbol] for symbol in unknown[alphabet]))
    only_espeak = unknown["ipa"].keys() - unknown["espeak"].keys()
    return "ipa" if best == "espeak" and all(map(str.isascii, only_espeak)) else best


@lru_cache(maxsize=_NUM_KEPT)
def _arpabet_phones(symbol: str) -> Phones:
    name = _checked(symbol, "ARPAbet").upper()
    base = name[:-1] if name[-1] in "012" else name
    phones = _ARPABET.get(base)
    if phones is None:
        raise PhoneError(f"{symbol!r} is not an ARPAbet symbol")
    return ("ə",) if name == "AH0" else phones


def _checked(label: str, alphabet: str) -> str:
    if not isinstance(label, str):
        raise PhoneError(f"expected one {alphabet} symbol, not {label!r}")
    if not label or any(character.isspace() for character in label):
        raise PhoneError(f"{label[:40]!r} is not one {alphabet} symbol: it is empty or holds blanks")
    return unicodedata.normalize("NFD", label)


def _look_up(label: str, table: dict[str, Phones], steps: tuple[re.Pattern[str], ...], alphabet: str) -> Phones:
    """Remove marks step by step until the table has what is left."""
    bare = label
    for marks in steps:
        if bare in table:
            break
        bare = marks.sub("", bare)
    phones = table.get(bare)
    if phones is None:
        raise PhoneError(f"{label[:40]!r} is not {alphabet} for any of the 40 phones; see docs/phones.md")
    return phones


_FOLDS: Final[dict[Alphabet, Callable[[str], Phones]]] = {
    "arpabet": _arpabet_phones,
    "ipa": fold_ipa,
    "espeak": fold_espeak,
}


# Invisible, but not of the category Cf: grapheme joiner, Hangul fillers, variation selectors, tags. Source: Unicode,
# DerivedCoreProperties.txt, Default_Ignorable_Code_Point.
_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
_WORD_ENDS: Final = re.compile(r"[|‖/\[\]{}\n]+")
_SYMBOL_ENDS: Final = re.compile(r"[\s,;.·_-]+")
# Look-alikes of IPA letters and marks, as keyboards and fonts give them.
_LOOK_ALIKES: Final = str.maketrans(
    {"ε": "ɛ", "ϵ": "ɛ", "ә": "ə", "ǝ": "ə", "α": "ɑ", "ι": "ɪ", "∫": "ʃ", "υ": "ʊ", "δ": "ð", "η": "ŋ", "ϑ": "θ"}
    | {"γ": "ɣ", "φ": "ɸ", "з": "ɜ", ":": "ː", "∶": "ː", "‿": "\u0361", "⁀": "\u0361"}
    | dict.fromkeys("'’‘′`ʹ", "ˈ")
)
_LONGEST_LABEL: Final = 6  # characters of an affricate with tie bar, length and a mark
_NUM_HINTED: Final = 20  # symbols, and characters of one, in a proposal
_REMEDY: Final = "write IPA or ARPAbet with blanks between the symbols and | between words, such as v ɛ ɹ i | ɡ ʊ d"


def read_phones(text: str) -> list[tuple[str, Phones]]:
    """Read phones as people write them: IPA, or ARPAbet in either case, a symbol at a time.

    Symbols end at blanks, commas, dots and hyphens; words at `|`, slashes, brackets and line breaks. Stress and length
    are read in any form (ˈ ' : ː), Greek and Cyrillic look-alikes as the IPA letters they stand for, tie bars as such.

    Args:
        text: phones of one or more words, such as `v ɛ ɹ i | ɡ ʊ d`, `V EH1 R IY0`, `/v ɛ ɹ i/`.
    Returns:
        Of each word its symbols, joined by blanks, and its phones.
    Raises:
        PhoneError: there is no phone, or a symbol is no phone of English; the message has the remedy.
    """
    words = [_symbols(word) for word in _WORD_ENDS.split(drop_invisible(text))]
    words = [word for word in words if word]
    if not words:
        raise PhoneError(f"no phones; {_REMEDY}")
    everything = [symbol for word in words for symbol in word]
    all_arpabet = _is_arpabet(everything)
    read = []
    for symbols in words:
        alphabet: Alphabet = "arpabet" if all_arpabet or _is_arpabet(symbols) else "ipa"
        try:
            phones = tuple(phone for symbol in symbols for phone in _FOLDS[alphabet](symbol))
        except PhoneError as error:
            raise PhoneError(f"{error}; {_split_hint(symbols) or _REMEDY}") from None
        read.append((" ".join(symbols), phones))
    return read


def drop_invisible(text: str) -> str:
    """Drop format characters (zero-width, soft hyphen, byte order mark, direction) and variation selectors."""
    return "".join(character for character in _INVISIBLE.sub("", text) if unicodedata.category(character) != "Cf")


def _symbols(word: str) -> list[str]:
    """Split a word into symbols; a mark of stress alone is none."""
    symbols = []
    for chunk in word.split():
        parts = [chunk] if chunk.upper() in _ARPABET else _SYMBOL_ENDS.split(chunk)
        for part in parts:
            symbol = part.strip("()").translate(_LOOK_ALIKES).lstrip("ˈˌ")
            if symbol.strip("ː"):
                symbols.append(symbol)
    return symbols


def _is_arpabet(symbols: Sequence[str]) -> bool:
    """Tell ARPAbet from IPA: all symbols are ARPAbet, and all are in capitals or some are no IPA."""
    if not all(symbol.upper().rstrip("012") in _ARPABET for symbol in symbols):
        return False
    return all(symbol.isupper() for symbol in symbols) or not all(map(_is_ipa, symbols))


def _is_ipa(symbol: str) -> bool:
    try:
        fold_ipa(symbol)
    except PhoneError:
        return False
    return True


def _split_hint(symbols: Sequence[str]) -> str | None:
    """Propose blanks for IPA that was written without: vɛɹi, v ɛ ɹ i."""
    split = []
    for symbol in symbols[:_NUM_HINTED]:
        rest = symbol[:_NUM_HINTED]
        while rest:
            end = next((end for end in range(min(len(rest), _LONGEST_LABEL), 0, -1) if _is_ipa(rest[:end])), 0)
            if not end:
                return None
            split.append(rest[:end])
            rest = rest[end:]
    return f"write blanks between the symbols: {' '.join(split)}"


_SILENCES: Final = frozenset({"", "sil", "sp", "spn"})
_NULLS: Final = frozenset({"-", "null", "<eps>"})  # "no phone here", in files whose labels cannot be empty


def is_silence(symbol: str) -> bool:
    """Tell whether a symbol means silence, in either case; silence is never a phone."""
    return symbol.strip().lower() in _SILENCES


def spoken_label(label: str | None) -> str | None:
    """Give the label as written; None if it is no phone (null, "-", "<eps>", or a silence)."""
    return None if label is None or label in _NULLS or is_silence(label) else label


# Combining marks, modifier letters, tone letters, superscript digits: each describes a sound beside it.
_MARKS: Final = frozenset({"Mn", "Lm", "Sk", "No"})
_NOISE: Final = re.compile(r"\+.+\+")  # Sphinx's fillers
_SPECIAL: Final = re.compile(r"<.+>|\[.+\]")
_CARRIER: Final = "◌"  # Unicode's base for a combining mark alone


def reason_without_phone(label: str) -> str:
    """Write a label that cannot be folded with the reason; it is counted under this text."""
    if all(unicodedata.category(character) in _MARKS for character in label):
        shown = _CARRIER + label if unicodedata.combining(label[:1]) else label
        return f"{shown} (a mark on its own)"
    if _NOISE.fullmatch(label):
        return f"{label} (a noise)"
    if _SPECIAL.fullmatch(label):
        return f"{label} (a sound the recogniser has no label for)"
    return f"{label} (no phone of English)"

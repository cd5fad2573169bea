"""The labels of EpaDB: ARPAbet, symbols of its own for Spanish sounds and allophones, and how they are joined.

    label      = silence | "0" | phone { "+" phone } [ "*" ]
    silence    = "" | "sil" | "sp" | "None"
    phone      = a symbol of EpaDB's own, in its very case, or of ARPAbet in either case

`0` is a phone left out, `+` joins what was said in the place of one phone, and `*` is a sound near the phone. Digits at
the end mean nothing, but for `AH0`, schwa. AR and UR stand where ER was called for and its letters read the Spanish
way, which other files have as AA+R and UW+R.

Source: Vidal, Ferrer and Brambilla 2019, "EpaDB: a database for development of pronunciation assessment systems", and
the corpus's own assign_reference.py.
"""

from functools import cache
from typing import Final, NamedTuple

from asheard.errors import PhoneError
from asheard.phones import fold_arpabet, fold_ipa, is_silence

DELETED: Final = "0"

# In IPA, which folds them as it folds everybody's: at the grain of 40 phones aspiration, for one, is lost.
_OWN: Final = {
    "Ph": "pʰ", "Th": "tʰ", "Kh": "kʰ",
    "BH": "β", "GH": "ɣ", "X": "x", "RR": "r", "DX": "ɾ",
    "A": "a", "E": "e", "O": "o",
}  # fmt: skip
_RHYMES: Final = {"AR": ("A", "R"), "UR": ("UW", "R")}


class EpadbLabel(NamedTuple):
    """What was said in one place.

    symbols: as EpaDB writes them, case and digits settled; none where the phone was left out. phones: the same in the
    40 phones. accented: only near them.
    """

    symbols: tuple[str, ...]
    phones: tuple[str, ...]
    accented: bool


@cache
def parse_epadb_label(text: str) -> EpadbLabel | None:
    """Read one label of the annotation.

    Returns:
        what it stands for, or None for silence.
    Raises:
        PhoneError: a part of it is no symbol of EpaDB.
    """
    label = text.strip()
    if is_silence(label) or label == "None":
        return None
    if label == DELETED:
        return EpadbLabel((), (), accented=False)
    written = label.replace("*", "").split("+")
    symbols = tuple(part for symbol in written for part in _RHYMES.get(symbol, (_settled(symbol),)))
    return EpadbLabel(symbols, tuple(map(epadb_phone, symbols)), accented="*" in label)


@cache
def epadb_phone(symbol: str) -> str:
    """Fold one symbol.

    Returns:
        an IPA phone of the inventory.
    Raises:
        PhoneError: no such symbol.
    """
    if symbol in _OWN:
        return fold_ipa(_OWN[symbol])[0]
    return fold_arpabet(symbol)


def _settled(symbol: str) -> str:
    if symbol in _OWN:
        return symbol
    upper = symbol.upper()
    if not upper:
        raise PhoneError("a part of the label is empty")
    return upper if upper == "AH0" else upper.rstrip("012")

"""The 40 broad phones of English, their IPA symbols and their ids.

The inventory is General American, as fine as ARPAbet: 24 consonants, the 15 vowels of ARPAbet (a diphthong is one
phone), and schwa. Its order is the order of the rows of `vectors.csv` and of the label ids: 0 is padding, 1 is the CTC
blank, the phones are 2..41.
"""

from typing import Final

from asheard.errors import PhoneError

CONSONANTS: Final = (
    "p", "b", "t", "d", "k", "ɡ", "tʃ", "dʒ", "f", "v", "θ", "ð", "s", "z", "ʃ", "ʒ", "h",
    "m", "n", "ŋ", "l", "ɹ", "w", "j",
)  # fmt: skip
VOWELS: Final = ("i", "ɪ", "eɪ", "ɛ", "æ", "ɑ", "ɔ", "oʊ", "ʊ", "u", "ʌ", "ə", "ɝ", "aɪ", "aʊ", "ɔɪ")
PHONES: Final = CONSONANTS + VOWELS

PAD_ID: Final = 0
BLANK_ID: Final = 1
LABELS: Final = ("<pad>", "<blank>", *PHONES)

ERR: Final = "err"  # the annotators' label of a sound without a name: no phone, at distance 1 from every phone

_IDS: Final = {label: index for index, label in enumerate(LABELS)}


def phone_to_id(phone: str) -> int:
    """Give the label id (2..41) of an IPA phone of the inventory.

    Raises:
        PhoneError: `phone` is not one of the 40.
    """
    label_id = _IDS.get(phone, PAD_ID)
    if label_id <= BLANK_ID:
        raise PhoneError(f"{phone!r} is not one of the 40 phones; fold it first (asheard.phones.fold_*)")
    return label_id


def id_to_phone(label_id: int) -> str:
    """Give the IPA phone of a label id in 2..41.

    Raises:
        PhoneError: the id is padding, the blank, or outside the inventory.
    """
    if not BLANK_ID < label_id < len(LABELS):
        raise PhoneError(f"label id {label_id} is not a phone (phones are {BLANK_ID + 1}..{len(LABELS) - 1})")
    return LABELS[label_id]

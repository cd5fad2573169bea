"""The 40 broad phones, the only folding into them, and how far apart they are."""

from asheard.phones.inventory import (
    BLANK_ID,
    CONSONANTS,
    ERR,
    LABELS,
    PAD_ID,
    PHONES,
    VOWELS,
    id_to_phone,
    phone_to_id,
)

__all__ = [
    "BLANK_ID",
    "CONSONANTS",
    "ERR",
    "LABELS",
    "PAD_ID",
    "PHONES",
    "VOWELS",
    "id_to_phone",
    "phone_to_id",
]

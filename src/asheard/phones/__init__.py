"""The 40 broad phones, the folding of other symbols to them, and the distances between them."""

from asheard.phones.folding import (
    detect_alphabet,
    fold_arpabet,
    fold_espeak,
    fold_ipa,
    fold_sequence,
    is_silence,
    reason_without_phone,
    spoken_label,
)
from asheard.phones.inventory import BLANK_ID, CONSONANTS, ERR, LABELS, PAD_ID, PHONES, VOWELS, id_to_phone, phone_to_id
from asheard.phones.vectors import DISTANCE, T_PHON126, Vectors, cos_dist, load_vectors

__all__ = [
    "BLANK_ID",
    "CONSONANTS",
    "DISTANCE",
    "ERR",
    "LABELS",
    "PAD_ID",
    "PHONES",
    "T_PHON126",
    "VOWELS",
    "Vectors",
    "cos_dist",
    "detect_alphabet",
    "fold_arpabet",
    "fold_espeak",
    "fold_ipa",
    "fold_sequence",
    "id_to_phone",
    "is_silence",
    "load_vectors",
    "phone_to_id",
    "reason_without_phone",
    "spoken_label",
]

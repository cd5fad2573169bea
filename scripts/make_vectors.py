"""Write src/asheard/phones/vectors.csv from PanPhon (a dependency of this script alone).

    python scripts/make_vectors.py [--unweighted] [--out FILE]

Each phone is (onset, offset): two PanPhon feature vectors, joined. Onset and offset of plain consonants and
monophthongs are equal; diphthongs, affricates and the rhotic vowel move from one to the other. Each feature is -1, 0 or
1 times the square root of PanPhon's weight, so that a dot product counts each feature with its weight.

Source: Mortensen et al. 2016, PanPhon: a resource for mapping IPA segments to articulatory feature vectors.
"""

import argparse
import csv
import math
from pathlib import Path
from typing import Final

import panphon

from asheard.io.files import whole_file
from asheard.phones.inventory import PHONES

BUNDLED: Final = Path(__file__).parents[1] / "src" / "asheard" / "phones" / "vectors.csv"

# Onset and offset of the phones that move. ɝ moves from ə to the syllabic approximant, because PanPhon's ə˞ differs
# from ʊ by half a feature of 22, and its ɹ̩ differs from ɹ in syllabicity only. Listeners perceive larger differences.
MOVING: Final = {
    "tʃ": ("t", "ʃ"),
    "dʒ": ("d", "ʒ"),
    "eɪ": ("e", "ɪ"),
    "oʊ": ("o", "ʊ"),
    "aɪ": ("a", "ɪ"),
    "aʊ": ("a", "ʊ"),
    "ɔɪ": ("ɔ", "ɪ"),
    "ɝ": ("ə", "ɹ̩"),
}


def vector_rows(*, weighted: bool = True) -> tuple[list[str], list[list[float]]]:
    """Column names, and one row of values a phone in the order of PHONES."""
    table = panphon.FeatureTable()
    features = table.names[: len(table.weights)]  # the two tone features have no weight and are left out
    scales = [math.sqrt(weight) if weighted else 1.0 for weight in table.weights]

    def values(segment: str) -> list[float]:
        (vector,) = table.word_to_vector_list(segment, numeric=True)
        return [round(value * scale, 6) for value, scale in zip(vector, scales, strict=False)]

    names = [f"{half}_{feature}" for half in ("onset", "offset") for feature in features]
    halves = (MOVING.get(phone, (phone, phone)) for phone in PHONES)
    return names, [values(onset) + values(offset) for onset, offset in halves]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--unweighted", action="store_true", help="every feature counts the same")
    parser.add_argument("--out", type=Path, default=BUNDLED)
    options = parser.parse_args()
    names, rows = vector_rows(weighted=not options.unweighted)
    with whole_file(options.out) as part, part.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["phone", *names])
        writer.writerows([phone, *(f"{value:g}" for value in row)] for phone, row in zip(PHONES, rows, strict=True))
    print(f"{options.out}: {len(rows)} phones, {len(names)} columns")


if __name__ == "__main__":
    main()

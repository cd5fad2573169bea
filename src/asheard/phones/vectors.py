"""Distances between phones: articulatory vectors and their cosine distance.

scripts/make_vectors.py writes the bundled `vectors.csv` from PanPhon, scripts/calibrate_threshold.py the threshold in
`vectors.json`. A user's own file has the same form: a header `phone,...`, one row for each phone, any number of
columns; a `.json` of the same stem beside it may hold {"threshold": number}.
"""

import math
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asheard.errors import CorpusError
from asheard.io.digests import bytes_digest
from asheard.io.files import read_json
from asheard.io.table import Limits, checked_number, format_value, parsed_number, table_rows, text_field
from asheard.phones.inventory import PHONES, phone_to_id

# A cosine distance, chosen for other phone vectors (learned, 26-dimensional). It is the default for vectors without a
# threshold of their own; the bundled ones have one (docs/phones.md says how it was calibrated).
T_PHON126: Final = 0.112

DISTANCE: Final = Limits("a distance above 0 and up to 1", sys.float_info.min, 1)

_MIN_LENGTH, _MAX_LENGTH = 1e-100, 1e100  # of a vector: its square is a number too

_BUNDLED: Final = Path(__file__).with_name("vectors.csv")
_FIRST_ID: Final = phone_to_id(PHONES[0])


@dataclass(frozen=True, eq=False, slots=True)
class Vectors:
    """Distances between the phones, and the distance from which a substitution is an error.

    Attributes:
        distances: (40, 40) float64 in the order of PHONES, symmetric, in [0, 1], zero on the diagonal.
        threshold: below it a substitution is a variant.
        digest: 12 hexadecimal digits that identify vectors and threshold in a signature.
    """

    distances: NDArray[np.float64]
    threshold: float
    digest: str

    def cos_dist(self, a: str, b: str) -> float:
        """Give the distance of two phones, in [0, 1].

        Raises:
            PhoneError: `a` or `b` is not one of the 40.
        """
        return float(self.distances[phone_to_id(a) - _FIRST_ID, phone_to_id(b) - _FIRST_ID])


def cos_dist(a: str, b: str, vectors: Vectors | None = None) -> float:
    """Give clip(1 - cosine, 0, 1) of two phones' vectors; the bundled ones by default.

    Raises:
        PhoneError: `a` or `b` is not one of the 40.
    """
    return (vectors or load_vectors()).cos_dist(a, b)


def load_vectors(path: Path | str | None = None) -> Vectors:
    """Read a vectors file and the threshold beside it.

    Args:
        path: CSV with a header `phone,...` and one row for each phone; None for the bundled vectors.
    Returns:
        The distances, and the threshold of `<stem>.json` beside the file, T_PHON126 if there is none.
    Raises:
        CorpusError: the file is missing or not UTF-8 CSV; a phone is missing, repeated or unknown; a value is no finite
            number; a row has no direction or another length; the threshold is not in (0, 1]; with file and line.
    """
    return _bundled() if path is None else _read(Path(path))


def pairwise_distances(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give clip(1 - cosine, 0, 1) of every two rows; exactly symmetric, exactly 0 on the diagonal."""
    unit: NDArray[np.float64] = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    distances: NDArray[np.float64] = np.clip(1.0 - unit @ unit.T, 0.0, 1.0)
    distances = (distances + distances.T) / 2
    np.fill_diagonal(distances, 0.0)
    return distances


@cache
def _bundled() -> Vectors:
    return _read(_BUNDLED)


def _read(path: Path) -> Vectors:
    distances = pairwise_distances(_read_matrix(path))
    distances.setflags(write=False)
    threshold = _read_threshold(path.with_suffix(".json"))
    content = path.read_bytes() + repr(threshold).encode()
    return Vectors(distances, threshold, bytes_digest([content])[:12])


def _read_matrix(path: Path) -> NDArray[np.float64]:
    """Read (40, D) values in the order of PHONES."""
    rows: dict[str, list[float]] = {}
    for where, row in table_rows(path, ("phone",)):
        phone = text_field(row, "phone", where)
        if phone not in PHONES:
            raise CorpusError(f"{where}: {format_value(phone)} is not one of the 40 phones (asheard.phones.PHONES)")
        if phone in rows:
            raise CorpusError(f"{where}: phone {phone} comes twice; keep one row")
        values = [(name, parsed_number(cell)) for name, cell in row.items() if name != "phone"]
        rows[phone] = [checked_number(value, f"{where}: field {name!r}") for name, value in values]
        if not _MIN_LENGTH < math.hypot(*rows[phone]) < _MAX_LENGTH:
            raise CorpusError(f"{where}: the values of {phone} are all zero, or too small or large to have a direction")
    missing = [phone for phone in PHONES if phone not in rows]
    if missing:
        raise CorpusError(f"{path}: no row for {' '.join(missing)}")
    return np.array([rows[phone] for phone in PHONES], dtype=np.float64)


def _read_threshold(path: Path) -> float:
    if not path.is_file():
        return T_PHON126
    settings = read_json(path)
    threshold = settings.get("threshold") if isinstance(settings, dict) else None
    return checked_number(threshold, f"{path}: field 'threshold'", DISTANCE)

"""Distances between phones: articulatory vectors and their cosine distance.

scripts/make_vectors.py writes the bundled `vectors.csv` from PanPhon, scripts/calibrate_threshold.py the threshold in
`vectors.json`. A user's own file has the same form: a header `phone,...`, one row for each phone, any number of
columns; a `.json` of the same stem beside it may hold {"threshold": number}.
"""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asheard.errors import CorpusError, PhoneError
from asheard.io.digests import bytes_digest
from asheard.io.files import read_json
from asheard.phones.inventory import PHONES, phone_to_id

# A cosine distance, chosen for other phone vectors (learned, 26-dimensional). It is the default for vectors without a
# threshold of their own; the bundled ones have one (docs/phones.md says how it was calibrated).
T_PHON126: Final = 0.112

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
        PhoneError: the file is missing or not UTF-8 CSV; a phone is missing, repeated or unknown; a value is
            not a finite number; a row is all zeros or of another length; the threshold is not in (0, 1].
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
    for number, cells in _csv_rows(path):
        phone, values = cells[0], cells[1:]
        where = f"{path}, row {number} ({phone!r})"
        if phone not in PHONES:
            raise PhoneError(f"{where}: not one of the 40 phones; write IPA as in asheard.phones.PHONES")
        if phone in rows:
            raise PhoneError(f"{where}: this phone comes twice; keep one row")
        rows[phone] = [_finite(value, where) for value in values]
        if not any(rows[phone]):
            raise PhoneError(f"{where}: all values are zero, so the vector has no direction")
    missing = [phone for phone in PHONES if phone not in rows]
    if missing:
        raise PhoneError(f"{path}: no row for {' '.join(missing)}")
    return np.array([rows[phone] for phone in PHONES], dtype=np.float64)


def _csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield (row number from 1, cells) below the header, every row as long as the header; skip blank lines."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines)
            header = next(reader, [])
            if len(header) < 2 or header[0] != "phone":
                raise PhoneError(f"{path}, row 1: the header must be 'phone' and at least one more column")
            for number, cells in enumerate(reader, start=2):
                if not cells:
                    continue
                if len(cells) != len(header):
                    raise PhoneError(f"{path}, row {number}: {len(cells)} columns, the header has {len(header)}")
                yield number, cells
    except FileNotFoundError:
        raise PhoneError(f"{path}: no such vectors file") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PhoneError(f"{path}: cannot be read as UTF-8 CSV ({error})") from None


def _finite(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise PhoneError(f"{where}: {text!r} is not a number") from None
    if not math.isfinite(value):
        raise PhoneError(f"{where}: {text!r} is not finite")
    return value


def _read_threshold(path: Path) -> float:
    if not path.is_file():
        return T_PHON126
    try:
        settings = read_json(path)
    except CorpusError as error:
        raise PhoneError(str(error)) from None
    threshold = settings.get("threshold") if isinstance(settings, dict) else None
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 < threshold <= 1:
        raise PhoneError(f"{path}: 'threshold' must be a number above 0 and up to 1, not {threshold!r}")
    return float(threshold)

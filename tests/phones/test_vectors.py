"""Vectors: the distances and their drift, the articulatory order, and what a user's file may hold."""

import csv
import importlib.util
import json
import math
from pathlib import Path

import numpy as np
import pytest

import asheard.phones
from asheard.errors import CorpusError, PhoneError
from asheard.phones import CONSONANTS, PHONES, T_PHON126, VOWELS, cos_dist, load_vectors

BUNDLED = Path(asheard.phones.__file__).with_name("vectors.csv")
FROZEN = Path(__file__).with_name("frozen_distances.csv")
MAKE_VECTORS = Path(__file__).parents[2] / "scripts" / "make_vectors.py"


def rows_of(path=BUNDLED):
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))


def written(path, rows):
    with path.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(rows)
    return path


def test_vectors_rows_in_the_order_of_ids():
    assert [row[0] for row in rows_of()[1:]] == list(PHONES)


def test_distances_are_unchanged():
    with FROZEN.open(encoding="utf-8", newline="") as lines:
        frozen = {(row["a"], row["b"]): float(row["distance"]) for row in csv.DictReader(lines)}
    assert len(frozen) == 40 * 39 // 2
    for (a, b), distance in frozen.items():
        assert cos_dist(a, b) == pytest.approx(distance, abs=1e-6), (a, b)


def test_distance_is_one_minus_cosine_clipped():
    vectors = {row[0]: [float(value) for value in row[1:]] for row in rows_of()[1:]}
    for a, b in [("p", "b"), ("i", "tʃ"), ("ɝ", "ə"), ("l", "oʊ")]:
        dot = sum(x * y for x, y in zip(vectors[a], vectors[b], strict=True))
        cosine = dot / math.hypot(*vectors[a]) / math.hypot(*vectors[b])
        assert cos_dist(a, b) == pytest.approx(min(1, max(0, 1 - cosine)), abs=1e-12)


def test_distances_are_a_symmetric_matrix_in_the_unit_interval():
    distances = load_vectors().distances
    assert distances.shape == (40, 40)
    assert distances.dtype == np.float64
    assert np.array_equal(distances, distances.T)
    assert np.all(np.diag(distances) == 0)
    assert distances.min() == 0
    assert distances.max() <= 1
    assert np.all(distances[~np.eye(40, dtype=bool)] > 0.01)  # no two phones coincide
    with pytest.raises(ValueError, match="read-only"):
        distances[0, 0] = 1


@pytest.mark.parametrize(
    "order",
    ["p b < p m", "s z < s t", "i ɪ < i ɑ", "ʌ ə < ʌ i",
     "tʃ t < tʃ k", "tʃ ʃ < tʃ f", "aɪ ɑ < aɪ u", "ɝ ə < ɝ i",
     "oʊ ɔ < oʊ i", "ɝ ə < ɹ ə", "θ s < θ k", "m n < m s"],
)  # fmt: skip
def test_articulatory_order(order):
    near, far = (pair.split() for pair in order.split(" < "))
    assert cos_dist(*near) < cos_dist(*far)


def test_consonants_are_further_from_vowels_than_vowels_from_each_other():
    among_vowels = max(cos_dist(a, b) for a in VOWELS for b in VOWELS)
    obstruents = [phone for phone in CONSONANTS if phone not in "mnŋlɹwjh"]
    assert among_vowels < min(cos_dist(a, b) for a in obstruents for b in VOWELS)


def test_vectors_file_is_current():
    pytest.importorskip("panphon", reason="PanPhon is a development dependency")
    spec = importlib.util.spec_from_file_location("make_vectors", MAKE_VECTORS)
    make_vectors = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_vectors)
    names, rows = make_vectors.vector_rows()
    header, *committed = rows_of()
    assert header == ["phone", *names]
    assert [[float(value) for value in row[1:]] for row in committed] == rows


def test_cos_dist_refuses_unknown_phones():
    for pair in [("p", "q"), ("<pad>", "p"), ("err", "p")]:
        with pytest.raises(PhoneError):
            cos_dist(*pair)


def test_load_vectors_of_any_order_and_dimension(tmp_path):
    rows = [
        ["phone", "x", "y", "z"],
        *([phone, index + 1, 40 - index, 1] for index, phone in enumerate(PHONES)),
    ]
    vectors = load_vectors(written(tmp_path / "mine.csv", [rows[0], *rows[:0:-1]]))
    assert vectors.threshold == T_PHON126
    assert vectors.cos_dist("p", "p") == 0
    cosine = (1 * 2 + 40 * 39 + 1) / math.sqrt((1 + 1600 + 1) * (4 + 39**2 + 1))
    assert vectors.cos_dist("p", "b") == cos_dist("p", "b", vectors) == pytest.approx(1 - cosine, abs=1e-12)


def test_cos_dist_of_opposite_vectors_is_one(tmp_path):
    rows = [["phone", "x"], *([phone, -1 if phone == "p" else 1] for phone in PHONES)]
    assert load_vectors(written(tmp_path / "v.csv", rows)).cos_dist("p", "b") == 1


def test_threshold_beside_the_file_and_its_digest(tmp_path):
    path = written(tmp_path / "mine.csv", rows_of())
    plain = load_vectors(path)
    (tmp_path / "mine.json").write_text('{"threshold": 0.3}', encoding="utf-8")
    chosen = load_vectors(path)
    assert (plain.threshold, chosen.threshold) == (T_PHON126, 0.3)
    assert len(plain.digest) == 12
    assert plain.digest != chosen.digest
    assert chosen.digest == load_vectors(path).digest


@pytest.mark.parametrize("text", ['{"threshold": 0}', '{"threshold": 1.5}', '{"threshold": "low"}', "[]", "{"])
def test_load_vectors_refuses_bad_thresholds(tmp_path, text):
    path = written(tmp_path / "mine.csv", rows_of())
    path.with_suffix(".json").write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError, match=r"mine\.json"):
        load_vectors(path)


def edited(change):
    rows = rows_of()
    change(rows)
    return rows


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.pop(5), "no row for k"),
        (lambda rows: rows.append(rows[1]), "line 42: phone p comes twice"),
        (lambda rows: rows.append(["q", *rows[1][1:]]), "line 42: 'q' is not one of"),
        (lambda rows: rows[3].__setitem__(2, "nan"), "line 4: field .* must be a number, not nan"),
        (lambda rows: rows[3].__setitem__(2, "inf"), "line 4: field .* must be a number, not inf"),
        (lambda rows: rows[3].__setitem__(2, "x"), "line 4: field .* must be a number, not 'x'"),
        (lambda rows: rows.__setitem__(3, ["t", *["0"] * 44]), "line 4: the values of t are all zero"),
        (lambda rows: rows[3].pop(), "line 4: not as many cells as in the header"),
        (lambda rows: rows.pop(0), "line 1: no column 'phone'"),
        (lambda rows: rows.clear(), "no row for p"),
    ],
)
def test_load_vectors_refuses_bad_files(tmp_path, change, message):
    path = written(tmp_path / "mine.csv", edited(change))
    with pytest.raises(CorpusError, match=message) as caught:
        load_vectors(path)
    assert str(path) in str(caught.value)


def test_load_vectors_refuses_missing_and_binary_files(tmp_path):
    with pytest.raises(CorpusError, match=r"absent\.csv: no such file"):
        load_vectors(tmp_path / "absent.csv")
    (tmp_path / "noise.csv").write_bytes(b"phone,x\n\xff\xfe\x00")
    with pytest.raises(CorpusError, match="not UTF-8 text"):
        load_vectors(tmp_path / "noise.csv")
    with pytest.raises(CorpusError, match="cannot be read"):
        load_vectors(tmp_path)


def test_bundled_threshold_is_the_calibrated_one():
    report = json.loads(BUNDLED.with_suffix(".json").read_text(encoding="utf-8"))
    assert load_vectors().threshold == report["threshold"]

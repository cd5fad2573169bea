"""Calibrate the variant/error threshold of a vectors file on src/asheard/phones/variant_pairs.csv.

    python scripts/calibrate_threshold.py [VECTORS.csv]

It reports how well the distance separates variants from errors of textbooks (AUC, Mann-Whitney U). It writes the
threshold with the highest Youden index beside the vectors, as <stem>.json.

Source: Youden 1950; Mann and Whitney 1947.
"""

import argparse
import csv
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from scipy.stats import mannwhitneyu

from asheard.io.files import write_json
from asheard.phones import Vectors, load_vectors

PHONES_DIR: Final = Path(__file__).parents[1] / "src" / "asheard" / "phones"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two phones that a source calls variants of, or errors for, each other. Their order has no meaning."""

    a: str
    b: str
    kind: str
    process: str
    source: str


def read_pairs() -> list[Pair]:
    with (PHONES_DIR / "variant_pairs.csv").open(encoding="utf-8", newline="") as lines:
        return [Pair(**row) for row in csv.DictReader(lines)]


def youden_threshold(variants: list[float], errors: list[float]) -> tuple[float, float]:
    """The threshold that best separates the two lists, and its Youden index J.

    J is the share of variants below the threshold, plus the share of errors not below it, minus 1. Candidates are
    half-way between neighbouring distances. Among equal J, the smallest threshold is taken, which accepts fewer errors.
    """
    observed = sorted({*variants, *errors})
    candidates = [(low + high) / 2 for low, high in pairwise(observed)]

    def index(threshold: float) -> float:
        below = sum(distance < threshold for distance in variants) / len(variants)
        return below + sum(distance >= threshold for distance in errors) / len(errors) - 1

    best = max(candidates, key=lambda threshold: (round(index(threshold), 9), -threshold))
    return best, index(best)


def calibrate(vectors: Vectors, pairs: list[Pair]) -> dict[str, float | int | str]:
    """The values that are stored beside the vectors."""
    distances = {
        kind: [round(vectors.cos_dist(pair.a, pair.b), 9) for pair in pairs if pair.kind == kind]
        for kind in ("variant", "error")
    }
    variants, errors = distances["variant"], distances["error"]
    test = mannwhitneyu(errors, variants, alternative="greater")
    threshold, index = youden_threshold(variants, errors)
    return {
        "threshold": round(threshold, 4),
        "auc": round(float(test.statistic) / (len(variants) * len(errors)), 4),
        "mann_whitney_u": float(test.statistic),
        "p_value": float(f"{test.pvalue:.3g}"),
        "num_variant": len(variants),
        "num_error": len(errors),
        "youden_j": round(index, 4),
        "chosen_by": "highest Youden J on variant_pairs.csv, half-way between distances, lowest of ties",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("vectors", type=Path, nargs="?", default=PHONES_DIR / "vectors.csv")
    path = parser.parse_args().vectors
    vectors, pairs = load_vectors(path), read_pairs()
    report = calibrate(vectors, pairs)
    write_json(path.with_suffix(".json"), report)
    for pair in sorted(pairs, key=lambda pair: vectors.cos_dist(pair.a, pair.b)):
        distance = vectors.cos_dist(pair.a, pair.b)
        mark = " " if (distance < float(report["threshold"])) == (pair.kind == "variant") else "!"
        print(f"{distance:.4f} {mark} {pair.kind:7}  {pair.a:2} {pair.b:2}  {pair.process}")
    print({name: value for name, value in report.items() if name != "chosen_by"})


if __name__ == "__main__":
    main()

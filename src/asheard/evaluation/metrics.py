"""What is counted on the token rows: PER, collapse, FRR by class and its guard, the dissociations D1 to D3.

Measures (M) are one record for one chain, one seed and one group of speakers; docs/metrics.md defines each. A rate with
a zero denominator is None, and so is a statistic that its data leave undefined; None is never averaged away.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, spearmanr

Measures = dict[str, Any]
FloatArray = NDArray[np.float64]

ALPHA: Final = 0.05  # D1 passes below this one-sided p
MAX_D2_COLLAPSE: Final = 0.25  # D2 fails above this share of substitutions at distance 0

# The rates by the names the tables give them, in the order of the tables.
RATES: Final = {
    "PER": "per",
    "collapse": "collapse",
    "FRR by class": "frr_class",
    "FRR": "frr",
    "atypical errors caught": "atypical_errors_caught",
}

# The numbers whose spread over seeds is kept, as paths into Measures.
SPREAD: Final = (*RATES.values(), "d1.auc", "d2.ok_p75", "d2.sub_p25", "d3.rho")


def summarise(rows: pl.DataFrame, edits: pl.DataFrame) -> dict[str, Any]:
    """Measure every chain, pooled and for each L1, with every seed.

    Args:
        rows: token rows (`rows.SCHEMA`).
        edits: edit rows of the same runs.
    Returns:
        {chain: {"pooled": M, "per_l1": {l1: M}, "per_seed": {seed: M}, "spread": {"pooled": S, "per_l1": {l1: S}}}}
        with pooled and per_l1 the means over seeds, per_seed pooled over L1s, and S {path: [least, most] over seeds}.
        Chains come in the order of the rows, L1s and seeds in their own.
    """
    l1s = sorted(edits["l1"].unique())
    chains: dict[str, Any] = {}
    for chain in edits["chain"].unique(maintain_order=True):
        chain_rows, chain_edits = (frame.filter(pl.col("chain") == chain) for frame in (rows, edits))
        pooled: dict[int, Measures] = {}
        by_l1: dict[str, list[Measures]] = {l1: [] for l1 in l1s}
        for seed in sorted(chain_edits["seed"].unique()):
            seed_rows, seed_edits = (frame.filter(pl.col("seed") == seed) for frame in (chain_rows, chain_edits))
            pooled[seed] = measure(seed_rows, seed_edits)
            for l1 in l1s:
                group = (frame.filter(pl.col("l1") == l1) for frame in (seed_rows, seed_edits))
                by_l1[l1].append(measure(*group))
        chains[chain] = {
            "pooled": mean_over_seeds(list(pooled.values())),
            "per_l1": {l1: mean_over_seeds(seeds) for l1, seeds in by_l1.items()},
            "per_seed": {str(seed): measures for seed, measures in pooled.items()},
            "spread": {
                "pooled": spread_over_seeds(list(pooled.values())),
                "per_l1": {l1: spread_over_seeds(seeds) for l1, seeds in by_l1.items()},
            },
        }
    return chains


def measure(rows: pl.DataFrame, edits: pl.DataFrame) -> Measures:
    """Measure one chain with one seed on one group of speakers.

    Args:
        rows: the group's token rows.
        edits: the group's edit rows, one for each utterance.
    Returns:
        Counts (`num_...`), rates in 0..1 and the three dissociations.
    """
    ok = pl.col("error_type") == "ok"
    substitution = (pl.col("error_type") == "s") & pl.col("perceived").is_not_null()
    accepted = ok | pl.col("l1_typical")
    atypical_error = ~accepted
    called_error = pl.col("class_pred") == "error"
    count = rows.select(
        ok=ok.sum(),
        substitutions=substitution.sum(),
        deletions=(pl.col("error_type") == "d").sum(),
        typical=pl.col("l1_typical").sum(),
        accepted=accepted.sum(),
        atypical_errors=atypical_error.sum(),
        collapsed=(substitution & pl.col("collapsed")).sum(),
        ok_called_error=(ok & called_error).sum(),
        accepted_called_error=(accepted & called_error).sum(),
        caught=(atypical_error & called_error).sum(),
    ).row(0, named=True)
    num_edits, num_produced = edits.select(pl.sum("num_edits"), pl.sum("num_produced")).row(0)
    ok_dist = rows.filter(ok)["cos_dist"].to_numpy()
    substituted = rows.filter(substitution)
    sub_dist = substituted["cos_dist"].to_numpy()
    return {
        "num_utterances": edits.height,
        "num_tokens": rows.height,
        "num_produced": num_produced,
        "num_ok": count["ok"],
        "num_substitutions": count["substitutions"],
        "num_deletions": count["deletions"],
        "num_l1_typical": count["typical"],
        "num_atypical_errors": count["atypical_errors"],
        "per": _rate(num_edits, num_produced),
        "collapse": _rate(count["collapsed"], count["substitutions"]),
        "frr_class": _rate(count["accepted_called_error"], count["accepted"]),
        "frr": _rate(count["ok_called_error"], count["ok"]),
        "atypical_errors_caught": _rate(count["caught"], count["atypical_errors"]),
        "d1": separation(ok_dist, sub_dist),
        "d2": quartile_gap(ok_dist, sub_dist),
        "d3": gradience(sub_dist, substituted["gold_cos_dist"].to_numpy()),
    }


def separation(ok: FloatArray, sub: FloatArray) -> Measures:
    """D1: are predictions farther from the canonical at substitutions than at correct positions?

    Args:
        ok: cos_dist at correct positions.
        sub: cos_dist at substitutions.
    Returns:
        p: one-sided Mann-Whitney (ok < sub), normal approximation with tie and continuity correction.
        auc: share of (ok, sub) pairs where sub is farther, ties counting half. pass: p < 0.05. p is None where all
        distances are equal; all three are where a side is empty.
    Source: Mann and Whitney 1947.
    """
    if not ok.size or not sub.size:
        return {"p": None, "auc": None, "pass": None}
    if np.ptp(np.concatenate([ok, sub])) == 0:
        return {"p": None, "auc": 0.5, "pass": False}
    result = mannwhitneyu(sub, ok, alternative="greater", method="asymptotic")
    p = float(result.pvalue)
    return {"p": p, "auc": float(result.statistic) / (ok.size * sub.size), "pass": p < ALPHA}


def quartile_gap(ok: FloatArray, sub: FloatArray) -> Measures:
    """D2: is the 75th percentile of the ok distances below the 25th of the substitutions'?

    Percentiles interpolate linearly, so the 25th may lie above 0 although a chain collapses just over a quarter of the
    substitutions; it does not pass then either.

    Args:
        ok: cos_dist at correct positions.
        sub: cos_dist at substitutions.
    Returns:
        ok_p75, sub_p25: the percentiles. pass: ok_p75 < sub_p25, and at most a quarter of sub is 0. All three are None
        where a side is empty.
    """
    if not ok.size or not sub.size:
        return {"ok_p75": None, "sub_p25": None, "pass": None}
    ok_p75, sub_p25 = float(np.percentile(ok, 75)), float(np.percentile(sub, 25))
    collapsed = float(np.mean(sub == 0))
    return {"ok_p75": ok_p75, "sub_p25": sub_p25, "pass": ok_p75 < sub_p25 and collapsed <= MAX_D2_COLLAPSE}


def gradience(predicted: FloatArray, gold: FloatArray) -> Measures:
    """D3: at substitutions, does the predicted distance rank with the gold distance?

    Returns:
        rho: Spearman's, with mean ranks for ties. p: two-sided. Both None below three substitutions, or where one side
        is constant.
    """
    if predicted.size < 3 or np.ptp(predicted) == 0 or np.ptp(gold) == 0:
        return {"rho": None, "p": None}
    result = spearmanr(predicted, gold)
    return {"rho": float(result.statistic), "p": float(result.pvalue)}


def mean_over_seeds(seeds: Sequence[Measures]) -> Measures:
    """Average records of the same shape: numbers by their mean, `pass` where it holds with every seed.

    A number that is None with one seed is None. Counts that agree stay whole.
    """
    return {name: _mean([measures[name] for measures in seeds]) for name in seeds[0]}


def spread_over_seeds(seeds: Sequence[Measures]) -> dict[str, list[float] | None]:
    """[least, most] over seeds of each number of SPREAD; None where a seed has none."""
    spread: dict[str, list[float] | None] = {}
    for path in SPREAD:
        values = [look_up(measures, path) for measures in seeds]
        spread[path] = None if None in values else [min(values), max(values)]
    return spread


def look_up(measures: Measures, path: str) -> Any:
    """A number of `measures` by its path, such as "per" or "d1.auc"."""
    value: Any = measures
    for name in path.split("."):
        value = value[name]
    return value


def _mean(values: list[Any]) -> Any:
    if isinstance(values[0], dict):
        return mean_over_seeds(values)
    if None in values:
        return None
    if isinstance(values[0], bool):
        return all(values)
    if all(value == values[0] for value in values):
        return values[0]
    return sum(values) / len(values)


def _rate(part: int, whole: int) -> float | None:
    return part / whole if whole else None

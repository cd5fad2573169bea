"""A table of cases for GO / NO-GO and for where the L1 should live."""

from typing import Any

import pytest

from asheard.evaluation import FAITHFUL, L1_ENCODER, L1_PRIOR, OFF_THE_SHELF
from asheard.evaluation.verdict import Verdict, decide, missing_chains

SEEDS = ("1", "2")


def measures(values: dict[str, Any]) -> dict[str, Any]:
    d2 = {"ok_p75": 0.0, "sub_p25": 0.1 if values["d2"] else 0.0, "pass": values["d2"]}
    return {name: values[name] for name in ("per", "collapse", "frr_class", "atypical_errors_caught")} | {"d2": d2}


def summary(seeds: tuple[str, ...] = SEEDS, by_seed: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A chain: the same numbers with every seed but for `by_seed`, {name: one value a seed}."""
    values = {
        "per": 0.1,
        "collapse": 0.1,
        "frr_class": 0.2,
        "atypical_errors_caught": 0.6,
        "d2": True,
    } | changes
    per_seed = {seed: measures(values) for seed in seeds}
    pooled = measures(values)
    for name, numbers in (by_seed or {}).items():
        for seed, number in zip(seeds, numbers, strict=True):
            per_seed[seed][name] = number
        pooled[name] = sum(numbers) / len(numbers)
    return {"pooled": pooled, "per_seed": per_seed}


def decided(
    *,
    shelf: dict[str, Any] | None = None,
    faithful: dict[str, Any] | None = None,
    encoder: dict[str, Any] | None = None,
    prior: dict[str, Any] | None = None,
) -> Verdict:
    verdict = decide(
        {
            OFF_THE_SHELF: summary(**{"per": 0.2, "collapse": 0.5} | (shelf or {})),
            FAITHFUL: summary(**faithful or {}),
            L1_ENCODER: summary(**encoder or {}),
            L1_PRIOR: summary(**prior or {}),
        }
    )
    assert verdict is not None
    return verdict


@pytest.mark.parametrize(
    ("shelf", "faithful", "expected"),
    [
        ({}, {}, "GO"),
        ({"collapse": 0.2}, {}, "GO"),  # exactly half
        ({"collapse": 0.199}, {}, "NO-GO"),
        ({}, {"d2": False}, "NO-GO"),
        ({}, {"d2": None}, "NO-GO"),
        ({"per": 0.096}, {}, "GO"),  # within half a point
        ({"per": 0.094}, {}, "NO-GO"),
        ({"collapse": None}, {}, "NO-GO"),
        ({}, {"per": None}, "NO-GO"),
    ],
)
def test_go_asks_for_half_the_collapse_d2_and_per(
    shelf: dict[str, Any], faithful: dict[str, Any], expected: str
) -> None:
    assert decided(shelf=shelf, faithful=faithful).faithful == expected


@pytest.mark.parametrize(
    ("encoder", "prior", "expected"),
    [
        ({}, {}, "nowhere"),
        ({"collapse": 0.09}, {}, "encoder"),
        ({"frr_class": 0.19}, {}, "encoder"),
        ({"frr_class": 0.19, "collapse": 0.3}, {}, "encoder"),
        ({"collapse": 0.09, "per": 0.104}, {}, "encoder"),
        ({"collapse": 0.09, "per": 0.106}, {}, "nowhere"),
        ({"by_seed": {"collapse": (0.05, 0.11)}}, {}, "nowhere"),  # lower on the mean, not with every seed
        ({"by_seed": {"collapse": (0.05, 0.09)}}, {}, "encoder"),
        ({}, {"frr_class": 0.19}, "scorer"),
        ({}, {"frr_class": 0.19, "atypical_errors_caught": 0.591}, "scorer"),
        ({}, {"frr_class": 0.19, "atypical_errors_caught": 0.58}, "nowhere"),
        ({}, {"collapse": 0.05}, "nowhere"),  # the scorer is judged by what it decides
        ({}, {"by_seed": {"frr_class": (0.1, 0.2)}}, "nowhere"),
        ({"collapse": 0.09}, {"frr_class": 0.19}, "both"),
        ({"collapse": None, "frr_class": None}, {"frr_class": None}, "nowhere"),
        ({}, {"frr_class": 0.19, "atypical_errors_caught": None}, "nowhere"),
    ],
)
def test_where_the_l1_should_live(encoder: dict[str, Any], prior: dict[str, Any], expected: str) -> None:
    assert decided(encoder=encoder, prior=prior).l1 == expected


def test_chains_without_a_common_seed_are_compared_every_seed_with_every_seed() -> None:
    faithful = {"by_seed": {"collapse": (0.10, 0.12)}}
    clear = {"seeds": ("3", "4"), "by_seed": {"collapse": (0.08, 0.09)}}
    crossing = {"seeds": ("3", "4"), "by_seed": {"collapse": (0.08, 0.11)}}
    assert decided(faithful=faithful, encoder=clear).l1 == "encoder"
    assert decided(faithful=faithful, encoder=crossing).l1 == "nowhere"


def test_reasons_state_the_numbers() -> None:
    verdict = decided(encoder={"collapse": 0.09}, prior={"frr_class": 0.1512})
    told = "\n".join(verdict.reasons)
    assert len(verdict.reasons) == 8
    for words in (
        "collapse 10.00% against 50.00% off-the-shelf: 0.20 times as much, within the 0.5 asked for",
        "faithful: PER 10.00% against 20.00% off-the-shelf: not worse (tolerance 0.5 points)",
        "L1 in the encoder: collapse 9.00% against 10.00% ft-l2-faithful: lower with every seed",
        "L1 in the scorer: FRR by class 15.12% against 20.00% ft-l2-faithful: lower with every seed",
        "errors caught 60.00% against 60.00% ft-l2-faithful: not worse (tolerance 1.0 points)",
    ):
        assert words in told


def test_no_verdict_without_all_four_chains() -> None:
    chains = {FAITHFUL: summary(), "theirs": summary()}
    assert decide(chains) is None
    assert missing_chains(chains) == [OFF_THE_SHELF, L1_ENCODER, L1_PRIOR]

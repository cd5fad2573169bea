"""The rates: ranked, as published elsewhere, compared in pairs, over seeds, and by first language."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from asheard.evaluation.counts import EDITS
from asheard.evaluation.expert_scores import SCORES
from asheard.evaluation.metrics import Scheme
from asheard.evaluation.ranking import (
    RATES,
    headings_of,
    look_up,
    ranking,
    reference_chain,
    scheme_of,
    with_copy_canonical,
)
from asheard.evaluation.report.tables import (
    COEFFICIENTS,
    NOT_AVAILABLE,
    markdown_table,
    notation,
    percent,
    points,
    probability,
    spread,
    with_interval,
)
from asheard.evaluation.systems import COPY_CANONICAL, L1_ENCODER, L1_ENCODER_UNKNOWN

_PUBLISHED_COUNTS: Final = {"TA": "ta", "FR": "fr", "FA": "fa", "CD": "cd", "DE": "de"}
_PUBLISHED_RATES: Final = {
    "FRR": "published.frr",
    "FAR": "published.far",
    "DER": "published.der",
    "precision": "published.precision",
    "recall": "published.recall",
    "F1": "published.f1",
    "strict F1": "published.f1_strict",
    "PER": "published.per",
}


def ranked(metrics: Mapping[str, Any]) -> Iterable[str]:
    """Every chain with its rates, best first."""
    chains = metrics["chains"]
    order = ranking(chains)
    pooled = chains[reference_chain(chains)]["pooled"]
    yield "## Ranking"
    yield (
        f"{pooled['num_utterances']} utterances, {pooled['num_tokens']} canonical positions: "
        f"{pooled['num_ok']} ok, {pooled['num_substitutions']} substitutions, {pooled['num_deletions']} deletions"
        f"{_unnamed(pooled)}; {pooled['num_l1_typical']} of the substitutions are L1-typical. Rates are in per cent, "
        f"{of_runs(chains)}; in brackets the {100 * metrics['design']['level']:g}% interval over "
        f"{units(metrics['copy_canonical']['intervals']['pooled'])}. Ranked by PER, ties by FRR by class."
    )
    yield markdown_table(
        ["chain", "rank", *RATES],
        [
            [chain, str(order.index(chain) + 1) if chain in order else "-", *rates(summary, RATES.values())]
            for chain, summary in with_copy_canonical(metrics).items()
        ],
    )
    yield _copying(metrics, order)


def published(metrics: Mapping[str, Any]) -> Iterable[str]:
    """The metrics of the literature, first as a paper prints them, then with intervals."""
    summaries = with_copy_canonical(metrics)
    yield "## Published metrics"
    yield (
        "Counts and rates by the scheme that the scoring scripts of the field share, to stand beside a paper's table; "
        "counts are sums over utterances and means over seeds. Of several alignments of equal cost, which one is taken "
        "moves F1 by up to 1.5 points between aligners; here it is the one of Kaldi's align-text, as in those scripts. "
        "The scheme counts no inserted phone as a false rejection, so F1 rises with phones written at random; strict "
        "F1 does count them. FRR here asks whether another phone was written, at whatever distance. Behind a prior, "
        "what it excuses is accepted; where that was said, as it often is, the scheme counts FA: a prior that tells "
        "accents from errors lowers this F1. The last columns are the edits that PER sums."
    )
    yield markdown_table(
        ["chain", *_PUBLISHED_COUNTS, *_PUBLISHED_RATES, *EDITS],
        [
            [
                chain,
                *(f"{summary['pooled']['published'][name]:.0f}" for name in _PUBLISHED_COUNTS.values()),
                *(percent(look_up(summary["pooled"], path)) for path in _PUBLISHED_RATES.values()),
                *(f"{summary['pooled']['edits'][name]:.0f}" for name in EDITS),
            ]
            for chain, summary in summaries.items()
        ],
    )
    yield f"Their intervals over {units(metrics['copy_canonical']['intervals']['pooled'])}:"
    yield markdown_table(
        ["chain", *_PUBLISHED_RATES],
        [
            [
                chain,
                *(_interval(summary["intervals"]["pooled"]["values"][path]) for path in _PUBLISHED_RATES.values()),
            ]
            for chain, summary in summaries.items()
        ],
    )


def differences(metrics: Mapping[str, Any]) -> Iterable[str]:
    """Chains compared in pairs on the same resamples."""
    records = metrics["differences"]
    if not records:
        return
    scheme = scheme_of(metrics)
    headings = {path: heading for heading, path in (_PUBLISHED_RATES | headings_of(scheme)).items()}
    yield "## Differences between chains"
    yield (
        f"Chain less reference in percentage points{_but_coefficients(scheme)}, paired: both are counted on the same "
        f"{max(record['num_units'] for record in records)} {records[0]['units']} in every resample"
        f"{_within(records[0]['units'])}. p is two-sided; Holm's correction is for the pairs compared on that metric, "
        "and the intervals are without it. "
        "n/a: the two are the same, or a number is undefined. Collapse also falls where phones are written at random: "
        "read it with PER and FRR."
    )
    yield markdown_table(
        ["metric", "chain", "reference", "difference", "p", "p, Holm"],
        [
            [
                headings[record["metric"]],
                record["chain"],
                record["reference"],
                points(
                    record["difference"],
                    (record["low"], record["high"]),
                    coefficients=record["metric"] in COEFFICIENTS,
                ),
                probability(record["p"]),
                probability(record["p_holm"]),
            ]
            for record in records
        ],
    )


def seeds(metrics: Mapping[str, Any]) -> Iterable[str]:
    """What training again with another seed changes, apart from what other speakers would."""
    chains, scheme = with_copy_canonical(metrics), scheme_of(metrics)
    yield "## Spread over training seeds"
    if all(len(summary["per_seed"]) == 1 for summary in chains.values()):
        yield "Every chain was run with one seed: how far training by chance moves these numbers is not known."
        return
    yield (
        f"Per cent{_but_coefficients(scheme)}, the least to the most over seeds. These are no intervals: they hold for "
        "these speakers alone."
    )
    yield markdown_table(
        ["chain", "seeds", *headings_of(scheme)],
        [
            [
                chain,
                ", ".join(summary["per_seed"]) if chain != COPY_CANONICAL else "-",
                *(
                    spread(summary["spread"]["pooled"][path], notation(path))
                    if len(summary["per_seed"]) > 1
                    else NOT_AVAILABLE
                    for path in headings_of(scheme).values()
                ),
            ]
            for chain, summary in chains.items()
        ],
    )


def by_l1(metrics: Mapping[str, Any]) -> Iterable[str]:
    """A table a rate."""
    summaries = with_copy_canonical(metrics)
    copied = metrics["copy_canonical"]
    yield "## By first language"
    yield "Where an L1 has one test speaker, its intervals are within-speaker (see Design)."
    for heading, path in headings_of(scheme_of(metrics)).items():
        yield f"{heading}:" if path in COEFFICIENTS else f"{heading}, per cent:"
        yield markdown_table(
            ["L1", "interval over", *summaries],
            [
                [
                    l1,
                    units(copied["intervals"]["per_l1"][l1]),
                    *(
                        with_interval(
                            look_up(summary["per_l1"][l1], path),
                            summary["intervals"]["per_l1"][l1]["values"][path],
                            notation(path),
                        )
                        for summary in summaries.values()
                    ),
                ]
                for l1 in copied["per_l1"]
            ],
        )


def l1_declared_or_unknown(metrics: Mapping[str, Any]) -> Iterable[str]:
    """The chain that is told the L1 beside itself when it is not."""
    chains = metrics["chains"]
    if L1_ENCODER not in chains or L1_ENCODER_UNKNOWN not in chains:
        return
    yield "## The L1 encoder with the L1 declared and unknown"
    yield "Unknown: the classifier's own posterior over L1s takes the place of the declared one."
    summaries = {
        "declared": chains[L1_ENCODER],
        "unknown": chains[L1_ENCODER_UNKNOWN],
        COPY_CANONICAL: metrics["copy_canonical"],
    }
    yield markdown_table(
        ["L1 is", *RATES], [[name, *rates(summary, RATES.values())] for name, summary in summaries.items()]
    )


def _copying(metrics: Mapping[str, Any], order: list[str]) -> str:
    """What PER alone would have said."""
    copied = metrics["copy_canonical"]["pooled"]["per"]
    pers = [metrics["chains"][chain]["pooled"]["per"] for chain in order]
    if copied is None or None in pers:
        return f"`{COPY_CANONICAL}` is what writing the dictionary's phones gets, whatever was said; it is not ranked."
    num_worse = sum(per > copied for per in pers)
    return (
        f"`{COPY_CANONICAL}` is what writing the dictionary's phones gets, whatever was said; it is not ranked. Its "
        f"PER is lower than that of {num_worse} of the {len(pers)} ranked chains, and it hears no error at all: read "
        "PER with collapse and strict F1 beside it."
    )


def _unnamed(pooled: Mapping[str, Any]) -> str:
    number = pooled["num_tokens"] - sum(pooled[f"num_{name}"] for name in ("ok", "substitutions", "deletions"))
    return f", {number} sounds without a name" if number else ""


def rates(summary: Mapping[str, Any], paths: Iterable[str]) -> list[str]:
    """Cells of a table: the pooled numbers of one chain with their intervals."""
    intervals = summary["intervals"]["pooled"]["values"]
    return [with_interval(look_up(summary["pooled"], path), intervals[path], notation(path)) for path in paths]


def _interval(ends: list[float] | None) -> str:
    return NOT_AVAILABLE if ends is None else f"[{percent(ends[0])}, {percent(ends[1])}]"


def of_runs(chains: Mapping[str, Any]) -> str:
    """Whether numbers are of one run or means over seeds."""
    numbers = {len(summary["per_seed"]) for summary in chains.values()}
    return "of one run" if numbers == {1} else "means over the seeds of each chain (below)"


def units(intervals: Mapping[str, Any]) -> str:
    """What an interval is over, and how many of them."""
    return f"{intervals['num_units']} {intervals['units']}{_within(intervals['units'])}"


def _but_coefficients(scheme: Scheme[Any]) -> str:
    return " (AUC and PCC as they are)" if scheme is SCORES else ""


def _within(units: str) -> str:
    return ", within-speaker" if units == "utterances" else ""

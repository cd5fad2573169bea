"""The rates: the first table, the ranking, published metrics, pairs of chains, and the spread over seeds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from asheard.evaluation.counts import EDITS
from asheard.evaluation.expert_scores import SCORES, scheme_of
from asheard.evaluation.metrics import Scheme
from asheard.evaluation.ranking import ranking, reference_chain, with_copy_canonical
from asheard.evaluation.report.tables import (
    COEFFICIENTS,
    NOT_AVAILABLE,
    markdown_table,
    notation,
    points,
    pooled_cell,
    probability,
    spread,
)
from asheard.evaluation.systems import COPY_CANONICAL, FAITHFUL, L1_ENCODER, L1_ENCODER_UNKNOWN, L1_PRIOR, OFF_THE_SHELF

DIFFERENCES_FILE: Final = "differences.csv"

_COUNTS: Final = {"TA": "ta", "FR": "fr", "FA": "fa", "CD": "cd", "DE": "de"}
_PUBLISHED: Final = {
    "FRR": "published.frr",
    "FAR": "published.far",
    "DER": "published.der",
    "precision": "published.precision",
    "recall": "published.recall",
}
_F1_AND_PER: Final = {"F1": "published.f1", "strict F1": "published.f1_strict", "PER": "published.per"}
_SECOND_TABLE: Final = ("FRR at threshold", "precision", "recall", "F1")  # the first table has no room for these
_VERDICT_PAIRS: Final = (
    ("collapse", FAITHFUL, OFF_THE_SHELF),
    ("per", FAITHFUL, OFF_THE_SHELF),
    ("collapse", L1_ENCODER, FAITHFUL),
    ("frr_class", L1_ENCODER, FAITHFUL),
    ("per", L1_ENCODER, FAITHFUL),
    ("frr_class", L1_PRIOR, FAITHFUL),
    ("atypical_errors_caught", L1_PRIOR, FAITHFUL),
)


def first_columns(scheme: Scheme) -> dict[str, str]:
    """Return heading and path of the metrics in the first table: five, so that it has six columns."""
    return {heading: path for heading, path in scheme.headings.items() if heading not in _SECOND_TABLE}


def second_columns(scheme: Scheme) -> dict[str, str]:
    """Return heading and path of the metrics for which the first table has no room."""
    return {heading: path for heading, path in scheme.headings.items() if heading in _SECOND_TABLE}


def rate_table(first: str, summaries: Mapping[str, Any], columns: Mapping[str, str]) -> str:
    """Lay out pooled metrics with their intervals, a row a summary."""
    return markdown_table(
        [first, *columns],
        [[name, *(pooled_cell(summary, path) for path in columns.values())] for name, summary in summaries.items()],
    )


def first_table(metrics: Mapping[str, Any]) -> Iterable[str]:
    """Every chain, best first, with the metrics that matter most."""
    yield rate_table("chain", with_copy_canonical(metrics), first_columns(scheme_of(metrics)))


def ranked(metrics: Mapping[str, Any]) -> Iterable[str]:
    """Ranks, the rest of the rates, and what was counted."""
    chains = metrics["chains"]
    order = ranking(chains)
    pooled = chains[reference_chain(chains)]["pooled"]
    yield "## Ranking"
    yield (
        f"{pooled['num_utterances']} utterances, {pooled['num_tokens']} canonical positions: "
        f"{pooled['num_ok']} ok, {pooled['num_substitutions']} substitutions, {pooled['num_deletions']} deletions"
        f"{_unnamed(pooled)}. {pooled['num_l1_typical']} of the substitutions are L1-typical."
    )
    yield rank_table(metrics, order)
    yield _about_copying(metrics, order)


def rank_table(metrics: Mapping[str, Any], order: Sequence[str]) -> str:
    """Lay out ranks, and the rates for which the first table has no room."""
    columns = second_columns(scheme_of(metrics))
    table = [
        [
            chain,
            str(order.index(chain) + 1) if chain in order else "-",
            *(pooled_cell(summary, path) for path in columns.values()),
        ]
        for chain, summary in with_copy_canonical(metrics).items()
    ]
    table += [[chain, "not ranked", *["-"] * len(columns)] for chain in metrics.get("aside", ())]
    return markdown_table(["chain", "rank", *columns], table)


def published(metrics: Mapping[str, Any]) -> Iterable[str]:
    """The metrics of the literature: counts, rates, and the edits that PER counts."""
    summaries = with_copy_canonical(metrics)
    yield "## Published metrics"
    yield (
        "These counts and rates follow the scoring scripts that the field shares, so they can be compared with the "
        "tables of a paper. Counts are sums over utterances and means over seeds. Several alignments may have equal "
        "cost. The choice moves F1 by up to 1.5 points between aligners. Here it is the choice of Kaldi's align-text, "
        "as in those scripts. The scheme counts no inserted phone as a false rejection, so F1 rises with phones written "
        "at random; strict F1 counts them. FRR here asks whether another phone was written, at any distance. With a "
        "prior, what it accepts is accepted. If that phone was said, as it often is, the scheme counts FA: a prior that "
        "tells accents from errors lowers this F1."
    )
    yield markdown_table(
        ["chain", *_COUNTS],
        [
            [chain, *(f"{summary['pooled']['published'][name]:.0f}" for name in _COUNTS.values())]
            for chain, summary in summaries.items()
        ],
    )
    yield f"Rates in per cent, with intervals over {units(metrics['copy_canonical']['intervals']['pooled'])}:"
    yield rate_table("chain", summaries, _PUBLISHED)
    yield rate_table("chain", summaries, _F1_AND_PER)
    yield "The edits that PER counts:"
    yield markdown_table(
        ["chain", *EDITS],
        [
            [chain, *(f"{summary['pooled']['edits'][name]:.0f}" for name in EDITS)]
            for chain, summary in summaries.items()
        ],
    )


def verdict_pairs(metrics: Mapping[str, Any]) -> Iterable[str]:
    """The pairs of chains that the verdict uses."""
    records = [record for pair in _VERDICT_PAIRS for record in metrics["differences"] if _pair(record) == pair]
    yield from _pairs(metrics, records, "the pairs that the verdict uses")


def best_pairs(metrics: Mapping[str, Any]) -> Iterable[str]:
    """The best chain and each other chain, in the metric of the ranking and in collapse."""
    scheme = scheme_of(metrics)
    best = ranking(metrics["chains"], scheme)[0]
    wanted = (scheme.ranked_by[0][0], "collapse")
    records = [
        record
        for record in metrics["differences"]
        if best in (record["chain"], record["reference"]) and record["metric"] in wanted
    ]
    if records:
        yield "## Differences between chains"
    yield from _pairs(metrics, records, f"{best} and each other chain")


def _pair(record: Mapping[str, Any]) -> tuple[str, str, str]:
    return record["metric"], record["chain"], record["reference"]


def _pairs(metrics: Mapping[str, Any], records: Sequence[Mapping[str, Any]], which: str) -> Iterable[str]:
    if not records:
        return
    scheme = scheme_of(metrics)
    headings = {path: heading for heading, path in scheme.headings.items()}
    kind = records[0]["units"]
    yield (
        f"Chain minus reference in percentage points{_but_coefficients(scheme)}, for {which}; all pairs are in "
        f"[{DIFFERENCES_FILE}]({DIFFERENCES_FILE}). The comparison is paired: both chains are counted on the same "
        f"{max(record['num_units'] for record in records)} {kind} in every resample{_within(kind)}. p is two-sided. "
        "Holm's correction is for all pairs compared on that metric; the intervals have no correction. n/a: the two are "
        "the same, or a number is undefined. Collapse also falls if phones are written at random, so read it with PER "
        "and FRR."
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
    """What training again with another seed changes."""
    chains, scheme = with_copy_canonical(metrics), scheme_of(metrics)
    yield "## Spread over training seeds"
    if all(len(summary["per_seed"]) == 1 for summary in chains.values()):
        yield "Every chain was run with one seed, so the effect of chance in training is not known."
        return
    yield (
        f"Per cent{_but_coefficients(scheme)}, the least to the most over seeds. These are no intervals: they hold for "
        "these speakers alone."
    )
    yield _seed_table(chains, first_columns(scheme))
    yield markdown_table(
        ["chain", "seeds", *second_columns(scheme)],
        [
            [
                chain,
                ", ".join(summary["per_seed"]) if chain != COPY_CANONICAL else "-",
                *(_seed_cell(summary, path) for path in second_columns(scheme).values()),
            ]
            for chain, summary in chains.items()
        ],
    )


def _seed_table(chains: Mapping[str, Any], columns: Mapping[str, str]) -> str:
    return markdown_table(
        ["chain", *columns],
        [[chain, *(_seed_cell(summary, path) for path in columns.values())] for chain, summary in chains.items()],
    )


def _seed_cell(summary: Mapping[str, Any], path: str) -> str:
    return spread(summary["spread"]["pooled"][path], notation(path)) if len(summary["per_seed"]) > 1 else NOT_AVAILABLE


def l1_given_or_withheld(metrics: Mapping[str, Any]) -> Iterable[str]:
    """The chain that is told the L1, beside the same chain without it."""
    chains = metrics["chains"]
    if L1_ENCODER not in chains or L1_ENCODER_UNKNOWN not in chains:
        return
    yield "## The L1 encoder with the L1 declared and unknown"
    yield "Declared: the encoder is told the L1. Unknown: the classifier's own posterior over L1s is used in its place."
    summaries = {
        "declared": chains[L1_ENCODER],
        "unknown": chains[L1_ENCODER_UNKNOWN],
        COPY_CANONICAL: metrics["copy_canonical"],
    }
    for columns in (first_columns(scheme_of(metrics)), second_columns(scheme_of(metrics))):
        yield rate_table("L1 is", summaries, columns)


def _about_copying(metrics: Mapping[str, Any], order: Sequence[str]) -> str:
    """Say what PER alone would have said."""
    copied = metrics["copy_canonical"]["pooled"]["per"]
    pers = [metrics["chains"][chain]["pooled"]["per"] for chain in order]
    about = (
        f"`{COPY_CANONICAL}` shows the numbers of a chain that writes the canonical phones, whatever was said. It is "
        "not ranked."
    )
    if copied is None or None in pers:
        return about
    num_worse = sum(per > copied for per in pers)
    return (
        f"{about} Its PER is lower than that of {num_worse} of the {len(pers)} ranked chains, and it finds no error at "
        "all. So read PER together with collapse and strict F1."
    )


def _unnamed(pooled: Mapping[str, Any]) -> str:
    number = pooled["num_tokens"] - sum(pooled[f"num_{name}"] for name in ("ok", "substitutions", "deletions"))
    return f", {number} sounds without a name" if number else ""


def how_to_read(metrics: Mapping[str, Any]) -> str:
    """Say what a cell of the first table holds and how the chains are ordered."""
    scheme = scheme_of(metrics)
    headings = {path: heading for heading, path in scheme.headings.items()}
    first, second = (headings[path] for path, _ in scheme.ranked_by[:2])
    return (
        f"Chains are ranked by {first}, ties by {second}. Rates are in per cent{_but_coefficients(scheme)}, "
        f"{of_runs(metrics['chains'])}. In brackets: the {100 * metrics['design']['level']:g}% interval over "
        f"{units(metrics['copy_canonical']['intervals']['pooled'])}."
    )


def of_runs(chains: Mapping[str, Any]) -> str:
    """Say whether numbers are of one run or means over seeds."""
    numbers = {len(summary["per_seed"]) for summary in chains.values()}
    return "of one run" if numbers == {1} else "means over the seeds of each chain"


def units(intervals: Mapping[str, Any]) -> str:
    """Say what an interval is over, and how many of them."""
    return f"{intervals['num_units']} {intervals['units']}{_within(intervals['units'])}"


def _but_coefficients(scheme: Scheme[Any]) -> str:
    return " (AUC and PCC as they are)" if scheme is SCORES else ""


def _within(kind: str) -> str:
    return ", within-speaker" if kind == "utterances" else ""

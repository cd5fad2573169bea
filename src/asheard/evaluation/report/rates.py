"""The rates: the first table, the ranking, published metrics, pairs of chains, and the spread over seeds."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from asheard.corpora.chains import COPY_CANONICAL, FAITHFUL, L1_ENCODER, L1_ENCODER_UNKNOWN, L1_PRIOR, OFF_THE_SHELF
from asheard.corpora.phone_scores import MISPRONOUNCED_BELOW
from asheard.evaluation.counts import EDITS
from asheard.evaluation.expert_scores import ScoreMeasures
from asheard.evaluation.labels import (
    ATYPICAL_ERRORS_CAUGHT,
    COLLAPSE,
    F1,
    F1_STRICT,
    FRR_CLASS,
    PER,
    PUBLISHED_DER,
    PUBLISHED_FAR,
    PUBLISHED_FRR,
    PUBLISHED_PER,
    PUBLISHED_PRECISION,
    PUBLISHED_RECALL,
    LabelMeasures,
)
from asheard.evaluation.metrics import ChainSummary, ConfidenceIntervals, Difference, Metric, Metrics, Scheme
from asheard.evaluation.report.tables import (
    NOT_AVAILABLE,
    bullets,
    markdown_table,
    points,
    pooled_cell,
    probability,
    spread,
    written,
)
from asheard.evaluation.tokens import RIGHT_FROM

DIFFERENCES_FILE: Final = "differences.csv"

_COUNTS: Final = {"TA": "ta", "FR": "fr", "FA": "fa", "CD": "cd", "DE": "de"}
_PUBLISHED: Final = (PUBLISHED_FRR, PUBLISHED_FAR, PUBLISHED_DER, PUBLISHED_PRECISION, PUBLISHED_RECALL)
_F1_AND_PER: Final = (F1, F1_STRICT, PUBLISHED_PER)
_VERDICT_PAIRS: Final = (
    (COLLAPSE, FAITHFUL, OFF_THE_SHELF),
    (PER, FAITHFUL, OFF_THE_SHELF),
    (COLLAPSE, L1_ENCODER, FAITHFUL),
    (FRR_CLASS, L1_ENCODER, FAITHFUL),
    (PER, L1_ENCODER, FAITHFUL),
    (FRR_CLASS, L1_PRIOR, FAITHFUL),
    (ATYPICAL_ERRORS_CAUGHT, L1_PRIOR, FAITHFUL),
)


def second_metrics(scheme: Scheme[Any]) -> list[Metric[Any]]:
    """Return the rates that the first table leaves out."""
    return [metric for metric in scheme.table_metrics if metric not in scheme.first_metrics]


def rate_table(first: str, summaries: Mapping[str, ChainSummary[Any]], metrics: Sequence[Metric[Any]]) -> str:
    """Lay out pooled metrics with their intervals, a row a summary."""
    return markdown_table(
        [first, *(metric.name for metric in metrics)],
        [[name, *(pooled_cell(summary, metric) for metric in metrics)] for name, summary in summaries.items()],
    )


def first_table(metrics: Metrics[Any]) -> str:
    """Lay out the metrics that matter most, for every chain, best first."""
    return rate_table("chain", metrics.with_copy_canonical(), metrics.scheme.first_metrics)


def ranked(metrics: Metrics[LabelMeasures]) -> Iterable[str]:
    """Ranks, the other rates, and the counts."""
    pooled = metrics.chains[metrics.reference_chain()].pooled
    yield "## Ranking"
    yield (
        f"{pooled.num_utterances} utterances, {pooled.num_tokens} canonical positions: {pooled.num_ok} ok, "
        f"{pooled.num_substitutions} substitutions, {pooled.num_deletions} deletions{_unnamed(pooled)}. "
        f"{pooled.num_l1_typical} of the substitutions are L1-typical."
    )
    yield rank_table(metrics)
    yield _about_copying(metrics)


def rank_table(metrics: Metrics[Any]) -> str:
    """Lay out ranks, and the rates that the first table leaves out."""
    order, columns = metrics.ranked(), second_metrics(metrics.scheme)
    table = [
        [
            chain,
            str(order.index(chain) + 1) if chain in order else "-",
            *(pooled_cell(summary, metric) for metric in columns),
        ]
        for chain, summary in metrics.with_copy_canonical().items()
    ]
    table += [[chain, "not ranked", *["-"] * len(columns)] for chain in metrics.not_ranked]
    return markdown_table(["chain", "rank", *(metric.name for metric in columns)], table)


def ranked_by_scores(metrics: Metrics[ScoreMeasures]) -> Iterable[str]:
    """Ranks, the other rates, and the chains that cannot be ranked."""
    pooled = metrics.copy_canonical.pooled
    yield "## Ranking"
    yield (
        "Experts scored how right each phone is. What was said instead is not known. "
        f"{pooled.num_utterances} utterances, {pooled.num_tokens} canonical positions: {pooled.num_right} "
        f"scored {RIGHT_FROM:g} or more (right), {pooled.num_wrong} below {MISPRONOUNCED_BELOW:g} (wrong). AUC and "
        "PCC say how well the chain score agrees with the experts."
    )
    yield rank_table(metrics)
    if metrics.not_ranked:
        yield bullets(f"{chain} is not ranked: {reason}." for chain, reason in metrics.not_ranked.items())
    yield (
        f"`{COPY_CANONICAL}` finds no error at all and is not ranked. PER against canonical guards against chains "
        "that write anything. It is never an aim: it rewards collapse, and is 0 for the copy. There is no verdict, "
        "because a verdict needs what was said."
    )


def published(metrics: Metrics[LabelMeasures]) -> Iterable[str]:
    """The metrics of the literature: counts, rates, and the edits that PER counts."""
    summaries = metrics.with_copy_canonical()
    yield "## Published metrics"
    yield (
        "These counts and rates follow the scoring scripts that the field shares, so they can be compared with the "
        "tables of a paper. Counts are sums over utterances and means over seeds. Several alignments may have equal "
        "cost. The choice moves F1 by up to 1.5 points between aligners. Here it is the choice of Kaldi's align-text, "
        "as in those scripts. The scheme counts no inserted phone as a false rejection, so F1 rises with phones "
        "written at random; strict F1 counts them. FRR here asks whether another phone was written, at any distance. "
        "With a prior, what it accepts is accepted. If that phone was said, as it often is, the scheme counts FA: a "
        "prior that separates accents from errors lowers this F1."
    )
    yield markdown_table(
        ["chain", *_COUNTS],
        [
            [chain, *(f"{getattr(summary.pooled.published, name):.0f}" for name in _COUNTS.values())]
            for chain, summary in summaries.items()
        ],
    )
    yield f"Rates in per cent, with intervals over {units(metrics.copy_canonical.intervals.pooled)}:"
    yield rate_table("chain", summaries, _PUBLISHED)
    yield rate_table("chain", summaries, _F1_AND_PER)
    yield "The edits that PER counts:"
    yield markdown_table(
        ["chain", *EDITS],
        [
            [chain, *(f"{getattr(summary.pooled.edits, name):.0f}" for name in EDITS)]
            for chain, summary in summaries.items()
        ],
    )


def verdict_pairs(metrics: Metrics[LabelMeasures]) -> Iterable[str]:
    """The pairs of chains that the verdict uses."""
    records = [metrics.difference(*pair) for pair in _VERDICT_PAIRS]
    yield from _pairs(metrics, records, "the pairs that the verdict uses")


def best_pairs(metrics: Metrics[Any]) -> Iterable[str]:
    """The best chain and each other chain, in the metric of the ranking and in collapse."""
    best = metrics.ranked()[0]
    wanted = (metrics.scheme.ranked_by[0][0].key, COLLAPSE.key)
    records = [
        record
        for record in metrics.differences
        if best in (record.chain, record.reference) and record.metric.key in wanted
    ]
    if records:
        yield "## Differences between chains"
        yield from _pairs(metrics, records, f"{best} and each other chain")


def _pairs(metrics: Metrics[Any], records: Sequence[Difference[Any]], which: str) -> Iterable[str]:
    kind = records[0].units
    yield (
        f"Chain minus reference in percentage points{_but_coefficients(metrics.scheme)}, for {which}; all pairs are in "
        f"[{DIFFERENCES_FILE}]({DIFFERENCES_FILE}). The comparison is paired: both chains are counted on the same "
        f"{max(record.num_units for record in records)} {kind} in every resample{_within(kind)}. p is two-sided. "
        "Holm's correction is for all pairs compared on that metric; the intervals have no correction. n/a: the two "
        "are the same, or a number is undefined. Collapse also falls if phones are written at random, so read it with "
        "PER and FRR."
    )
    yield markdown_table(
        ["metric", "chain", "reference", "difference", "p", "p, Holm"],
        [
            [
                record.metric.name,
                record.chain,
                record.reference,
                points(record.difference, (record.low, record.high), coefficients=not record.metric.percent),
                probability(record.p),
                probability(record.p_holm),
            ]
            for record in records
        ],
    )


def seeds(metrics: Metrics[Any]) -> Iterable[str]:
    """Changes from training again with another seed."""
    chains, scheme = metrics.with_copy_canonical(), metrics.scheme
    yield "## Spread over training seeds"
    if all(len(summary.per_seed) == 1 for summary in chains.values()):
        yield "Every chain was run with one seed, so the effect of chance in training is not known."
        return
    yield (
        f"Per cent{_but_coefficients(scheme)}, the least to the most over seeds. These are no intervals: they hold for "
        "these speakers alone."
    )
    yield markdown_table(
        ["chain", *(metric.name for metric in scheme.first_metrics)],
        [
            [chain, *(_seed_cell(summary, metric) for metric in scheme.first_metrics)]
            for chain, summary in chains.items()
        ],
    )
    yield markdown_table(
        ["chain", "seeds", *(metric.name for metric in second_metrics(scheme))],
        [
            [
                chain,
                ", ".join(map(str, summary.per_seed)) if chain != COPY_CANONICAL else "-",
                *(_seed_cell(summary, metric) for metric in second_metrics(scheme)),
            ]
            for chain, summary in chains.items()
        ],
    )


def _seed_cell(summary: ChainSummary[Any], metric: Metric[Any]) -> str:
    if len(summary.per_seed) == 1:
        return NOT_AVAILABLE
    return spread(summary.spread.pooled[metric], partial(written, metric))


def l1_given_or_withheld(metrics: Metrics[LabelMeasures]) -> Iterable[str]:
    """The chain that is given the L1, beside the same chain without it."""
    chains = metrics.chains
    if L1_ENCODER not in chains or L1_ENCODER_UNKNOWN not in chains:
        return
    yield "## The L1 encoder with the L1 declared and unknown"
    yield (
        "Declared: the encoder is given the L1. Unknown: the classifier's own posterior over L1s is used in its place."
    )
    summaries = {
        "declared": chains[L1_ENCODER],
        "unknown": chains[L1_ENCODER_UNKNOWN],
        COPY_CANONICAL: metrics.copy_canonical,
    }
    for columns in (metrics.scheme.first_metrics, second_metrics(metrics.scheme)):
        yield rate_table("L1 is", summaries, columns)


def _about_copying(metrics: Metrics[LabelMeasures]) -> str:
    """Say what PER alone would have said."""
    copied = metrics.copy_canonical.pooled.per
    pers = [metrics.chains[chain].pooled.per for chain in metrics.ranked()]
    about = (
        f"`{COPY_CANONICAL}` shows the numbers of a chain that writes the canonical phones, whatever was said. It is "
        "not ranked."
    )
    known = [per for per in pers if per is not None]
    if copied is None or len(known) < len(pers):
        return about
    num_worse = sum(per > copied for per in known)
    return (
        f"{about} Its PER is lower than that of {num_worse} of the {len(pers)} ranked chains, and it finds no error at "
        "all. So read PER together with collapse and strict F1."
    )


def _unnamed(pooled: LabelMeasures) -> str:
    number = pooled.num_tokens - pooled.num_ok - pooled.num_substitutions - pooled.num_deletions
    return f", {number} sounds without a name" if number else ""


def how_to_read(metrics: Metrics[Any]) -> str:
    """Say what a cell of the first table holds and how the chains are ordered."""
    (first, _), (second, _), *_ = metrics.scheme.ranked_by
    return (
        f"Chains are ranked by {first.name}, ties by {second.name}. Rates are in per cent"
        f"{_but_coefficients(metrics.scheme)}, {_of_runs(metrics)}. In brackets: the {100 * metrics.design.level:g}% "
        f"interval over {units(metrics.copy_canonical.intervals.pooled)}."
    )


def _of_runs(metrics: Metrics[Any]) -> str:
    """Say whether numbers are of one run or means over seeds."""
    numbers = {len(summary.per_seed) for summary in metrics.chains.values()}
    return "of one run" if numbers == {1} else "means over the seeds of each chain"


def units(intervals: ConfidenceIntervals[Any]) -> str:
    """Say what an interval is over, and how many of them."""
    return f"{intervals.num_units} {intervals.units}{_within(intervals.units)}"


def _but_coefficients(scheme: Scheme[Any]) -> str:
    names = [metric.name for metric in scheme.table_metrics if not metric.percent]
    return f" ({' and '.join(names)} as they are)" if names else ""


def _within(kind: str) -> str:
    return ", within-speaker" if kind == "utterances" else ""

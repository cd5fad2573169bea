"""The text of RESULTS.md."""

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from asheard.evaluation.chains import L1_ENCODER, L1_ENCODER_UNKNOWN
from asheard.evaluation.context import Context
from asheard.evaluation.definitions import DEFINITIONS
from asheard.evaluation.metrics import RATES, look_up
from asheard.evaluation.notes import l1_notes
from asheard.evaluation.plots import COLLAPSE_PLOT, CONFUSIONS_PLOT, DISTANCES_PLOT
from asheard.evaluation.ranking import in_order, ranking, reference_chain
from asheard.evaluation.tables import (
    markdown_table,
    number,
    passed,
    percent,
    probability,
    with_spread,
)
from asheard.evaluation.verdict import Verdict, missing_chains
from asheard.prior import GUARD_TOLERANCE


def results_text(
    rows: pl.DataFrame, metrics: Mapping[str, Any], context: Context, verdict: Verdict | None, plots: str
) -> str:
    """Compose RESULTS.md.

    Args:
        rows: token rows of every chain and seed.
        metrics: the contents of metrics.json.
        context: what is said beside the numbers.
        verdict: None where one of the four chains is missing.
        plots: folder of the pictures, relative to the text.
    Returns:
        Markdown; each paragraph is one line.
    """
    chains = metrics["chains"]
    sections = [
        f"# Results: {context.corpus}",
        *(f"> **{note}**" for note in context.notes),
        f"`{metrics['signature']}`",
        *_ranking(chains),
        *_shared_prompts(context),
        f"![Collapse by chain and first language]({plots}/{COLLAPSE_PLOT})",
        *_verdict(chains, verdict),
        *_by_l1(rows, chains),
        f"![What was said and what was written, for each first language]({plots}/{CONFUSIONS_PLOT})",
        *_dissociations(chains),
        f"![Distances at correct and at substituted positions]({plots}/{DISTANCES_PLOT})",
        *_l1_declared_or_unknown(chains),
        *_p_min(context),
        *_set_apart(metrics, context),
        *_validation(context),
        "## What is counted",
        DEFINITIONS,
    ]
    return "\n\n".join(sections) + "\n"


def _ranking(chains: Mapping[str, Any]) -> Iterable[str]:
    ranked = ranking(chains)
    pooled = chains[reference_chain(chains)]["pooled"]
    seeds = sorted({seed for summary in chains.values() for seed in summary["per_seed"]}, key=int)
    over = f"the mean over seeds {', '.join(seeds)}, and [least, most] where they differ" if seeds[1:] else "one run"
    yield "## Ranking"
    yield (
        f"{pooled['num_utterances']} utterances, {pooled['num_tokens']} canonical positions: "
        f"{pooled['num_ok']} ok, {pooled['num_substitutions']} substitutions, {pooled['num_deletions']} "
        f"deletions; {pooled['num_l1_typical']} of the substitutions are L1-typical. Rates are in per cent: "
        f"{over}. Ranked by PER, ties by FRR by class."
    )
    yield markdown_table(
        ["chain", "rank", *RATES],
        [
            [
                chain,
                str(ranked.index(chain) + 1) if chain in ranked else "-",
                *(
                    with_spread(chains[chain]["pooled"][path], chains[chain]["spread"]["pooled"][path])
                    for path in RATES.values()
                ),
            ]
            for chain in in_order(chains)
        ],
    )


def _shared_prompts(context: Context) -> Iterable[str]:
    if context.num_shared_prompts:
        yield (
            f"Prompts read both in test and in training: {context.num_shared_prompts}, in {context.num_sharing} "
            "training utterances. Fine-tuned chains have heard these sentences from training speakers; off-the-shelf "
            "has not."
        )


def _verdict(chains: Mapping[str, Any], verdict: Verdict | None) -> Iterable[str]:
    yield "## Verdict"
    if verdict is None:
        missing = ", ".join(missing_chains(chains))
        yield f"No verdict: it needs all four chains, and these are missing: {missing}."
        return
    homes = {
        "encoder": "in the encoder",
        "scorer": "in the scorer",
        "both": "in both the encoder and the scorer",
        "nowhere": "nowhere",
    }
    yield (
        f"(a) The faithful transcriber: **{verdict.faithful}**. "
        f"(b) The first language should live **{homes[verdict.l1]}**."
    )
    yield "\n".join(f"- {reason}" for reason in verdict.reasons)


def _by_l1(rows: pl.DataFrame, chains: Mapping[str, Any]) -> Iterable[str]:
    yield "## By first language"
    names = in_order(chains)
    l1s = list(chains[names[0]]["per_l1"])
    for heading, path in RATES.items():
        yield f"{heading}, per cent:"
        yield markdown_table(
            ["L1", *names],
            [
                [
                    l1,
                    *(
                        with_spread(chains[chain]["per_l1"][l1][path], chains[chain]["spread"]["per_l1"][l1][path])
                        for chain in names
                    ),
                ]
                for l1 in l1s
            ],
        )
    yield "\n".join(f"- {note}" for note in l1_notes(rows, chains))


def _dissociations(chains: Mapping[str, Any]) -> Iterable[str]:
    yield "## Do distances mean anything: D1, D2, D3"
    names = in_order(chains)
    table = []
    for chain in names:
        d1, d2, d3 = (chains[chain]["pooled"][name] for name in ("d1", "d2", "d3"))
        table.append(
            [
                chain,
                number(d1["auc"]),
                probability(d1["p"]),
                passed(d1["pass"]),
                number(d2["ok_p75"]),
                number(d2["sub_p25"]),
                passed(d2["pass"]),
                number(d3["rho"]),
                probability(d3["p"]),
            ]
        )
    yield markdown_table(["chain", "D1 AUC", "D1 p", "D1", "ok p75", "sub p25", "D2", "D3 rho", "D3 p"], table)
    l1s = list(chains[names[0]]["per_l1"])
    for heading, path in (
        ("D1 AUC", "d1.auc"),
        ("D2, 25th percentile of substitutions", "d2.sub_p25"),
        ("D3 rho", "d3.rho"),
    ):
        yield f"{heading} by L1:"
        yield markdown_table(
            ["L1", *names],
            [[l1, *(number(look_up(chains[chain]["per_l1"][l1], path)) for chain in names)] for l1 in l1s],
        )


def _l1_declared_or_unknown(chains: Mapping[str, Any]) -> Iterable[str]:
    if L1_ENCODER not in chains or L1_ENCODER_UNKNOWN not in chains:
        return
    yield "## The L1 encoder with the L1 declared and unknown"
    yield "Unknown: the classifier's own posterior over L1s takes the place of the declared one."
    summaries = {"declared": chains[L1_ENCODER], "unknown": chains[L1_ENCODER_UNKNOWN]}
    yield markdown_table(
        ["L1 is", *RATES],
        [
            [
                name,
                *(with_spread(summary["pooled"][path], summary["spread"]["pooled"][path]) for path in RATES.values()),
            ]
            for name, summary in summaries.items()
        ],
    )


def _p_min(context: Context) -> Iterable[str]:
    if context.p_min is None:
        return
    choice = context.p_min
    yield "## How p_min was chosen"
    yield (
        f"p_min is {choice.p_min:g}: on the training speakers alone, one left out at a time, the lowest FRR "
        f"by class among those that catch at most {100 * GUARD_TOLERANCE:.1f} points fewer L1-atypical "
        f"errors than no prior (the last row), over {choice.num_acceptable} ok or L1-typical positions and "
        f"{choice.num_errors} errors."
    )
    yield markdown_table(
        ["p_min", "FRR by class", "atypical errors caught"],
        [[f"{point.p_min:g}", percent(point.frr_class), percent(point.guard)] for point in choice.curve],
    )
    if choice.left_out:
        yield f"Not used, the only speakers of their L1: {', '.join(choice.left_out)}."


def _set_apart(metrics: Mapping[str, Any], context: Context) -> Iterable[str]:
    yield "## What was left out or set apart, and why"
    counts = dict(context.excluded) | metrics["set_apart"]
    yield from metrics["remarks"]
    yield markdown_table(["reason", "count"], [[reason, str(count)] for reason, count in counts.items()])


def _validation(context: Context) -> Iterable[str]:
    if not context.validation:
        return
    yield "## Validation by epoch"
    yield "Per cent, on held-out prompts of the training speakers. Epochs were fixed beforehand: this chose nothing."
    header = ["chain", "seed", "epoch", "val PER", "val L1 accuracy"]
    yield markdown_table(
        header,
        [
            [row.chain, str(row.seed), str(row.epoch), percent(row.per), percent(row.l1_accuracy)]
            for row in context.validation
        ],
    )

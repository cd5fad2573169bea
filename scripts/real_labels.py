"""Test the L1 prior on real speech: fitted on the 18 training speakers of L2-ARCTIC, used on the 6 test speakers.

    python scripts/real_labels.py --out runs/real-labels

It scores the predictions of a published recogniser (CNN-RNN-CTC, arXiv 2104.08428) on 900 real recordings. It needs the
published phone labels in l2arctic-labels under $ASHEARD_DATA (default ../shared). It writes `prior.json`, the
evaluation (`metrics.json`, `RESULTS.md`, ...), `PRIOR.md` with the tables about the prior, and `variants/`: the other
designs of a prior; no choice was made by this measurement.

Gold and training labels have the same 36 phones, aligned by hand, and so does the prior. Predictions are folded to
these phones (`asheard.evaluation` does that). The finer gold of 39 phones is not aligned, and the training labels
cannot be refined without a guess at what the annotators heard. Positions come from words that `word_segmentation`
finds, in training and test alike.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from asheard.corpora.chains import behind_prior
from asheard.corpora.table import read_gold
from asheard.corpora.transcripts import read_transcripts
from asheard.evaluation import ChainRun, Context, evaluate_runs, write_report
from asheard.evaluation.labels import ATYPICAL_ERRORS_CAUGHT, F1, F1_STRICT, FRR, FRR_CLASS, PER, LabelMeasures
from asheard.evaluation.metrics import ChainSummary, Difference, Metrics
from asheard.evaluation.report.tables import markdown_table, number, percent, points, probability, with_interval
from asheard.io.files import whole_file
from asheard.phones import load_vectors
from asheard.prior import fit_prior
from habit_baseline import write_habits
from prior_variants import Fitted, fit_variants
from word_segmentation import with_positions

CHAIN = "cnn-rnn-ctc"
RATES = {
    "FRR": FRR,
    "FRR by class": FRR_CLASS,
    "atypical errors caught": ATYPICAL_ERRORS_CAUGHT,
    "F1": F1,
    "strict F1": F1_STRICT,
}
Chains = Mapping[str, ChainSummary[LabelMeasures]]
NOTE = "Real speech: 900 recordings of six speakers; neither the recogniser nor the prior was trained on them."


def prior_text(metrics: Metrics[LabelMeasures], rows: pl.DataFrame, fitted: Sequence[Fitted], tried: Chains) -> str:
    """Compose PRIOR.md.

    Args:
        metrics: of the chain without and with the default prior.
        rows: their token rows.
        fitted: every variant, as measured on training speakers.
        tried: `chains` of the metrics of all variants on the test speakers.
    """
    sections = [
        "# The L1 prior on real speech",
        f"> **{NOTE}**",
        f"`{metrics.signature}`",
        "## With and without",
        f"Per cent, with 95% intervals over the {sum(map(len, metrics.design.speakers.values()))} test speakers; "
        "p_min was chosen on training speakers. The prior does not change transcripts: PER and collapse are the same.",
        _pooled(metrics.chains),
        "Paired differences, in points; p corrected for the pairs of chains (Holm).",
        _differences(metrics.differences),
        _accepted_by_prior(rows),
        _larger_threshold(rows),
        "## By first language",
        "One test speaker each: the intervals are within-speaker, over utterances, and do not hold for another "
        "speaker of the L1.",
        *_by_l1(metrics.chains),
        "## The variants, on training speakers",
        "One speaker is left out at a time. The annotators' labels are predicted (bits, less is better) and classified "
        "(per cent). The default and every p_min were chosen by this table.",
        _on_training(fitted),
        "## The same variants, on test speakers",
        "Exploratory: measured after all choices, none of which used it. Per cent. The last row uses no recording: "
        "it writes what speakers of the L1 usually make of each phone, from the same counts.",
        _on_test(tried),
    ]
    return "\n\n".join(sections) + "\n"


def _pooled(chains: Chains) -> str:
    return markdown_table(
        ["", *chains],
        [
            [
                heading,
                *(
                    with_interval(metric.of(summary.pooled), summary.intervals.pooled.values[metric])
                    for summary in chains.values()
                ),
            ]
            for heading, metric in RATES.items()
        ],
    )


def _by_l1(chains: Chains) -> list[str]:
    sections = []
    for heading, metric in RATES.items():
        table = [
            [
                l1,
                *(
                    with_interval(metric.of(summary.per_l1[l1]), summary.intervals.per_l1[l1].values[metric])
                    for summary in chains.values()
                ),
            ]
            for l1 in chains[CHAIN].per_l1
        ]
        sections += [f"{heading}:", markdown_table(["L1", *chains], table)]
    return sections


def _differences(records: Sequence[Difference[LabelMeasures]]) -> str:
    headings = {metric: heading for heading, metric in RATES.items()}
    return markdown_table(
        ["", "with - without", "p"],
        [
            [headings[row.metric], points(row.difference, (row.low, row.high)), probability(row.p_holm)]
            for row in records
            if row.metric in headings
        ],
    )


def _accepted_by_prior(rows: pl.DataFrame) -> str:
    """The gold at the positions that only the chain with the prior accepts."""
    called = rows.pivot("chain", index=["speaker", "utt", "index", "error_type", "l1_typical"], values="class_pred")
    accepted = called.filter((pl.col(CHAIN) == "error") & (pl.col(behind_prior(CHAIN)) == "variant"))
    right = accepted.filter(error_type="ok").height
    typical = accepted.filter(pl.col("l1_typical")).height
    return (
        f"Of the {called.filter(pl.col(CHAIN) == 'error').height} positions classified as error, the prior accepts "
        f"{accepted.height}: {right} are correct, {typical} are L1-typical substitutions, and "
        f"{accepted.height - right - typical} are other errors. F1 counts L1-typical substitutions as errors."
    )


def _larger_threshold(rows: pl.DataFrame) -> str:
    """Whether a larger threshold for all L1s has the same effect as the prior."""
    acceptable = (pl.col("error_type") == "ok") | pl.col("l1_typical")
    behind = rows.filter(chain=behind_prior(CHAIN)).with_columns(rejected=pl.col("class_pred") == "error")
    guard = behind.filter(~acceptable)["rejected"].mean()
    plain = rows.filter(chain=CHAIN)
    accepted, errors = (np.sort(plain.filter(group)["cos_dist"].to_numpy()) for group in (acceptable, ~acceptable))
    thresholds = np.unique(plain["cos_dist"].to_numpy())
    caught, frr_class = (1 - np.searchsorted(side, thresholds) / side.size for side in (errors, accepted))
    best = frr_class[caught >= guard].min()
    return (
        f"Without a prior, the best threshold that still catches {percent(guard)}% of the atypical errors has "
        f"an FRR by class of {percent(best)}%. With the prior it is "
        f"{percent(behind.filter(acceptable)['rejected'].mean())}%."
    )


def _on_training(fitted: Sequence[Fitted]) -> str:
    table = [
        [
            row.name,
            number(row.bits.token),
            number(row.bits.substitution),
            f"{row.chosen.p_min:g}",
            percent(row.chosen.frr_class),
            percent(row.chosen.guard),
        ]
        for row in fitted
    ]
    without = fitted[0].without
    table.append(["no prior", "", "", "", percent(without.frr_class), percent(without.guard)])
    header = ["variant", "bits a token", "bits a substitution", "p_min", "FRR by class", "atypical errors caught"]
    return markdown_table(header, table)


def _on_test(chains: Chains) -> str:
    rates = {"PER": PER} | RATES
    return markdown_table(
        ["variant", *rates],
        [
            [name, *(percent(metric.of(summary.pooled)) for metric in rates.values())]
            for name, summary in chains.items()
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    labels = Path(os.environ.get("ASHEARD_DATA", "../shared")) / "l2arctic-labels"
    if not labels.is_dir():
        parser.error(f"{labels}: no such folder; put the published labels there, or set ASHEARD_DATA to its parent")
    vectors = load_vectors()
    training = with_positions(read_gold(labels / "train-18-speakers.jsonl"))
    gold = with_positions(read_gold(labels / "test-6-speakers.jsonl"))
    predictions = read_transcripts(labels / "predictions-cnn-rnn-ctc.jsonl", CHAIN)
    plain = ChainRun(chain=CHAIN, predictions=predictions)

    prior, choice = fit_prior(training, vectors)
    prior.save(out / "prior.json")
    context = Context(corpus="l2arctic-labels", split="6speakers", base=CHAIN, notes=(NOTE,), p_min=(choice,))
    behind = replace(plain, chain=behind_prior(CHAIN), prior=prior)
    evaluation = evaluate_runs(gold, [plain, behind], out=out, context=context, training=training, vectors=vectors)
    write_report(out)

    fitted = fit_variants(training, vectors)
    habits = write_habits(training, gold)
    runs = [plain, *(replace(plain, chain=row.name, prior=row.prior) for row in fitted), habits]
    context = replace(context, p_min=())
    tried = evaluate_runs(gold, runs, out=out / "variants", context=context, training=training, vectors=vectors)
    with whole_file(out / "PRIOR.md") as part:
        text = prior_text(evaluation.metrics, evaluation.rows, fitted, tried.metrics.chains)
        part.write_text(text, encoding="utf-8")
    print(f"wrote {out}/PRIOR.md and {out}/RESULTS.md")


if __name__ == "__main__":
    main()

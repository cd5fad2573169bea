"""The L1 prior on real speech: fitted on L2-ARCTIC's 18 training speakers, tried on the 6 test speakers.

    python scripts/real_labels.py --out runs/real-labels

What is scored is what a published recogniser (CNN-RNN-CTC, arXiv 2104.08428) heard in 900 real recordings. Needs the
published phone labels in l2arctic-labels under $ASHEARD_DATA (default ../shared), which stay where they are. Writes
`prior.json`, the evaluation (`metrics.json`, `RESULTS.md`, ...), and `PRIOR.md` with the tables about the prior; the
other designs of a prior, which chose nothing, into `variants/`.

Gold and training labels are in one phone set of 36, aligned by hand, and so is the prior; predictions are folded to it
(`asheard.evaluation` does that by itself). The finer gold of 39 phones is not aligned, and the training labels cannot
be refined without guessing what the annotators heard. Positions come from words rebuilt by `word_cut`, on both sides.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from asheard.corpora.table import read_gold
from asheard.corpora.transcripts import read_transcripts
from asheard.evaluation import ChainRun, Context, evaluate_runs, write_report
from asheard.evaluation.labels import ATYPICAL_ERRORS_CAUGHT, F1, F1_STRICT, FRR, FRR_CLASS, PER, LabelMeasures
from asheard.evaluation.metrics import ChainSummary, Difference, Metrics
from asheard.evaluation.report.tables import markdown_table, number, percent, points, probability, with_interval
from asheard.evaluation.systems import behind_prior
from asheard.io.files import whole_file
from asheard.phones import load_vectors
from asheard.prior import fit_prior
from no_ears import write_habits
from prior_variants import Fitted, fit_variants
from word_cut import with_positions

CHAIN = "cnn-rnn-ctc"
RATES = {
    "FRR": FRR,
    "FRR by class": FRR_CLASS,
    "atypical errors caught": ATYPICAL_ERRORS_CAUGHT,
    "F1": F1,
    "strict F1": F1_STRICT,
}
Chains = Mapping[str, ChainSummary[LabelMeasures]]
NOTE = "Real speech: 900 recordings of six people whom neither the recogniser nor the prior has learned from."


def prior_text(metrics: Metrics[LabelMeasures], rows: pl.DataFrame, fitted: Sequence[Fitted], tried: Chains) -> str:
    """Compose PRIOR.md.

    Args:
        metrics: of the chain without and with the default prior.
        rows: their token rows.
        fitted: every variant, as training speakers judged it.
        tried: `chains` of the metrics of all variants on the test speakers.
    """
    sections = [
        "# The L1 prior on real speech",
        f"> **{NOTE}**",
        f"`{metrics.signature}`",
        "## With and without",
        f"Per cent, with 95% intervals over the {sum(map(len, metrics.design.speakers.values()))} test speakers; "
        "p_min was chosen on training speakers. The prior changes no transcript: PER and collapse are the same.",
        _pooled(metrics.chains),
        "Paired differences, in points; p corrected for the pairs of chains (Holm).",
        _differences(metrics.differences),
        _excused(rows),
        _laxer_threshold(rows),
        "## By first language",
        "One test speaker each: the intervals are within-speaker, over utterances, and say nothing about another "
        "speaker of the L1.",
        *_by_l1(metrics.chains),
        "## The variants, on training speakers",
        "One speaker left out at a time; what the annotators heard is foreseen (bits, less is better) and classified "
        "(per cent). This is what chose the default and every p_min.",
        _on_training(fitted),
        "## The same variants, on test speakers",
        "Exploratory: looked at after the choice, and chose nothing. Per cent. The last row hears nothing: it writes "
        "what speakers of the L1 usually make of each phone, from the same counts.",
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


def _excused(rows: pl.DataFrame) -> str:
    """What stood at the positions that the prior alone lets pass."""
    called = rows.pivot("chain", index=["speaker", "utt", "index", "error_type", "l1_typical"], values="class_pred")
    excused = called.filter((pl.col(CHAIN) == "error") & (pl.col(behind_prior(CHAIN)) == "variant"))
    right = excused.filter(error_type="ok").height
    typical = excused.filter(pl.col("l1_typical")).height
    return (
        f"Of the {called.filter(pl.col(CHAIN) == 'error').height} positions called an error, the prior excuses "
        f"{excused.height}: {right} had been said right, {typical} are L1-typical substitutions, and "
        f"{excused.height - right - typical} are other errors. F1 counts what is L1-typical as an error to be caught."
    )


def _laxer_threshold(rows: pl.DataFrame) -> str:
    """Whether a larger threshold for everybody would do what the prior does."""
    acceptable = (pl.col("error_type") == "ok") | pl.col("l1_typical")
    behind = rows.filter(chain=behind_prior(CHAIN)).with_columns(rejected=pl.col("class_pred") == "error")
    guard = behind.filter(~acceptable)["rejected"].mean()
    plain = rows.filter(chain=CHAIN)
    accepted, errors = (np.sort(plain.filter(group)["cos_dist"].to_numpy()) for group in (acceptable, ~acceptable))
    thresholds = np.unique(plain["cos_dist"].to_numpy())
    caught, frr_class = (1 - np.searchsorted(side, thresholds) / side.size for side in (errors, accepted))
    best = frr_class[caught >= guard].min()
    return (
        f"Without a prior, of the thresholds that still catch {percent(guard)}% of the atypical errors, the best has "
        f"an FRR by class of {percent(best)}%; with the prior it is "
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
        parser.error(f"{labels}: no such folder; put the published labels there, or name its parent in ASHEARD_DATA")
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
    deaf = write_habits(training, gold)
    runs = [plain, *(replace(plain, chain=row.name, prior=row.prior) for row in fitted), deaf]
    context = replace(context, p_min=())
    tried = evaluate_runs(gold, runs, out=out / "variants", context=context, training=training, vectors=vectors)
    with whole_file(out / "PRIOR.md") as part:
        text = prior_text(evaluation.metrics, evaluation.rows, fitted, tried.metrics.chains)
        part.write_text(text, encoding="utf-8")
    print(f"wrote {out}/PRIOR.md and {out}/RESULTS.md")


if __name__ == "__main__":
    main()

"""What each number of RESULTS.md means, in the words the report prints; docs/evaluation.md says it at length.

The string without which a number of ours cannot be compared with another.

RESULTS.md: the sections in the order they are read.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import polars as pl

from asheard import __version__
from asheard.corpora.phone_scores import MISPRONOUNCED_BELOW
from asheard.evaluation.context import Context
from asheard.evaluation.decision import MAX_COLLAPSE_RATIO, MAX_P, PER_TOLERANCE, Verdict, missing_chains
from asheard.evaluation.labels import LABELS
from asheard.evaluation.ranking import scheme_of
from asheard.evaluation.report.background import design, l1_notes, p_min, set_apart, shared_prompts, validation
from asheard.evaluation.report.distances import detection, dissociations
from asheard.evaluation.report.figures import (
    COLLAPSE_FIGURE,
    CONFUSIONS_FIGURE,
    DETECTION_FIGURE,
    DISTANCES_FIGURE,
    MISSED_FIGURE,
    PHONES_FIGURE,
    TRADEOFF_FIGURE,
)
from asheard.evaluation.report.misses import confusions, errors_missed, phones_that_collapse
from asheard.evaluation.report.rates import by_l1, differences, l1_declared_or_unknown, published, ranked, seeds
from asheard.evaluation.report.scores import curves, ranked_by_scores
from asheard.evaluation.separation import ALPHA, MAX_D2_COLLAPSE
from asheard.evaluation.systems import ChainRun
from asheard.evaluation.tokens import RIGHT_FROM
from asheard.phones import Vectors
from asheard.phones.alignment import INDEL_COST
from asheard.prior import GUARD_TOLERANCE

_NOT_WORSE: Final = f"{100 * PER_TOLERANCE:.1f} points of PER, {100 * GUARD_TOLERANCE:.1f} of errors caught"

DEFINITIONS: Final = f"""\
Positions are canonical phones; a prediction is aligned to them by articulatory distance. cos_dist is the \
distance from the canonical phone to what was written there: 0 the same phone, 1 nothing written.

- PER: unit-cost edits of the prediction against the produced phones / produced phones.
- collapse: substitutions where the canonical was written / substitutions.
- called error: a position where cos_dist is at or above the threshold and, behind a prior, where speakers \
of this L1 do not usually say what was written. A deletion is always an error.
- L1-typical: a substitution that makes up at least 5% and at least 5 tokens of its canonical phone among \
the training speakers of the L1.
- FRR by class: ok and L1-typical positions called error / ok and L1-typical positions. FRR at threshold: of \
ok alone.
- atypical errors caught: L1-atypical errors called error / L1-atypical errors (substitutions that are not \
L1-typical, deletions, and sounds the annotator could not name). It guards FRR by class: who excuses \
everything catches nothing.
- Published: of what was said right, TA was accepted and FR rejected; of what was said wrong, additions included, FA \
was accepted, CD rejected with the phone that was said, DE rejected with another. Accepted: the canonical was \
written or, behind a prior, what the prior excuses. TR = CD + DE. FRR = FR / (TA + FR), FAR = FA / (FA + TR), \
DER = DE / TR, precision = TR / (TR + FR), recall = TR / (TR + FA), F1 = 2 TR / (2 TR + FR + FA). This FRR is of \
whole sequences by unit-cost alignment and knows no threshold; FRR at threshold is of distances.
- strict F1: F1 with a position that was said right counted as FR, too, where a phone was inserted at it.
- D1: are distances larger at substitutions than at ok? One-sided Mann-Whitney; AUC is the share of (ok, \
substitution) pairs in order, ties counting half. Passes at p < {ALPHA}.
- D2: is the 75th percentile of the ok distances below the 25th of the substitutions'? gap is the second less the \
first. It fails where more than {100 * MAX_D2_COLLAPSE:.0f}% of the substitutions are at distance 0, that is, collapsed.
- D3: Spearman's rank correlation, over substitutions, of the distance written with the distance said.
- Over seeds: p, AUC, percentiles and rates are means; a test passes where it passes with every seed.
- GO: the ratio of faithful to off-the-shelf collapse is at most {MAX_COLLAPSE_RATIO} with its whole interval, D2 \
passes with the interval of its gap above 0, PER not worse. Encoder: it lowers collapse or FRR by class against the \
faithful chain (either at half the level, for the two chances), PER not worse. Scorer: it lowers FRR by class, \
atypical errors caught not worse. Lower: the paired difference is below 0 at p < {MAX_P:.2g}. Not worse: its whole \
interval is within {_NOT_WORSE}.
- n/a: the denominator is zero, or the statistic is undefined on these data; never counted as 0."""

SCORE_DEFINITIONS: Final = f"""\
Positions are canonical phones; a prediction is aligned to them by articulatory distance. A score is the mean of \
several experts', 0 to 2: right from {RIGHT_FROM:g}, wrong below {MISPRONOUNCED_BELOW:g}. Rejected: anything but \
the canonical was written there, at whatever distance.

- collapse: wrong phones where the canonical was written / wrong phones.
- FRR: right phones rejected / right phones.
- closeness: the chain's own score of the position, where it gives one; else minus the distance from the canonical \
phone to what was written there (0 the same phone, 1 nothing written). Nothing is fitted to the scores.
- AUC: the share of (right, wrong) pairs in which the right phone is closer, ties counting half; 0.5 is chance.
- PCC: Pearson's correlation of closeness with the score, over all scored phones; position scores enter as the \
probability they stand for.
- precision: wrong phones rejected / scored phones rejected. recall: wrong phones rejected / wrong phones, which is \
what does not collapse. F1 = 2 wrong rejected / (rejected + wrong).
- PER against canonical: unit-cost edits of the prediction against the canonical phones / canonical phones. Not the \
PER of other reports, which is against what was said.
- Over seeds: means.
- n/a: the denominator is zero, or the statistic is undefined on these data; never counted as 0."""


def signature(
    context: Context,
    *,
    runs: Sequence[ChainRun],
    vectors: Vectors,
    merges: Mapping[str, str],
    num_utterances: int,
    num_training_speakers: Sequence[int],
    only_scores: bool = False,
) -> str:
    """Name everything that moves the numbers, in the manner of sacreBLEU.

    Args:
        context: corpus, split and base.
        runs: for their seeds, and for their priors and the p_min of each.
        vectors: the distances and the threshold used.
        merges: phones folded together on both sides because the gold does not tell them apart.
        num_utterances: that were scored.
        num_training_speakers: behind the L1-typical substitutions of each fold.
        only_scores: the gold has expert scores and no labels.
    Returns:
        key:value fields joined by "|".
    """
    values = {
        "corpus": context.corpus,
        "split": context.split,
        "utterances": str(num_utterances),
        "base": context.base,
        "seeds": ",".join(map(str, sorted({run.seed for run in runs}))),
        "vectors": vectors.digest,
        "threshold": f"{vectors.threshold:g}",
        "prior": ",".join(sorted({f"{run.prior.options}@{run.prior.p_min:g}" for run in runs if run.prior})) or "none",
        "aligner": f"wper+indel{INDEL_COST:g}",
        "per": "unit+kaldi-ties",
        "folding": ",".join(f"{fine}>{coarse}" for fine, coarse in sorted(merges.items())) or "none",
        "l1_typical": ",".join(f"{number}speakers" for number in sorted(set(num_training_speakers) - {0})) or "none",
        "version": __version__,
    }
    if only_scores:
        values["gold"] = f"scores:wrong<{MISPRONOUNCED_BELOW:g},right>={RIGHT_FROM:g}"
    return "|".join(f"{key}:{value.replace('|', '/')}" for key, value in values.items())


def results_text(
    rows: pl.DataFrame, metrics: Mapping[str, Any], context: Context, verdict: Verdict | None, plots: str
) -> str:
    """Compose RESULTS.md.

    Args:
        rows: token rows of every chain and seed.
        metrics: the contents of metrics.json.
        context: what is said beside the numbers.
        verdict: None where there is none.
        plots: folder of the pictures, relative to the text.
    Returns:
        Markdown; each paragraph is one line, and below each table stands the signature of its numbers.
    """
    blocks = [
        f"# Results: {context.corpus}",
        *(f"> **{note}**" for note in context.notes),
        f"`{metrics['signature']}`",
        *(
            _of_labels(rows, metrics, context, verdict, plots)
            if scheme_of(metrics) is LABELS
            else _of_scores(rows, metrics, context, plots)
        ),
    ]
    return "\n\n".join(_signed(blocks, metrics["signature"])) + "\n"


def _of_labels(
    rows: pl.DataFrame, metrics: Mapping[str, Any], context: Context, verdict: Verdict | None, plots: str
) -> list[str]:
    return [
        *ranked(metrics),
        *shared_prompts(context),
        f"![Collapse by chain and first language]({plots}/{COLLAPSE_FIGURE})",
        *design(metrics),
        *_verdict(metrics["chains"], verdict),
        *published(metrics),
        *differences(metrics),
        *seeds(metrics),
        *by_l1(metrics),
        "\n".join(f"- {note}" for note in l1_notes(rows, metrics["chains"])),
        *confusions(rows, metrics),
        f"![What was said and what was written, for each first language]({plots}/{CONFUSIONS_FIGURE})",
        *errors_missed(rows, metrics),
        f"![The errors most often missed, for each first language]({plots}/{MISSED_FIGURE})",
        *phones_that_collapse(rows, metrics),
        f"![Collapse by canonical phone and syllable position]({plots}/{PHONES_FIGURE})",
        *detection(rows, metrics),
        f"![False rejections against missed substitutions]({plots}/{DETECTION_FIGURE})",
        *dissociations(metrics),
        f"![Distances at correct and at substituted positions]({plots}/{DISTANCES_FIGURE})",
        *l1_declared_or_unknown(metrics),
        *p_min(context),
        *set_apart(metrics, context),
        *validation(context),
        "## What is counted",
        DEFINITIONS,
    ]


def _of_scores(rows: pl.DataFrame, metrics: Mapping[str, Any], context: Context, plots: str) -> list[str]:
    return [
        *ranked_by_scores(metrics),
        *shared_prompts(context),
        f"![False rejections against collapse]({plots}/{TRADEOFF_FIGURE})",
        *curves(rows, metrics),
        *design(metrics),
        *differences(metrics),
        *seeds(metrics),
        *(by_l1(metrics) if len(metrics["design"]["speakers"]) > 1 else ()),
        *set_apart(metrics, context),
        *validation(context),
        "## What is counted",
        SCORE_DEFINITIONS,
    ]


def _signed(blocks: Iterable[str], signature: str) -> Iterable[str]:
    for block in blocks:
        yield block
        if block.startswith("|"):
            yield f"<sub>`{signature}`</sub>"


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

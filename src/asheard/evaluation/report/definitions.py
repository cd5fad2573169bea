"""Definitions of the terms of RESULTS.md, below its first table and at its end. Those of metrics are in the metrics."""

from typing import Final

from asheard.corpora.phone_scores import MISPRONOUNCED_BELOW
from asheard.evaluation.decision import MAX_COLLAPSE_RATIO, MAX_P, PER_TOLERANCE
from asheard.evaluation.separation import ALPHA, MAX_D2_COLLAPSE
from asheard.evaluation.tokens import RIGHT_FROM
from asheard.prior import GUARD_TOLERANCE

FIRST_TERMS: Final = {
    "chain": "a transcriber and the scorer behind it",
    "canonical": "the phone in the dictionary",
    "substitution": "a position where the speaker said another phone than the canonical",
    "PER": "phone error rate: edits between the phones a chain wrote and the phones that were said",
    "collapse": "share of the substitutions where the chain wrote the canonical, so that the error is lost",
    "FRR by class": "false rejection rate: share of the positions that are right, or typical of the speaker's first "
    "language (L1), that are called an error",
    "atypical errors caught": "share of the other errors that are called an error",
    "strict F1": "how well errors are found, with wrongly inserted phones counted as false alarms",
}

FIRST_SCORE_TERMS: Final = {
    "chain": "a transcriber and the scorer behind it",
    "canonical": "the phone in the dictionary",
    "AUC": "share of the pairs of a right and a wrong phone that the chain puts in the right order; 0.5 is chance",
    "PCC": "correlation of the chain score (see Definitions) with the experts' scores",
    "collapse": "share of the wrong phones where the chain wrote the canonical, so that the error is lost",
    "FRR": "false rejection rate: share of the right phones where the chain wrote another phone",
    "PER against canonical": "edits between the phones a chain wrote and the canonical phones",
}

_UNDEFINED: Final = "the denominator is zero, or the statistic is undefined on these data. It is never counted as 0."

ABOUT_POSITIONS: Final = (
    "A position is a canonical phone. A prediction is aligned to the positions by articulatory distance. cos_dist is "
    "the distance between the canonical phone and the written phone: 0 is the same phone, 1 is nothing written."
)

DEFINITIONS: Final = {  # beside those of the metrics
    "called error": "a position where cos_dist is at or above the threshold. With a prior, the written phone must also "
    "be one that speakers of this L1 do not usually say there. A deletion is always called an error.",
    "L1-typical": "a substitution that makes up at least 5% and at least 5 tokens of its canonical phone among the "
    "training speakers of the L1.",
    "L1-atypical errors": "substitutions that are not L1-typical, deletions, and sounds the annotator could not name. "
    "The share of them that is caught guards FRR by class: a scorer that accepts everything catches no error.",
    "TA, FR": "positions said right that were accepted, rejected.",
    "FA, CD, DE": "positions said wrong, additions included, that were accepted (FA), rejected with the phone that was "
    "said (CD), rejected with another phone (DE).",
    "accepted": "the canonical was written. With a prior, what the prior accepts is accepted too.",
    "published rates": "TR = CD + DE. FRR = FR / (TA + FR), FAR = FA / (FA + TR), DER = DE / TR, precision = TR / (TR "
    "+ FR), recall = TR / (TR + FA), F1 = 2 TR / (2 TR + FR + FA). This FRR is counted on whole sequences by unit-cost "
    "alignment and has no threshold. FRR at threshold is counted on distances.",
    "D1": "are distances larger at substitutions than at ok positions? One-sided Mann-Whitney test. AUC is the share "
    f"of (ok, substitution) pairs in the right order; ties count half. Passes at p < {ALPHA}.",
    "D2": "is the 75th percentile of the ok distances below the 25th percentile of the substitutions'? gap is the "
    f"second minus the first. D2 fails if more than {100 * MAX_D2_COLLAPSE:.0f}% of the substitutions are at distance "
    "0, that is, collapsed.",
    "D3": "Spearman's rank correlation, over substitutions, of the written distance with the said distance.",
    "over seeds": "p, AUC, percentiles and rates are means. A test passes if it passes with every seed.",
    "GO": f"the ratio of faithful to off-the-shelf collapse is at most {MAX_COLLAPSE_RATIO} with its whole interval; "
    "D2 passes and the interval of its gap is above 0; PER is not worse.",
    "encoder": "the L1 lives there if it lowers collapse or FRR by class against the faithful chain, and PER is not "
    "worse. There are two chances, so each is tested at half the level.",
    "scorer": "the L1 lives there if it lowers FRR by class, and atypical errors caught is not worse.",
    "lower": f"the paired difference is below 0 at p < {MAX_P:.2g}.",
    "not worse": f"the whole interval of the difference is within {100 * PER_TOLERANCE:.1f} points of PER, "
    f"{100 * GUARD_TOLERANCE:.1f} of errors caught.",
    "n/a": _UNDEFINED,
}

ABOUT_SCORE_POSITIONS: Final = (
    "A position is a canonical phone. A prediction is aligned to the positions by articulatory distance. A score is "
    f"the mean of several experts' scores, 0 to 2. Right: {RIGHT_FROM:g} or more. Wrong: below {MISPRONOUNCED_BELOW:g}."
    " Rejected: the chain wrote anything but the canonical there, at any distance."
)

SCORE_DEFINITIONS: Final = {
    "chain score": "the chain's own score of the position if it gives one. Otherwise minus the distance "
    "between the canonical phone and the written phone (0 is the same phone, 1 is nothing written). Nothing is fitted "
    "to the scores.",
    "over seeds": "means.",
    "n/a": _UNDEFINED,
}

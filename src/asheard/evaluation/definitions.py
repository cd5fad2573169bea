"""What each number of RESULTS.md means, in the words the report prints; docs/metrics.md says it at length."""

from typing import Final

from asheard.corpora.scored import MISPRONOUNCED_BELOW
from asheard.evaluation.dissociations import ALPHA, MAX_D2_COLLAPSE
from asheard.evaluation.scores import RIGHT_FROM
from asheard.evaluation.verdict import MAX_COLLAPSE_RATIO, MAX_P, PER_TOLERANCE
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

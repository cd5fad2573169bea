"""The string without which a number of ours cannot be compared with another."""

from collections.abc import Mapping, Sequence

from asheard import __version__
from asheard.alignment import INDEL_COST
from asheard.corpora.scored import MISPRONOUNCED_BELOW
from asheard.evaluation.chains import ChainRun
from asheard.evaluation.context import Context
from asheard.evaluation.scores import RIGHT_FROM
from asheard.phones import Vectors


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

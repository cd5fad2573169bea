"""The string without which a number of ours cannot be compared with another."""

from collections.abc import Mapping, Sequence

from asheard import __version__
from asheard.alignment import INDEL_COST
from asheard.evaluation.chains import ChainRun
from asheard.evaluation.context import Context
from asheard.phones import Vectors


def signature(
    context: Context,
    *,
    runs: Sequence[ChainRun],
    vectors: Vectors,
    merges: Mapping[str, str],
    num_training_speakers: int,
) -> str:
    """Name everything that moves the numbers, in the manner of sacreBLEU.

    Args:
        context: corpus, split and base.
        runs: for their seeds and the p_min of their priors.
        vectors: the distances and the threshold used.
        merges: phones folded together on both sides because the gold does not tell them apart.
        num_training_speakers: behind the L1-typical substitutions.
    Returns:
        key:value fields joined by "|".
    """
    values = {
        "corpus": context.corpus,
        "split": context.split,
        "base": context.base,
        "seeds": ",".join(map(str, sorted({run.seed for run in runs}))),
        "vectors": vectors.digest,
        "threshold": f"{vectors.threshold:g}",
        "p_min": ",".join(f"{p_min:g}" for p_min in sorted({run.prior.p_min for run in runs if run.prior})) or "none",
        "aligner": f"wper+indel{INDEL_COST:g}",
        "per": "unit",
        "folding": ",".join(f"{fine}>{coarse}" for fine, coarse in sorted(merges.items())) or "none",
        "l1_typical": f"{num_training_speakers}speakers" if num_training_speakers else "none",
        "version": __version__,
    }
    return "|".join(f"{key}:{value.replace('|', '/')}" for key, value in values.items())

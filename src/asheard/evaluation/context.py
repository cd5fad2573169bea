"""Facts about an evaluation that token rows do not hold: the corpus, exclusions, training; and the signature."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from asheard import __version__
from asheard.evaluation.runs import ChainRun
from asheard.io.files import read_json, write_json
from asheard.io.typed_json import record_from_json
from asheard.phones import Vectors
from asheard.phones.alignment import INDEL_COST
from asheard.prior import PMinChoice

SYNTHETIC_NOTE: Final = (
    "The embedded corpus is synthetic: eSpeak NG speaks, and the errors are drawn from counts of real learners' "
    "errors. These numbers show that the study runs; they prove nothing about people."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """Validation after one epoch of training: PER, and the accuracy of the L1 classifier if the model has one."""

    chain: str
    seed: int
    epoch: int
    per: float
    l1_accuracy: float | None = None
    fold: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The corpus, the split and the training behind an evaluation.

    corpus, split, base: test material and the recogniser that training started from, for the signature. notes: the
    first lines of the report. excluded: how many items were left out, by reason. num_shared_prompts: prompts that occur
    both in training and in test. num_sharing: training utterances of these prompts. Both are of the fold with the most,
    and None if unknown. p_min: how the p_min of each fold's prior was chosen. validation: every epoch of every seed.
    """

    corpus: str
    split: str
    base: str = "none"
    notes: tuple[str, ...] = ()
    excluded: Mapping[str, int] = field(default_factory=dict)
    num_shared_prompts: int | None = None
    num_sharing: int | None = None
    p_min: tuple[PMinChoice, ...] = ()
    validation: tuple[Epoch, ...] = ()


def write_context(path: Path, context: Context) -> None:
    """Write a context as JSON."""
    write_json(path, asdict(context))


def read_context(path: Path) -> Context:
    """Read a context.

    Raises:
        CorpusError: the file is missing or holds something else.
    """
    context: Context = record_from_json(Context, read_json(path), str(path))
    return context


def signature(
    context: Context,
    *,
    runs: Sequence[ChainRun],
    vectors: Vectors,
    coarsening: Mapping[str, str],
    num_utterances: int,
    num_training_speakers: Sequence[int],
    scheme_fields: Mapping[str, str],
) -> str:
    """Name everything that changes the numbers, in the manner of sacreBLEU.

    Args:
        context: corpus, split and base.
        runs: for their seeds, and for their priors and the p_min of each.
        vectors: the distances and the threshold.
        coarsening: phones folded on both sides because the gold does not distinguish them.
        num_utterances: that were scored.
        num_training_speakers: of each fold, from which L1-typical substitutions were counted.
        scheme_fields: more fields, of the kind of gold.
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
        "folding": ",".join(f"{fine}>{coarse}" for fine, coarse in sorted(coarsening.items())) or "none",
        "l1_typical": ",".join(f"{number}speakers" for number in sorted(set(num_training_speakers) - {0})) or "none",
        "version": __version__,
        **scheme_fields,
    }
    return "|".join(f"{key}:{value.replace('|', '/')}" for key, value in values.items())

"""The chains that are ranked, and one run of a chain."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from asheard.corpora.records import Prediction, Utterance
from asheard.corpora.utterance_names import shown
from asheard.errors import CorpusError
from asheard.prior import Prior

OFF_THE_SHELF: Final = "off-the-shelf"
FAITHFUL: Final = "ft-l2-faithful"
L1_ENCODER: Final = "ft-l2-l1-encoder"
L1_PRIOR: Final = "faithful+l1-prior"
CHAINS: Final = (OFF_THE_SHELF, FAITHFUL, L1_ENCODER, L1_PRIOR)  # the verdict rests on these

# Posteriors of the faithful transcriber instead of its transcript; ranked, and no part of the verdict.
GOP: Final = "gop"
GOP_PRIOR: Final = "gop+l1-prior"  # the prior inside the ratio of likelihoods, not behind a transcript

# Shown beside the others, not ranked.
L1_ENCODER_UNKNOWN: Final = "ft-l2-l1-encoder-unknown"  # the encoder chain, L1 not declared
COPY_CANONICAL: Final = "copy the canonical"  # what hears no error at all gets these numbers


_BEHIND_PRIOR: Final = {FAITHFUL: L1_PRIOR, GOP: "gop-behind-l1-prior"}


def behind_prior(chain: str) -> str:
    """The name of `chain` with the prior scoring behind it."""
    return _BEHIND_PRIOR.get(chain, f"{chain}+l1-prior")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRun:
    """What one chain wrote for the whole test set with one seed.

    chain: one of CHAINS, or any other name for an outside transcriber. seed: 0 for a transcriber that has none. prior:
    the scorer behind the transcriber; None classes by the distance threshold alone.
    """

    chain: str
    predictions: Sequence[Prediction]
    seed: int = 0
    prior: Prior | None = None

    @property
    def name(self) -> str:
        """Chain and seed, for messages."""
        return f"chain {self.chain}, seed {self.seed}"

    def phones_for(self, gold: Sequence[Utterance]) -> list[tuple[str, ...]]:
        """The run's phones for each of the utterances."""
        phones = {prediction.key: prediction.phones for prediction in self.predictions}
        return [phones[utterance.key] for utterance in gold]

    @property
    def scores_positions(self) -> bool:
        """Whether it scores the canonical phones itself."""
        return any(prediction.position_scores is not None for prediction in self.predictions)

    def position_scores_for(self, gold: Sequence[Utterance]) -> list[float | None]:
        """The run's scores of all canonical positions of the utterances, one after the other; None where it has none.

        Raises:
            CorpusError: there are not as many as canonical phones; naming the utterance.
        """
        if not self.scores_positions:
            return [None for utterance in gold for _ in utterance.canonical]
        given = {prediction.key: prediction.position_scores or () for prediction in self.predictions}
        for utterance in gold:
            if len(given[utterance.key]) != len(utterance.canonical):
                raise CorpusError(
                    f"{self.name}: {len(given[utterance.key])} position_scores for the {len(utterance.canonical)} "
                    f"canonical phones of {shown(utterance.key)}; score all of every utterance, or leave the field out"
                )
        return [score for utterance in gold for score in given[utterance.key]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Speakers kept for testing, and what was made without them.

    gold: their utterances. runs: chains and seeds; each predicts exactly the gold utterances. training: utterances of
    the other speakers, for what is L1-typical; without them nothing is.
    """

    gold: Sequence[Utterance]
    runs: Sequence[ChainRun]
    training: Sequence[Utterance] = ()


def copy_canonical(gold: Sequence[Utterance]) -> ChainRun:
    """The run that writes what the dictionary calls for, whatever was said."""
    predictions = [Prediction(row.utt, row.speaker, COPY_CANONICAL, row.canonical) for row in gold]
    return ChainRun(chain=COPY_CANONICAL, predictions=predictions)

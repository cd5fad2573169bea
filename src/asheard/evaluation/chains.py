"""The chains that are ranked, and one run of a chain."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from asheard.corpora.records import Prediction, Utterance
from asheard.prior import Prior

OFF_THE_SHELF: Final = "off-the-shelf"
FAITHFUL: Final = "ft-l2-faithful"
L1_ENCODER: Final = "ft-l2-l1-encoder"
L1_PRIOR: Final = "faithful+l1-prior"
CHAINS: Final = (OFF_THE_SHELF, FAITHFUL, L1_ENCODER, L1_PRIOR)

# Shown beside the others, not ranked.
L1_ENCODER_UNKNOWN: Final = "ft-l2-l1-encoder-unknown"  # the encoder chain, L1 not declared
COPY_CANONICAL: Final = "copy the canonical"  # what hears no error at all gets these numbers


def behind_prior(chain: str) -> str:
    """The name of `chain` with the prior scoring behind it."""
    return L1_PRIOR if chain == FAITHFUL else f"{chain}+l1-prior"


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

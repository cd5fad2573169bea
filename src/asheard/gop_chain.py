"""The chain `gop`: what it is made with, and how it takes a transcriber's place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from asheard.corpora.records import Utterance
from asheard.errors import CorpusError, ModelError
from asheard.files import content_digest
from asheard.transcript import PosteriorTranscriber, Transcriber

if TYPE_CHECKING:
    from asheard.goodness import GopScorer


@dataclass(frozen=True, slots=True, kw_only=True)
class Gop:
    """Score the canonical phones by the model's posteriors instead of transcribing.

    calibration: file of `asheard gop calibrate`; None takes the ratios as log-odds. prior: file of `asheard prior fit`;
    None: all alternatives are equally probable beforehand.
    """

    calibration: Path | None = None
    prior: Path | None = None

    @property
    def chain(self) -> str:
        """The name of the chain."""
        from asheard.evaluation.chains import GOP, GOP_PRIOR

        return GOP if self.prior is None else GOP_PRIOR

    def files(self) -> list[str | None]:
        """Digests of calibration and prior."""
        return [None if path is None else content_digest(path) for path in (self.calibration, self.prior)]

    def scorer(
        self, transcriber: Transcriber, rows: Sequence[Utterance], where: Callable[[Utterance], str]
    ) -> "GopScorer":
        """What scores utterances by what a transcriber hears in their recordings.

        Args:
            transcriber: a model of ours.
            rows: all utterances that will be scored; phones that their annotation does not tell apart are not held
                against each other.
            where: names an utterance, for messages.
        Raises:
            ModelError: the transcriber gives no posteriors, or the calibration is none.
            CorpusError: a file cannot be read, an utterance has no canonical phones, or the prior does not know its L1.
        """
        if not isinstance(transcriber, PosteriorTranscriber):
            raise ModelError(
                f"{transcriber.kind} gives no posteriors of the 40 phones to score with; give a model folder of ours "
                "(asheard train), or leave --gop out"
            )
        from asheard.evaluation.merges import merges_of
        from asheard.goodness import GopScorer

        scorer = GopScorer.load(self.calibration, self.prior, merges_of(rows))
        for row in rows:
            try:
                scorer.check(row)
            except CorpusError as error:
                raise CorpusError(f"{where(row)} {error}") from None
        return scorer

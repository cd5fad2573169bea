"""Predictions with a score for each canonical phone, for evaluation: the chain `gop`. A killed call resumes.

`score_predictions` writes them, `calibrate` fits the calibration of their scores.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asheard import __version__
from asheard.corpora.chains import GOP, GOP_PRIOR
from asheard.corpora.coarsening import coarsening_of
from asheard.corpora.records import (
    ErrorType,
    Prediction,
    Utterance,
    prediction_to_json,
    read_manifest,
    read_predictions,
)
from asheard.errors import CorpusError, ModelError, NoSpeechError
from asheard.io.audio import LONGEST_READING_S, load_audio
from asheard.io.digests import content_digest
from asheard.io.resume import resumable_rows
from asheard.io.speech import check_speech
from asheard.prior import load_prior
from asheard.pronunciation.batch import BatchReport, describe_utterance, wav_of, write_rows
from asheard.pronunciation.calibration import Calibration, fit_calibration, load_calibration
from asheard.pronunciation.gop import GopScorer, GopScores
from asheard.recognition.load import load_recogniser
from asheard.recognition.protocol import Recogniser
from asheard.recognition.shards import MapShards, run_job


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionJob:
    """How utterances become rows of predictions, in this process or, pickled, in another one.

    model: as `load_recogniser` takes it. version: the loaded recogniser's. chain: name of the predictions. gop: the
    scorer. merges: phones that the annotation never tells from others, with these. l1_given: whether an L1-aware model
    is given the L1. manifest, wav_root, audio_cache: as in `score_predictions`.
    """

    model: str | Path
    version: str
    chain: str
    gop: GopScorer
    merges: dict[str, str]
    l1_given: bool
    manifest: Path
    wav_root: Path
    audio_cache: Path | None

    def rows(self, recogniser: Recogniser, utterances: Sequence[Utterance]) -> list[dict[str, Any]]:
        """Score some utterances with the loaded recogniser. Return their rows in order."""
        waveforms = [self._load(row) for row in utterances]
        recognitions = recogniser.recognise(waveforms, [row.l1 if self.l1_given else None for row in utterances])
        rows = []
        for row, waveform, recognition in zip(utterances, waveforms, recognitions, strict=True):
            assert recognition.posteriors is not None
            tokens = [token for token in row.tokens if token.canonical is not None]
            scored = self.gop.score(
                recognition.posteriors.log_probs,
                row.canonical,
                [token.position for token in tokens],
                row.l1,
                self.merges,
            )
            rows.append(self._row(row, waveform, scored))
        return rows

    def _row(self, row: Utterance, waveform: NDArray[np.float32], scored: GopScores) -> dict[str, Any]:
        prediction = Prediction(
            utt=row.utt,
            speaker=row.speaker,
            chain=self.chain,
            phones=scored.phones,
            confidences=scored.confidences,
            position_scores=scored.scores,
        )
        entry: dict[str, Any] = {"prediction": prediction_to_json(prediction)}
        try:
            check_speech(str(row.wav), waveform, scored.phones)
        except NoSpeechError as error:
            entry["without_speech"] = str(error)
        return entry

    def _load(self, row: Utterance) -> NDArray[np.float32]:
        where = describe_utterance(self.manifest, row)
        try:
            return load_audio(self.wav_root, wav_of(where, row), cache=self.audio_cache, longest_s=LONGEST_READING_S)
        except CorpusError as error:
            raise CorpusError(f"{where}: {error}") from None


def score_predictions(
    model: str | Path,
    manifest: Path,
    wav_root: Path,
    out: Path,
    *,
    chain: str | None = None,
    calibration: Path | None = None,
    prior: Path | None = None,
    l1_given: bool = True,
    audio_cache: Path | None = None,
    map_shards: MapShards | None = None,
) -> BatchReport:
    """Score the canonical phones of every utterance of a manifest into predictions: the chain `gop`.

    Args:
        model: as `load_recogniser` takes it; it must give posteriors.
        manifest: utterances (JSONL); its order is that of the predictions.
        wav_root: folder that its wav paths start from.
        out: predictions (JSONL). An older file is replaced when all rows are there.
        chain: name of the predictions; by default `gop`, or `gop+l1-prior` with a prior.
        calibration: file of `calibrate`; None takes the ratios as log-odds.
        prior: file of the scoring prior; None takes all alternatives as equally probable.
        l1_given: give an L1-aware model the manifest's L1. Others do not use it.
        audio_cache: folder for resampled recordings; None resamples each time.
        map_shards: does the work on other machines; None does it here.
    Raises:
        ModelError: the model cannot be loaded, was not trained on an L1, or gives no posteriors.
        CorpusError: the manifest, a recording or a file cannot be read, an utterance has no canonical phones, or the
            prior does not know its L1.
    """
    recogniser = load_recogniser(model)
    if not recogniser.gives_posteriors:
        raise ModelError(
            f"{recogniser.kind} gives no posteriors of the 40 phones to score with; give a model folder of ours "
            "(asheard train)"
        )
    chain = chain or default_gop_chain(prior)
    utterances = read_manifest(manifest)
    gop = GopScorer(
        Calibration() if calibration is None else load_calibration(calibration),
        None if prior is None else load_prior(prior),
    )
    for row in utterances:
        _check(describe_utterance(manifest, row), row, gop)
    job = PredictionJob(
        model=model,
        version=recogniser.version,
        chain=chain,
        gop=gop,
        merges=coarsening_of(utterances),
        l1_given=l1_given,
        manifest=manifest,
        wav_root=wav_root,
        audio_cache=audio_cache,
    )
    files = [None if path is None else content_digest(path) for path in (calibration, prior)]
    inputs = [__version__, recogniser.kind, job.version, content_digest(manifest), chain, l1_given, *files]
    with resumable_rows(out, inputs) as rows:
        run_job(job, recogniser, utterances, rows, map_shards)
        return write_rows(rows, out, [row["prediction"] for row in rows.rows()])


def default_gop_chain(prior: Path | None) -> str:
    """Return the name of the predictions of `score_predictions`."""
    return GOP if prior is None else GOP_PRIOR


def calibrate(
    model: str | Path,
    manifest: Path,
    wav_root: Path,
    out: Path,
    *,
    prior: Path | None = None,
    l1_given: bool = True,
    audio_cache: Path | None = None,
) -> Calibration:
    """Calibrate a model's scores on annotated recordings. A killed call resumes.

    A phone counts as said if the annotation says `ok`; with experts' scores, from 0.5. The ratios are kept in
    `ratios_path(out)`.

    Args:
        model: as of `score_predictions`.
        manifest: annotated utterances of speakers who are not tested; the model should not have learned from them.
        wav_root: folder that its wav paths start from.
        out: the calibration (JSON).
        prior: the prior that scores will be made with. Scores without it need another calibration.
        l1_given, audio_cache: as of `score_predictions`.
    Raises:
        CorpusError, ModelError: as of `score_predictions` and `fit_calibration`.
    """
    ratios_file = ratios_path(out)
    score_predictions(model, manifest, wav_root, ratios_file, prior=prior, l1_given=l1_given, audio_cache=audio_cache)
    ratios = [ratio for row in read_predictions(ratios_file) for ratio in row.position_scores or ()]
    said = [
        token.error_type is ErrorType.OK
        for row in read_manifest(manifest)
        for token in row.tokens
        if token.canonical is not None
    ]
    calibration = fit_calibration(np.array(ratios), np.array(said))
    calibration.save(out)
    return calibration


def ratios_path(out: Path) -> Path:
    """Return where the ratios of a calibration are kept: predictions of the chain, not calibrated."""
    return out.with_name(f"{out.name.removesuffix('.json')}.ratios.jsonl")


def _check(where: str, row: Utterance, gop: GopScorer) -> None:
    """Raise `CorpusError` if an utterance cannot be scored."""
    if not row.canonical:
        raise CorpusError(f"{where} has no canonical phones to score; build the manifest with them")
    if gop.prior and not gop.prior.knows(row.l1):
        known = ", ".join(gop.prior.tokens_per_l1)
        raise CorpusError(
            f"{where} has the L1 {row.l1!r}, and the prior knows {known}; fit one on speakers of it or, for any L1, "
            "with --pooled (asheard prior fit), or leave --prior out"
        )

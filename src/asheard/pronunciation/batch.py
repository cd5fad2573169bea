"""Score many recordings into a file, one row each. A killed call resumes.

`score_recordings` writes pronunciations, for people and apps. `score_predictions` writes predictions with a score for
each canonical phone, the chain `gop`, for evaluation. `calibrate` fits the calibration of these scores.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from asheard import __version__
from asheard.corpora.coarsening import coarsening_of
from asheard.corpora.recordings import find_recordings, recordings_digest, refuse_same_names
from asheard.corpora.records import (
    ErrorType,
    Prediction,
    Recording,
    Utterance,
    format_list,
    prediction_to_json,
    read_manifest,
    read_predictions,
)
from asheard.errors import AsHeardError, CorpusError, ModelError, NoSpeechError
from asheard.io.audio import LONGEST_READING_S, check_speech, load_audio
from asheard.io.digests import content_digest
from asheard.io.files import read_text, write_jsonl
from asheard.io.progress import ProgressBar
from asheard.io.resume import ResumableRows
from asheard.prior import load_prior
from asheard.pronunciation.calibration import Calibration, fit_calibration, load_calibration
from asheard.pronunciation.gop import GopScorer, PositionScores
from asheard.pronunciation.result import Pronunciation
from asheard.pronunciation.scorer import Model
from asheard.pronunciation.target import Target, target_of_canonical, target_of_text
from asheard.recognition.load import load_recogniser
from asheard.recognition.protocol import Recogniser

GOP: Final = "gop"  # chain: scores of canonical phones by a model's posteriors
GOP_PRIOR: Final = "gop+l1-prior"  # the same, with the scoring prior in the ratio

_TEXT_ENDINGS: Final = (".txt", ".lab")
_AT_ONCE: Final = 32  # recordings that are read, recognised and written together


@dataclass(frozen=True, slots=True)
class ScoringTask:
    """A recording and what was read in it. `recording.l1` is empty if no first language is declared."""

    recording: Recording
    target: Target

    @property
    def l1(self) -> str | None:
        """The declared first language."""
        return self.recording.l1 or None


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What a call wrote.

    num_rows: rows in the file. num_resumed: rows that an earlier, killed call had written. unread: for each recording
    without a row the reason. without_speech: for each recording whose row says that it holds no speech the reason.
    """

    num_rows: int
    num_resumed: int
    unread: tuple[str, ...]
    without_speech: tuple[str, ...]


def tasks_of_recordings(sources: Sequence[Path], target: Target | None, l1: str | None) -> list[ScoringTask]:
    """List recordings with their targets, named as `find_recordings` names them.

    Args:
        sources: recordings and folders of them.
        target: what was read in all of them. None: the text beside each, in a file of its name with .txt or .lab.
        l1: the first language of all speakers.
    Raises:
        CorpusError: a recording is missing, has no text, or has another's name.
        PhoneError: a text cannot be pronounced; the message names its file.
    """
    recordings = find_recordings(sources)
    refuse_same_names(recordings)
    targets = [target or _target_beside(Path(recording.wav)) for recording in recordings]
    if missing := [one.wav for one, found in zip(recordings, targets, strict=True) if found is None]:
        raise CorpusError(
            f"no text beside {format_list(missing)}: write it to a file of that name with .txt, or give --text"
        )
    return [
        ScoringTask(replace(recording, l1=l1 or ""), found)
        for recording, found in zip(recordings, targets, strict=True)
        if found is not None
    ]


def tasks_of_manifest(
    manifest: Path, wav_root: Path, l1: str | None = None, *, l1_given: bool = False
) -> list[ScoringTask]:
    """List the utterances of a manifest with their targets.

    The target is the annotation's canonical phones, as in `score_predictions`; of an utterance without annotation, its
    text. Phones that the annotation never tells apart are not told apart here.

    Args:
        manifest: utterances (JSONL).
        wav_root: folder that its wav paths start from.
        l1: the first language of all speakers.
        l1_given: take the manifest's first languages instead.
    Raises:
        CorpusError: an utterance has no recording, or neither text nor canonical phones.
        PhoneError: a text cannot be pronounced.
    """
    rows = read_manifest(manifest)
    merges = coarsening_of(rows)
    tasks = []
    for row in rows:
        where = _where(manifest, row)
        if not row.text and not row.canonical:
            raise CorpusError(f"{where} has neither a text nor canonical phones to be compared with")
        if row.canonical:
            target = target_of_canonical(row.canonical, row.text, merges)
        else:
            target = _named(where, row.text or "")
        recording = Recording(row.utt, row.speaker, row.l1 if l1_given else l1 or "", str(wav_root / _wav(where, row)))
        tasks.append(ScoringTask(recording, target))
    return tasks


def score_recordings(model: Model, tasks: Sequence[ScoringTask], out: Path) -> BatchReport:
    """Score recordings into a JSON Lines file: utt, speaker, and the fields of `Pronunciation.to_json`.

    A recording that cannot be read has no row. One without speech has a row of utt, speaker and `without_speech`, the
    reason. Neither stops the others.

    Args:
        model: scores.
        tasks: recordings and their targets.
        out: the file. An older one is replaced when all rows are there.
    Raises:
        CorpusError: the prior does not know an L1; a recording is missing.
        ModelError: the model fails.
    """
    for task in tasks:
        model.check_l1(task.recording.wav, task.l1)
    targets = [[task.target.text, task.target.pronunciations, task.l1] for task in tasks]
    rows = ResumableRows(
        out, [__version__, model.version, recordings_digest([one.recording for one in tasks]), targets]
    )
    with ProgressBar("score", len(tasks), completed=rows.num_resumed) as bar:
        for task in tasks[rows.num_resumed :]:
            try:
                row = scored_row(task, model.score(task.recording.wav, task.target, task.l1))
            except NoSpeechError as error:
                row = row_without_speech(task, error)
            except CorpusError as error:
                row = {"unread": str(error)}
            rows.append([row])
            bar.advance()
    return _finish(rows, out, [row for row in rows.rows() if "unread" not in row])


def scored_row(task: ScoringTask, scored: Pronunciation) -> dict[str, Any]:
    """Return the row of a scored recording."""
    return {"utt": task.recording.utt, "speaker": task.recording.speaker} | scored.to_json()


def row_without_speech(task: ScoringTask, error: NoSpeechError) -> dict[str, Any]:
    """Return the row of a recording without speech."""
    return {"utt": task.recording.utt, "speaker": task.recording.speaker, "without_speech": str(error)}


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

    def _row(self, row: Utterance, waveform: NDArray[np.float32], scored: PositionScores) -> dict[str, Any]:
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
        where = _where(self.manifest, row)
        try:
            return load_audio(self.wav_root, _wav(where, row), cache=self.audio_cache, longest_s=LONGEST_READING_S)
        except CorpusError as error:
            raise CorpusError(f"{where}: {error}") from None


Chunks = Sequence[Sequence[Utterance]]
MapChunks = Callable[[PredictionJob, Chunks], Iterable[list[dict[str, Any]]]]  # `rows` of each chunk, elsewhere


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
    map_chunks: MapChunks | None = None,
) -> BatchReport:
    """Score the canonical phones of every utterance of a manifest into predictions: the chain `gop`.

    Args:
        model: as `load_recogniser` takes it; it must give posteriors.
        manifest: utterances (JSONL); its order is that of the predictions.
        wav_root: folder that its wav paths start from.
        out: predictions (JSONL). An older file is replaced when all rows are there.
        chain: name of the predictions; by default `gop`, or `gop+l1-prior` with a prior.
        calibration: file of `calibrate`; None takes the ratios as log-odds.
        prior: file of the scoring prior; None takes all alternatives as equally probable beforehand.
        l1_given: give an L1-aware model the manifest's L1. Others do not use it.
        audio_cache: folder for resampled recordings; None resamples each time.
        map_chunks: does the work on other machines; None does it here.
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
    chain = chain or default_chain(prior)
    utterances = read_manifest(manifest)
    gop = GopScorer(
        Calibration() if calibration is None else load_calibration(calibration),
        None if prior is None else load_prior(prior),
    )
    for row in utterances:
        _check(_where(manifest, row), row, gop)
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
    rows = ResumableRows(out, inputs)
    chunks = [utterances[start : start + _AT_ONCE] for start in range(rows.num_resumed, len(utterances), _AT_ONCE)]
    done = map_chunks(job, chunks) if map_chunks else (job.rows(recogniser, chunk) for chunk in chunks)
    with ProgressBar(chain, len(utterances), completed=rows.num_resumed) as bar:
        for entries in done:
            rows.append(entries)
            bar.advance(len(entries))
    return _finish(rows, out, [row["prediction"] for row in rows.rows()])


def default_chain(prior: Path | None) -> str:
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
    return out.with_name(f"{out.stem}.ratios.jsonl")


def _finish(rows: ResumableRows, out: Path, written: list[dict[str, Any]]) -> BatchReport:
    """Write the rows to `out`, and say what became of all."""
    entries = rows.rows()
    write_jsonl(out, written)
    rows.remove()
    unread, without_speech = (
        tuple(entry[reason] for entry in entries if reason in entry) for reason in ("unread", "without_speech")
    )
    return BatchReport(len(written), rows.num_resumed, unread, without_speech)


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


def _where(manifest: Path, row: Utterance) -> str:
    return f"{manifest}: utterance {row.utt} of speaker {row.speaker}"


def _wav(where: str, row: Utterance) -> str:
    if row.wav is None:
        raise CorpusError(f"{where} has no recording (field 'wav'); build the manifest with recordings")
    return row.wav


def _target_beside(wav: Path) -> Target | None:
    for ending in _TEXT_ENDINGS:
        path = wav.with_suffix(ending)
        if path.is_file():
            return _named(str(path), read_text(path))
    return None


def _named(where: str, text: str) -> Target:
    try:
        return target_of_text(text)
    except AsHeardError as error:
        raise type(error)(f"{where}: {error}") from None

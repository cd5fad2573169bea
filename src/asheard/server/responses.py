"""From what was heard and judged to what travels."""

from collections.abc import Sequence

from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.phones.alignment import wper_align
from asheard.prior.selection import NOTE, SOURCE, real_voices_prior
from asheard.pronunciation.compare import closest_pronunciations
from asheard.pronunciation.result import Pronunciation, ScoredPhone
from asheard.pronunciation.target import Target
from asheard.recognition.protocol import Transcript
from asheard.recognition.registry import ModelConfig
from asheard.server import schemas
from asheard.server.report import render_report
from asheard.server.runtime import ModelPool, default_model
from asheard.server.studies import Study


def models(registry: ModelPool) -> schemas.Models:
    """The registry as it stands."""
    source = schemas.PriorSource(l1s=list(real_voices_prior().num_rows), source=SOURCE, note=NOTE)
    listed = [_model(registry, entry) for entry in registry.entries.values()]
    return schemas.Models(default=default_model(registry), models=listed, prior=source)


def transcription(entry: ModelConfig, transcript: Transcript, num_samples: int) -> schemas.Transcription:
    """What one model heard."""
    return schemas.Transcription(
        model=entry.name,
        phonemes=list(transcript.phones),
        confidences=_confidences(transcript),
        times_ms=_times_ms(transcript),
        duration_ms=_duration_ms(num_samples),
        coverage=entry.coverage,
        limitations=list(entry.limitations),
        left_out=list(transcript.left_out),
    )


def comparison(
    heard: Sequence[tuple[ModelConfig, Transcript]], target: Target | None, num_samples: int
) -> schemas.Comparison:
    """Transcripts aligned with each other through their backbone: the canonical phones, or the first transcript."""
    transcripts = [transcript.phones for _, transcript in heard]
    canonical = None
    if target is not None:
        canonical = [phone for phones in closest_pronunciations(target, transcripts[0]) for phone in phones]
    backbone = list(transcripts[0]) if canonical is None else canonical
    return schemas.Comparison(
        duration_ms=_duration_ms(num_samples),
        transcripts=[transcription(entry, transcript, num_samples) for entry, transcript in heard],
        canonical=canonical,
        columns=_columns(backbone, transcripts, with_canonical=canonical is not None),
    )


def pronunciation(
    scored: Pronunciation,
) -> schemas.Pronunciation:
    """A recording against its target."""
    times_ms = _times_ms(scored.transcript)
    return schemas.Pronunciation(
        model=scored.model,
        text=scored.text,
        l1=scored.l1,
        canonical=[phone.canonical for phone in scored.phones],
        score=scored.score,
        calibrated=scored.calibrated,
        duration_ms=round(scored.seconds * 1000),
        phonemes=list(scored.transcript.phones),
        confidences=_confidences(scored.transcript),
        times_ms=times_ms,
        words=[
            schemas.Word(
                word=word.word,
                pronunciation=[phone.canonical for phone in word.phones],
                score=word.score,
                positions=[_position(phone) for phone in word.phones],
            )
            for word in scored.words
        ],
        added=[
            schemas.Added(
                phone=added.phone,
                before=added.before,
                heard_index=added.heard_index,
                times_ms=times_ms[added.heard_index],
                sentence=added.feedback,
            )
            for added in scored.added
        ],
        pronunciations_scored=scored.num_pronunciations,
        prior=schemas.PriorUse(used=scored.prior.used, source=scored.prior.source, reason=scored.prior.reason),
        coverage=scored.coverage,
        limitations=list(scored.limitations),
    )


def study_verdict(study: Study) -> schemas.StudyVerdict:
    """A study in one line."""
    return schemas.StudyVerdict(
        name=study.name, go=study.go, l1=study.l1, sentence=study.sentence, synthetic=study.synthetic
    )


def study_results(study: Study) -> schemas.StudyResults:
    """A study's report."""
    markdown, plots = study.markdown, list(study.plots)
    report = render_report(markdown, plots)
    return schemas.StudyResults(**study_verdict(study).model_dump(), markdown=markdown, report=report, plots=plots)


def _model(registry: ModelPool, entry: ModelConfig) -> schemas.Model:
    loaded, reason = registry.loaded.get(entry.name), registry.broken.get(entry.name)
    return schemas.Model(
        name=entry.name,
        kind=entry.kind,
        trained_on=entry.trained_on,
        coverage=entry.coverage,
        limitations=list(entry.limitations),
        state="disabled" if reason else "loaded" if loaded else "available",
        reason=reason,
        engine=loaded.engine if loaded else None,
        probabilities=loaded.gives_probabilities if loaded else None,
        l1s=list(loaded.l1s) if loaded else [],
    )


def _columns(
    backbone: list[str], transcripts: Sequence[Sequence[str]], *, with_canonical: bool
) -> list[schemas.Column]:
    """A column for each phone of the backbone, and before each as many as the transcript with most phones there has."""
    at: list[list[int | None]] = [[None] * len(backbone) for _ in transcripts]  # transcript x position -> index
    between: list[list[list[int]]] = [[[] for _ in range(len(backbone) + 1)] for _ in transcripts]
    for row, phones in enumerate(transcripts):
        position = index = 0
        for expected, heard in wper_align(backbone, phones):
            if expected is None:
                between[row][position].append(index)
            else:
                at[row][position] = None if heard is None else index
            position += expected is not None
            index += heard is not None
    columns = []
    for position in range(len(backbone) + 1):
        for number in range(max(len(rows[position]) for rows in between)):
            indices = [rows[position][number] if number < len(rows[position]) else None for rows in between]
            columns.append(_column(None, indices, transcripts))
        if position < len(backbone):
            canonical = backbone[position] if with_canonical else None
            columns.append(_column(canonical, [rows[position] for rows in at], transcripts))
    return columns


def _column(canonical: str | None, indices: list[int | None], transcripts: Sequence[Sequence[str]]) -> schemas.Column:
    heard = [None if index is None else phones[index] for index, phones in zip(indices, transcripts, strict=True)]
    return schemas.Column(canonical=canonical, heard=heard, index=indices, differs=len(set(heard)) > 1)


def _position(phone: ScoredPhone) -> schemas.Position:
    times_ms = None
    if phone.start_s is not None and phone.end_s is not None:
        times_ms = [round(phone.start_s * 1000), round(phone.end_s * 1000)]
    return schemas.Position.model_validate(
        {
            "canonical": phone.canonical,
            "heard": phone.heard,
            "heard_index": phone.heard_index,
            "cos_dist": phone.cos_dist,
            "class": phone.class_,
            "reason": phone.reason,
            "class_without_prior": phone.class_without_prior,
            "probability": phone.probability,
            "times_ms": times_ms,
            "sentence": phone.feedback,
        }
    )


def _confidences(transcript: Transcript) -> list[float | None]:
    return [None] * len(transcript.phones) if transcript.confidences is None else list(transcript.confidences)


def _times_ms(transcript: Transcript) -> list[list[int] | None]:
    if transcript.times_s is None:
        return [None] * len(transcript.phones)
    return [[round(start * 1000), round(end * 1000)] for start, end in transcript.times_s]


def _duration_ms(num_samples: int) -> int:
    return round(num_samples * 1000 / SAMPLE_RATE_HZ)

"""Make the answers of the service: results become the schemas of `asheard.server.schemas`."""

from collections.abc import Sequence

from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.phones.alignment import wper_align
from asheard.prior import REAL_VOICES_NOTE, REAL_VOICES_SOURCE, real_voices_prior
from asheard.pronunciation.compare import closest_pronunciations
from asheard.pronunciation.target import Target
from asheard.recognition.protocol import Transcript
from asheard.recognition.registry import ModelConfig
from asheard.server import schemas
from asheard.server.report import render_report
from asheard.server.runtime import ModelPool
from asheard.server.studies import Study


def models(pool: ModelPool) -> schemas.Models:
    """List the models and their state."""
    source = schemas.PriorSource(
        l1s=list(real_voices_prior().tokens_per_l1), source=REAL_VOICES_SOURCE, note=REAL_VOICES_NOTE
    )
    listed = [_model(pool, config) for config in pool.configs.values()]
    return schemas.Models(default=pool.default, models=listed, prior=source)


def transcription(config: ModelConfig, transcript: Transcript, num_samples: int) -> schemas.Transcription:
    """Answer a transcript of a recording of `num_samples` at 16 kHz."""
    return schemas.Transcription(
        model=config.name,
        phonemes=list(transcript.phones),
        confidences=_confidences(transcript),
        times_ms=_times_ms(transcript),
        duration_ms=_duration_ms(num_samples),
        coverage=config.coverage,
        limitations=list(config.limitations),
        left_out=list(transcript.left_out),
    )


def comparison(
    transcripts: Sequence[tuple[ModelConfig, Transcript]], target: Target | None, num_samples: int
) -> schemas.Comparison:
    """Align transcripts with each other: each is aligned with the canonical phones, or with the first transcript."""
    phones = [transcript.phones for _, transcript in transcripts]
    canonical = None
    if target is not None:
        canonical = [phone for word in closest_pronunciations(target, phones[0]) for phone in word]
    backbone = list(phones[0]) if canonical is None else canonical
    return schemas.Comparison(
        duration_ms=_duration_ms(num_samples),
        transcripts=[transcription(config, transcript, num_samples) for config, transcript in transcripts],
        canonical=canonical,
        columns=_columns(backbone, phones, with_canonical=canonical is not None),
    )


def study_verdict(study: Study) -> schemas.StudyVerdict:
    """Answer a study's verdict."""
    return schemas.StudyVerdict(
        name=study.name, go=study.go, l1=study.l1, sentence=study.sentence, synthetic=study.synthetic
    )


def study_results(study: Study) -> schemas.StudyResults:
    """Answer a study's report."""
    markdown, plots, tables = study.markdown, list(study.plots), list(study.tables)
    return schemas.StudyResults(
        **study_verdict(study).model_dump(),
        markdown=markdown,
        report=render_report(markdown, plots, tables),
        plots=plots,
        tables=tables,
    )


def _model(pool: ModelPool, config: ModelConfig) -> schemas.ModelInfo:
    loaded, reason = pool.loaded.get(config.name), pool.broken.get(config.name)
    recogniser = loaded.model.recogniser if loaded else None
    return schemas.ModelInfo(
        name=config.name,
        kind=config.kind,
        trained_on=config.trained_on,
        coverage=config.coverage,
        limitations=list(config.limitations),
        state="disabled" if reason else "loaded" if loaded else "available",
        reason=reason,
        engine=recogniser.engine if recogniser else None,
        probabilities=recogniser.gives_posteriors if recogniser else None,
        l1s=list(recogniser.l1s) if recogniser else [],
    )


def _columns(
    backbone: list[str], transcripts: Sequence[Sequence[str]], *, with_canonical: bool
) -> list[schemas.Column]:
    """One column for each phone of the backbone, and columns between them for phones that it does not have.

    Between two phones of the backbone there are as many columns as the transcript with the most phones there needs.
    """
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


def _confidences(transcript: Transcript) -> list[float | None]:
    return [None] * len(transcript.phones) if transcript.confidences is None else list(transcript.confidences)


def _times_ms(transcript: Transcript) -> list[list[int] | None]:
    if transcript.times_s is None:
        return [None] * len(transcript.phones)
    return [[round(start * 1000), round(end * 1000)] for start, end in transcript.times_s]


def _duration_ms(num_samples: int) -> int:
    return round(num_samples * 1000 / SAMPLE_RATE_HZ)

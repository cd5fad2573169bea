"""`asheard transcribe`: recordings to phones, printed or written as predictions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asheard import DEFAULT_MODEL
from asheard.cli.options import L1Given, Recordings, WavRoot, check_sources, map_shards
from asheard.cli.output import Format, Table, echo, echo_json, finish_batch, print_tables

if TYPE_CHECKING:
    from asheard.corpora.records import Key
    from asheard.recognition.protocol import Transcript
    from asheard.transcription import TranscriptionReport

_Manifest = Annotated[Path | None, typer.Option("--manifest", help="Utterances to transcribe instead (JSONL).")]
_Format = Annotated[
    Format | None,
    typer.Option(
        "--format",
        help="table (printed), json (a row a recording, printed or in --out) or textgrid (in --out). By default a "
        "table, and json with --out.",
        show_default=False,
    ),
]
_Out = Annotated[
    Path | None,
    typer.Option("--out", help="Predictions (JSONL); with --format textgrid a folder for them and for TextGrids."),
]
_ModelName = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="NAME",
        help="asheard-tiny, embedded-base, hama, pocketsphinx or 'command:PROGRAM ARGUMENTS'; a model folder; folder "
        "or hub id of a published CTC recogniser.",
    ),
]
_Chain = Annotated[str | None, typer.Option("--chain", help="Name of the predictions; by default the model's chain.")]
_Threads = Annotated[
    int | None,
    typer.Option(
        "--threads", min=1, help="Recordings in parallel, a core each; by default all cores.", show_default=False
    ),
]
_Executor = Annotated[
    str, typer.Option("--executor", metavar="PLACE", help="With --out: where to transcribe, local or ray://HOST:PORT.")
]


def transcribe(
    recordings: Recordings = None,
    manifest: _Manifest = None,
    wav_root: WavRoot = None,
    format: _Format = None,
    out: _Out = None,
    model: _ModelName = DEFAULT_MODEL,
    chain: _Chain = None,
    l1_given: L1Given = True,
    threads: _Threads = None,
    executor: _Executor = "local",
) -> None:
    """Write down the phones of recordings. A killed command with --out resumes.

    In rows, utt is the file's stem and speaker the subfolder. Recordings that cannot be read, and recordings without
    speech, are listed at the end, and the exit code is 2.
    """
    _check_options(recordings, manifest, wav_root, format, out, chain, executor)
    if out is None:
        _print_all(model, recordings or [], format or Format.TABLE)
        return
    predictions = out / "predictions.jsonl" if format is Format.TEXTGRID else out
    wavs, textgrids = {}, {}
    if format is Format.TEXTGRID:
        from asheard.pronunciation.textgrids import textgrid_paths

        wavs = _wavs(recordings, manifest, wav_root)
        textgrids = textgrid_paths(out, wavs, predictions)
    report = _write_all(model, recordings, manifest, wav_root, predictions, chain, l1_given, threads, executor)
    if format is Format.TEXTGRID:
        _write_textgrids(predictions, wavs, textgrids)
    _print_report(report)


def _check_options(
    recordings: list[Path] | None,
    manifest: Path | None,
    wav_root: Path | None,
    format: Format | None,
    out: Path | None,
    chain: str | None,
    executor: str,
) -> None:
    """Refuse options that do not go together."""
    check_sources(recordings, manifest)
    if format is Format.TEXTGRID and out is None:
        raise typer.BadParameter("TextGrids are files; give the folder for them (--out)")
    if format is Format.TABLE and out is not None:
        raise typer.BadParameter("a table is printed; for --out take json or textgrid")
    if manifest is not None and (wav_root is None or out is None):
        raise typer.BadParameter("--manifest goes with --wav-root and --out")
    if manifest is None and wav_root is not None:
        raise typer.BadParameter("goes with --manifest only", param_hint="--wav-root")
    if out is None and executor != "local":
        raise typer.BadParameter("goes with --out only", param_hint="--executor")
    if out is None and chain is not None:
        raise typer.BadParameter("goes with --out only", param_hint="--chain")


def _write_all(
    model: str,
    recordings: list[Path] | None,
    manifest: Path | None,
    wav_root: Path | None,
    out: Path,
    chain: str | None,
    l1_given: bool,
    threads: int | None,
    executor: str,
) -> "TranscriptionReport":
    from asheard.transcription import transcribe_manifest, transcribe_recordings

    if manifest is None or wav_root is None:
        return transcribe_recordings(
            model, recordings or [], out, chain=chain, threads=threads, map_shards=map_shards(executor)
        )
    return transcribe_manifest(
        model,
        manifest,
        wav_root,
        out,
        chain=chain,
        l1_given=l1_given,
        audio_cache=out.parent / "audio-16khz",
        threads=threads,
        map_shards=map_shards(executor),
    )


def _wavs(recordings: list[Path] | None, manifest: Path | None, wav_root: Path | None) -> "dict[Key, str]":
    """The file of each recording."""
    from asheard.corpora.recordings import find_recordings
    from asheard.corpora.records import read_manifest

    if manifest is None or wav_root is None:
        return {row.key: row.wav for row in find_recordings(recordings or [])}
    return {row.key: str(wav_root / str(row.wav)) for row in read_manifest(manifest)}


def _write_textgrids(predictions: Path, wavs: "dict[Key, str]", textgrids: "dict[Key, Path]") -> None:
    from asheard.corpora.records import read_predictions
    from asheard.io.audio import audio_seconds
    from asheard.pronunciation.textgrids import write_transcript

    for row in read_predictions(predictions):
        write_transcript(textgrids[row.key], row.phones, row.times_s, audio_seconds(wavs[row.key]))


def _print_report(report: "TranscriptionReport") -> None:
    """Print what was written; exit with code 2 if recordings are unreadable or without speech."""
    from asheard.transcription import left_out_path

    echo(f"{report.out}: {report.num_rows} utterances by {report.chain}")
    if report.num_resumed:
        echo(f"{report.num_resumed} of them from an earlier call that was stopped")
    if report.left_out:
        labels = ", ".join(f"{label} {count}" for label, count in report.left_out.most_common())
        echo(f"labels that stand for no phone, left out: {labels} ({left_out_path(report.out)})")
    finish_batch(report.unread, report.without_speech, report.out)


def _print_all(model: str, sources: list[Path], format: Format) -> None:
    """Transcribe recordings one by one, and print each."""
    from asheard.corpora.recordings import find_recordings
    from asheard.errors import CorpusError, NoSpeechError
    from asheard.io.audio import load_recording
    from asheard.recognition.load import load_recogniser
    from asheard.recognition.protocol import Transcript
    from asheard.transcription import default_chain, prediction_row, speech_problem

    recordings = find_recordings(sources)
    recogniser = load_recogniser(model)
    chain = default_chain(model, recogniser.kind, l1_given=False)
    unread: list[str] = []
    without_speech: list[str] = []
    for recording in recordings:
        problem: NoSpeechError | None
        try:
            waveform = load_recording(recording.wav)
        except NoSpeechError as error:
            transcript, problem = Transcript((), (), ()), error
        except CorpusError as error:
            unread.append(str(error))
            continue
        else:
            (recognition,) = recogniser.recognise([waveform], [None])
            transcript = recognition.transcript
            problem = speech_problem(recording.wav, waveform, transcript)
        if problem is not None:
            without_speech.append(str(problem))
        if format is Format.JSON:
            row = prediction_row(recording, transcript, chain, problem)
            echo_json(row)
        elif problem is not None:
            echo(f"{recording.wav}: no speech")
        else:
            _print_transcript(recording.wav, transcript)
    finish_batch(unread, without_speech)


def _print_transcript(name: str, transcript: "Transcript") -> None:
    """Print the phones in one line, then each in a line of its own with its time and confidence, if known."""
    echo(f"{name}: {' '.join(transcript.phones)}")
    columns: dict[str, list[str]] = {}
    if transcript.times_s is not None:
        columns["start s"] = [f"{start_s:.2f}" for start_s, _ in transcript.times_s]
        columns["end s"] = [f"{end_s:.2f}" for _, end_s in transcript.times_s]
    if transcript.confidences is not None:
        columns["confidence"] = [f"{value:.2f}" for value in transcript.confidences]
    if columns:
        table = Table(("phone", *columns), left=("phone",), indented=True)
        for cells in zip(transcript.phones, *columns.values(), strict=True):
            table.add(*cells)
        print_tables([table])

"""`asheard transcribe`: recordings to phones, on the terminal or as predictions."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asheard import DEFAULT_MODEL
from asheard.cli.output import Format, print_error, textgrid_path

if TYPE_CHECKING:
    from asheard.corpora.records import Key
    from asheard.recognition.protocol import Transcript
    from asheard.transcription import MapShards, Transcription


class L1Mode(StrEnum):
    """What an L1-aware model is told."""

    DECLARED = "declared"
    UNKNOWN = "unknown"


def transcribe(
    recordings: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE|DIR]",
            help="Recordings, and folders of them: printed, or written to --out.",
            show_default=False,
        ),
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option("--manifest", help="Utterances to transcribe instead (JSONL).")
    ] = None,
    wav_root: Annotated[
        Path | None, typer.Option("--wav-root", help="Folder the manifest's wav paths start from.")
    ] = None,
    format: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="table (printed), json (a row a recording: printed, or the predictions of --out) or textgrid (with "
            "--out). By default a table, and json with --out.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Predictions (JSONL); with --format textgrid a folder of them and of TextGrids."),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="NAME",
            help="asheard-tiny, hama, pocketsphinx or 'command:PROGRAM ARGUMENTS'; a model folder; folder or hub id of "
            "a published CTC recogniser.",
        ),
    ] = DEFAULT_MODEL,
    chain: Annotated[
        str | None, typer.Option("--chain", help="Name for the predictions; by default the model's chain.")
    ] = None,
    l1: Annotated[
        L1Mode,
        typer.Option("--l1", help="Tell an L1-aware model the L1 that the manifest declares, or let it listen."),
    ] = L1Mode.DECLARED,
    executor: Annotated[
        str, typer.Option("--executor", metavar="PLACE", help="With --out: where it is done, local or ray://HOST:PORT.")
    ] = "local",
) -> None:
    """Write down the phones of recordings; killed, the same command goes on.

    Of a folder's recordings, and of files with --out, each gets a row: utt is the file's stem, speaker the subfolder.
    Those that cannot be read are told at the end, and the exit code is 2.
    """
    from asheard import transcription
    from asheard.corpora.recordings import find_recordings
    from asheard.corpora.records import read_manifest

    if bool(recordings) == (manifest is not None):
        raise typer.BadParameter("give recordings or folders of them, or else --manifest")
    if format is Format.TEXTGRID and out is None:
        raise typer.BadParameter("TextGrids are files; give the folder for them (--out)")
    if format is Format.TABLE and out is not None:
        raise typer.BadParameter("a table is printed; for --out take json or textgrid")
    if executor != "local" and out is None:
        raise typer.BadParameter("is of use with --out only", param_hint="--executor")
    folder = out if format is Format.TEXTGRID else None
    if folder is not None:
        out = folder / "predictions.jsonl"
    if recordings:
        if wav_root:
            raise typer.BadParameter("is of use with --manifest only", param_hint="--wav-root")
        if out is None:
            if chain:
                raise typer.BadParameter("is of use with --out only", param_hint="--chain")
            _print_phones(model, recordings, format or Format.TABLE)
            return
        done = transcription.transcribe_recordings(model, recordings, out, chain=chain, spread=_spread(executor))
        wavs = {row.key: row.wav for row in find_recordings(recordings)}
    else:
        if manifest is None or wav_root is None or out is None:
            raise typer.BadParameter("--manifest goes with --wav-root and --out")
        done = transcription.transcribe(
            model,
            manifest,
            wav_root,
            out,
            chain=chain,
            l1=l1.value,
            audio_cache=out.parent / "audio-16khz",
            spread=_spread(executor),
        )
        wavs = {row.key: str(wav_root / str(row.wav)) for row in read_manifest(manifest)}
    if folder is not None:
        _write_textgrids(done.out, wavs, folder)
    _report(done)


def _spread(executor: str) -> "MapShards | None":
    """Other places need torch, which recognisers here do without."""
    if executor == "local":
        return None
    from asheard.remote.executors import map_shards_at

    return map_shards_at(executor)


def _write_textgrids(predictions: Path, wavs: "dict[Key, str]", folder: Path) -> None:
    from asheard.corpora.records import read_predictions
    from asheard.io.audio import audio_seconds
    from asheard.pronunciation.textgrids import write_transcript

    for row in read_predictions(predictions):
        seconds = audio_seconds(wavs[row.key])
        write_transcript(textgrid_path(folder, row.speaker, row.utt), row.phones, row.times_s, seconds)


def _report(done: "Transcription") -> None:
    from asheard.transcription import left_out_path

    typer.echo(f"{done.out}: {done.num_utterances} utterances by {done.chain}")
    if done.num_resumed:
        typer.echo(f"{done.num_resumed} of them from an earlier call that was stopped")
    if done.left_out:
        labels = ", ".join(f"{label} {count}" for label, count in done.left_out.most_common())
        typer.echo(f"labels that stand for no phone, left out: {labels} ({left_out_path(done.out)})")
    for warning in done.without_speech:
        typer.echo(f"warning: {warning}", err=True)
    for error in done.unread:
        print_error(error)
    if done.unread:
        print_error(f"{len(done.unread)} recordings could not be read and have no row in {done.out}")
        raise typer.Exit(2)


def _print_phones(model: str, sources: list[Path], format: Format) -> None:
    from asheard.corpora.recordings import find_recordings
    from asheard.corpora.records import prediction_to_json
    from asheard.errors import CorpusError
    from asheard.recognition.load import load_recogniser
    from asheard.transcription import prediction_of, transcribe_recording

    recordings = find_recordings(sources)
    transcriber = load_recogniser(model)
    failed = False
    for recording in recordings:
        try:
            transcript = transcribe_recording(transcriber, str(recording.wav))
        except CorpusError as error:
            print_error(error)
            failed = True
            continue
        if format is Format.JSON:
            row = prediction_to_json(prediction_of(recording, transcript, model))
            typer.echo(json.dumps(row, ensure_ascii=False))
        else:
            _print_transcript(str(recording.wav), transcript)
    if failed:
        raise typer.Exit(2)


def _print_transcript(name: str, transcript: "Transcript") -> None:
    """The phones in one line, and each in a line of its own with what is known of it."""
    from rich.console import Console
    from rich.table import Table

    typer.echo(f"{name}: {' '.join(transcript.phones)}")
    columns = [list(transcript.phones)]
    table = Table("phone", box=None, padding=(0, 0, 0, 2))
    if transcript.times_s is not None:
        for heading, times_s in zip(("start s", "end s"), zip(*transcript.times_s, strict=True), strict=True):
            table.add_column(heading, justify="right")
            columns.append([f"{time_s:.2f}" for time_s in times_s])
    if transcript.confidences is not None:
        table.add_column("confidence", justify="right")
        columns.append([f"{confidence:.2f}" for confidence in transcript.confidences])
    for row in zip(*columns, strict=True):
        table.add_row(*row)
    if len(columns) > 1:
        Console(highlight=False).print(table)

"""`asheard score`: recordings against the texts that were read."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asheard import DEFAULT_MODEL
from asheard.cli.output import Format, print_error, textgrid_path

if TYPE_CHECKING:
    from asheard.pronunciation.batch import ScoringTask
    from asheard.pronunciation.result import Pronunciation, ScoredPhone
    from asheard.pronunciation.scorer import Model

_STYLES = {"ok": None, "variant": "yellow", "error": "red"}


def score(
    recordings: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE|DIR]", help="Recordings, and folders of them.", show_default=False),
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", help="What was read; by default NAME.txt beside each recording.")
    ] = None,
    phones: Annotated[
        str | None, typer.Option("--phones", help="Its phones instead, IPA or ARPAbet: 'v ɛ ɹ i | ɡ ʊ d'.")
    ] = None,
    manifest: Annotated[Path | None, typer.Option("--manifest", help="Utterances to score instead (JSONL).")] = None,
    wav_root: Annotated[
        Path | None, typer.Option("--wav-root", help="Folder the manifest's wav paths start from.")
    ] = None,
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="As for transcribe; models of ours give probabilities.")
    ] = DEFAULT_MODEL,
    l1: Annotated[
        str | None, typer.Option("--l1", help="The speakers' first language; `declared`: the manifest's.")
    ] = None,
    prior: Annotated[
        Path | None,
        typer.Option(
            "--prior", help="What each L1 is known to say: a file of `asheard prior fit`, not the shipped one."
        ),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            "--calibration",
            help="From `asheard gop calibrate`; by default the model's own, which is for scores without --prior.",
        ),
    ] = None,
    format: Annotated[
        Format, typer.Option("--format", help="json prints a row a recording; textgrid needs --out.")
    ] = Format.TABLE,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Rows (JSONL); with --format textgrid a folder of them and of TextGrids."),
    ] = None,
) -> None:
    """Say of each phone of a text whether it was said, what was heard instead, and how sure that is.

    Recordings that cannot be scored are told at the end, and the exit code is 2. With --out a killed command goes on.
    """
    from asheard.pronunciation.batch import tasks_of_manifest, tasks_of_recordings
    from asheard.pronunciation.scorer import load_model
    from asheard.pronunciation.target import target_of_phones, target_of_text

    if bool(recordings) == (manifest is not None):
        raise typer.BadParameter("give recordings or folders of them, or else --manifest")
    if text is not None and phones is not None:
        raise typer.BadParameter("give --text or --phones, not both")
    if format is Format.TEXTGRID and out is None:
        raise typer.BadParameter("TextGrids are files; give the folder for them (--out)")
    if manifest is not None:
        if text is not None or phones is not None:
            raise typer.BadParameter("the manifest has the texts; leave --text and --phones out")
        if wav_root is None:
            raise typer.BadParameter("--manifest goes with --wav-root")
        tasks = tasks_of_manifest(manifest, wav_root, l1)
    else:
        target = target_of_text(text) if text is not None else target_of_phones(phones) if phones is not None else None
        tasks = tasks_of_recordings(recordings or [], target, l1)
    loaded = load_model(model, prior=prior, calibration=calibration)
    if out is None:
        _print_all(loaded, tasks, format)
    else:
        _write_all(loaded, tasks, format, out)


def _print_all(model: "Model", tasks: "list[ScoringTask]", format: Format) -> None:
    from asheard.errors import CorpusError
    from asheard.pronunciation.batch import scored_row

    failed = False
    for task in tasks:
        try:
            scored = model.score(task.wav, task.target, task.l1)
        except CorpusError as error:
            print_error(error)
            failed = True
            continue
        if format is Format.JSON:
            typer.echo(json.dumps(scored_row(task, scored), ensure_ascii=False))
        else:
            if len(tasks) > 1:
                typer.echo(f"{task.wav}: {task.target.text}")
            _print_scored(scored)
    if failed:
        raise typer.Exit(2)


def _write_all(model: "Model", tasks: "list[ScoringTask]", format: Format, out: Path) -> None:
    from asheard.io.files import read_jsonl
    from asheard.pronunciation.batch import score_recordings
    from asheard.pronunciation.result import Pronunciation
    from asheard.pronunciation.textgrids import write_scored

    rows = out / "scores.jsonl" if format is Format.TEXTGRID else out
    written = score_recordings(model, tasks, rows)
    typer.echo(f"{rows}: {written.num_rows} recordings by {model.name}")
    if written.num_resumed:
        typer.echo(f"{written.num_resumed} of them from an earlier call that was stopped")
    if format is Format.TEXTGRID:
        for _, row in read_jsonl(rows):
            write_scored(textgrid_path(out, row["speaker"], row["utt"]), Pronunciation.from_json(row))
    for error in written.unread:
        print_error(error)
    if written.unread:
        print_error(f"{len(written.unread)} recordings could not be scored and have no row in {rows}")
        raise typer.Exit(2)


def _print_scored(scored: "Pronunciation") -> None:
    from rich.console import Console
    from rich.table import Table

    timed = any(phone.start_s is not None for phone in scored.phones)
    table = Table("word", "phone", box=None, padding=(0, 0, 0, 2))
    table.add_column("said", justify="right")
    table.add_column("heard")
    table.add_column("class")
    if timed:
        table.add_column("start s", justify="right")
        table.add_column("end s", justify="right")
    for word in scored.words:
        for index, phone in enumerate(word.phones):
            cells = [
                word.word if index == 0 else "",
                phone.canonical,
                "" if phone.probability is None else f"{phone.probability:.0%}",
                "" if phone.heard == phone.canonical else phone.heard or "nothing",
                f"{phone.class_}, {scored.l1}" if phone.reason == "l1-prior" else phone.class_,
            ]
            if timed:
                cells += ["" if time_s is None else f"{time_s:.2f}" for time_s in (phone.start_s, phone.end_s)]
            table.add_row(*cells, style=_STYLES[phone.class_])
    Console(highlight=False, markup=False).print(table)
    if scored.added:
        phones = scored.phones
        places = (f"{one.phone} {_place(one.before, phones)}" for one in scored.added)
        typer.echo(f"added: {', '.join(places)}")
    typer.echo(f"overall: {scored.score:.0%} of the phones said, as far as {scored.model} can tell")
    if not scored.calibrated and any(phone.probability is not None for phone in scored.phones):
        typer.echo("not calibrated: these are the model's own probabilities (asheard gop calibrate)")


def _place(before: int, phones: "list[ScoredPhone]") -> str:
    return f"before {phones[before].canonical}" if before < len(phones) else "at the end"

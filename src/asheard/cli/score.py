"""`asheard score`: recordings compared with what was read, phone by phone. `asheard calibrate`: its probabilities."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asheard import DEFAULT_MODEL
from asheard.cli.options import L1Given, Recordings, WavRoot, check_sources, map_shards
from asheard.cli.output import Format, Table, echo, echo_json, finish_batch, print_tables

if TYPE_CHECKING:
    from asheard.pronunciation.batch import BatchReport, ScoringTask
    from asheard.pronunciation.result import Pronunciation, ScoredPhone
    from asheard.pronunciation.scorer import Model

_STYLES = {"ok": None, "variant": "yellow", "error": "red"}

_Text = Annotated[
    str | None, typer.Option("--text", help="What was read. By default the text in NAME.txt beside each recording.")
]
_Phones = Annotated[
    str | None, typer.Option("--phones", help="Its phones instead, in IPA or ARPAbet: 'v ɛ ɹ i | ɡ ʊ d'.")
]
_Manifest = Annotated[
    Path | None, typer.Option("--manifest", help="Utterances to score instead of recordings (JSONL).")
]
_Predictions = Annotated[
    Path | None,
    typer.Option(
        "--predictions",
        help="With --manifest: write predictions with a score of each canonical phone here, for evaluate (JSONL).",
    ),
]
_Chain = Annotated[
    str | None, typer.Option("--chain", help="With --predictions: their name. By default gop, or gop+l1-prior.")
]
_ModelName = Annotated[
    str,
    typer.Option("--model", metavar="NAME", help="As for transcribe. Models of ours give probabilities."),
]
_L1 = Annotated[str | None, typer.Option("--l1", metavar="NAME", help="The speakers' first language.")]
_L1Given = Annotated[
    bool | None,
    typer.Option(
        "--l1-given/--l1-withheld",
        help="With --manifest: use its first languages, or not. By default they are given to an L1-aware model with "
        "--predictions, and withheld otherwise.",
        show_default=False,
    ),
]
_Prior = Annotated[
    Path | None,
    typer.Option(
        "--prior",
        help="Common pronunciations of each L1: a file of `asheard prior fit`, in place of the package's own.",
    ),
]
_Calibration = Annotated[
    Path | None,
    typer.Option(
        "--calibration",
        help="A file of `asheard calibrate`. By default the model's own, which is for scores without --prior; with "
        "--predictions none.",
    ),
]
_Executor = Annotated[
    str,
    typer.Option("--executor", metavar="PLACE", help="With --predictions: where to score, local or ray://HOST:PORT."),
]
_Threads = Annotated[int, typer.Option("--threads", min=1, help="Threads of the model.")]
_Format = Annotated[Format, typer.Option("--format", help="json prints a row a recording; textgrid needs --out.")]
_Out = Annotated[
    Path | None,
    typer.Option("--out", help="File of rows (JSONL); with --format textgrid a folder for them and for TextGrids."),
]


def score(
    recordings: Recordings = None,
    text: _Text = None,
    phones: _Phones = None,
    manifest: _Manifest = None,
    wav_root: WavRoot = None,
    predictions: _Predictions = None,
    chain: _Chain = None,
    model: _ModelName = DEFAULT_MODEL,
    l1: _L1 = None,
    l1_given: _L1Given = None,
    prior: _Prior = None,
    calibration: _Calibration = None,
    executor: _Executor = "local",
    threads: _Threads = 1,
    format: _Format = Format.TABLE,
    out: _Out = None,
) -> None:
    """Say of each phone of a text whether it was said, what was heard instead, and how probable that is.

    Recordings that cannot be scored, and recordings without speech, are listed at the end, and the exit code is 2. A
    killed command with --out or --predictions resumes.
    """
    from asheard.pronunciation.scorer import load_model

    check_sources(recordings, manifest)
    if manifest is not None and wav_root is None:
        raise typer.BadParameter("--manifest goes with --wav-root")
    if l1 is not None and l1_given is not None:
        raise typer.BadParameter("give --l1, or one of --l1-given and --l1-withheld")
    if predictions is not None:
        _refuse("does not go with --predictions", {"--text": text, "--phones": phones, "--l1": l1, "--out": out})
        if manifest is None or wav_root is None:
            raise typer.BadParameter("goes with --manifest", param_hint="--predictions")
        _write_predictions(
            predictions, model, manifest, wav_root, chain, calibration, prior, l1_given is not False, executor
        )
        return
    _refuse("is for --predictions only", {"--chain": chain, "--executor": None if executor == "local" else executor})
    if format is Format.TEXTGRID and out is None:
        raise typer.BadParameter("TextGrids are files; give the folder for them (--out)")
    tasks = _tasks(recordings, manifest, wav_root, text, phones, l1, bool(l1_given))
    loaded = load_model(model, prior=prior, calibration=calibration, threads=threads)
    if out is None:
        _print_all(loaded, tasks, format)
    else:
        _write_all(loaded, tasks, format, out)


def _refuse(reason: str, options: dict[str, object]) -> None:
    """Refuse the first option that was given."""
    for name, value in options.items():
        if value is not None:
            raise typer.BadParameter(reason, param_hint=name)


def _tasks(
    recordings: list[Path] | None,
    manifest: Path | None,
    wav_root: Path | None,
    text: str | None,
    phones: str | None,
    l1: str | None,
    l1_given: bool,
) -> "list[ScoringTask]":
    """The recordings to score, each with its target."""
    from asheard.pronunciation.batch import tasks_of_manifest, tasks_of_recordings
    from asheard.pronunciation.target import target_of_phones, target_of_text

    if text is not None and phones is not None:
        raise typer.BadParameter("give --text or --phones, not both")
    if manifest is not None and wav_root is not None:
        if text is not None or phones is not None:
            raise typer.BadParameter("the manifest has the texts; leave --text and --phones out")
        return tasks_of_manifest(manifest, wav_root, l1, l1_given=l1_given)
    target = target_of_text(text) if text is not None else target_of_phones(phones) if phones is not None else None
    return tasks_of_recordings(recordings or [], target, l1)


def _write_predictions(
    out: Path,
    model: str,
    manifest: Path,
    wav_root: Path,
    chain: str | None,
    calibration: Path | None,
    prior: Path | None,
    l1_given: bool,
    executor: str,
) -> None:
    from asheard.pronunciation.gop_chain import default_gop_chain, score_predictions

    report = score_predictions(
        model,
        manifest,
        wav_root,
        out,
        chain=chain,
        calibration=calibration,
        prior=prior,
        l1_given=l1_given,
        audio_cache=out.parent / "audio-16khz",
        map_shards=map_shards(executor),
    )
    echo(f"{out}: {report.num_rows} utterances by {chain or default_gop_chain(prior)}")
    _finish(report, out)


def _print_all(model: "Model", tasks: "list[ScoringTask]", format: Format) -> None:
    from asheard.errors import CorpusError, NoSpeechError
    from asheard.pronunciation.batch import row_without_speech, scored_row

    unread, without_speech = [], []
    for task in tasks:
        wav = task.recording.wav
        try:
            scored = model.score(wav, task.target, task.l1)
        except NoSpeechError as error:
            without_speech.append(str(error))
            if format is Format.JSON:
                echo_json(row_without_speech(task, error))
            else:
                echo(f"{wav}: no speech")
        except CorpusError as error:
            unread.append(str(error))
        else:
            if format is Format.JSON:
                echo_json(scored_row(task, scored))
                continue
            if len(tasks) > 1:
                echo(f"{wav}: {task.target.text}")
            _print_scored(scored)
    finish_batch(unread, without_speech)


def _write_all(model: "Model", tasks: "list[ScoringTask]", format: Format, out: Path) -> None:
    from asheard.io.files import read_jsonl
    from asheard.pronunciation.batch import score_recordings
    from asheard.pronunciation.result import Pronunciation
    from asheard.pronunciation.textgrids import textgrid_paths, write_scored

    rows = out / "scores.jsonl" if format is Format.TEXTGRID else out
    textgrids = {}
    if format is Format.TEXTGRID:
        textgrids = textgrid_paths(out, [task.recording.key for task in tasks], rows)
    report = score_recordings(model, tasks, rows)
    echo(f"{rows}: {report.num_rows} recordings by {model.name}")
    if format is Format.TEXTGRID:
        for _, row in read_jsonl(rows):
            if "without_speech" not in row:
                write_scored(textgrids[row["speaker"], row["utt"]], Pronunciation.from_json(row))
    _finish(report, rows)


def _finish(report: "BatchReport", rows: Path) -> None:
    if report.num_resumed:
        echo(f"{report.num_resumed} of them from an earlier call that was stopped")
    finish_batch(report.unread, report.without_speech, rows)


def _print_scored(scored: "Pronunciation") -> None:
    print_tables([_table(scored)])
    if scored.added:
        places = (f"{one.phone} {_place(one.before, scored.phones)}" for one in scored.added)
        echo(f"added: {', '.join(places)}")
    for warning in scored.warnings:
        echo(f"warning: {warning}")
    echo(f"overall: {scored.score:.0%} of the phones said, as far as {scored.model} can tell")
    if not scored.calibrated and any(phone.probability is not None for phone in scored.phones):
        echo("not calibrated: these are the model's own probabilities (asheard calibrate)")


def _table(scored: "Pronunciation") -> Table:
    """A line for each phone; times if they are known."""
    timed = any(phone.start_s is not None for phone in scored.phones)
    headings = ("word", "phone", "said", "heard", "class", *(["start s", "end s"] if timed else []))
    table = Table(headings, left=("word", "phone", "heard", "class"), indented=True)
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
            table.add(*cells, style=_STYLES[phone.class_])
    return table


def _place(before: int, phones: "list[ScoredPhone]") -> str:
    return f"before {phones[before].canonical}" if before < len(phones) else "at the end"


def calibrate(
    model: Annotated[Path, typer.Option("--model", help="Model folder.")],
    manifest: Annotated[
        Path, typer.Option("--manifest", help="Annotated utterances of speakers who are not tested (JSONL).")
    ],
    wav_root: Annotated[Path, typer.Option("--wav-root", help="Folder that the manifest's wav paths start from.")],
    out: Annotated[Path, typer.Option("--out", help="The calibration (JSON).")],
    prior: Annotated[
        Path | None, typer.Option("--prior", help="The prior that scores are made with, if any (JSON).")
    ] = None,
    l1_given: L1Given = True,
) -> None:
    """Calibrate a model's scores on annotated recordings. A killed command resumes."""
    from asheard.pronunciation import gop_chain

    fitted = gop_chain.calibrate(
        model, manifest, wav_root, out, prior=prior, l1_given=l1_given, audio_cache=out.parent / "audio-16khz"
    )
    echo(
        f"wrote {out}: log-odds {fitted.slope:.3g} x ratio {fitted.intercept:+.3g}, so even odds at a ratio of "
        f"{-fitted.intercept / fitted.slope:.2f} nats; the ratios are in {gop_chain.ratios_path(out)}"
    )

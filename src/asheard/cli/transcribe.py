"""`asheard transcribe`: recordings to predictions."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class L1Mode(StrEnum):
    """What an L1-aware model is told."""

    DECLARED = "declared"
    UNKNOWN = "unknown"


def transcribe(
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="PATH_OR_ID",
            help="Model folder, or a published CTC recogniser; hama, pocketsphinx, or 'command:PROGRAM ARGUMENTS'.",
        ),
    ],
    manifest: Annotated[Path, typer.Option("--manifest", help="Utterances to transcribe (JSONL).")],
    wav_root: Annotated[Path, typer.Option("--wav-root", help="Folder the manifest's wav paths start from.")],
    out: Annotated[Path, typer.Option("--out", help="Predictions (JSONL).")],
    chain: Annotated[
        str | None, typer.Option("--chain", help="Name for the predictions; by default the model's chain.")
    ] = None,
    l1: Annotated[
        L1Mode, typer.Option("--l1", help="Tell an L1-aware model the speaker's L1, or let it listen.")
    ] = L1Mode.DECLARED,
) -> None:
    """Write down the phones of every recording in a manifest; killed, the same command goes on."""
    from rich.console import Console

    from asheard import transcribe as transcription

    done = transcription.transcribe(
        model, manifest, wav_root, out, chain=chain, l1=l1.value, audio_cache=out.parent / "audio-16khz"
    )
    console = Console()
    console.print(f"{done.out}: {done.num_utterances} utterances by {done.chain}")
    if done.num_resumed:
        console.print(f"{done.num_resumed} of them from an earlier call that was stopped")
    if done.left_out:
        labels = ", ".join(f"{label} {count}" for label, count in done.left_out.most_common())
        console.print(f"labels that stand for no phone, left out: {labels} ({transcription.left_out_path(out)})")

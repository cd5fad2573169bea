"""Recordings without annotation: files and folders as people keep them, each named by where it lies."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from asheard.corpora.records import Key, Utterance, format_key
from asheard.errors import CorpusError

# Those of the last row soundfile does not read: such files are refused by name and not passed over.
SUFFIXES: Final = frozenset((
    ".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".snd", ".sph", ".w64", ".wav",
    ".3gp", ".aac", ".amr", ".m4a", ".mka", ".mp4", ".webm", ".wma",
))  # fmt: skip


def find_recordings(sources: Sequence[Path]) -> list[Utterance]:
    """List recordings as utterances about which nothing more is known.

    Args:
        sources: recordings, whatever they are called, and folders: all below one whose ending is in `SUFFIXES`, by
            path; hidden ones are not read.
    Returns:
        utt: the file's stem; speaker: the folder's subfolder that it lies in, at any depth, and "" where it lies in
        none or is given itself; wav: its path.
    Raises:
        CorpusError: a source that does not exist, or a folder without recordings.
    """
    return [row for source in sources for row in _recordings(source)]


def refuse_same_names(rows: Sequence[Utterance]) -> None:
    """Raise `CorpusError`, naming both files, where two recordings have one (speaker, utt)."""
    seen: dict[Key, str | None] = {}
    for row in rows:
        if row.key in seen:
            raise CorpusError(
                f"{seen[row.key]} and {row.wav} would both be called {format_key(row.key)}; rename one, or keep each "
                "speaker's recordings in a folder of their own"
            )
        seen[row.key] = row.wav


def recordings_digest(rows: Sequence[Utterance]) -> str:
    """SHA-256 (hex) of the names of recordings, their sizes and times of change."""
    states = [(row, Path(str(row.wav)).stat()) for row in rows]
    listed = json.dumps([(*row.key, row.wav, state.st_size, state.st_mtime_ns) for row, state in states])
    return hashlib.sha256(listed.encode()).hexdigest()


def _recordings(source: Path) -> Iterator[Utterance]:
    if source.is_file():
        yield _utterance(source, speaker="")
        return
    if not source.is_dir():
        raise CorpusError(f"{source}: no such recording or folder")
    below = sorted(path.relative_to(source) for path in source.rglob("*") if path.suffix.lower() in SUFFIXES)
    visible = [path for path in below if not any(part.startswith(".") for part in path.parts)]
    files = [path for path in visible if (source / path).is_file()]
    if not files:
        raise CorpusError(f"{source}: no recording in this folder (endings: {' '.join(sorted(SUFFIXES))})")
    for path in files:
        yield _utterance(source / path, speaker=path.parts[0] if len(path.parts) > 1 else "")


def _utterance(path: Path, speaker: str) -> Utterance:
    return Utterance(utt=path.stem, speaker=speaker, l1="", wav=str(path), text=None, tokens=())

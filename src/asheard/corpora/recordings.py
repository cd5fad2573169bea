"""Find recordings without annotation, in files and folders; name them by their paths."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from asheard.corpora.records import Key, Recording, format_key
from asheard.errors import CorpusError
from asheard.io.digests import states_digest

# Those of the second row need the extra `media`. Without it they are refused by name, not ignored.
SUFFIXES: Final = frozenset((
    ".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".snd", ".sph", ".w64", ".wav",
    ".3gp", ".aac", ".amr", ".m4a", ".mka", ".mp4", ".webm", ".wma",
))  # fmt: skip


def find_recordings(sources: Sequence[Path]) -> list[Recording]:
    """List recordings; their L1 is unknown.

    Args:
        sources: recordings with any ending, and folders. Of a folder, all files below it with an ending in `SUFFIXES`
            are listed, by path; hidden ones are left out.
    Returns:
        utt: the file's stem. speaker: the first folder below the source on the way to the file, or "" if there is
        none. wav: the path.
    Raises:
        CorpusError: a source does not exist, or a folder holds no recording.
    """
    return [recording for source in sources for recording in _recordings(source)]


def refuse_same_names(recordings: Sequence[Recording]) -> None:
    """Check that no two recordings have one (speaker, utt).

    Raises:
        CorpusError: two have; naming both files.
    """
    seen: dict[Key, str] = {}
    for recording in recordings:
        if recording.key in seen:
            raise CorpusError(
                f"{seen[recording.key]} and {recording.wav} have one name, {format_key(recording.key)}. Rename one, or "
                "keep the recordings of each speaker in a folder of their own"
            )
        seen[recording.key] = recording.wav


def recordings_digest(recordings: Sequence[Recording]) -> str:
    """Digest of the names of recordings, their sizes and times of change."""
    return states_digest([((*row.key, row.wav), Path(row.wav)) for row in recordings])


def _recordings(source: Path) -> Iterator[Recording]:
    if source.is_file():
        yield Recording(utt=source.stem, speaker="", l1="", wav=str(source))
        return
    if not source.is_dir():
        raise CorpusError(f"{source}: no such recording or folder; check the path")
    below = sorted(path.relative_to(source) for path in source.rglob("*") if path.suffix.lower() in SUFFIXES)
    visible = [path for path in below if not any(part.startswith(".") for part in path.parts)]
    files = [path for path in visible if (source / path).is_file()]
    if not files:
        raise CorpusError(f"{source}: no recording in this folder (endings: {' '.join(sorted(SUFFIXES))})")
    for path in files:
        speaker = path.parts[0] if len(path.parts) > 1 else ""
        yield Recording(utt=path.stem, speaker=speaker, l1="", wav=str(source / path))

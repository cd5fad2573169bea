"""Kaldi's maps: text files of a key, blanks and a value on each line (wav.scp, text, utt2spk)."""

from pathlib import Path

from asheard.errors import CorpusError
from asheard.files import read_text


def read_kaldi_map(path: Path) -> dict[str, str]:
    """Read a map.

    Returns:
        key -> value in the file's order, outer blanks removed.
    Raises:
        CorpusError: the file cannot be read, a line has no value, or a key comes twice; with file and line.
    """
    values: dict[str, str] = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        key, *rest = line.split(maxsplit=1)
        if not rest:
            raise CorpusError(f"{path}, line {number}: {key!r} has no value; is the file cut off?")
        if key in values:
            raise CorpusError(f"{path}, line {number}: {key!r} comes twice; keep one of the lines")
        values[key] = rest[0].strip()
    return values

"""EpaDB in its published layout, as small as it comes."""

from collections.abc import Sequence
from pathlib import Path

import soundfile

from support.tiny_corpus import Entry, long_textgrid, tone

REFERENCES = """
TEXT 1: Try it now
TRANSCRIPTION 1: T/CH R AY  IH T/DX/0  N AW
TRANSCRIPTION 1: T/CH R AY  IY T  N AW

TEXT 2: A cup
TRANSCRIPTION 2: AX/EY  Kh AH P
"""

TRY = ("CH", "R", "AY", "IH", "T", "N", "AW")
CUP = ("EY", "K", "A", "P")


def textgrid(said: Sequence[str], words: Sequence[Entry]) -> str:
    """An annotation with silence at both ends."""
    return long_textgrid({"words": ["", *words, ""], "annotation": ["", *said, "sil"], "score": [("4", len(said) + 2)]})


def annotate(folder: Path, utt: str, said: Sequence[str], words: Sequence[Entry]) -> None:
    """One utterance in a speaker's folder, its recording as long as its annotation."""
    for name in ("annotations_1", "waveforms"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "annotations_1" / f"{utt}.TextGrid").write_text(textgrid(said, words), encoding="utf-8")
    soundfile.write(folder / "waveforms" / f"{utt}.wav", tone(0.1 * (len(said) + 2), 48_000), 48_000)


def write_epadb(root: Path, *speakers: str) -> Path:
    """Two prompts by each speaker, named with the folder it stands in where there is one (train/spkr1)."""
    root.mkdir(exist_ok=True)
    (root / "reference_transcriptions.txt").write_text(REFERENCES)
    for place in speakers:
        speaker = place.rpartition("/")[2]
        annotate(root / place, f"{speaker}_1", TRY, [("try", 3), ("it", 2), ("now", 2)])
        annotate(root / place, f"{speaker}_2", CUP, [("a", 1), ("cup", 3)])
    return root

"""Read real learner speech: speechocean762 as published or as tables."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from asheard.corpora import Utterance, read_table
from asheard.corpora.exclusions import Exclusions, seconds_or_exclude
from asheard.corpora.speechocean762 import read_speechocean
from asheard.errors import CorpusError

HELD_OUT_EVERY: Final = 20


def read_scored_speech(root: Path) -> tuple[list[Utterance], list[Utterance]]:
    """The training and the test utterances of speechocean762, with wav paths from `root`.

    Args:
        root: the corpus as published (openslr.org/101), or {train,test}.jsonl beside {train,test}/wav.
    Raises:
        CorpusError: `root` holds neither.
    """
    if (root / "train.jsonl").is_file():
        return _read_tables(root, "train"), _read_tables(root, "test")
    speakers, utterances, _ = read_speechocean(root)
    test = set(speakers.test_speakers)
    return [row for row in utterances if row.speaker not in test], [row for row in utterances if row.speaker in test]


def at_odd_places(rows: list[Utterance]) -> list[Utterance]:
    """The utterances of the first, third, ... speaker by id. Choices are made on this half."""
    chosen = set(sorted({row.speaker for row in rows})[::2])
    return [row for row in rows if row.speaker in chosen]


def split_held_out(rows: list[Utterance]) -> tuple[list[Utterance], list[Utterance]]:
    """Split by speaker: the training utterances of asheard-tiny, and those of every 20th speaker, held out."""
    chosen = set(sorted({row.speaker for row in rows})[HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY])
    return [row for row in rows if row.speaker not in chosen], [row for row in rows if row.speaker in chosen]


def _read_tables(root: Path, split: str) -> list[Utterance]:
    recordings = {path.stem: path for path in sorted((root / split / "wav").glob("*"))}
    exclusions, rows = Exclusions(), []
    for row in read_table(root / f"{split}.jsonl"):
        if row.utt not in recordings:
            raise CorpusError(f"{root}: no recording of utterance {row.utt} under {split}/wav; fetch the corpus again")
        wav = str(recordings[row.utt].relative_to(root))
        seconds = seconds_or_exclude(recordings[row.utt], row.utt, exclusions)
        if seconds is not None:
            rows.append(replace(row, wav=wav, seconds=seconds))
    return rows

"""EpaDB's reference_transcriptions.txt: every pronunciation of a prompt that its annotators accept."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asheard.corpora.epadb_labels import DELETED, epadb_phone
from asheard.errors import CorpusError, PhoneError
from asheard.files import read_text

Slots = tuple[tuple[str, ...], ...]  # the accepted symbols of each place, `0` where the phone may be missing

_LINE = re.compile(r"(TEXT|TRANSCRIPTION) +(\w+) *: *(.+)")


@dataclass(frozen=True, slots=True)
class Prompt:
    """What was to be read, and the accepted pronunciations."""

    text: str
    pronunciations: tuple[Slots, ...]

    def nearest(self, said: Sequence[str]) -> tuple[str, ...] | None:
        """The accepted pronunciation that shares most places with what was said.

        Where what was said is not accepted, the first symbol accepted there stands: EpaDB's own rule. Of equally near
        pronunciations the first is taken.

        Args:
            said: one symbol a place, or several joined by "+", `0` where the phone was left out.
        Returns:
            one symbol a place; None where no pronunciation has as many places.
        Source: assign_reference.py, published with the corpus.
        """
        fitting = [slots for slots in self.pronunciations if len(slots) == len(said)]
        if not fitting:
            return None
        best = max(fitting, key=lambda slots: sum(symbol in slot for symbol, slot in zip(said, slots, strict=True)))
        return tuple(symbol if symbol in slot else slot[0] for symbol, slot in zip(said, best, strict=True))


def read_references(path: Path) -> dict[str, Prompt]:
    """Read the accepted pronunciations.

    Args:
        path: lines `TEXT n: words` and `TRANSCRIPTION n: phones`, one or more of the latter, with `/` between what is
            accepted in one place; other lines are blank.
    Returns:
        number of the prompt -> prompt.
    Raises:
        CorpusError: another line, a symbol that stands for no phone, or a prompt that lacks one of the two; with line.
    """
    texts: dict[str, str] = {}
    pronunciations: dict[str, list[Slots]] = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise CorpusError(f"{path}, line {number}: neither 'TEXT n: ...' nor 'TRANSCRIPTION n: ...'")
        kind, prompt, content = match.groups()
        if kind == "TEXT":
            texts[prompt] = content
            continue
        slots = tuple(tuple(place.split("/")) for place in content.split())
        for symbol in (symbol for slot in slots for symbol in slot):
            try:
                symbol == DELETED or epadb_phone(symbol)
            except PhoneError as error:
                raise CorpusError(f"{path}, line {number}: {error}") from None
        pronunciations.setdefault(prompt, []).append(slots)
    if lacking := texts.keys() ^ pronunciations.keys():
        raise CorpusError(f"{path}: prompt {min(lacking)} has a text and no transcription, or the reverse")
    return {prompt: Prompt(texts[prompt], tuple(slots)) for prompt, slots in pronunciations.items()}

"""What was left out of a corpus, counted by reason and named."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from asheard.errors import CorpusError
from asheard.io.audio import audio_seconds


@dataclass(slots=True)
class Exclusions:
    """Items left out, by reason, in the order the reasons first came up."""

    items: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, item: str) -> None:
        """Leave `item` out (a file, or `speaker/utt`) because of `reason`."""
        self.items.setdefault(reason, []).append(item)

    def counts(self) -> dict[str, int]:
        """Reason -> number of items."""
        return {reason: len(items) for reason, items in self.items.items()}

    def listed(self) -> str:
        """The counts in brackets, to end a message with; nothing where nothing was left out."""
        counts = ", ".join(f"{reason}: {number}" for reason, number in self.counts().items())
        return f" (left out: {counts})" if counts else ""

    def __iter__(self) -> Iterator[tuple[str, list[str]]]:
        """(reason, items) pairs."""
        return iter(self.items.items())


def seconds_or_exclude(wav: Path, name: str, exclusions: Exclusions) -> float | None:
    """The length of a recording; None, and `name` left out with the reason, where it is missing or cannot be read."""
    if not wav.is_file():
        exclusions.add("recording missing", name)
        return None
    try:
        return audio_seconds(wav)
    except CorpusError as error:
        exclusions.add("recording cannot be read", f"{name}: {error}")
        return None

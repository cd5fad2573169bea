"""What was left out of a corpus, by reason and name."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from asheard.errors import CorpusError
from asheard.io.audio import audio_seconds


@dataclass(slots=True)
class Exclusions:
    """Items left out, by reason, in the order in which the reasons first came up."""

    items: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, item: str) -> None:
        """Leave `item` (a file, or `speaker/utt`) out because of `reason`."""
        self.items.setdefault(reason, []).append(item)

    def counts(self) -> dict[str, int]:
        """Count the items of each reason."""
        return {reason: len(items) for reason, items in self.items.items()}

    def summary(self) -> str:
        """Write the counts in brackets, as the end of a message; an empty string if nothing was left out."""
        counts = ", ".join(f"{reason}: {number}" for reason, number in self.counts().items())
        return f" (left out: {counts})" if counts else ""

    def __iter__(self) -> Iterator[tuple[str, list[str]]]:
        """Yield (reason, items) pairs."""
        return iter(self.items.items())


def seconds_or_exclude(wav: Path, name: str, exclusions: Exclusions) -> float | None:
    """Read the length of a recording; if it is missing or cannot be read, exclude `name` and return None."""
    if not wav.is_file():
        exclusions.add("recording missing", name)
        return None
    try:
        return audio_seconds(wav)
    except CorpusError as error:
        exclusions.add("recording cannot be read", f"{name}: {error}")
        return None

"""Who speaks in a corpus and who is kept for testing."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from asheard.corpora.records import Utterance


@dataclass(frozen=True, slots=True)
class Roster:
    """The speakers of a corpus.

    l1s: speaker -> L1. num_annotated: speaker -> utterances in a complete copy, where that is known. synthetic: no
    people speak.
    """

    l1s: Mapping[str, str]
    test_speakers: frozenset[str]
    num_annotated: Mapping[str, int] | None = None
    synthetic: bool = False

    def missing(self, utterances: Iterable[Utterance]) -> dict[str, int]:
        """Speaker -> how many utterances a complete copy has more; {} where none is missing or known."""
        found = Counter(utterance.speaker for utterance in utterances)
        lacking = {spk: number - found[spk] for spk, number in (self.num_annotated or {}).items()}
        return {spk: number for spk, number in lacking.items() if number > 0}

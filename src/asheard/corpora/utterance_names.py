"""Which utterances are meant where a file has one name for speaker and utterance, and how messages list them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from asheard.errors import CorpusError

Key: TypeAlias = tuple[str, str]  # (speaker, utt)

_SEPARATORS: Final = "/_-."  # between speaker and utterance
_NUM_LISTED: Final = 10


def resolve_names(names: Iterable[str], keys: Collection[Key] | None, path: Path) -> dict[str, Key]:
    """Tell which utterance each name means.

    Args:
        names: SPEAKER/UTT, SPEAKER_UTT, SPEAKER-UTT, SPEAKER.UTT, or UTT alone.
        keys: the utterances there are; None where they are not known.
        path: the file the names stand in, for messages.
    Returns:
        name -> (speaker, utt); ("", name) for a name that means none of `keys`.
    Raises:
        CorpusError: names that may mean several utterances, or `keys` is None.
    """
    if keys is None:
        raise CorpusError(f"{path}: has no field for the speaker; give the gold's (speaker, utt) to tell them by")
    meant: defaultdict[str, set[Key]] = defaultdict(set)
    for speaker, utt in keys:
        for name in (utt, *(f"{speaker}{separator}{utt}" for separator in _SEPARATORS)):
            meant[name].add((speaker, utt))
    found = {name: sorted(meant.get(name, {("", name)})) for name in names}
    ambiguous = [
        f"{name} ({' or '.join(map(shown, candidates[:2]))}{', ...' if len(candidates) > 2 else ''})"
        for name, candidates in found.items()
        if len(candidates) > 1
    ]
    if ambiguous:
        raise CorpusError(
            f"{path}: utterances of several speakers have these names: {listed(ambiguous)}; call them SPEAKER_UTT"
        )
    return {name: candidates[0] for name, candidates in found.items()}


def shown(key: Key) -> str:
    """SPEAKER/UTT; the name alone where it names no known speaker."""
    return "/".join(key).removeprefix("/")


def listed(names: Sequence[str]) -> str:
    """The first ten, and how many more there are."""
    more = len(names) - _NUM_LISTED
    return ", ".join(names[:_NUM_LISTED]) + (f" and {more} more" if more > 0 else "")

"""Where annotated phones stand in their syllables, where a tier says when each word was spoken."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from asheard.corpora.records import Token
from asheard.corpora.textgrid import Interval
from asheard.lexicon import syllable_positions
from asheard.phones import is_silence


def with_positions(tokens: Sequence[Token], words: Sequence[Interval]) -> list[Token]:
    """Give each canonical phone its syllable position within the word that its midpoint falls in.

    Args:
        tokens: in order, with times.
        words: the tier of words, silences included.
    Returns:
        The tokens; position stays None at additions and where no word covers the phone.
    """
    starts = [word.start_s for word in words]
    by_word: defaultdict[int, list[int]] = defaultdict(list)
    for index, token in enumerate(tokens):
        if token.canonical is None or token.start_s is None or token.end_s is None:
            continue
        midpoint = (token.start_s + token.end_s) / 2
        word = bisect_right(starts, midpoint) - 1
        if word >= 0 and midpoint <= words[word].end_s and not is_silence(words[word].label):
            by_word[word].append(index)
    placed = list(tokens)
    for indices in by_word.values():
        positions = syllable_positions([str(tokens[index].canonical) for index in indices])
        for index, position in zip(indices, positions, strict=True):
            placed[index] = replace(tokens[index], position=position)
    return placed

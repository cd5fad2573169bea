"""Words of texts as they are written."""

from asheard.phones.text import read_words


def split_words(text: str) -> list[str]:
    return [word.written for word in read_words(text)]

"""Texts to words and their readings."""

import random
import unicodedata
from itertools import pairwise

import pytest
import wordfreq
from hypothesis import given
from hypothesis import strategies as st

from asheard.errors import PhoneError
from asheard.phones.text import Word, normalise, read_words
from support.texts import split_words

# The commonest words, in an order that makes no number, unit or name of two of them.
COMMON = [word for word in wordfreq.top_n_list("en", 1300) if word.replace("'", "").isalpha() and word.isascii()][:1000]
INVISIBLE = (
    "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2060\u2066\u2069\ufe0e\ufe0f\ufeff\U000e0101"
)
DECORATIVE = (
    "™",
    "®",
    "©",
    "¹",
    "²",
    "*",
    "**",
    "_",
    "~",
    "“",
    "”",
    "«",
    "…",
    "—",
    "•",
    "★",
    "😀",
    "👍🏽",
    "→",
    "♪",
    "|",
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, world!", ["Hello", "world"]),
        ("well-known rock—word yes/no", ["well", "known", "rock", "word", "yes", "no"]),
        ("‘Tis the “best” of 'them'", ["'Tis", "the", "best", "of", "them"]),
        ("we’ll o'clock the dogs' 'em", ["we'll", "o'clock", "the", "dogs'", "'em"]),
        ("$3.50 & 50% (R2D2).", ["$3.50", "&", "50%", "R2D2"]),
        ("cafe\u0301 naïve", ["café", "naïve"]),
        ("wait ... what?!", ["wait", "what"]),
        ("see\u00a0the\nmoon\u2028and\tstars\r\n", ["see", "the", "moon", "and", "stars"]),
        ("ｈｅｌｌｏ 𝐛𝐨𝐥𝐝 ﬁne", ["hello", "bold", "fine"]),
        ("<b>the</b> <a href='x'>cat</a><br/>sat &amp; ran", ["the", "cat", "sat", "&", "ran"]),
        ("a &amp;amp;amp; b &lt;i&gt;c&lt;/i&gt; 1 < 2", ["a", "&", "b", "c", "1", "2"]),
        ("rooms 100 200 300 400 500 600", ["rooms", "100", "200", "300", "400", "500", "600"]),
        ("# Head\n**bold** _it_ `code` -item", ["Head", "bold", "it", "code", "item"]),
        ("1 000 000 people, 5 km, 2½ cups", ["1 000 000", "people", "5 km", "2 1/2", "cups"]),
        ("it cost $1.5 billion in 1984", ["it", "cost", "$1.5 billion", "in", "1984"]),
        ("two + two = 4", ["two", "+", "two", "=", "4"]),
        ("room No. 5, 10 min in", ["room", "No. 5", "10 min", "in"]),
        ("1️⃣ ٣ ①", ["1", "3", "1"]),
    ],
)
def test_split_words(text, words):
    assert split_words(text) == words


@pytest.mark.parametrize("apostrophe", "'`´ʹʻʼʽˈ‘’‛′‵ꞌ՚＇")
def test_split_words_contractions_with_any_apostrophe(apostrophe):
    words = ["don't", "I'm", "we'll", "he's", "they've", "you'd", "can't", "o'clock", "it's", "isn't"]
    assert split_words(" ".join(words).replace("'", apostrophe)) == words


@pytest.mark.parametrize("character", INVISIBLE)
def test_split_words_drops_invisible_characters_anywhere(character):
    for place in range(3):
        cuts = [(0, len(word) // 2, len(word))[place] for word in COMMON]
        text = " ".join(word[:cut] + character + word[cut:] for word, cut in zip(COMMON, cuts, strict=True))
        assert split_words(text) == COMMON


@pytest.mark.parametrize("sign", DECORATIVE)
def test_split_words_drops_signs_at_the_edges_of_words(sign):
    assert split_words(" ".join(f"{word}{sign}" for word in COMMON)) == COMMON
    assert split_words(" ".join(f"{sign}{word}" for word in COMMON)) == COMMON


@pytest.mark.parametrize("text", ["", " \n", "... — !", "\u200b", "😀 ™", "<br>"])
def test_split_words_refuses_a_text_without_words(text):
    with pytest.raises(PhoneError, match="no word"):
        split_words(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("the с\u0430t", r"^word 2, character 1: 'с' CYRILLIC SMALL LETTER ES \(U\+0441\) is not a Latin letter\. "),
        (
            "see the m\u03bfon",
            r"^word 3, character 2: 'ο' GREEK SMALL LETTER OMICRON \(U\+03BF\) is not",
        ),
        ("a\x00b", r"^word 1, character 2: \(U\+0000\) is a control character"),
        ("my \ue000", r"^word 2, character 1: \(U\+E000\) is a private character"),
        ("a \ud83d", r"^word 2, character 1: \(U\+D83D\) is half a character"),
        ("ʃip", r"LATIN SMALL LETTER ESH \(U\+0283\) is a letter that no English word has"),
        ("日 本 東 京 x", r"^word 1, .*word 2, .*word 3, [^;]*; 1 more words\. Write the text in English spelling$"),
    ],
)
def test_normalise_refuses_what_cannot_be_read_by_name_and_place(text, message):
    with pytest.raises(PhoneError, match=message):
        normalise(text)


@given(st.text() | st.text("<b>&amp;#39ab ´¨½²5'\u00ad\u0149İß™", max_size=30))
def test_normalise_twice_changes_nothing(text):
    try:
        plain = normalise(text)
    except PhoneError:
        return
    assert normalise(plain) == plain
    assert unicodedata.is_normalized("NFKC", plain)


@given(st.text())
def test_read_words_reads_or_refuses(text):
    try:
        words = read_words(text)
    except PhoneError:
        return
    assert all(word.written and all(word.readings) for word in words)


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("the GDP grew", ["the", "GDP|g. d. p.", "grew"]),
        ("NASA sent CDs to the US", ["NASA", "sent", "CDs|c. d.'s", "to", "the", "US|u. s."]),
        ("our SFTP and DIY", ["our", "s. f. t. p.", "and", "d. i. y.|DIY"]),
        ("IT IS THE US", ["IT", "IS", "THE", "US"]),
        ("MANDY LOVES AUSTRALIAN SFTP", ["MANDY", "LOVES", "AUSTRALIAN", "s. f. t. p."]),
        ("Henry VIII", ["Henry", "the eighth|eight|v. i. i. i."]),
        ("chapter IV", ["chapter", "four|i. v."]),
        ("Super Bowl XLVII", ["Super", "Bowl", "the forty seventh|forty seven|x. l. v. i. i."]),
        ("page iv", ["page", "four|i. v."]),
        ("mix six xi", ["mix", "six", "xi"]),
        ("in C# or B\u266d", ["in", "c. sharp", "or", "b. flat"]),
        ("5 m\u00b2 each", ["five square meters|five square meter", "each"]),
        ("King Louis XIV ruled", ["King", "Louis", "the fourteenth|fourteen|x. i. v.", "ruled"]),
    ],
)
def test_read_words_capitals(text, readings):
    assert ["|".join(word.readings) for word in read_words(text)] == readings


def test_read_words_of_a_plain_word_has_one_reading():
    assert read_words("Don’t go") == [Word("Don't", ("Don't",)), Word("go", ("go",))]


def test_read_words_of_common_words_are_as_written():
    shuffled = random.Random(1).sample(COMMON, len(COMMON))
    assert [word.readings for word in read_words(" ".join(shuffled))] == [(word,) for word in shuffled]
    assert all(first != second for first, second in pairwise(shuffled))

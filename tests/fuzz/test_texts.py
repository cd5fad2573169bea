"""Texts, phones and names: a result, or one line that shows the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asheard.errors import AsHeardError
from asheard.phones import fold_arpabet, fold_espeak, fold_ipa, is_silence, spoken_label
from asheard.pronunciation.target import target_of_phones, target_of_text
from support.fuzzing import PIECES, cases, check, examples, texts

phones = st.lists(st.sampled_from([*PIECES, "t", "AH0", "aɪ", "i:", "t‿ʃ", "'v", "/v ɛ/", "ε", "|"]), max_size=8).map(
    " ".join
)
TARGETS = {"text": target_of_text, "phones": target_of_phones}


def read(name: str, text: str) -> None:
    check(name, text.encode(errors="surrogatepass"), lambda: TARGETS[name](text))


@pytest.mark.parametrize("name", TARGETS)
def test_targets_cases(name):
    """Texts that once ended in a traceback."""
    for case in cases(name):
        read(name, case.read_bytes().decode(errors="surrogatepass"))


@examples(250)
@given(text=texts)
def test_target_of_text(text):
    read("text", text)


@examples(250)
@given(text=st.one_of(phones, texts))
def test_target_of_phones(text):
    read("phones", text)


@pytest.mark.parametrize("fold", [fold_arpabet, fold_espeak, fold_ipa, is_silence, spoken_label])
def test_folding_of_labels(fold):
    @examples(100)
    @given(label=texts)
    def property(label):
        try:
            fold(label)
        except AsHeardError as error:
            str(error).encode()

    property()

"""The error rate against targets with wildcard labels, by hand and against all sequences of a target."""

from itertools import chain, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asheard.phones import BLANK_ID, id_to_phone, phone_to_id
from asheard.phones.alignment import count_edits, unit_align
from asheard.recognition.protocol import Recognition, Transcript
from asheard.training.data import Example
from asheard.training.validation import count_target_edits, validate


class ConstantRecogniser:
    """Transcribes every recording as the same phones."""

    def __init__(self, phones):
        self.phones = tuple(phones)

    def recognise(self, waveforms, l1s):
        return [Recognition(Transcript(self.phones, None, None)) for _ in waveforms]

    def eval(self):
        pass

    train = eval


def target(symbols):
    """`!p` is a wildcard that excludes p; `?` is any one phone."""
    ids = []
    for symbol in symbols.split():
        ids.append(-BLANK_ID if symbol == "?" else phone_to_id(symbol[-1]) * (-1 if symbol[0] == "!" else 1))
    return tuple(ids)


@pytest.mark.parametrize(
    ("symbols", "written", "edits"),
    [
        ("p b", "pb", 0),
        ("p b", "pd", 1),
        ("p !b d", "ptd", 0),  # some other phone
        ("p !b d", "pd", 0),  # none
        ("p !b d", "pbd", 1),  # the excluded phone
        ("p !b d", "pttd", 1),  # one phone too many
        ("p !b d", "tb", 2),
        ("p ? d", "ptd", 0),
        ("p ? d", "pd", 1),
        ("!p !b", "", 0),
        ("!p !p", "pp", 2),
        ("!p !b t", "bt", 0),
        ("!p !b t", "pt", 0),
        ("!p !p t", "pt", 1),
    ],
)
def test_validate_accepts_all_but_the_excluded_phone(symbols, written, edits):
    label_ids = target(symbols)
    validation = validate(
        ConstantRecogniser(written), [Example("S", "u", "Hindi", "", 1.0, label_ids)], lambda wav: None
    )
    assert validation.per == edits / len(label_ids)
    assert validation.length_ratio == len(written) / len(label_ids)


IDS = (2, 3, 4)
LABELS = st.sampled_from([*IDS, *(-label_id for label_id in IDS), -BLANK_ID])


@settings(max_examples=50)
@given(st.lists(LABELS, max_size=4), st.lists(st.sampled_from(IDS), max_size=5))
def test_count_target_edits_is_the_distance_to_the_closest_sequence(target, written):
    fillings = [
        [[label]] if label > 0 else [[], *([i] for i in IDS if i != -label)][label == -BLANK_ID :] for label in target
    ]
    sequences = (map(id_to_phone, chain.from_iterable(choice)) for choice in product(*fillings))
    phones = list(map(id_to_phone, written))
    closest = min(count_edits(unit_align(list(sequence), phones)).num_edits for sequence in sequences)
    assert count_target_edits(target, phones) == closest

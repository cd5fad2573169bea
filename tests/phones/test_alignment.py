"""Alignment against oracles that share no code with it: every path enumerated, Kaldi's rule, kaldialign."""

import json
import operator
import random
import subprocess
import sys
from functools import cache
from itertools import chain
from pathlib import Path

import kaldialign
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asheard.errors import CorpusError, PhoneError
from asheard.phones import ERR, PHONES, Vectors, levenshtein, load_vectors
from asheard.phones.alignment import (
    INDEL_COST,
    EditCounts,
    closest_sequences,
    count_edits,
    unit_align,
    unit_align_batch,
    wper_align,
    wper_align_batch,
)

FROZEN = Path(__file__).with_name("frozen_alignments.json")
MICRO = 1_000_000  # costs are compared in millionths

few_phones = st.lists(st.sampled_from([*PHONES, ERR]), max_size=5)
few_symbols = st.lists(st.sampled_from("abc"), max_size=5)
sentences = st.lists(st.lists(st.sampled_from(PHONES), max_size=40), max_size=6)


def every_alignment(reference, hypothesis):
    """Return all alignments, each a tuple of pairs."""
    if not reference and not hypothesis:
        return [()]
    steps = []
    if reference and hypothesis:
        steps.append(((reference[-1], hypothesis[-1]), reference[:-1], hypothesis[:-1]))
    if reference:
        steps.append(((reference[-1], None), reference[:-1], hypothesis))
    if hypothesis:
        steps.append(((None, hypothesis[-1]), reference, hypothesis[:-1]))
    return [(*path, last) for last, *rest in steps for path in every_alignment(*rest)]


def weighted_cost(pair):
    """Millionths of one step under the weighted mode, from the definition."""
    reference, hypothesis = pair
    if reference is None or hypothesis is None:
        return round(INDEL_COST * MICRO)
    if ERR in pair:
        return MICRO
    return round(load_vectors().cos_dist(reference, hypothesis) * MICRO)


def unit_cost(pair):
    return int(pair[0] != pair[1])


def first_by_tie_rule(alignments):
    """Of equally good alignments: from the end, a pairing before a deletion before an insertion."""

    def preference(alignment):
        return [1 if hyp is None else 2 if ref is None else 0 for ref, hyp in reversed(alignment)]

    return min(alignments, key=preference)


def levenshtein_alignment(reference, hypothesis, before):
    """Kaldi's LevenshteinAlignment, transcribed; `before` compares costs: <= in Kaldi, < in kaldialign."""

    @cache
    def cost(m, n):
        if m == 0 or n == 0:
            return m + n
        return min(*choices(m, n))

    def choices(m, n):
        sub_or_ok = cost(m - 1, n - 1) + (reference[m - 1] != hypothesis[n - 1])
        return sub_or_ok, cost(m - 1, n) + 1, cost(m, n - 1) + 1

    pairs, m, n = [], len(reference), len(hypothesis)
    while m or n:
        if m and n:
            sub_or_ok, deletion, insertion = choices(m, n)
            if before(sub_or_ok, min(deletion, insertion)):
                step = (1, 1)
            else:
                step = (1, 0) if before(deletion, insertion) else (0, 1)
        else:
            step = (1, 0) if m else (0, 1)
        m, n = m - step[0], n - step[1]
        pairs.append((reference[m] if step[0] else None, hypothesis[n] if step[1] else None))
    return pairs[::-1]


def best_by_definition(reference, hypothesis, cost_of_step):
    """The alignment of least cost, the first of them by the tie rule; and how many there are."""
    costs = {path: sum(map(cost_of_step, path)) for path in every_alignment(reference, hypothesis)}
    cheapest = [path for path, cost in costs.items() if cost == min(costs.values())]
    return list(first_by_tie_rule(cheapest)), len(cheapest)


def with_stars(pairs):
    return [("*" if ref is None else ref, "*" if hyp is None else hyp) for ref, hyp in pairs]


@given(few_phones, few_phones)
def test_wper_align_takes_the_first_of_the_cheapest(reference, hypothesis):
    best, _ = best_by_definition(reference, hypothesis, weighted_cost)
    assert wper_align(reference, hypothesis) == best


@given(few_symbols, few_symbols)
def test_unit_align_takes_the_first_of_the_cheapest(reference, hypothesis):
    best, num_cheapest = best_by_definition(reference, hypothesis, unit_cost)
    assert unit_align(reference, hypothesis) == best
    if num_cheapest == 1:
        assert with_stars(best) == kaldialign.align(reference, hypothesis, "*")


@given(st.lists(st.sampled_from("abcd"), max_size=30), st.lists(st.sampled_from("abcd"), max_size=30))
def test_unit_align_breaks_ties_as_kaldi(reference, hypothesis):
    assert unit_align(reference, hypothesis) == levenshtein_alignment(reference, hypothesis, operator.le)
    # The same transcription with kaldialign's comparison gives kaldialign's answer, so it is a faithful one.
    port = levenshtein_alignment(reference, hypothesis, operator.lt)
    assert kaldialign.align(reference, hypothesis, "*") == with_stars(port)


@given(sentences, st.randoms(use_true_random=False))
def test_align_batch_equals_single_alignments(references, rng):
    hypotheses = [rng.choices(PHONES, k=rng.randint(0, 40)) for _ in references]
    for batch, single in ((wper_align_batch, wper_align), (unit_align_batch, unit_align)):
        alignments = batch(references, hypotheses)
        assert alignments == list(map(single, references, hypotheses))
        for reference, hypothesis, pairs in zip(references, hypotheses, alignments, strict=True):
            assert [ref for ref, _ in pairs if ref is not None] == reference
            assert [hyp for _, hyp in pairs if hyp is not None] == hypothesis
            assert (None, None) not in pairs


@pytest.mark.parametrize("num_symbols", [3, 41, 255, 256, 257, 3000])
def test_align_batch_of_a_large_batch(num_symbols):
    rng = random.Random(num_symbols)
    symbols = [*PHONES, ERR] if num_symbols == 41 else [f"word{i}" for i in range(num_symbols)]
    batch = [[rng.choices(symbols, k=rng.randint(0, 60)) for _ in range(200)] for _ in range(2)]
    assert unit_align_batch(*batch) == list(map(unit_align, *batch))
    if num_symbols == 41:
        assert wper_align_batch(*batch) == list(map(wper_align, *batch))


@given(few_symbols, few_symbols)
def test_count_edits_equals_kaldialign(reference, hypothesis):
    counts = count_edits(unit_align(reference, hypothesis))
    total = kaldialign.edit_distance(reference, hypothesis)["total"]
    assert counts.substitutions + counts.deletions + counts.insertions == total
    assert counts.num_reference == len(reference)
    assert counts.correct + counts.substitutions + counts.insertions == len(hypothesis)
    assert counts.error_rate == (total / len(reference) if reference else None)


def test_count_edits_by_hand():
    pairs = [("a", "a"), ("b", "c"), ("d", None), (None, "e"), (None, "f")]
    assert count_edits(pairs) == EditCounts(correct=1, substitutions=1, deletions=1, insertions=2)
    assert count_edits(pairs).num_edits == 4
    assert count_edits(pairs).error_rate == 4 / 3
    assert count_edits([]) == EditCounts(0, 0, 0, 0)
    assert count_edits([]).error_rate is None


def test_wper_align_pairs_near_phones():
    reference, hypothesis = ["s", "t", "ɹ", "i", "t"], ["s", "ɹ", "ɪ", "d"]
    assert wper_align(reference, hypothesis) == [("s", "s"), ("t", None), ("ɹ", "ɹ"), ("i", "ɪ"), ("t", "d")]
    assert wper_align(["z", "ə"], ["ɪ"]) == [("z", None), ("ə", "ɪ")]
    assert wper_align(["ə", "z"], ["ɪ"]) == [("ə", "ɪ"), ("z", None)]
    assert unit_align(["ə", "z"], ["ɪ"]) == [("ə", None), ("z", "ɪ")]


def test_wper_align_with_other_vectors():
    distances = np.ones((40, 40))
    np.fill_diagonal(distances, 0)
    near = PHONES.index("p"), PHONES.index("i")
    distances[near], distances[near[::-1]] = 0.1, 0.1
    vectors = Vectors(distances, threshold=0.5, digest="test")
    assert wper_align(["p", "s"], ["i"], vectors) == [("p", "i"), ("s", None)]
    assert wper_align(["p", "s"], ["i"]) != wper_align(["p", "s"], ["i"], vectors)


def test_wper_align_err():
    assert wper_align([ERR], [ERR]) == [(ERR, ERR)]
    assert wper_align([ERR, "t"], ["t"]) == [(ERR, None), ("t", "t")]
    # Pairing t with err costs as much as deleting one and inserting the other; ties go to the pairing.
    assert wper_align(["s", "t"], ["s", ERR]) == [("s", "s"), ("t", ERR)]
    best, _ = best_by_definition([ERR, "t"], ["d", ERR], weighted_cost)
    assert wper_align([ERR, "t"], ["d", ERR]) == best


def test_align_empty_sequences_and_batches():
    for align in (wper_align, unit_align):
        assert align([], []) == []
        assert align(["t"], []) == [("t", None)]
        assert align([], ["t", "d"]) == [(None, "t"), (None, "d")]
    assert wper_align_batch([], []) == unit_align_batch([], []) == []
    assert unit_align_batch([[], ["a"]], [["b"], []]) == [[(None, "b")], [("a", None)]]


def test_align_tuples_and_strings():
    assert wper_align(("t",), ("t",)) == [("t", "t")]
    assert unit_align("kitten", "sitting") == levenshtein_alignment("kitten", "sitting", operator.le)


def test_wper_align_names_a_symbol_without_a_phone():
    with pytest.raises(PhoneError, match="'AH0'"):
        wper_align(["t"], ["AH0"])
    with pytest.raises(PhoneError, match="'sil'"):
        wper_align_batch([["t"], ["sil"]], [["t"], ["t"]])


def test_align_batch_refuses_unequal_batches():
    with pytest.raises(ValueError, match="2 references for 1"):
        unit_align_batch([["a"], ["b"]], [["a"]])


def test_align_refuses_too_many_cells():
    hour = ["t", "ə"] * 50_000
    for align in (wper_align_batch, unit_align_batch):
        with pytest.raises(CorpusError, match="pair 1: 100000 symbols against 100000"):
            align([["t"], hour], [["t"], hour])


def test_align_two_thousand_phones():
    reference = [PHONES[i * i % 40] for i in range(2000)]
    hypothesis = [phone for i, phone in enumerate(reference) if i % 7]
    pairs = wper_align(reference, hypothesis)
    assert sum(map(weighted_cost, pairs)) == round(INDEL_COST * MICRO) * (len(reference) - len(hypothesis))


def test_unit_align_of_many_symbols():
    words = [f"word{i}" for i in range(30_000)]
    references = [words[i : i + 10] for i in range(0, 30_000, 10)]
    assert unit_align_batch(references, references) == [[(word, word) for word in row] for row in references]


@pytest.fixture(params=["plain", "compiled"])
def recurrence(request, monkeypatch):
    """Run the recurrence as plain Python, or compiled, whatever the size of the work."""
    pytest.importorskip("numba")
    compiled = levenshtein._compiled() if request.param == "compiled" else None
    chosen = lambda: compiled  # noqa: E731
    chosen.cache_info = levenshtein._compiled.cache_info
    monkeypatch.setattr(levenshtein, "_compiled", chosen)
    return request.param


def test_wper_align_equals_the_frozen_alignments(recurrence):
    """Pinned with the bundled vectors; a change here changes published numbers."""
    cases = json.loads(FROZEN.read_text(encoding="utf-8"))
    for case in cases:
        pairs = wper_align(case["reference"].split(), case["hypothesis"].split())
        assert " ".join(f"{ref or '-'}/{hyp or '-'}" for ref, hyp in pairs) == case["pairs"]
    assert len(cases) >= 20


def test_align_batch_plain_equals_compiled(monkeypatch):
    pytest.importorskip("numba")
    levenshtein._compiled()  # from now on used for work of any size
    rng = random.Random(0)
    batch = [[rng.choices([*PHONES, ERR], k=rng.randint(0, 30)) for _ in range(50)] for _ in range(2)]
    compiled = wper_align_batch(*batch), unit_align_batch(*batch)
    monkeypatch.setattr(levenshtein, "_align_compiled", lambda _, *rest: levenshtein._align_plainly(*rest))
    assert (wper_align_batch(*batch), unit_align_batch(*batch)) == compiled


def test_wper_align_of_one_pair_imports_no_numba():
    program = (
        "import sys; from asheard.phones.alignment import wper_align; "
        "wper_align(['t'] * 60, ['d'] * 60); sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


@given(
    st.lists(st.lists(st.lists(st.sampled_from(PHONES), max_size=4), min_size=1, max_size=3), max_size=4), few_phones
)
def test_closest_sequences_have_the_least_cost(choices, hypothesis):
    chosen = [first for first, *_ in choices]
    expected = []
    for place, sequences in enumerate(choices):
        texts = [[*chosen[:place], sequence, *chosen[place + 1 :]] for sequence in sequences]
        costs = [sum(map(weighted_cost, wper_align([*chain(*text)], hypothesis))) for text in texts]
        expected.append(costs.index(min(costs)))
        chosen[place] = sequences[expected[-1]]
    assert closest_sequences(choices, hypothesis) == expected

"""The hierarchical counts of the mispronunciation detection literature, by the scheme its scoring scripts share.

Three unit-cost alignments with Kaldi's tie-breaks: canonical with produced says what the speaker did, produced with
predicted what the chain wrote for it, canonical with predicted what it wrote where the speaker said nothing. Each
canonical position and each added phone then counts once:

    said right:    TA accepted, FR rejected
    said wrong:    FA accepted; rejected, CD where the chain wrote what was said, else DE

Accepted means that the chain wrote the canonical or, behind a prior, what the prior excuses; at an added phone, that it
wrote nothing. Source: Qian, Meng and Soong 2010; the scoring scripts of Fu et al. 2021 (arXiv 2104.08428).

The scheme has a hole: a phone that a chain inserts is no rejection, so chains gain by writing too much. `num_fr_strict`
closes it: a right position is rejected too where the chain inserted a phone at it.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from asheard.alignment import Pairs, unit_align_batch
from asheard.corpora.records import Utterance
from asheard.phones import ERR
from asheard.prior import Prior

COUNTS: Final = ("num_ta", "num_fr", "num_fa", "num_cd", "num_de", "num_fr_strict")
UNNAMED: Final = "<unnamed>"  # a sound the annotator could not name: a symbol of its own that no prediction equals

Accepts = Callable[[str, str, str | None, str], bool]  # (canonical, predicted, position, L1)


def produced_symbols(utterance: Utterance) -> list[str]:
    """The phones that were said, and UNNAMED for each sound without a name."""
    said = (UNNAMED if token.is_err else token.perceived for token in utterance.tokens)
    return [phone for phone in said if phone is not None]


def published_counts(
    gold: Sequence[Utterance],
    predicted: Sequence[Sequence[str]],
    heard: Sequence[Pairs],
    prior: Prior | None = None,
) -> list[tuple[int, ...]]:
    """Count each utterance of one chain.

    Args:
        gold: test utterances.
        predicted: the chain's phones for each.
        heard: `unit_align` of each utterance's `produced_symbols` with its prediction.
        prior: what stands behind the chain, if anything.
    Returns:
        For each utterance its COUNTS.
    """
    canonical = [utterance.canonical for utterance in gold]
    said = unit_align_batch(canonical, [produced_symbols(utterance) for utterance in gold])
    written = unit_align_batch(canonical, predicted)
    accepts = _accepts_canonical if prior is None else _behind(prior)
    return [_count(*row, accepts) for row in zip(gold, said, heard, written, strict=True)]


def _count(utterance: Utterance, said: Pairs, heard: Pairs, written: Pairs, accepts: Accepts) -> tuple[int, ...]:
    ta = fr = fa = cd = de = fr_strict = 0
    positions = [token.position for token in utterance.tokens if token.canonical is not None]
    at_canonical = [phone for canonical, phone in written if canonical is not None]
    at_produced = [phone for produced, phone in heard if produced is not None]
    inserted_at = _inserted_at(said, heard)
    i = j = 0  # canonical and produced phones so far
    for canonical, produced in said:
        phone = at_canonical[i] if produced is None else at_produced[j]
        if canonical is None:
            accepted = phone is None
        else:
            accepted = phone is not None and accepts(canonical, phone, positions[i], utterance.l1)
        if canonical == produced:
            ta += accepted
            fr += not accepted
            fr_strict += not accepted or j in inserted_at
        else:
            fa += accepted
            cd += not accepted and phone == produced
            de += not accepted and phone != produced
        i += canonical is not None
        j += produced is not None
    return ta, fr, fa, cd, de, fr_strict


def _inserted_at(said: Pairs, heard: Pairs) -> set[int]:
    """The produced phones at which the chain inserted another: the one before it, or the first of the utterance.

    Where the speaker deleted a phone in the same gap, the insertion stands at the deletion and at no produced phone.
    """
    deleted = _before_each_gap(produced for _, produced in said)
    inserted = _before_each_gap(produced for produced, _ in heard)
    return {max(index, 0) for index in inserted - deleted}


def _before_each_gap(produced: Iterable[str | None]) -> set[int]:
    """Of a side of an alignment, the index of the produced phone before each place that has none; -1 at the start."""
    before, index = set(), -1
    for phone in produced:
        if phone is None:
            before.add(index)
        else:
            index += 1
    return before


def _accepts_canonical(canonical: str, predicted: str, position: str | None, l1: str) -> bool:
    return predicted == canonical


def _behind(prior: Prior) -> Accepts:
    def accepts(canonical: str, predicted: str, position: str | None, l1: str) -> bool:
        if predicted in (canonical, ERR):  # ERR: an outside transcriber's word for a sound without a name
            return predicted == canonical
        return prior.excuses(canonical, predicted, position, l1)

    return accepts

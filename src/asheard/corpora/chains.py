"""Names of chains. A chain is a transcriber and the scorer behind it; every prediction names its chain."""

import re
from collections.abc import Iterable
from typing import Final

from asheard.errors import CorpusError

OFF_THE_SHELF: Final = "off-the-shelf"
FAITHFUL: Final = "ft-l2-faithful"
L1_ENCODER: Final = "ft-l2-l1-encoder"
L1_PRIOR: Final = "faithful+l1-prior"
CHAINS: Final = (OFF_THE_SHELF, FAITHFUL, L1_ENCODER, L1_PRIOR)  # the verdict needs these four

# These two use the posteriors of the faithful transcriber. They are ranked, but the verdict ignores them.
GOP: Final = "gop"
GOP_PRIOR: Final = "gop+l1-prior"  # the prior is part of the likelihood ratio

# These two are shown beside the others but not ranked.
L1_ENCODER_UNKNOWN: Final = "ft-l2-l1-encoder-unknown"  # the encoder chain without the speaker's first language
COPY_CANONICAL: Final = "copy the canonical"  # the numbers of a chain that never finds an error

_NAME: Final = re.compile(r"(?P<chain>[^|]+?)(?:@(?P<seed>\d+))?")
_BEHIND_PRIOR: Final = {FAITHFUL: L1_PRIOR, GOP: "gop-behind-l1-prior"}


def behind_prior(chain: str) -> str:
    """The name of `chain` when the prior scores its transcripts."""
    return _BEHIND_PRIOR.get(chain, f"{chain}+l1-prior")


def distinct_transcripts(chains: Iterable[str]) -> list[str]:
    """The chains that have transcripts of their own: all but those that score another chain's transcripts."""
    names = list(chains)
    scored = set(map(behind_prior, names))
    return [chain for chain in names if chain not in scored]


def split_seed(name: str) -> tuple[str, int]:
    """Split NAME or NAME@SEED into chain and seed; the seed is 0 if it is not given.

    Raises:
        CorpusError: the name is empty, or has a "|" or an unprintable character.
    """
    match = _NAME.fullmatch(name)
    if match is None or not name.isprintable() or not match["chain"].strip():
        raise CorpusError(f"{name!r} is no name of a chain; use NAME or NAME@SEED, without '|'")
    return match["chain"], int(match["seed"] or 0)

"""Variant or error: one canonical position behind a prior."""

from typing import Literal

from asheard.prior.estimate import Prior

PositionClass = Literal["variant", "error"]


def classify_with_prior(
    canonical: str, produced: str | None, position: str | None, l1: str, cos_dist: float, prior: Prior
) -> PositionClass:
    """Call one canonical position a variant or an error.

    A variant is close to its target (`cos_dist` below the prior's threshold), or is what training speakers of this very
    L1 have shown for it at this position (at any, where the position is None or unseen), with a probability above the
    prior's p_min. All else is an error: a deletion, and what this L1 has not shown there, however low p_min is and
    however common it is in another L1. A prior of other options tells by them what has been shown (docs/prior.md).

    Args:
        canonical: IPA phone the dictionary calls for.
        produced: IPA phone that was said or predicted, None for a deletion.
        position: "onset", "nucleus", "coda" or None.
        l1: the speaker's first language.
        cos_dist: distance of the two phones, in 0..1.
        prior: from `build_prior` or `load_prior`.
    Returns:
        "variant" (a phone said right is one, at distance 0) or "error".
    Raises:
        PhoneError: a phone outside the inventory.
        CorpusError: an unknown position.
    """
    excused = prior.excuses(canonical, produced, position, l1)
    near = produced is not None and cos_dist < prior.threshold
    return "variant" if near or excused else "error"

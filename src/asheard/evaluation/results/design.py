"""Which speakers were tested by which models, and what such a design can and cannot show."""

from collections.abc import Iterable, Mapping
from typing import Any


def design(metrics: Mapping[str, Any]) -> Iterable[str]:
    """The design, in sentences that hold for any gold set."""
    speakers: Mapping[str, list[str]] = metrics["design"]["speakers"]
    num_folds, level = metrics["design"]["num_folds"], metrics["design"]["level"]
    num_speakers = sum(map(len, speakers.values()))
    listed = "; ".join(f"{l1}: {', '.join(names)}" for l1, names in speakers.items())
    yield "## Design"
    if num_folds == 1:
        yield f"**One fixed split.** {_speakers(num_speakers)} tested, the same for every chain ({listed})."
    else:
        yield (
            f"**{num_folds} folds.** {_speakers(num_speakers)} tested ({listed}), each once, by models that were "
            "trained without any recording of that speaker. Numbers are counted over all folds together, so they "
            f"describe the way of training, averaged over {num_folds} models, and not one model."
        )
    yield "\n".join(f"- {sentence}" for sentence in _what_it_shows(speakers, num_folds))
    yield (
        f"Intervals are {100 * level:g}% bootstrap intervals over {metrics['design']['num_resamples']:,} resamples. "
        f"Pooled over L1s, {_units(metrics['copy_canonical']['intervals']['pooled'])} are resampled. What training "
        "with another seed would change is not in them; it has a table of its own."
    )


def _what_it_shows(speakers: Mapping[str, list[str]], num_folds: int) -> Iterable[str]:
    alone = [l1 for l1, names in speakers.items() if len(names) == 1]
    several = [l1 for l1, names in speakers.items() if len(names) > 1]
    if alone:
        yield (
            f"One test speaker each: {', '.join(alone)}. Speaker and L1 are confounded here: what is particular to "
            "this speaker looks as if it were particular to the L1. The interval of such an L1 is **within-speaker**: "
            "it resamples utterances, and says what other sentences by the same speaker would give, not what another "
            "speaker of the L1 would."
        )
    if several:
        yield (
            f"Several test speakers: {', '.join(several)}. How much speakers of one L1 differ is seen, and is in the "
            "interval of that L1."
        )
    if num_folds > 1:
        yield (
            "Speakers of one fold are heard by the same model, so a model that happens to be good or bad moves them "
            "together; the intervals take speakers as independent and do not see this."
        )
    num_speakers = sum(map(len, speakers.values()))
    if num_speakers > 1:
        yield (
            f"Pooled intervals rest on {num_speakers} speakers and are widened for their number, but they know of "
            "these speakers alone; a difference between chains that does not show here may still be there."
        )


def _speakers(number: int) -> str:
    return "One speaker was" if number == 1 else f"{number} speakers were"


def _units(intervals: Mapping[str, Any]) -> str:
    if intervals["units"] == "speakers":
        return f"{intervals['num_units']} speakers, with all their utterances,"
    return f"the {intervals['num_units']} utterances of the one speaker (within-speaker)"

"""Facts about an evaluation that token rows do not hold: the corpus, exclusions, training."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from asheard.errors import CorpusError
from asheard.io.files import read_json, write_json
from asheard.prior import PMinChoice, PMinPoint

SYNTHETIC_NOTE: Final = (
    "The embedded corpus is synthetic: eSpeak NG speaks, and the errors are drawn from counts of real learners' "
    "errors. These numbers show that the study runs; they prove nothing about people."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """Validation after one epoch of training: PER, and the accuracy of the L1 classifier if the model has one."""

    chain: str
    seed: int
    epoch: int
    per: float
    l1_accuracy: float | None = None
    fold: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The corpus, the split and the training behind an evaluation.

    corpus, split, base: test material and the recogniser that training started from, for the signature. notes: the
    first lines of the report. excluded: how many items were left out, by reason. num_shared_prompts: prompts that occur
    both in training and in test. num_sharing: training utterances of these prompts. Both are of the fold with the most,
    and None if unknown. p_min: how the p_min of each fold's prior was chosen. validation: every epoch of every seed.
    """

    corpus: str
    split: str
    base: str = "none"
    notes: tuple[str, ...] = ()
    excluded: Mapping[str, int] = field(default_factory=dict)
    num_shared_prompts: int | None = None
    num_sharing: int | None = None
    p_min: tuple[PMinChoice, ...] = ()
    validation: tuple[Epoch, ...] = ()


def write_context(path: Path, context: Context) -> None:
    """Write a context as JSON."""
    write_json(path, asdict(context))


def read_context(path: Path) -> Context:
    """Read a context.

    Raises:
        CorpusError: the file is missing or holds something else.
    """
    values: Any = read_json(path)
    try:
        return Context(
            **values
            | {
                "notes": tuple(values["notes"]),
                "p_min": tuple(map(_p_min_choice, values["p_min"])),
                "validation": tuple(Epoch(**row) for row in values["validation"]),
            }
        )
    except (KeyError, TypeError):
        names = ", ".join(entry.name for entry in fields(Context))
        raise CorpusError(f"{path}: not an evaluation context ({names}); run `asheard evaluate` again") from None


def _p_min_choice(value: dict[str, Any]) -> PMinChoice:
    curve = tuple(PMinPoint(**point) for point in value["curve"])
    return PMinChoice(**value | {"curve": curve, "left_out": tuple(value["left_out"])})

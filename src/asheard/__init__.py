"""AsHeard writes down the phones that a learner of English actually said, and scores the pronunciation of each phone.

Example:
    import asheard

    model = asheard.load_model()
    model.transcribe("my.wav").phones
    model.score("my.wav", "I think so", l1="Spanish").score

    asheard.evaluate(gold="gold.jsonl", chains={"mine": "mine.jsonl"}, out="runs/mine")  # asheard[evaluate]
    if __name__ == "__main__":  # its processes import the script
        asheard.study(out="runs/embedded")  # asheard[train]

Each function is imported when it is first used, so importing the package takes a few milliseconds. `evaluate` and
`study` need the packages of their extras when they are called.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from asheard.evaluation.files import evaluate
    from asheard.pipeline import study
    from asheard.pronunciation.scorer import load_model

__version__ = "0.1.0"
DEFAULT_MODEL: Final = "asheard-tiny"  # ships with the package
__all__ = ["DEFAULT_MODEL", "__version__", "evaluate", "load_model", "study"]

# name -> the module that defines it
_FUNCTIONS: Final = {
    "load_model": "asheard.pronunciation.scorer",
    "evaluate": "asheard.evaluation.files",
    "study": "asheard.pipeline",
}


def __getattr__(name: str) -> Any:
    if name not in _FUNCTIONS:
        raise AttributeError(f"module 'asheard' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_FUNCTIONS[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_FUNCTIONS})

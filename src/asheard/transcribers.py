"""Whatever transcribes, by the name that `--model` takes: ours, published checkpoints, other people's recognisers."""

from pathlib import Path

from asheard import DEFAULT_MODEL
from asheard.extras import optional_package
from asheard.files import content_digest
from asheard.recognisers import is_recogniser, load_recogniser
from asheard.transcript import Transcriber


def load_by_name(model: str | Path) -> tuple[Transcriber, str]:
    """Load what transcribes, onto the GPU where there is one.

    Recognisers need no torch, so it is imported with models only.

    Args:
        model: `asheard-tiny`; a model folder; folder or hub id of a published recogniser; a name that `load_recogniser`
            knows.
    Returns:
        The transcriber, and a text that changes with what its transcripts depend on besides the recordings.
    Raises:
        ModelError: it cannot be loaded, or a package that it needs is not installed.
    """
    if is_recogniser(str(model)):
        recogniser = load_recogniser(str(model))
        return recogniser, recogniser.version
    torch = optional_package("torch", "train")
    from asheard.models import load_transcriber

    folder = model_folder(model)
    return load_transcriber(folder, "cuda" if torch.cuda.is_available() else "cpu"), content_digest(folder)


def model_folder(model: str | Path) -> str | Path:
    """The folder of the model that ships with the package, by its name; any other folder or hub id as it is."""
    from asheard.models import ASHEARD_TINY

    return ASHEARD_TINY if str(model) == DEFAULT_MODEL else model

"""Where the models that ship with the package lie.

The base is an ordinary Hugging Face `Wav2Vec2ForCTC` folder (docs/base.md), asheard-tiny a faithful transcriber.
"""

from pathlib import Path
from typing import Final

EMBEDDED_BASE: Final = Path(__file__).parent / "embedded-base"
ASHEARD_TINY: Final = Path(__file__).parent / "asheard-tiny"

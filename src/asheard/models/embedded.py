"""Where the base that ships with the package lies: an ordinary Hugging Face `Wav2Vec2ForCTC` folder (docs/base.md)."""

from pathlib import Path
from typing import Final

EMBEDDED_BASE: Final = Path(__file__).parent / "embedded_base"

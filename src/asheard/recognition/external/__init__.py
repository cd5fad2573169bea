"""External recognisers behind the protocol `asheard.recognition.protocol.Recogniser`; none of them needs torch.

Recognisers published as Hugging Face CTC checkpoints are `asheard.models.OffTheShelf`.
"""

from asheard.recognition.external.base import ExternalRecogniser
from asheard.recognition.external.command import Command
from asheard.recognition.external.hama import Hama
from asheard.recognition.external.pocketsphinx import PocketSphinx

__all__ = ["Command", "ExternalRecogniser", "Hama", "PocketSphinx"]

"""Other people's recognisers behind one protocol, `asheard.transcript.Transcriber`; none of them needs torch.

Recognisers published as Hugging Face CTC checkpoints are `asheard.models.OffTheShelf`, beside our own models.
"""

from asheard.recognisers.by_name import is_recogniser, load_recogniser
from asheard.recognisers.command import Command
from asheard.recognisers.hama import Hama
from asheard.recognisers.pocketsphinx import PocketSphinx
from asheard.recognisers.recogniser import Recogniser

__all__ = ["Command", "Hama", "PocketSphinx", "Recogniser", "is_recogniser", "load_recogniser"]

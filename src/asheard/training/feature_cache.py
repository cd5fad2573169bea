"""What a frozen front end makes of recordings, computed once and kept as long as the disk has room.

An entry is a safetensors file, whole or absent: float16 features of one recording alone, without padding, under the
digests of the front end and of the recording's samples. So models and seeds that share a base share the entries, and
several processes may fill one folder. What is kept is what would be computed: a run ends with the same weights whether
its entries were there before or not.
"""

import json
import shutil
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from asheard.io.audio import load_audio
from asheard.io.digests import bytes_digest
from asheard.io.files import whole_file
from asheard.io.progress import log
from asheard.models import Encoder

_SHAPE: Final = ("conv_kernel", "conv_stride", "feat_extract_norm", "feat_extract_activation")
_LEFT_FREE: Final = 2**30  # bytes of the disk that are left to others, beside what checkpoints need
_CHECKPOINTS: Final = 3 * 12  # bytes a parameter: three files of a weight and its two moments in AdamW


class Features(NamedTuple):
    """frames: (T, C) float16, on the CPU. num_samples: of the recording, at 16 kHz."""

    frames: Tensor
    num_samples: int


class FrontEndCache:
    """Features of recordings by their wav path, read from disk where they are there and computed where not."""

    def __init__(self, encoder: Encoder, wav_root: Path, folder: Path | None) -> None:
        """Nothing is written yet.

        Args:
            encoder: on its device; its front end is not trained, and it `continues` from features.
            wav_root: folder the wav paths start from.
            folder: of resampled recordings, as of `load_audio`, and of entries; None keeps nothing.
        """
        self._encoder = encoder
        self._load = partial(load_audio, wav_root, cache=folder)
        self._device = next(encoder.parameters()).device
        self._entries = folder / "front-end" / front_end_digest(encoder) if folder else None
        self._has_room = True
        self._reserve = _LEFT_FREE + _CHECKPOINTS * sum(value.numel() for value in encoder.parameters())
        self._places: dict[str, Path] = {}

    def __call__(self, wav: str) -> Features:
        """The features of one recording; may be called from several threads.

        Raises:
            CorpusError: as of `load_audio`.
        """
        known = self._places.get(wav)
        features = _read(known) if known else None
        if features:
            return features
        waveform = self._load(wav)
        if self._entries is None:
            return self._compute(waveform)
        key = bytes_digest([waveform.data])[:32]
        place = self._places[wav] = self._entries / key[:2] / f"{key[2:]}.safetensors"
        features = _read(place)
        if features is None:
            features = self._compute(waveform)
            self._keep(place, features)
        return features

    def _compute(self, waveform: NDArray[np.float32]) -> Features:
        frames = self._encoder.front_end(torch.from_numpy(waveform).to(self._device))
        return Features(frames.cpu().contiguous(), len(waveform))

    def _keep(self, place: Path, features: Features) -> None:
        if not self._has_room:
            return
        try:
            with whole_file(place) as part:
                free = shutil.disk_usage(part.parent).free
                if free < self._reserve:
                    raise OSError(f"{free / 1e9:.1f} GB are free, and {self._reserve / 1e9:.1f} GB are for checkpoints")
                save_file({"frames": features.frames, "num_samples": torch.tensor(features.num_samples)}, part)
        except (OSError, SafetensorError) as error:
            self._has_room = False
            log(
                f"{place.parents[2]}: no more features of the front end are kept ({error}); those that are missing are "
                "computed again in every epoch, which takes longer and changes nothing else"
            )


def _read(place: Path) -> Features | None:
    """An entry; None where it is missing or damaged."""
    try:
        entry = load_file(place)
        return Features(entry["frames"], int(entry["num_samples"]))
    except (OSError, SafetensorError, KeyError):
        return None


def front_end_digest(encoder: Encoder) -> str:
    """What decides the features of a recording: weights, shape and normalisation, and where they are computed."""
    front_end = encoder.backbone.feature_extractor.state_dict()
    shape = {name: getattr(encoder.config, name, None) for name in _SHAPE}
    place = next(encoder.parameters()).device.type
    described = [shape, encoder.do_normalize, place, torch.__version__, list(front_end)]
    weights = (value.cpu().contiguous().numpy().data for value in front_end.values())
    return bytes_digest(chain([json.dumps(described).encode()], weights))[:16]

"""A cache of the features of a frozen front end, on disk.

An entry is a safetensors file that is whole or absent. It holds the float16 features of one recording, computed without
padding. Its path has the digests of the front end and of the recording's samples. So models and seeds with the same
base share entries, and several processes may write to one folder. An entry equals the computed features, so the final
weights do not depend on which entries existed. If the disk is nearly full, no more entries are written.
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

from asheard.errors import OutputError
from asheard.io.audio import load_audio
from asheard.io.digests import bytes_digest
from asheard.io.files import whole_file
from asheard.io.progress import log
from asheard.models import Encoder

_SHAPE: Final = ("conv_kernel", "conv_stride", "feat_extract_norm", "feat_extract_activation")
_LEFT_FREE: Final = 2**30  # bytes of disk that stay free, besides those for checkpoints
_CHECKPOINT_BYTES: Final = 3 * 12  # for each parameter: three files with a weight and its two moments of AdamW


class Features(NamedTuple):
    """Features of one recording. frames: (T, C) float16, on the CPU. num_samples: of the recording, at 16 kHz."""

    frames: Tensor
    num_samples: int


class FeatureCache:
    """Features of recordings by wav path: read from disk if they are there, computed otherwise."""

    def __init__(self, encoder: Encoder, wav_root: Path, folder: Path | None) -> None:
        """Prepare the cache; nothing is written yet.

        Args:
            encoder: on its device. Its front end is not trained, and it can continue from features.
            wav_root: folder that the wav paths start from.
            folder: for resampled recordings (see `load_audio`) and for entries. None keeps nothing.
        """
        self._encoder = encoder
        self._load = partial(load_audio, wav_root, cache=folder)
        self._device = next(encoder.parameters()).device
        self._entries = folder / "front-end" / front_end_digest(encoder) if folder else None
        self._has_room = True
        self._reserve = _LEFT_FREE + _CHECKPOINT_BYTES * sum(value.numel() for value in encoder.parameters())
        self._paths: dict[str, Path] = {}

    def __call__(self, wav: str) -> Features:
        """The features of one recording. Several threads may call this.

        Raises:
            CorpusError: see `load_audio`.
        """
        known = self._paths.get(wav)
        features = _read(known) if known else None
        if features:
            return features
        waveform = self._load(wav)
        if self._entries is None:
            return self._compute(waveform)
        key = bytes_digest([waveform.data])[:32]
        path = self._paths[wav] = self._entries / key[:2] / f"{key[2:]}.safetensors"
        features = _read(path)
        if features is None:
            features = self._compute(waveform)
            self._keep(path, features)
        return features

    def _compute(self, waveform: NDArray[np.float32]) -> Features:
        frames = self._encoder.front_end(torch.from_numpy(waveform).to(self._device))
        return Features(frames.cpu().contiguous(), len(waveform))

    def _keep(self, path: Path, features: Features) -> None:
        if not self._has_room:
            return
        try:
            with whole_file(path) as part:
                free = shutil.disk_usage(part.parent).free
                if free < self._reserve:
                    raise OutputError(
                        f"{free / 1e9:.1f} GB are free, and {self._reserve / 1e9:.1f} GB are reserved for checkpoints"
                    )
                save_file({"frames": features.frames, "num_samples": torch.tensor(features.num_samples)}, part)
        except (OutputError, SafetensorError) as error:
            self._has_room = False
            log(
                f"{path.parents[2]}: no more features of the front end are kept ({error}). Missing ones are computed "
                "again in every epoch. This takes longer and changes nothing else"
            )


def _read(path: Path) -> Features | None:
    """Read an entry; None if it is missing or damaged."""
    try:
        entry = load_file(path)
        return Features(entry["frames"], int(entry["num_samples"]))
    except (OSError, SafetensorError, KeyError):
        return None


def front_end_digest(encoder: Encoder) -> str:
    """Digest of what decides the features of a recording: weights, shape, normalisation, device, PyTorch version."""
    front_end = encoder.backbone.feature_extractor.state_dict()
    shape = {name: getattr(encoder.config, name, None) for name in _SHAPE}
    path = next(encoder.parameters()).device.type
    described = [shape, encoder.do_normalize, path, torch.__version__, list(front_end)]
    weights = (value.cpu().contiguous().numpy().data for value in front_end.values())
    return bytes_digest(chain([json.dumps(described).encode()], weights))[:16]

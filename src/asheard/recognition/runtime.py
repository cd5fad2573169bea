"""Run model folders that hold an ONNX graph (model.onnx) by ONNX Runtime, on the CPU and without torch.

The graph holds no weights: it reads them from the .safetensors files beside it. `asheard.models.onnx_export` writes it.
"""

import os
import struct
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from asheard.errors import CorpusError, ModelError
from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.io.digests import bytes_digest, content_digest
from asheard.io.files import parse_json, read_json
from asheard.io.typed_json import value_from_json
from asheard.phones import BLANK_ID
from asheard.recognition.chunking import run_in_chunks
from asheard.recognition.decoding import Vocabulary, decode_recognition
from asheard.recognition.protocol import Recognition

GRAPH: Final = "model.onnx"
FRAME_SAMPLES: Final = "frame_samples"  # in the graph's metadata: samples from one frame to the next
MIN_SAMPLES: Final = "min_samples"  # in the graph's metadata: samples of the shortest waveform that gives a frame
LAYOUTS: Final = "layouts"  # in the graph's metadata: by name of a weights file, the digest of its header
UNKNOWN_L1: Final = -1
_OFF_THE_SHELF: Final = "off-the-shelf"


class OnnxRecogniser:
    """A `Recogniser` behind an ONNX Runtime session.

    Each chunk of a recording runs alone, on one core and without padding, so no result depends on others. Several
    chunks run in parallel, a thread each.
    """

    engine = "onnxruntime"

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        """Load a model folder.

        Args:
            folder: with model.onnx, the weights, vocab.json and card.json.
            threads: chunks that run in parallel.
        Raises:
            ModelError: a file is missing or broken, or the graph was made for other weights.
        """
        self._folder, self._threads = folder, threads
        self._session = _open_session(folder)
        metadata = self._session.get_modelmeta().custom_metadata_map
        try:
            self._frame_samples, self._min_samples = int(metadata[FRAME_SAMPLES]), int(metadata[MIN_SAMPLES])
            layouts = value_from_json(dict[str, str], parse_json(metadata[LAYOUTS]), LAYOUTS)
        except (KeyError, ValueError, CorpusError) as error:
            raise ModelError(f"{folder / GRAPH}: not written by AsHeard ({error}); export it again") from None
        for name, digest in layouts.items():
            if layout_digest(folder / name) != digest:
                raise ModelError(f"{folder / GRAPH}: made for other weights than {name}; delete it, or export it again")
        self._num_labels: int = self._session.get_outputs()[0].shape[2]
        path = folder / "card.json"
        with reading_model_folder():
            card = value_from_json(dict[str, Any], read_json(path), str(path))
            self.kind: str = value_from_json(str, card.get("kind"), f"{path}: field 'kind'")
            self.l1s: tuple[str, ...] = value_from_json(tuple[str, ...], card.get("l1s", []), f"{path}: field 'l1s'")
        self._vocabulary = _read_vocabulary(folder, self._num_labels) if self.kind == _OFF_THE_SHELF else None

    @property
    def gives_posteriors(self) -> bool:
        """Whether the model has our own 42 labels."""
        return self._vocabulary is None

    @property
    def frame_s(self) -> float:
        """Seconds from one frame to the next."""
        return self._frame_samples / SAMPLE_RATE_HZ

    @cached_property
    def version(self) -> str:
        """Digest of the folder."""
        return content_digest(self._folder)

    def recognise(self, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]) -> list[Recognition]:
        """See `Recogniser.recognise`; the L1 of a long recording is estimated anew in each chunk."""
        run = partial(self.chunk_log_probs, l1_ids=[l1_id(l1, self.l1s) for l1 in l1s])
        blank_id = BLANK_ID if self._vocabulary is None else self._vocabulary.blank_id
        log_probs = run_in_chunks(run, waveforms, blank_id, self._frame_samples)
        decode: Callable[[NDArray[np.float32], float], Recognition]
        decode = decode_recognition if self._vocabulary is None else self._vocabulary.decode
        return [decode(frames, self.frame_s) for frames in log_probs]

    def chunk_log_probs(
        self, chunks: Sequence[NDArray[np.float32]], sources: Sequence[int], l1_ids: Sequence[int]
    ) -> list[NDArray[np.float32]]:
        """Compute (T, V) natural logs of each chunk; `sources` are the indices of its L1 in `l1_ids`."""
        inputs = [l1_ids[source] for source in sources]
        if self._threads == 1 or len(chunks) == 1:
            return list(map(self._run, chunks, inputs))
        with ThreadPoolExecutor(self._threads) as pool:
            return list(pool.map(self._run, chunks, inputs))

    def _run(self, chunk: NDArray[np.float32], l1_id: int) -> NDArray[np.float32]:
        """(S,) samples to (T, V) natural logs."""
        if len(chunk) < self._min_samples:
            return np.empty((0, self._num_labels), np.float32)
        inputs = {"waveforms": chunk[None].astype(np.float32, copy=False), "num_samples": np.array([len(chunk)])}
        if self.l1s:
            inputs["l1_ids"] = np.array([l1_id])
        log_probs: NDArray[np.float32] = self._session.run(None, inputs)[0][0]
        return log_probs


@contextmanager
def reading_model_folder() -> Iterator[None]:
    """Say of a file that cannot be used that it is part of a model folder.

    Raises:
        ModelError: the block raised `CorpusError`.
    """
    try:
        yield
    except CorpusError as error:
        raise ModelError(f"{error} (part of a model folder: copy the whole folder again)") from None


def l1_id(l1: str | None, l1s: Sequence[str]) -> int:
    """Find the id of an L1 in those of a model; `UNKNOWN_L1` if it is None, or if the model is not L1-aware.

    Raises:
        ModelError: the model was not trained on this L1.
    """
    if not l1s or l1 is None:
        return UNKNOWN_L1
    if l1 not in l1s:
        raise ModelError(f"the model knows the L1s {', '.join(l1s)}, not {l1!r}; use --l1-withheld")
    return l1s.index(l1)


def has_graph(folder: str | Path) -> bool:
    """Tell whether a name is that of a model folder with an ONNX graph."""
    return (Path(folder) / GRAPH).is_file()


def num_cores() -> int:
    """Count the cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def layout_digest(weights: Path) -> str:
    """Digest of the header of a .safetensors file, which holds the place of each tensor.

    Raises:
        ModelError: no such file.
    """
    try:
        with weights.open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            return bytes_digest([file.read(min(size, 1 << 24))])
    except (OSError, struct.error):
        raise ModelError(f"{weights}: missing or cut short; copy the whole model folder again") from None


def _open_session(folder: Path) -> Any:
    import onnxruntime  # here, because it takes 50 ms

    options = onnxruntime.SessionOptions()
    # One thread: threads of one pass wait for each other actively, and slow each other down on a busy machine.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_mem_pattern = False  # a plan of 12 kB would be kept for each new length of a recording
    options.log_severity_level = 4  # fatal ones: other errors are exceptions too, and become one line here
    try:
        return onnxruntime.InferenceSession(str(folder / GRAPH), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the exceptions of ONNX Runtime have no common class
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"{folder / GRAPH}: cannot be loaded ({reason}); copy the whole model folder again") from None


def _read_vocabulary(folder: Path, num_labels: int) -> Vocabulary:
    names, settings = folder / "vocab.json", folder / "config.json"
    with reading_model_folder():
        ids = value_from_json(dict[str, int], read_json(names), str(names))
        config = value_from_json(dict[str, Any], read_json(settings), str(settings))
        blank_id: int = value_from_json(int, config.get("pad_token_id"), f"{settings}: field 'pad_token_id'")
    labels = {label_id: label for label, label_id in ids.items()}
    if sorted(labels) != list(range(num_labels)):
        raise ModelError(
            f"{names}: must give each id from 0 to {num_labels - 1} one label; copy the whole folder again"
        )
    if blank_id not in labels:
        raise ModelError(f"{settings}: field 'pad_token_id' is no id of vocab.json, but {blank_id}")
    return Vocabulary(folder, labels, blank_id)

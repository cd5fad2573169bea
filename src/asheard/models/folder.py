"""Model folders: how a trained transcriber is saved and loaded.

A folder has the Hugging Face layout, so transformers can load it and further training can start from it: config.json,
model.safetensors, preprocessor_config.json, vocab.json (label -> id), and card.json (what the model is and how it was
trained). A faithful transcriber is a complete `*ForCTC` checkpoint whose blank is `<blank>`. An L1-aware one keeps its
heads in l1_aware.safetensors beside the encoder. model.onnx is the forward pass, which runs without torch.
"""

import copy
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
import transformers
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from asheard.errors import ModelError, OutputError
from asheard.io.digests import content_digest
from asheard.io.files import read_json, whole_folder, write_json, writing
from asheard.models.ctc import CTCTranscriber, L1AwareCTC, Transcriber
from asheard.models.encoders import Encoder, load_encoder
from asheard.models.off_the_shelf import OffTheShelf
from asheard.models.onnx_export import write_graph
from asheard.models.recogniser import TorchRecogniser
from asheard.phones import BLANK_ID, LABELS, PHONES, phone_to_id
from asheard.recognition.runtime import reading_model_folder

CARD: Final = "card.json"
L1_HEADS: Final = "l1_aware.safetensors"
FILES: Final = ("config.json", "model.safetensors", "preprocessor_config.json", "vocab.json", CARD)

# In an exported checkpoint the blank is <pad>, as published CTC checkpoints have it.
EXPORTED_LABELS: Final = ("<pad>", "<s>", "</s>", "<unk>", *PHONES)
_NEVER: Final = -100.0  # logit bias of a label that is never written
MAX_GRAPH_PARAMETERS: Final = 50_000_000  # a larger model gets no graph: it wants a GPU, which ONNX Runtime here is not
_LOGGER: Final = logging.getLogger("asheard")


def save_transcriber(model: Transcriber, folder: Path | str, training: dict[str, Any]) -> Path:
    """Write a model folder, whole or not at all.

    Args:
        model: what to keep.
        folder: must not exist yet.
        training: provenance for card.json, under "training".
    Raises:
        OutputError: the folder exists or cannot be written.
    """
    card: dict[str, Any] = {"kind": model.kind}
    if isinstance(model, L1AwareCTC):
        card |= {"l1s": list(model.l1s), "l1_emb": model.l1_embedding.embedding_dim}
    with _model_folder(Path(folder)) as part:
        if isinstance(model, L1AwareCTC):
            model.encoder.backbone.save_pretrained(part)
            save_file(_heads(model), part / L1_HEADS)
        else:
            _save_ctc(model.encoder, model.ctc_head, part, blank_id=BLANK_ID)
        _describe(part, model.encoder, LABELS, card | {"training": training})
        _add_graph(part)
    return Path(folder)


def export_ctc(model: CTCTranscriber, folder: Path | str, training: dict[str, Any]) -> Path:
    """Publish a transcriber as an off-the-shelf recogniser: an ordinary ForCTC checkpoint, blank `<pad>` = 0.

    Labels are `EXPORTED_LABELS`; the sentence marks and `<unk>` are there because published vocabularies have them, and
    are never written. Arguments and errors as for `save_transcriber`.
    """
    rows = torch.tensor([BLANK_ID, 0, 0, 0, *(phone_to_id(phone) for phone in PHONES)])
    head = nn.Linear(model.encoder.hidden_size, len(EXPORTED_LABELS))
    with torch.no_grad():
        head.weight.copy_(model.ctc_head.weight[rows])
        head.bias.copy_(model.ctc_head.bias[rows])
        head.weight[1:4] = 0.0
        head.bias[1:4] = _NEVER
    with _model_folder(Path(folder)) as part:
        _save_ctc(model.encoder, head, part, blank_id=0)
        _describe(part, model.encoder, EXPORTED_LABELS, {"kind": OffTheShelf.kind, "training": training})
        _add_graph(part)
    return Path(folder)


def load_transcriber(
    path_or_id: str | Path, device: torch.device | str | None = None, *, threads: int | None = None
) -> TorchRecogniser:
    """Load a model folder, or a published recogniser by folder or hub id, into PyTorch.

    Args:
        path_or_id: folder or hub id.
        device: None uses a GPU if there is one.
        threads: batches that run in parallel on a CPU, one thread each; None leaves PyTorch's setting as it is.
    Raises:
        ModelError: what `load_encoder` and `OffTheShelf` raise; a folder with a file missing, or with other labels
            than this version's.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    model = _load(path_or_id, device)
    model.threads, model.version = threads, content_digest(path_or_id)
    return model


def read_card(folder: Path | str) -> dict[str, Any]:
    """Read card.json, the description of a model.

    Raises:
        ModelError: no such file, or not a card.
    """
    path = Path(folder) / CARD
    with reading_model_folder():
        card = read_json(path)
    if not isinstance(card, dict) or card.get("kind") not in (CTCTranscriber.kind, L1AwareCTC.kind, OffTheShelf.kind):
        raise ModelError(f"{path}: field 'kind' must be faithful, l1-aware or off-the-shelf")
    return card


def _save_ctc(encoder: Encoder, head: nn.Linear, folder: Path, *, blank_id: int) -> None:
    config = copy.deepcopy(encoder.config)
    config.update(
        {"vocab_size": head.out_features, "pad_token_id": blank_id, "bos_token_id": None, "eos_token_id": None}
    )
    model = transformers.AutoModelForCTC.from_config(config)
    getattr(model, model.base_model_prefix).load_state_dict(encoder.backbone.state_dict())
    model.lm_head.load_state_dict(head.state_dict())
    model.save_pretrained(folder)


def _describe(folder: Path, encoder: Encoder, labels: Sequence[str], card: dict[str, Any]) -> None:
    encoder.save_preprocessor(folder)
    write_json(folder / "vocab.json", {label: label_id for label_id, label in enumerate(labels)})
    write_json(folder / CARD, card)


def _load(path_or_id: str | Path, device: torch.device | str) -> TorchRecogniser:
    folder = Path(path_or_id)
    card = read_card(folder) if (folder / CARD).is_file() else {"kind": OffTheShelf.kind}
    if card["kind"] == OffTheShelf.kind:
        return OffTheShelf(path_or_id, device)
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise ModelError(f"{folder}: {', '.join(missing)} missing; copy the whole folder or train it again")
    with reading_model_folder():
        vocabulary = read_json(folder / "vocab.json")
    if vocabulary != {label: label_id for label_id, label in enumerate(LABELS)}:
        raise ModelError(f"{folder}: vocab.json holds other labels than the 42 of this version; train it again")
    try:
        model = _load_l1_aware(folder, card) if card["kind"] == L1AwareCTC.kind else _load_faithful(folder)
    except (SafetensorError, RuntimeError, KeyError, TypeError, ValueError, OSError) as error:
        raise ModelError(f"{folder}: broken weights or card ({error}); copy the folder again") from error
    return model.to(device).eval()


def _add_graph(folder: Path) -> None:
    """Write model.onnx into a folder that is otherwise whole, unless the model is large or has no such graph."""
    try:
        with torch.random.fork_rng(devices=[]):  # loading draws random weights first
            model = load_transcriber(folder, "cpu")
        if sum(parameter.numel() for parameter in model.torch_module.parameters()) <= MAX_GRAPH_PARAMETERS:
            write_graph(model, folder)
    except ModelError as error:
        _LOGGER.warning("%s; without model.onnx this model needs PyTorch", error)


def _load_faithful(folder: Path) -> CTCTranscriber:
    model = CTCTranscriber(folder)
    weights = load_file(folder / "model.safetensors")
    model.ctc_head.load_state_dict({name: weights[f"lm_head.{name}"] for name in ("weight", "bias")})
    return model


def _load_l1_aware(folder: Path, card: dict[str, Any]) -> L1AwareCTC:
    if not (folder / L1_HEADS).is_file():
        raise ModelError(f"{folder}: {L1_HEADS} missing; copy the whole folder or train it again")
    model = L1AwareCTC(load_encoder(folder), l1_emb=card["l1_emb"], l1s=card["l1s"])
    model.load_state_dict(load_file(folder / L1_HEADS), strict=False)
    return model


def _heads(model: L1AwareCTC) -> dict[str, torch.Tensor]:
    return {name: value.contiguous() for name, value in model.state_dict().items() if not name.startswith("encoder.")}


@contextmanager
def needs_room(path: Path) -> Iterator[None]:
    """Turn an error in writing, such as a full disk, into an `OutputError`; safetensors has its own class of errors."""
    try:
        with writing(path):
            yield
    except SafetensorError as error:
        raise OutputError(
            f"{path}: cannot be written ({error}); make room on the disk, and run the same command again"
        ) from error


@contextmanager
def _model_folder(folder: Path) -> Iterator[Path]:
    """Give a temporary folder beside `folder`; it becomes `folder` when the block ends well."""
    transformers.utils.logging.disable_progress_bar()
    try:
        with needs_room(folder), whole_folder(folder) as part:
            yield part
    finally:
        transformers.utils.logging.enable_progress_bar()

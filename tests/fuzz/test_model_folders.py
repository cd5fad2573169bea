"""Model folders with a damaged file: the model, or one line that names the folder, and nothing else printed."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asheard.recognition.load import load_recogniser
from asheard.recognition.registry import ASHEARD_TINY, EMBEDDED_BASE
from support.fuzzing import cases, changed_record, check, damaged, examples, json_bytes

JSON_FILES = ("card.json", "config.json", "vocab.json")
TONE = np.sin(np.arange(8_000) / 10).astype(np.float32)


@pytest.fixture(scope="module", params=[ASHEARD_TINY, EMBEDDED_BASE], ids=lambda folder: folder.name)
def folder(request, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(request.param, tmp_path_factory.mktemp("models") / request.param.name))


def load(folder: Path, file: str, data: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    """Load the model with one file replaced; put the file back."""
    whole = (folder / file).read_bytes()
    (folder / file).write_bytes(data)
    try:
        check(f"model-{file}", data, lambda: load_recogniser(str(folder)).recognise([TONE], [None]), folder.name)
    finally:
        (folder / file).write_bytes(whole)
    assert capfd.readouterr() == ("", ""), "a library printed its own message"


@pytest.mark.parametrize("file", JSON_FILES)
def test_model_folders_changed_json(folder, file, capfd):
    for case in cases(f"model-{file}"):
        load(folder, file, case.read_bytes(), capfd)
    whole = json.loads((folder / file).read_bytes())

    @examples(6)
    @given(record=changed_record(whole))
    def property(record: Any) -> None:
        load(folder, file, json_bytes(record), capfd)

    property()


@pytest.mark.parametrize("file", ["model.onnx", "model.safetensors"])
def test_model_folders_damaged_files(folder, file, capfd):
    """Bytes of the beginning, where the layout is, and a file cut anywhere."""
    for case in cases(f"model-{file}"):
        load(folder, file, case.read_bytes(), capfd)
    whole = (folder / file).read_bytes()

    @examples(4)
    @given(data=st.one_of(damaged(whole[:4_000]), st.integers(0, 4_000).map(lambda length: whole[:length])))
    def property(data: bytes) -> None:
        load(folder, file, data + whole[4_000:], capfd)

    property()
    for length in (0, 8, len(whole) // 2, len(whole) - 1):
        load(folder, file, whole[:length], capfd)

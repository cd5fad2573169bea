"""Small corpora of our own, written where a test asks for them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from support.tiny_corpus import THE_CAT, Entry, add_utterance, long_textgrid


@pytest.fixture
def annotate(tmp_path: Path) -> Callable[..., Path]:
    """Write the labels of a phone tier, and other tiers, as a TextGrid; returns its path."""

    def write(*labels: str, **tiers: Sequence[Entry]) -> Path:
        path = tmp_path / "arctic_a0001.TextGrid"
        path.write_text(long_textgrid({"phones": labels, **tiers}), encoding="utf-8")
        return path

    return write


@pytest.fixture
def small_corpus(tmp_path: Path) -> Path:
    """Two L1s of two speakers with a speakers.csv; 12 prompts a speaker, the first read by everybody."""
    root = tmp_path / "small"
    rows = ["speaker,l1,split,voice"]
    for speaker, l1, split in (
        ("AA1", "Arabic", "train"),
        ("AA2", "Arabic", "test"),
        ("KO1", "Korean", "test"),
        ("KO2", "Korean", "train"),
    ):
        rows.append(f"{speaker},{l1},{split},x")
        for number in range(12):
            text = "The same for all." if number == 0 else f"Sentence {number} of {speaker}."
            add_utterance(root / speaker, f"u{number:02d}", THE_CAT, text)
    (root / "speakers.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root

"""TextGrids, tones and utterances in L2-ARCTIC's folders, as small as they come."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile

STEP_S = 0.1  # length of one interval of a written TextGrid

Entry = str | tuple[str, int]  # a label, or a label and how many steps it lasts
Tiers = Mapping[str, Sequence[Entry]]


def _intervals(entries: Sequence[Entry], overhang_s: float) -> Iterator[tuple[float, float, str]]:
    start = 0
    for index, entry in enumerate(entries):
        label, steps = (entry, 1) if isinstance(entry, str) else entry
        past = overhang_s if index == len(entries) - 1 else 0.0
        yield STEP_S * start, STEP_S * (start + steps) + past, label
        start += steps


def _end_s(tiers: Tiers) -> float:
    return max(end for entries in tiers.values() for _, end, _ in _intervals(entries, 0.0))


def long_textgrid(tiers: Tiers, overhang_s: Mapping[str, float] | None = None) -> str:
    """A long TextGrid; `overhang_s`: how far a tier, and its last interval, pass the file's own xmax."""
    end = _end_s(tiers)
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0 ", f"xmax = {end} "]
    lines += ["tiers? <exists> ", f"size = {len(tiers)} ", "item []: "]
    for number, (name, entries) in enumerate(tiers.items(), start=1):
        past = (overhang_s or {}).get(name, 0.0)
        lines += [f"    item [{number}]:", '        class = "IntervalTier" ', f'        name = "{name}" ']
        lines += [
            "        xmin = 0 ",
            f"        xmax = {end + past} ",
            f"        intervals: size = {len(entries)} ",
        ]
        for index, (start, stop, label) in enumerate(_intervals(entries, past), start=1):
            lines += [
                f"        intervals [{index}]:",
                f"            xmin = {start} ",
                f"            xmax = {stop} ",
            ]
            lines += [f'            text = "{label}" ']
    return "\n".join(lines) + "\n"


def short_textgrid(tiers: Tiers, overhang_s: Mapping[str, float] | None = None) -> str:
    """The same as `long_textgrid`, in Praat's short form."""
    end = _end_s(tiers)
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "0",
        f"{end}",
        "<exists>",
        f"{len(tiers)}",
    ]
    for name, entries in tiers.items():
        past = (overhang_s or {}).get(name, 0.0)
        lines += ['"IntervalTier"', f'"{name}"', "0", f"{end + past}", f"{len(entries)}"]
        for start, stop, label in _intervals(entries, past):
            lines += [f"{start}", f"{stop}", f'"{label}"']
    return "\n".join(lines) + "\n"


def tone(seconds: float, rate_hz: int = 16_000, hertz: float = 440.0) -> np.ndarray:
    """A sine at half of full scale, float32."""
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.float32)


def add_utterance(home: Path, utt: str, tiers: Tiers, text: str = "Word.") -> None:
    """One utterance in L2-ARCTIC's folders under `home`, its recording as long as its tiers."""
    for folder in ("wav", "transcript", "annotation"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    (home / "annotation" / f"{utt}.TextGrid").write_text(long_textgrid(tiers), encoding="utf-8")
    (home / "transcript" / f"{utt}.txt").write_text(text + "\n", encoding="utf-8")
    soundfile.write(home / "wav" / f"{utt}.wav", tone(_end_s(tiers)), 16_000)


THE_CAT: Tiers = {
    "words": ["", ("the", 2), ("cat", 4), ""],
    "phones": ["sil", "DH,D,s", "AH0", "K", "AE1", "T,sil,d", "sil,AX,a", "sp"],
    "IPA": [("", 8)],
}

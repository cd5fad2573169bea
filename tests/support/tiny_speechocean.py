"""speechocean762 in its published layout, as small as it comes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import soundfile

from support.tiny_corpus import tone

WORDS: list[dict[str, Any]] = [
    {"text": "THE", "accuracy": 10, "stress": 10, "total": 10, "phones": ["DH", "AH0"], "phones-accuracy": [2.0, 1.8]},
    {
        "text": "BUS",
        "phones": "B AH0 S",
        "phones-accuracy": [2, 1.0, 0.4],
        "mispronunciations": [{"canonical-phone": "S", "index": 2, "pronounced-phone": "SH"}],
    },
]


def write_speechocean(root: Path, num_per_speaker: int = 3, scores: str = "resource/scores.json") -> Path:
    """Two speakers on either side, 0001 and 0002 in train, 0003 and 0004 in test; every utterance has `WORDS`."""
    scored = {}
    for side, speakers in (("train", ("0001", "0002")), ("test", ("0003", "0004"))):
        maps: dict[str, list[str]] = {name: [] for name in ("wav.scp", "utt2spk", "text", "spk2age", "spk2gender")}
        for speaker in speakers:
            maps["spk2age"].append(f"{speaker}\t6")
            maps["spk2gender"].append(f"{speaker}\tm")
            for number in range(num_per_speaker):
                utt = f"{speaker}{number:05d}"
                wav = f"WAVE/SPEAKER{speaker}/{utt}.WAV"
                (root / wav).parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(root / wav, tone(1.0), 16_000, format="WAV")
                maps["wav.scp"].append(f"{utt}\t{wav}")
                maps["utt2spk"].append(f"{utt}\t{speaker}")
                maps["text"].append(f"{utt}\tTHE BUS {utt}")
                scored[utt] = {"text": "THE BUS", "accuracy": 8, "total": 8, "words": WORDS}
        (root / side).mkdir(exist_ok=True)
        for name, lines in maps.items():
            (root / side / name).write_text("".join(f"{line}\n" for line in lines))
    path = root / scores
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(scored))
    return root


def rescore(root: Path, utt: str, change: Mapping[str, Any] | None) -> None:
    """Change the second word of an utterance; None takes its scores away."""
    path = root / "resource/scores.json"
    scores = json.loads(path.read_text())
    if change is None:
        del scores[utt]
    else:
        scores[utt]["words"] = [WORDS[0], WORDS[1] | change]
    path.write_text(json.dumps(scores))

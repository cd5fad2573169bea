"""Compare eSpeak NG with CMUdict on common English words, and name the class of every difference.

    python scripts/espeak_agreement.py [--write]

It prints the table of docs/phones.md; --write puts it there. The words are the most frequent ones of wordfreq (a
development dependency) that CMUdict has. The CMUdict pronunciation closest to eSpeak's counts.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from wordfreq import top_n_list

from asheard.io.files import whole_file
from asheard.phones import VOWELS
from asheard.phones.alignment import wper_align
from asheard.phones.levenshtein import Pairs
from asheard.phones.lexicon import attested_pronunciations, espeak_pronunciation, pronunciations

NUM_WORDS: Final = 3000
DOCS: Final = Path(__file__).parents[1] / "docs" / "phones.md"
BEGIN: Final = "<!-- written by scripts/espeak_agreement.py -->"
END: Final = "<!-- end of table -->"
RESIDUE: Final = "residue"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. None stands for no phone; `before` and `after` are the neighbours in eSpeak."""

    word: str
    cmudict: str | None
    espeak: str | None
    before: str | None
    after: str | None

    def is_between(self, *phones: str | None) -> bool:
        return {self.cmudict, self.espeak} == set(phones)

    @property
    def is_vocalic(self) -> bool:
        return {self.cmudict, self.espeak} <= {*VOWELS, "ɹ", None}

    def __str__(self) -> str:
        return f"{self.word} {self.cmudict or '-'}/{self.espeak or '-'}"


# Name, explanation, test. The first class whose test is true counts.
CLASSES: Final[tuple[tuple[str, str, Callable[[Difference], bool]], ...]] = (
    (
        "weak vowel ɪ/ə",
        "unstressed ᵻ or ɪ of eSpeak where CMUdict has schwa, or the reverse (Wells's weak vowel merger)",
        lambda d: d.is_between("ɪ", "ə"),
    ),
    (
        "linking r",
        "eSpeak says ɝ ɹ before a vowel, CMUdict ɝ alone",
        lambda d: d.cmudict is None and d.espeak == "ɹ" and d.before == "ɝ",
    ),
    (
        "r-coloured vowel",
        "a vowel before ɹ or ɝ itself, where American oppositions are suspended (near, marry, cure, -ary)",
        lambda d: d.is_vocalic and ("ɹ" in (d.after, d.cmudict, d.espeak) or "ɝ" in (d.cmudict, d.espeak)),
    ),
    ("happY", "final or prefix i against ɪ (anything, detail)", lambda d: d.is_between("i", "ɪ")),
    ("unstressed ex-", "ɛ against ɪ in unstressed ex-, e-", lambda d: d.is_between("ɪ", "ɛ")),
    (
        "cot-caught",
        "ɔ against ɑ, one vowel for many Americans; the dictionaries split the words differently",
        lambda d: d.is_between("ɔ", "ɑ"),
    ),
    (
        "full or reduced vowel",
        "schwa in one dictionary, an unstressed full vowel in the other (until, popular, into)",
        lambda d: d.is_between("u", "ʊ")
        or ({d.cmudict, d.espeak} <= {*VOWELS} and "ə" in (d.cmudict, d.espeak)),
    ),
    (
        "glide or vowel",
        "j or w against i or u, or against nothing, before a vowel (million, actual)",
        lambda d: d.is_between("j", "i") or d.is_between("j", "ɪ") or d.is_between("w", "u")
        or d.is_between("j", None) or d.is_between("w", None),
    ),
    (
        "vowel kept or left out",
        "an unstressed vowel that one of the two leaves out (usually, real)",
        lambda d: None in (d.cmudict, d.espeak) and bool({d.cmudict, d.espeak} & set("əiu")),
    ),
    ("n before k", "eSpeak assimilates n to ŋ before a velar (include)", lambda d: d.is_between("n", "ŋ")),
    ("s or z", "voicing that differs between the dictionaries (husband)", lambda d: d.is_between("s", "z")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Agreement:
    """Result of the comparison. differences: by class name, the residue last."""

    num_words: int
    num_agreeing_words: int
    num_phones: int
    differences: dict[str, list[Difference]]

    @property
    def word_agreement(self) -> float:
        return self.num_agreeing_words / self.num_words

    @property
    def phone_agreement(self) -> float:
        """1 - edits / CMUdict's phones."""
        return 1 - sum(map(len, self.differences.values())) / self.num_phones


def common_words() -> list[str]:
    """The NUM_WORDS most frequent words of two letters or more that CMUdict has."""
    candidates = (word for word in top_n_list("en", 3 * NUM_WORDS) if word.isascii() and word.isalpha())
    known = [word for word in candidates if len(word) > 1 and attested_pronunciations(word)]
    return known[:NUM_WORDS]


def compare(words: list[str]) -> Agreement:
    differences: dict[str, list[Difference]] = {name: [] for name, _, _ in CLASSES} | {RESIDUE: []}
    num_agreeing, num_phones = 0, 0
    for word in words:
        spoken = espeak_pronunciation(word)
        pairs = min((wper_align(attested, spoken) for attested in pronunciations(word)), key=_num_edits)
        num_phones += sum(canonical is not None for canonical, _ in pairs)
        num_agreeing += not _num_edits(pairs)
        for difference in _differences(word, pairs):
            name = next((name for name, _, fits in CLASSES if fits(difference)), RESIDUE)
            differences[name].append(difference)
    return Agreement(len(words), num_agreeing, num_phones, differences)


def table(agreement: Agreement) -> str:
    """The result as Markdown."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("espeakng-loader", "cmudict", "wordfreq"))
    lines = [
        f"{agreement.num_words:,} words: {agreement.word_agreement:.1%} agree in every phone, "
        f"{agreement.phone_agreement:.1%} of {agreement.num_phones:,} phones agree ({packages}).",
        "",
        "| class | differences | words such as (CMUdict/eSpeak) | what it is |",
        "|---|---|---|---|",
    ]
    explanations = {name: explanation for name, explanation, _ in CLASSES}
    for name, found in agreement.differences.items():
        if name == RESIDUE:
            explanation = "all of them: abbreviations, names, and words with two usual pronunciations"
            examples = "; ".join(map(str, found))
        else:
            explanation, examples = explanations[name], "; ".join(_typical(found))
        lines.append(f"| {name} | {len(found)} | {examples} | {explanation} |")
    return "\n".join(lines)


def _num_edits(pairs: Pairs) -> int:
    return sum(canonical != spoken for canonical, spoken in pairs)


def _differences(word: str, pairs: Pairs) -> list[Difference]:
    spoken = [None, *(phone for _, phone in pairs), None]
    return [
        Difference(word, canonical, phone, spoken[index], spoken[index + 2])
        for index, (canonical, phone) in enumerate(pairs)
        if canonical != phone
    ]


def _typical(found: list[Difference]) -> list[str]:
    """One example of each of the three most frequent kinds."""
    kinds: dict[tuple[str | None, str | None], list[Difference]] = defaultdict(list)
    for difference in found:
        kinds[difference.cmudict, difference.espeak].append(difference)
    frequent = Counter({kind: len(examples) for kind, examples in kinds.items()}).most_common(3)
    return [str(kinds[kind][0]) for kind, _ in frequent]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"put the table into {DOCS.name}")
    options = parser.parse_args()
    text = table(compare(common_words()))
    print(text)
    if options.write:
        before, rest = DOCS.read_text(encoding="utf-8").split(BEGIN)
        with whole_file(DOCS) as part:
            part.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()

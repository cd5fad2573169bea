"""The plan of a synthetic corpus: its speakers, voices and sentences."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from asheard.corpora.synthetic.learner import l1s
from asheard.errors import CorpusError
from asheard.phones.espeak import Voice

# Voice variants of eSpeak NG that sound like different people. The voices of the study and of the base are disjoint.
_FEMALE = ("f1", "f2", "f3", "f4", "f5", "Annie", "belinda", "linda", "steph", "anika", "aunty", "Alicia")
_MALE = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "adam", "david", "john", "max")
BASE_VARIANTS = (
    "Alex", "Andrea", "Andy", "Denis", "Diogo", "Gene", "Gene2", "Henrique", "Hugo", "Jacky", "Lee", "Marco",
    "Mario", "Michael", "Mike", "Reed", "RicishayMax", "antonio", "benjamin", "boris", "caleb", "ed", "edward",
    "grandma", "grandpa", "gustave", "ian", "iven", "iven2", "marcelo", "michel", "miguel", "mike2", "norbert",
    "pablo", "paul", "pedro", "quincy", "rob", "robert", "sandro", "shelby", "steph2", "steph3", "travis", "victor",
    "zac",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Speaker:
    """A synthetic speaker; severity is a factor on the odds of an error (0: native)."""

    name: str
    l1: str
    split: str
    voice: Voice
    severity: float


@dataclass(frozen=True, slots=True)
class SyntheticPlan:
    """A corpus before it is rendered; the same plan gives the same bytes.

    Attributes:
        sentences: {utt: text}.
        num_per_speaker: sentences that each speaker reads, drawn without replacement.
        snr_db: the signal-to-noise ratio of each utterance is drawn uniformly between the two.
    """

    speakers: tuple[Speaker, ...]
    sentences: dict[str, str]
    num_per_speaker: int
    snr_db: tuple[float, float]
    seed: int

    def __post_init__(self) -> None:
        """Check the number of sentences.

        Raises:
            CorpusError: each speaker reads more sentences than there are.
        """
        if not 1 <= self.num_per_speaker <= len(self.sentences):
            raise CorpusError(f"a speaker can read 1 to {len(self.sentences)} sentences, not {self.num_per_speaker}")


@cache
def embedded_sentences() -> dict[str, str]:
    """Give the sentences of the embedded corpus, {utt: text}."""
    text = files("asheard.corpora.synthetic").joinpath("sentences.txt").read_text(encoding="utf-8")
    return {f"synth_{number:03d}": line for number, line in enumerate(text.splitlines(), start=1)}


def embedded_plan(seed: int = 1, num_per_speaker: int = 60) -> SyntheticPlan:
    """Plan the embedded corpus: six L1s, two women and two men each; the last by alphabet is the test speaker.

    Rates and pitches cover what sounds natural from eSpeak NG. The severities of each L1 are from mild to strong, in
    another order for each L1, so that test speakers differ in severity.
    """
    speakers = []
    for i, l1 in enumerate(l1s()):
        variants = (_FEMALE[2 * i], _MALE[2 * i], _FEMALE[2 * i + 1], _MALE[2 * i + 1])
        for j, variant in enumerate(variants):
            voice = Voice(f"en-us+{variant}", 140 + 7 * ((5 * i + 3 * j) % 7), 40 + 5 * ((3 * i + 2 * j) % 6))
            severity = (0.7, 0.9, 1.1, 1.3)[(i + j) % 4]
            name = f"S{l1[:2].upper()}{j + 1}"
            speakers.append(Speaker(name, l1, "test" if j == len(variants) - 1 else "train", voice, severity))
    return SyntheticPlan(tuple(speakers), embedded_sentences(), num_per_speaker, snr_db=(20.0, 40.0), seed=seed)

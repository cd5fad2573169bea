"""Who speaks what in a synthetic corpus."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from asheard.corpora.synthetic.learner import l1s
from asheard.errors import CorpusError
from asheard.phones.espeak import Voice

# eSpeak NG voice variants that are distinct human-like speakers. The study's voices and the base's are disjoint.
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
    """A synthetic speaker; severity scales the odds of an error (0: native)."""

    name: str
    l1: str
    split: str
    voice: Voice
    severity: float


@dataclass(frozen=True, slots=True)
class SyntheticPlan:
    """A corpus before it is rendered; the same plan gives the same bytes.

    sentences: {utt: text}. snr_db: each utterance's signal-to-noise ratio is drawn uniformly between the two.
    num_per_speaker: sentences each speaker reads, drawn without replacement.
    """

    speakers: tuple[Speaker, ...]
    sentences: dict[str, str]
    num_per_speaker: int
    snr_db: tuple[float, float]
    seed: int

    def __post_init__(self) -> None:
        """Refuse a plan that cannot be read out.

        Raises:
            CorpusError: more sentences a speaker than there are.
        """
        if not 1 <= self.num_per_speaker <= len(self.sentences):
            raise CorpusError(f"a speaker can read 1 to {len(self.sentences)} sentences, not {self.num_per_speaker}")


@cache
def embedded_sentences() -> dict[str, str]:
    """The embedded corpus's own sentences, {utt: text}."""
    text = files("asheard.corpora.synthetic").joinpath("sentences.txt").read_text(encoding="utf-8")
    return {f"synth_{number:03d}": line for number, line in enumerate(text.splitlines(), start=1)}


def embedded_plan(seed: int = 1, num_per_speaker: int = 60) -> SyntheticPlan:
    """The embedded corpus: six L1s, two women and two men each; the last by alphabet is the test speaker.

    Rates and pitches spread over what eSpeak NG says naturally; severities run from mild to strong within each L1,
    in another order for each, so that test speakers are not all alike.
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

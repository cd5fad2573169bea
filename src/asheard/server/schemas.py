"""Schemas of the answers, with the descriptions that OpenAPI shows. The answer of /score has its schema in
`asheard.pronunciation.result`."""

from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

Phone = Annotated[str, Field(description="IPA symbol of the 40 broad phones", examples=["ɹ"])]
Span = Annotated[list[int], Field(min_length=2, max_length=2, description="start and end in ms", examples=[[120, 160]])]
Share = Annotated[float, Field(ge=0, le=1), AfterValidator(partial(round, ndigits=4))]
Class = Literal["ok", "variant", "error"]


class Error(BaseModel):
    """Why a request was turned down."""

    detail: str = Field(
        description="what is wrong, and the remedy", examples=["the recording is empty; record it again"]
    )


class Health(BaseModel):
    """That the service runs."""

    status: Literal["ok"] = "ok"
    version: str = Field(examples=["0.1.0"])
    loaded: list[str] = Field(description="models in memory", examples=[["asheard-tiny"]])


class Model(BaseModel):
    """One entry of the registry."""

    name: str = Field(examples=["asheard-tiny"])
    kind: str = Field(description="model, hub, recogniser, command, or study", examples=["model"])
    trained_on: str
    coverage: str
    limitations: list[str]
    state: Literal["available", "loaded", "disabled"]
    reason: str | None = Field(description="why it is disabled")
    engine: str | None = Field(description="what it runs by, once loaded: onnxruntime or torch, the faster one here")
    probabilities: bool | None = Field(
        description="whether /score gives probabilities of a target's phones; null before it is loaded"
    )
    l1s: list[str] = Field(description="first languages that an L1-aware model, once loaded, was trained on")


class PriorSource(BaseModel):
    """The prior for real voices: what speakers of a first language are known to say."""

    l1s: list[str] = Field(examples=[["Arabic", "Chinese", "Hindi", "Korean", "Spanish", "Vietnamese"]])
    source: str
    note: str


class Models(BaseModel):
    """The registry."""

    default: str = Field(examples=["asheard-tiny"])
    models: list[Model]
    prior: PriorSource


class Transcription(BaseModel):
    """What one model heard; the three lists are of one length."""

    model: str = Field(examples=["asheard-tiny"])
    phonemes: list[Phone]
    confidences: list[Share | None] = Field(description="null from a recogniser that gives none")
    times_ms: list[Span | None] = Field(description="where each was decided, shorter than its extent")
    duration_ms: int = Field(description="of the recording")
    coverage: str
    limitations: list[str]
    left_out: list[str] = Field(description="labels that were heard and are no phone of English")


class Column(BaseModel):
    """One column of an alignment; a null is a gap."""

    canonical: Phone | None
    heard: list[Phone | None] = Field(description="one a model")
    index: list[int | None] = Field(description="where in each transcript")
    differs: bool = Field(description="whether the models heard different things here")


class Comparison(BaseModel):
    """Several models, one recording."""

    duration_ms: int
    transcripts: list[Transcription]
    canonical: list[Phone] | None = Field(description="of the target, null without one")
    columns: list[Column]


class Position(BaseModel):
    """One phone that the target calls for."""

    canonical: Phone
    heard: Phone | None = Field(description="null where nothing was heard")
    heard_index: int | None = Field(description="where in phonemes")
    cos_dist: Share | None = Field(description="articulatory distance of the two")
    class_: Class = Field(alias="class")
    reason: Literal["distance", "l1-prior"] | None = Field(description="what made it a variant")
    class_without_prior: Class
    probability: Share | None = Field(description="that it was said; null from a model without posteriors")
    times_ms: Span | None
    sentence: str | None = Field(
        description="for the learner", examples=['the v of "very" was heard as b, common for Spanish speakers']
    )


class Word(BaseModel):
    """One word of the target."""

    word: str
    pronunciation: list[Phone] = Field(description="of the attested ones, that which fits best")
    score: Share
    positions: list[Position]


class Added(BaseModel):
    """A phone that was heard where the target has none."""

    phone: Phone
    before: int = Field(description="index, over the whole target, of the position it stands before")
    heard_index: int
    times_ms: Span | None
    sentence: str


class PriorUse(BaseModel):
    """Whether the first language could make a variant of an error."""

    used: bool
    source: str | None
    reason: str


class Pronunciation(BaseModel):
    """A recording against its target."""

    model: str
    text: str = Field(description="the target as given")
    l1: str | None
    canonical: list[Phone]
    score: Share = Field(description="the share of the target's phones that were said, as far as can be expected")
    calibrated: bool = Field(description="whether probabilities were fitted to people's labels")
    duration_ms: int
    phonemes: list[Phone]
    confidences: list[Share | None]
    times_ms: list[Span | None]
    words: list[Word]
    added: list[Added]
    pronunciations_scored: int = Field(description="attested pronunciations of all words")
    prior: PriorUse
    coverage: str
    limitations: list[str]


class StudyVerdict(BaseModel):
    """A study and its verdict."""

    name: str
    go: bool = Field(description="whether the faithful transcriber is a GO")
    l1: str = Field(description="where the verdict puts the L1: encoder, scorer, both or nowhere")
    sentence: str
    synthetic: bool = Field(description="whether its speakers are synthetic")


class Studies(BaseModel):
    """The studies that the service was started with."""

    studies: list[StudyVerdict]


Tag = Literal[
    "a", "blockquote", "br", "code", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "img", "li", "ol", "p", "pre",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
]  # fmt: skip


class ReportNode(BaseModel):
    """One element of a rendered report."""

    tag: Tag
    children: list["ReportNode | str"] = Field(default=[], description="elements and texts in it")
    href: str | None = Field(default=None, description="of a, an https address")
    plot: str | None = Field(default=None, description="of img, for /studies/NAME/plots/FILE")
    alt: str | None = Field(default=None, description="of img, the text in its place")
    align: Literal["right", "center"] | None = Field(default=None, description="of th and td")


class StudyResults(StudyVerdict):
    """A study's report."""

    markdown: str = Field(description="RESULTS.md")
    report: list[ReportNode | str] = Field(description="RESULTS.md, rendered to elements")
    plots: list[str] = Field(description="file names, for /studies/NAME/plots/FILE")

"""Schemas of the answers, with the descriptions that OpenAPI shows.

The answer of /score is `asheard.pronunciation.result.Pronunciation`, which has its own schema.
"""

from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

Phone = Annotated[str, Field(description="IPA symbol, one of the 40 phones", examples=["ɹ"])]
SpanMs = Annotated[
    list[int], Field(min_length=2, max_length=2, description="start and end in ms", examples=[[120, 160]])
]
Share = Annotated[float, Field(ge=0, le=1), AfterValidator(partial(round, ndigits=4))]


class Error(BaseModel):
    """Why a request was refused."""

    detail: str = Field(
        description="what is wrong, and the remedy",
        examples=["the recording: an empty file; copy it again, or record it again"],
    )


class Health(BaseModel):
    """The service runs."""

    status: Literal["ok"] = "ok"
    version: str = Field(examples=["0.1.0"])
    loaded: list[str] = Field(description="models in memory", examples=[["asheard-tiny"]])


class ModelInfo(BaseModel):
    """One model."""

    name: str = Field(examples=["asheard-tiny"])
    kind: str = Field(description="model, hub, recogniser, command, or study", examples=["model"])
    trained_on: str
    coverage: str
    limitations: list[str]
    state: Literal["available", "loaded", "disabled"]
    reason: str | None = Field(description="why it is disabled")
    engine: str | None = Field(description="onnxruntime or torch; null for other recognisers and before it is loaded")
    probabilities: bool | None = Field(
        description="whether /score gives probabilities of phones; null before it is loaded"
    )
    l1s: list[str] = Field(description="first languages that the model can be given; empty before it is loaded")


class PriorSource(BaseModel):
    """The prior for real voices: what speakers of a first language often say."""

    l1s: list[str] = Field(examples=[["Arabic", "Chinese", "Hindi", "Korean", "Spanish", "Vietnamese"]])
    source: str
    note: str


class Models(BaseModel):
    """All models."""

    default: str = Field(examples=["asheard-tiny"])
    models: list[ModelInfo]
    prior: PriorSource


class Transcription(BaseModel):
    """The transcript of one model. The three lists have the same length."""

    model: str = Field(examples=["asheard-tiny"])
    phonemes: list[Phone]
    confidences: list[Share | None] = Field(description="null from a recogniser that gives none")
    times_ms: list[SpanMs | None] = Field(description="the frames that decided each phone, which are shorter than it")
    duration_ms: int = Field(description="length of the recording")
    coverage: str
    limitations: list[str]
    left_out: list[str] = Field(description="labels of the recogniser that stand for no phone of English")


class Column(BaseModel):
    """One column of an alignment. A null is a gap."""

    canonical: Phone | None
    heard: list[Phone | None] = Field(description="one for each model")
    index: list[int | None] = Field(description="index of the phone in each transcript")
    differs: bool = Field(description="whether the models disagree here")


class Comparison(BaseModel):
    """The transcripts of several models of one recording."""

    duration_ms: int
    transcripts: list[Transcription]
    canonical: list[Phone] | None = Field(description="phones of the target; null without one")
    columns: list[Column]


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
    table: str | None = Field(default=None, description="of a, for /studies/NAME/tables/FILE")
    plot: str | None = Field(default=None, description="of img, for /studies/NAME/plots/FILE")
    alt: str | None = Field(default=None, description="of img, the text in its place")
    align: Literal["right", "center"] | None = Field(default=None, description="of th and td")


class StudyResults(StudyVerdict):
    """A study's report."""

    markdown: str = Field(description="RESULTS.md")
    report: list[ReportNode | str] = Field(description="RESULTS.md, rendered to elements")
    plots: list[str] = Field(description="file names, for /studies/NAME/plots/FILE")
    tables: list[str] = Field(description="names of CSV files, for /studies/NAME/tables/FILE")

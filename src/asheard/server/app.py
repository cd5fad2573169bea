"""The application: routes, each a few lines around what the rest of the package does."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Annotated, Any, Final

import numpy as np
from fastapi import FastAPI, File, Form, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from numpy.typing import NDArray
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser

from asheard import __version__
from asheard.errors import AsHeardError
from asheard.io.audio import check_speech
from asheard.pronunciation.target import Target, target_of_phones, target_of_text
from asheard.recognition.protocol import Recognition
from asheard.server import responses, schemas
from asheard.server.middleware import HTTPError, Limits, RequestGuard, status_of
from asheard.server.runtime import ModelPool, default_model
from asheard.server.uploads import NAME, read_upload

_PAGE: Final = files("asheard.server").joinpath("page")
_ABOUT: Final = """
Writes down the phones a learner of English actually said, compares transcribers, and says of each phone of a text
whether it was said, how far what was heard lies from it, and what is known of the speaker's first language (L1).
Recordings are never kept. Errors are `{"detail": "what is wrong, and the remedy"}`.
"""
_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": schemas.Error, "description": "the recording or a field cannot be used"},
    401: {"model": schemas.Error, "description": "the token is missing or wrong"},
    404: {"model": schemas.Error, "description": "no such model or study"},
    413: {"model": schemas.Error, "description": "too large or too long"},
    415: {"model": schemas.Error, "description": "no recording"},
    422: {"model": schemas.Error, "description": "understood, and of no use: no speech, an unknown word or L1"},
    429: {"model": schemas.Error, "description": "too many requests in a minute"},
    503: {"model": schemas.Error, "description": "the model cannot be used, or too many are waiting"},
}

Audio = Annotated[UploadFile, File(description="WAV, FLAC, Ogg, MP3, M4A or WebM, of any rate and number of channels")]
ModelName = Annotated[str | None, Form(description="of /models; by default its `default`", examples=["asheard-tiny"])]
L1 = Annotated[str | None, Form(description="the speaker's first language", examples=["Spanish"])]
Text = Annotated[str | None, Form(description="what was read, in English spelling", examples=["very good"])]
Phones = Annotated[
    str | None,
    Form(description="instead of a text: IPA or ARPAbet, words parted by |", examples=["v ɛ ɹ i | ɡ ʊ d"]),
]


class Service:
    """What routes share: the registry, the limits, and the way from a request to a hearing."""

    def __init__(self, registry: ModelPool, limits: Limits) -> None:
        """Take both."""
        self.registry, self.limits = registry, limits

    async def read(self, audio: UploadFile, longest_s: float) -> NDArray[np.float32]:
        """The samples of an upload."""
        return await asyncio.to_thread(read_upload, await audio.read(), longest_s)

    async def recognise(self, name: str, waveform: NDArray[np.float32], l1: str | None) -> Recognition:
        """What a model hears in a recording with speech."""
        loaded = await self.registry.get(name)
        if l1 is not None and loaded.l1s and l1 not in loaded.l1s:
            raise HTTPError(422, f"model {name!r} knows {', '.join(loaded.l1s)}; leave the L1 {l1!r} out")
        hearing = await loaded.batcher.recognise(waveform, l1)
        check_speech(NAME, waveform, hearing.transcript.phones)
        return hearing

    async def target(self, text: str | None, phones: str | None) -> Target | None:
        """What was to be said; None where nothing was given."""
        given = [value for value in (text, phones) if value and value.strip()]
        if len(given) > 1:
            raise HTTPError(400, "give a text or its phones, not both")
        if not given:
            return None
        if len(given[0]) > self.limits.num_characters:
            raise HTTPError(413, f"the text has more than {self.limits.num_characters} characters; send it in parts")
        if not given[0].isprintable():
            raise HTTPError(400, "the text holds control characters; send plain text")
        read = target_of_text if text and text.strip() else target_of_phones
        return await asyncio.to_thread(read, given[0])


def create_app(
    registry: ModelPool, limits: Limits | None = None, *, token: str | None = None, origins: Sequence[str] = ()
) -> FastAPI:
    """Build the application.

    Args:
        registry: the transcribers and studies to serve.
        limits: how much is taken; None takes the defaults.
        token: asked of everybody who wants more than the page; None asks for none.
        origins: sites whose pages may read answers (CORS), such as https://app.example; by default none.
    """
    service = Service(registry, limits or Limits())
    # What is larger than this, Starlette would keep on disk; no recording is kept anywhere.
    MultiPartParser.spool_max_size = service.limits.num_bytes

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await registry.close()

    app = FastAPI(
        title="AsHeard", version=__version__, description=_ABOUT, responses=_REFUSALS, lifespan=lifespan, redoc_url=None
    )
    app.add_middleware(RequestGuard, limits=service.limits, token=token)
    if origins:  # around the door: browsers ask first, and without the token
        app.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=["*"], allow_headers=["Authorization"])
    app.add_exception_handler(AsHeardError, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_fields)
    app.add_exception_handler(HTTPException, _refuse_http)
    _add_models(app, service)
    _add_recordings(app, service)
    _add_studies(app, service)
    app.mount("/page", StaticFiles(packages=[("asheard.server", "page")]))

    @app.get("/", include_in_schema=False)
    def page() -> Response:
        return Response(_PAGE.joinpath("index.html").read_bytes(), media_type="text/html")

    return app


def _add_models(app: FastAPI, service: Service) -> None:
    @app.get("/health", tags=["models"])
    def health() -> schemas.Health:
        """Whether the service runs; needs no token."""
        return schemas.Health(version=__version__, loaded=list(service.registry.loaded))

    @app.get("/models", tags=["models"])
    def models() -> schemas.Models:
        """The transcribers by name, what they were trained on, and what they cannot do."""
        return responses.models(service.registry)

    @app.delete("/loaded/{name:path}", tags=["models"], status_code=204)
    async def unload(name: str) -> None:
        """Take a model out of memory; the next request loads it again."""
        await service.registry.unload(name)


def _add_recordings(app: FastAPI, service: Service) -> None:
    def name_of(model: str | None) -> str:
        return model or default_model(service.registry)

    @app.post("/transcribe", tags=["recordings"])
    async def transcribe(audio: Audio, model: ModelName = None, l1: L1 = None) -> schemas.Transcription:
        """The phones that were said."""
        waveform = await service.read(audio, service.limits.seconds)
        hearing = await service.recognise(name_of(model), waveform, l1 or None)
        return responses.transcription(service.registry.entries[name_of(model)], hearing.transcript, len(waveform))

    @app.post("/compare", tags=["recordings"])
    async def compare(
        audio: Audio,
        models: Annotated[list[str], Form(description="two names or more", examples=[["asheard-tiny", "hama"]])],
        text: Text = None,
        phones: Phones = None,
        l1: L1 = None,
    ) -> schemas.Comparison:
        """Several models on one recording, their transcripts aligned with each other and with the target."""
        if not 2 <= len(models) <= service.limits.num_models or len(set(models)) < len(models):
            raise HTTPError(400, f"name 2 to {service.limits.num_models} different models in the field 'models'")
        target = await service.target(text, phones)
        waveform = await service.read(audio, service.limits.seconds_of_reading)
        heard = await asyncio.gather(*(service.recognise(name, waveform, l1 or None) for name in models))
        entries = [service.registry.entries[name] for name in models]
        transcripts = [hearing.transcript for hearing in heard]
        return await asyncio.to_thread(
            responses.comparison, list(zip(entries, transcripts, strict=True)), target, len(waveform)
        )

    @app.post("/pronounce", tags=["recordings"], include_in_schema=False)
    @app.post("/score", tags=["recordings"])
    async def score(
        audio: Audio, text: Text = None, phones: Phones = None, model: ModelName = None, l1: L1 = None
    ) -> schemas.Pronunciation:
        """A recording against its text: each phone ok, a variant or an error, and what was heard."""
        name = name_of(model)
        target = await service.target(text, phones)
        if target is None:
            raise HTTPError(400, "give what was to be said in the field 'text', or its phones in 'phones'")
        waveform = await service.read(audio, service.limits.seconds_of_reading)
        scorer = (await service.registry.get(name)).model
        scorer.check_l1(NAME, l1 or None)
        hearing = await service.recognise(name, waveform, l1 or None)
        scored = await asyncio.to_thread(scorer.score_recognition, NAME, waveform, hearing, target, l1 or None)
        return responses.pronunciation(scored)


def _add_studies(app: FastAPI, service: Service) -> None:
    found = service.registry.studies

    @app.get("/studies", tags=["studies"])
    def studies() -> schemas.Studies:
        """The studies that the service was started with, and their verdicts."""
        return schemas.Studies(studies=list(map(responses.study_verdict, found.values())))

    @app.get("/studies/{name}", tags=["studies"], response_model_exclude_defaults=True)
    def study(name: str) -> schemas.StudyResults:
        """A study's RESULTS.md, and the names of its plots."""
        if name not in found:
            raise HTTPError(404, f"no study {name!r}; there are {', '.join(found) or 'none'}")
        return responses.study_results(found[name])

    @app.get("/studies/{name}/plots/{file}", tags=["studies"], response_class=FileResponse)
    def plot(name: str, file: str) -> FileResponse:
        """One plot, as PNG."""
        if name not in found or file not in found[name].plots:
            raise HTTPError(404, "no such plot; GET /studies/NAME lists them")
        return FileResponse(found[name].plots[file], media_type="image/png")


def _refuse(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AsHeardError)
    return JSONResponse({"detail": " ".join(str(error).split())}, status_of(error))


def _refuse_fields(_: Request, error: Exception) -> JSONResponse:
    """A field that is missing or of another type, in one sentence, without what was sent."""
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = dict(next(iter(error.errors()), {}))
    field = _field(first.get("loc", ()))
    return JSONResponse({"detail": f"field {field!r}: {first.get('msg', 'cannot be read')}"}, 422)


def _field(location: Sequence[Any]) -> str:
    return ".".join(map(str, location[1:])) or "body"


def _refuse_http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": str(error.detail)}, error.status_code, headers=error.headers)

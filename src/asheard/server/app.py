"""The HTTP service: its routes, and the function that serves them."""

import asyncio
import ipaddress
import json
import os
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import starlette.exceptions
import uvicorn
from fastapi import Depends, FastAPI, File, Form, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from numpy.typing import NDArray
from starlette.formparsers import MultiPartParser

from asheard import __version__
from asheard.errors import AsHeardError, ModelError
from asheard.io.audio import decode_recording
from asheard.io.speech import check_speech
from asheard.pronunciation.result import json_schema
from asheard.pronunciation.scorer import Model
from asheard.pronunciation.target import Target, target_of_phones, target_of_text
from asheard.recognition.protocol import Recognition
from asheard.server import responses, schemas
from asheard.server.middleware import HTTPError, Memory, RequestGuard, RequestLimits, status_of
from asheard.server.runtime import ModelPool, build_model_pool

TOKEN_VARIABLE: Final = "ASHEARD_TOKEN"
_LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_DRAIN_S: Final = 60  # time that requests have to finish after SIGTERM
_REQUESTS_A_MINUTE: Final = 120  # limit of one client if other machines may call

NAME: Final = "the recording"  # in messages, so that no client's file name is repeated or logged

_PAGE: Final = files("asheard.server").joinpath("page")
_ABOUT: Final = """
Writes down the phones that a learner of English said, compares models, and scores a reading phone by phone: whether
each phone of a text was said, what was heard instead, and whether that is common for the speaker's first language (L1).
Recordings are not kept. An error is `{"detail": "what is wrong, and the remedy"}`.
"""
_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": schemas.Error, "description": "the recording or a field cannot be used"},
    401: {"model": schemas.Error, "description": "the token is missing or wrong"},
    404: {"model": schemas.Error, "description": "no such model or study"},
    408: {"model": schemas.Error, "description": "the body comes too slowly"},
    413: {"model": schemas.Error, "description": "too large or too long"},
    415: {"model": schemas.Error, "description": "the upload is not a recording"},
    422: {
        "model": schemas.Error,
        "description": "no speech, an unknown word, or an unknown L1",
    },
    421: {"model": schemas.Error, "description": "the Host header does not name this machine"},
    429: {"model": schemas.Error, "description": "too many requests in a minute"},
    500: {"model": schemas.Error, "description": "a fault of the service; its log has the details"},
    503: {"model": schemas.Error, "description": "the model cannot be used, or there are too many requests"},
}
_PRONUNCIATION: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pronunciation"}}}}
}

Audio = Annotated[UploadFile, File(description="WAV, FLAC, Ogg, MP3, M4A, WebM, ...; any sample rate, mono or stereo")]
ModelName = Annotated[
    str | None, Form(description="name from /models; by default its `default`", examples=["asheard-tiny"])
]
L1 = Annotated[str | None, Form(description="the speaker's first language", examples=["Spanish"])]
Text = Annotated[str | None, Form(description="the text that was read, in English spelling", examples=["very good"])]
TargetPhones = Annotated[
    str | None,
    Form(description="instead of a text, its phones: IPA or ARPAbet, | between words", examples=["v ɛ ɹ i | ɡ ʊ d"]),
]


class Service:
    """Shared by the routes: the models, the limits, and the steps of a request."""

    def __init__(self, pool: ModelPool, limits: RequestLimits) -> None:
        self.pool, self.limits = pool, limits
        self.memory = Memory(limits.num_bytes_together)

    @asynccontextmanager
    async def decoded(self, audio: UploadFile, longest_s: float) -> AsyncIterator[NDArray[np.float32]]:
        """Decode an upload to (num_samples,) float32 at 16 kHz."""
        waveform = await asyncio.to_thread(decode_recording, NAME, await audio.read(), longest_s)
        with self.memory.hold() as count:
            count(waveform.nbytes)
            yield waveform

    async def recognise(self, name: str, waveform: NDArray[np.float32], l1: str | None) -> tuple[Model, Recognition]:
        """Recognise a recording.

        Raises:
            HTTPError: no such model (404), it was not trained on the L1 (422), or it cannot be used (503).
            CorpusError: the recording holds no speech.
        """
        loaded = await self.pool.get(name)
        l1s = loaded.model.recogniser.l1s
        if l1 is not None and l1s and l1 not in l1s:
            raise HTTPError(422, f"model {name!r} knows {', '.join(l1s)}; leave the L1 {l1!r} out")
        recognition = await loaded.queue.recognise(waveform, l1)
        check_speech(NAME, waveform, recognition.transcript.phones)
        return loaded.model, recognition

    async def read_target(self, text: str | None, phones: str | None) -> Target | None:
        """Read the target from a text or from its phones; None if neither is given."""
        given = [value for value in (text, phones) if value and value.strip()]
        if len(given) > 1:
            raise HTTPError(400, "the fields 'text' and 'phones' are both given; send one of them")
        if not given:
            return None
        if len(given[0]) > self.limits.num_characters:
            raise HTTPError(413, f"the text has more than {self.limits.num_characters} characters; send it in parts")
        read = target_of_text if text and text.strip() else target_of_phones
        return await asyncio.to_thread(read, given[0])


class Application(FastAPI):
    """FastAPI whose OpenAPI description includes the schema of `Pronunciation`."""

    def openapi(self) -> dict[str, Any]:
        """Describe the API."""
        if self.openapi_schema is None:
            described = super().openapi()
            schema = json.loads(json.dumps(json_schema()).replace("#/$defs/", "#/components/schemas/"))
            definitions = schema.pop("$defs")
            del schema["$schema"]
            described["components"]["schemas"] |= {schema["title"]: schema} | definitions
        return super().openapi()


def create_app(
    pool: ModelPool,
    limits: RequestLimits | None = None,
    *,
    token: str | None = None,
    hosts: Collection[str] | None = None,
    origins: Sequence[str] = (),
) -> FastAPI:
    """Build the application.

    Args:
        pool: the models and studies to serve.
        limits: request limits; None means the defaults.
        token: needed for everything but the page and /health; None means no token.
        hosts: names that requests may give in their Host header; None allows any.
        origins: sites whose pages may read answers (CORS), such as https://app.example; by default none.
    """
    service = Service(pool, limits or RequestLimits())
    # Starlette writes a form field that is larger than this to disk. No recording may be written anywhere.
    MultiPartParser.spool_max_size = service.limits.num_bytes

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await pool.close()

    app = Application(
        title="AsHeard", version=__version__, description=_ABOUT, responses=_ERRORS, lifespan=lifespan, redoc_url=None
    )
    app.add_middleware(RequestGuard, limits=service.limits, memory=service.memory, token=token, hosts=hosts)
    if origins:  # outside the guard, because a browser's preflight request has no token
        app.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=["*"], allow_headers=["Authorization"])
    app.add_exception_handler(AsHeardError, _answer_error)
    app.add_exception_handler(RequestValidationError, _answer_wrong_field)
    app.add_exception_handler(starlette.exceptions.HTTPException, _answer_http_exception)
    _add_model_routes(app, pool)
    _add_recording_routes(app, service)
    _add_study_routes(app, pool)
    app.mount("/page", StaticFiles(packages=[("asheard.server", "page")]))

    @app.get("/", include_in_schema=False)
    def page() -> Response:
        return Response(_PAGE.joinpath("index.html").read_bytes(), media_type="text/html")

    return app


def _add_model_routes(app: FastAPI, pool: ModelPool) -> None:
    @app.get("/health", tags=["models"])
    def health() -> schemas.Health:
        """Whether the service runs. Needs no token."""
        return schemas.Health(version=__version__, loaded=list(pool.loaded))

    @app.get("/models", tags=["models"])
    def models() -> schemas.Models:
        """The models: name, training data, coverage and limitations."""
        return responses.models(pool)

    @app.delete("/loaded/{name:path}", tags=["models"], status_code=204)
    async def unload(name: str) -> None:
        """Take a model out of memory. The next request loads it again."""
        await pool.unload(name)


async def _refuse_repeated_fields(request: Request) -> None:
    """Refuse two texts or two recordings, of which only the last would count.

    Raises:
        HTTPError: a field other than `models` comes more than once (400).
    """
    names = [name for name, _ in (await request.form()).multi_items() if name != "models"]
    for name in names:
        if names.count(name) > 1:
            raise HTTPError(400, f"field {name!r}: given more than once; send it once")


def _add_recording_routes(app: FastAPI, service: Service) -> None:
    pool = service.pool

    @app.post("/transcribe", tags=["recordings"])
    async def transcribe(audio: Audio, model: ModelName = None, l1: L1 = None) -> schemas.Transcription:
        """The phones that were said."""
        async with service.decoded(audio, service.limits.seconds) as waveform:
            used, recognition = await service.recognise(model or pool.default, waveform, l1 or None)
            return responses.transcription(used.config, recognition.transcript, len(waveform))

    @app.post("/compare", tags=["recordings"], dependencies=[Depends(_refuse_repeated_fields)])
    async def compare(
        audio: Audio,
        models: Annotated[list[str], Form(description="two names or more", examples=[["asheard-tiny", "hama"]])],
        text: Text = None,
        phones: TargetPhones = None,
        l1: L1 = None,
    ) -> schemas.Comparison:
        """The transcripts of several models, aligned with each other and with the target."""
        if not 2 <= len(models) <= service.limits.num_models or len(set(models)) < len(models):
            raise HTTPError(400, f"name 2 to {service.limits.num_models} different models in the field 'models'")
        target = await service.read_target(text, phones)
        async with service.decoded(audio, service.limits.seconds_of_reading) as waveform:
            results = await asyncio.gather(*(service.recognise(name, waveform, l1 or None) for name in models))
            transcripts = [(used.config, recognition.transcript) for used, recognition in results]
            return await asyncio.to_thread(responses.comparison, transcripts, target, len(waveform))

    @app.post("/pronounce", include_in_schema=False, dependencies=[Depends(_refuse_repeated_fields)])
    @app.post("/score", tags=["recordings"], responses=_PRONUNCIATION, dependencies=[Depends(_refuse_repeated_fields)])
    async def score(
        audio: Audio, text: Text = None, phones: TargetPhones = None, model: ModelName = None, l1: L1 = None
    ) -> JSONResponse:
        """A recording compared with its text: each phone ok, a variant or an error, and what was heard."""
        name = model or pool.default
        target = await service.read_target(text, phones)
        if target is None:
            raise HTTPError(400, "no target is given; send the text in the field 'text', or its phones in 'phones'")
        async with service.decoded(audio, service.limits.seconds_of_reading) as waveform:
            (await pool.get(name)).model.check_l1(NAME, l1 or None)
            used, recognition = await service.recognise(name, waveform, l1 or None)
            scored = await pool.compute(used.score_recognition, NAME, waveform, recognition, target, l1 or None)
            return JSONResponse(scored.to_json())


def _add_study_routes(app: FastAPI, pool: ModelPool) -> None:
    @app.get("/studies", tags=["studies"])
    def studies() -> schemas.Studies:
        """The studies that the service was started with, and their verdicts."""
        return schemas.Studies(studies=[responses.study_verdict(study) for study in pool.studies.values()])

    @app.get("/studies/{name}", tags=["studies"], response_model_exclude_defaults=True)
    def study(name: str) -> schemas.StudyResults:
        """A study's report, as Markdown and rendered, and the names of its plots and tables."""
        if name not in pool.studies:
            raise HTTPError(404, f"no study {name!r}; there are {', '.join(pool.studies) or 'none'}")
        return responses.study_results(pool.studies[name])

    @app.get("/studies/{name}/plots/{file}", tags=["studies"], response_class=FileResponse)
    def plot(name: str, file: str) -> FileResponse:
        """One plot, as PNG."""
        plots = pool.studies[name].plots if name in pool.studies else {}
        if file not in plots:
            raise HTTPError(404, f"no plot {file!r} of a study {name!r}; GET /studies/NAME lists the plots")
        return FileResponse(plots[file], media_type="image/png")

    @app.get("/studies/{name}/tables/{file}", tags=["studies"], response_class=FileResponse)
    def table(name: str, file: str) -> FileResponse:
        """One table, as CSV."""
        tables = pool.studies[name].tables if name in pool.studies else {}
        if file not in tables:
            raise HTTPError(404, f"no table {file!r} of a study {name!r}; GET /studies/NAME lists the tables")
        return FileResponse(tables[file], media_type="text/csv", filename=file)


def _answer_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AsHeardError)
    return JSONResponse({"detail": " ".join(str(error).split())}, status_of(error))


def _answer_wrong_field(_: Request, error: Exception) -> JSONResponse:
    """Answer a missing or wrong field in one sentence, without repeating its value."""
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = dict(next(iter(error.errors()), {}))
    field = ".".join(map(str, first.get("loc", ())[1:])) or "body"
    if field == "audio":
        sentence = "field 'audio': no file; send the recording as multipart/form-data (curl -F audio=@my.wav)"
        return JSONResponse({"detail": sentence}, 422)
    return JSONResponse({"detail": f"field {field!r}: {first.get('msg', 'cannot be read')}"}, 422)


def _answer_http_exception(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, starlette.exceptions.HTTPException)
    return JSONResponse({"detail": str(error.detail)}, error.status_code, headers=error.headers)


def serve(
    host: str,
    port: int,
    *,
    registry: Path | None = None,
    studies: Sequence[Path] = (),
    preload: Sequence[str] = (),
    origins: Sequence[str] = (),
    threads: int | None = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C. Then new requests are refused, and running ones are answered.

    Args:
        host, port: where to listen. A host that other machines reach needs a token in the environment (ASHEARD_TOKEN).
        registry: a user's TOML file of models.
        studies: folders of finished studies.
        preload: names of models to load before the first request.
        origins: sites whose pages may read answers (CORS).
        threads: recordings that are recognised at the same time; None means one a core.
    Raises:
        ModelError: the registry or a study cannot be read, or a model to preload cannot be loaded.
        AsHeardError: other machines reach the host and there is no token, or the port is taken.
    """
    token = os.environ.get(TOKEN_VARIABLE) or None
    local = is_local(host)
    if not local and token is None:
        raise AsHeardError(
            f"other machines reach {host}, so a token is needed: put it into {TOKEN_VARIABLE}, and let clients send "
            "'Authorization: Bearer TOKEN'; or serve on 127.0.0.1"
        )
    limits = RequestLimits(requests_a_minute=None if local else _REQUESTS_A_MINUTE)
    # A page of another site can make its own name lead to this machine (DNS rebinding) and then read answers. It does
    # not know a token; without one, only the names of this machine are answered.
    hosts = None if token else _LOCAL_NAMES | {host.lower()}
    pool = build_model_pool(registry, studies, num_waiting=limits.num_waiting, threads=threads)
    config = uvicorn.Config(
        create_app(pool, limits, token=token, hosts=hosts, origins=origins),
        host=host,
        port=port,
        http="h11",  # limits the size of headers
        ws="none",
        timeout_graceful_shutdown=_DRAIN_S,
        log_level="info",
        server_header=False,
    )

    async def run() -> None:
        for name in preload:
            await pool.get(name)
        await uvicorn.Server(config).serve()

    try:
        asyncio.run(run())
    except SystemExit as ended:  # uvicorn exits if it cannot listen
        raise ModelError(f"cannot serve on {host}:{port}; is the port taken? Choose another with --port") from ended


def is_local(host: str) -> bool:
    """Whether only this machine reaches a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

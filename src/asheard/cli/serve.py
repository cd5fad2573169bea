"""`asheard serve`: the HTTP service and its page."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from asheard.cli.output import echo


def serve(
    host: Annotated[
        str,
        typer.Option(help="Address to listen on. Any but this machine's own needs a token in ASHEARD_TOKEN."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8765,
    registry: Annotated[Path | None, typer.Option(help="TOML file of your own models.")] = None,
    studies: Annotated[
        list[Path] | None,
        typer.Option(
            "--study", metavar="DIR", help="Folder of a finished study: serve its models and results. Repeatable."
        ),
    ] = None,
    preload: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Model to load before the first request. Repeatable."),
    ] = None,
    origins: Annotated[
        list[str] | None,
        typer.Option("--allow-origin", metavar="URL", help="Site whose pages may read answers (CORS). Repeatable."),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Recordings recognised at the same time, a core each; by default all cores."),
    ] = None,
) -> None:
    """Serve models over HTTP: a page for people at /, the API for programs. Recordings are not kept."""
    from asheard.errors import optional_package

    for package in ("fastapi", "python_multipart", "uvicorn", "av", "markdown_it"):
        optional_package(package, "serve")
    from asheard.server.app import serve as run_server

    echo(f"AsHeard on http://{host}:{port} (stop it with Ctrl-C)")
    with suppress(KeyboardInterrupt):  # Ctrl-C, after the running requests were answered
        run_server(
            host,
            port,
            registry=registry,
            studies=studies or [],
            preload=preload or [],
            origins=origins or [],
            threads=threads,
        )

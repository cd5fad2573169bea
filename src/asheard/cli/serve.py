"""`asheard serve`: the service and its page."""

from pathlib import Path
from typing import Annotated

import typer


def serve(
    host: Annotated[
        str,
        typer.Option("--host", help="Address to listen on; beyond this machine with a token in ASHEARD_TOKEN only."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 8765,
    registry: Annotated[
        Path | None, typer.Option("--registry", help="Your own transcribers (TOML), besides those built in.")
    ] = None,
    studies: Annotated[
        list[Path] | None,
        typer.Option("--study", metavar="DIR", help="Folder of a finished study: its models and results. Repeatable."),
    ] = None,
    preload: Annotated[
        list[str] | None,
        typer.Option("--preload", metavar="NAME", help="Load a model before the first request. Repeatable."),
    ] = None,
    origins: Annotated[
        list[str] | None,
        typer.Option("--allow-origin", metavar="URL", help="A site whose pages may read answers (CORS). Repeatable."),
    ] = None,
) -> None:
    """Serve the named transcribers: a page at /, the API at /docs. Recordings are not kept."""
    from asheard.server.start import serve as start

    typer.echo(f"AsHeard on http://{host}:{port} (Ctrl-C ends it)")
    start(host, port, registry=registry, studies=studies or [], preload=preload or [], origins=origins or [])

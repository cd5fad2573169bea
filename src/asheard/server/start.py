"""Starting and stopping: where the service listens, who may, and that requests under way are answered."""

import asyncio
import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from asheard.errors import AsHeardError, ModelError, optional_package

TOKEN_VARIABLE: Final = "ASHEARD_TOKEN"
_DRAIN_S: Final = 60  # how long requests under way may take after SIGTERM
_REQUESTS_A_MINUTE: Final = 120  # of one client, where strangers may call


def serve(
    host: str,
    port: int,
    *,
    registry: Path | None,
    studies: Sequence[Path],
    preload: Sequence[str],
    origins: Sequence[str],
) -> None:
    """Serve until SIGTERM or Ctrl-C; then nobody new is let in, and requests under way are answered.

    Args:
        host, port: where to listen; beyond this machine only with a token in the environment (ASHEARD_TOKEN).
        registry: a user's TOML file.
        studies: folders of finished studies.
        preload: names of models to load before the first request.
        origins: sites whose pages may read answers (CORS).
    Raises:
        ModelError: the package of the extra `serve` is missing, the registry or a study cannot be read, or a model to
            preload cannot be loaded.
        AsHeardError: the host is open to others and there is no token.
    """
    uvicorn = optional_package("uvicorn", "serve")
    from asheard.server.app import create_app
    from asheard.server.middleware import Limits
    from asheard.server.runtime import build_model_pool

    token = os.environ.get(TOKEN_VARIABLE) or None
    local = is_local(host)
    if not local and token is None:
        raise AsHeardError(
            f"{host} is open to others: put a token into {TOKEN_VARIABLE}, which clients send as "
            "'Authorization: Bearer TOKEN', or serve on 127.0.0.1"
        )
    limits = Limits(requests_a_minute=None if local else _REQUESTS_A_MINUTE)
    found = build_model_pool(registry, studies, num_waiting=limits.num_waiting)

    async def run() -> None:
        for name in preload:
            await found.get(name)
        config = uvicorn.Config(
            create_app(found, limits, token=token, origins=origins),
            host=host,
            port=port,
            timeout_graceful_shutdown=_DRAIN_S,
            log_level="info",
            server_header=False,
        )
        await uvicorn.Server(config).serve()

    try:
        asyncio.run(run())
    except SystemExit as ended:  # how uvicorn says that it could not listen
        raise ModelError(f"could not serve on {host}:{port}; is the port taken? Choose another with --port") from ended


def is_local(host: str) -> bool:
    """Whether a host is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

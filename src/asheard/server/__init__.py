"""The service: named transcribers behind a documented API, and a page that people use them on."""

from asheard.server.app import create_app
from asheard.server.limits import Limits
from asheard.server.registry import Registry, build_registry

__all__ = ["Limits", "Registry", "build_registry", "create_app"]

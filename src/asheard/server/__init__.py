"""The service: named transcribers behind a documented API, and a page that people use them on."""

from asheard.server.app import create_app
from asheard.server.middleware import Limits
from asheard.server.runtime import Registry, build_registry

__all__ = ["Limits", "Registry", "build_registry", "create_app"]

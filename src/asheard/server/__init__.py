"""The service: models behind an HTTP API, and a page for people."""

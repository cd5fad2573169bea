"""Every script can be imported, so its imports and its names fit the package."""

from importlib import import_module
from pathlib import Path

import pytest

SCRIPTS = sorted(Path(__file__).parents[2].joinpath("scripts").glob("*.py"))


@pytest.mark.parametrize("name", [path.stem for path in SCRIPTS])
def test_script_can_be_imported(name):
    try:
        import_module(name)
    except ModuleNotFoundError as error:
        if error.name in ("asheard", *(path.stem for path in SCRIPTS)) or (error.name or "").startswith("asheard."):
            raise
        pytest.skip(f"{error.name} is not installed")

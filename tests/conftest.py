"""What several test files need: the real corpora where they are, and one finished study."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]

settings.register_profile("asheard", deadline=None)  # no test is timed: the machine may be busy
settings.register_profile("fuzz", deadline=None, max_examples=1000, print_blob=True)  # `make fuzz`
settings.load_profile("asheard")


@pytest.fixture(scope="session")
def quick_study_command() -> list[str]:
    """The command line of a study at the quick preset, its folder to be added."""
    return [sys.executable, "-m", "asheard", "study", "--preset", "quick", "--out"]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real corpora; tests that use it are marked `shared` and skipped where it is absent."""
    folder = Path(os.environ.get("ASHEARD_DATA", ROOT.parent / "shared"))
    if not (folder / "l2arctic-labels").is_dir():
        pytest.skip(f"no l2arctic-labels under {folder} (set ASHEARD_DATA)")
    return folder


@pytest.fixture(scope="session")
def quick_study(tmp_path_factory: pytest.TempPathFactory, quick_study_command: list[str]) -> Path:
    """A study at the quick preset, at `runs/embedded` below a folder of its own."""
    out = tmp_path_factory.mktemp("study") / "runs" / "embedded"
    subprocess.run([*quick_study_command, str(out)], capture_output=True, text=True, check=True)
    return out

"""What several test files need: the real corpora where they are, and one finished study."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

ROOT = Path(__file__).parents[1]

settings.register_profile("asheard", deadline=None)  # no test is timed: the machine may be busy
settings.register_profile("fuzz", deadline=None, print_blob=True)  # `make fuzz`
settings.load_profile("asheard")

# Here and in every process that a test starts: sums depend on the number of threads, and workers share the cores.
os.environ["OMP_NUM_THREADS"] = "1"

LONG = ("browser", "cluster", "remote", "install")  # markers of the files that take longest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest files first, so that several workers end at the same time."""
    long = {item.path for item in items for marker in item.iter_markers() if marker.name in LONG}
    items.sort(key=lambda item: item.path not in long)


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
def quick_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study at the quick preset, made once for all workers of pytest-xdist. Tests that change it take a copy."""
    from asheard.pipeline import study

    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    out = shared / "runs" / "embedded"
    with FileLock(shared / "study.lock"):
        if not (out / "RESULTS.md").exists():
            study(out, preset="quick")
    return out


@pytest.fixture
def copied_study(quick_study: Path, tmp_path: Path) -> Path:
    """A copy of that study, at `runs/embedded` below `tmp_path`."""
    return shutil.copytree(quick_study, tmp_path / "runs" / "embedded")

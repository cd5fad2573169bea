"""Optional packages."""

import pytest

from asheard.errors import ModelError, optional_package


def test_optional_package_gives_modules_of_a_package():
    assert optional_package("json.decoder", "evaluate").__name__ == "json.decoder"


@pytest.mark.parametrize("name", ["no_such_package", "no_such_package.part"])
def test_optional_package_missing_is_one_line_with_the_command(name):
    with pytest.raises(ModelError, match=r"no_such_package is not installed; pip install 'asheard\[train\]'$"):
        optional_package(name, "train")

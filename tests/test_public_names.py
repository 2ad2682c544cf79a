"""The public API: the names of ``digitrec`` and their types."""

import subprocess
import sys

import pytest

import digitrec
from tests.conftest import ROOT

NAMES = [
    "MLP",
    "CheckpointError",
    "Digit",
    "DigitClassifier",
    "MNISTDataModule",
    "PictureError",
    "Reader",
    "Reading",
    "__version__",
]


def test_public_names():
    assert digitrec.__all__ == NAMES
    assert dir(digitrec) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_public_name_resolves_to_an_object_of_that_name(name):
    value = getattr(digitrec, name)
    assert name == "__version__" or value.__name__ == name


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'CNN'"):
        digitrec.CNN  # noqa: B018


def test_type_checkers_see_the_real_types(tmp_path):
    (tmp_path / "user.py").write_text(
        "import digitrec\n"
        "reveal_type(digitrec.Reader.pretrained().read('a.png').digits[0].confidence)\n"
        "reveal_type(digitrec.__version__)\n"
    )
    # The cache of `make test`, which runs mypy first: with a cold cache this takes half a minute.
    command = [sys.executable, "-m", "mypy", str(tmp_path / "user.py")]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 'Revealed type is "float"' in run.stdout.replace("builtins.", ""), run.stdout
    assert 'Revealed type is "str"' in run.stdout.replace("builtins.", "")

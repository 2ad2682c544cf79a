"""The public API: the names of ``digitrec`` and their types."""

import subprocess
import sys

import pytest

import digitrec

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


def test_package_is_importable_from_the_folder_above_the_clone(tmp_path):
    """As an editable install does it, by a path file: a folder of the same name does not come first."""
    (tmp_path / "digitrec").mkdir()
    code = "from digitrec import Reader; print(Reader.__module__)"
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert run.stdout.strip() == "digitrec.reading.reader", run.stderr

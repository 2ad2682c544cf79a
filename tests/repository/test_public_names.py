"""The public API: the names of ``digitrec`` and their types."""

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

"""What people do with a result: correct it, copy it, keep it, and train with what they have kept."""

import io
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from digitrec.data.labelled import labelled_digits
from scripts.benchmarks.browser import DESK, PHONE, draw, drawings, placed, settled, text

pytestmark = pytest.mark.browser

ONE, SEVEN = (next(each["strokes"] for each in drawings() if each["digit"] == digit) for digit in (1, 7))


@pytest.fixture
def page(visit):
    """The page with a 1 and a 7 on it."""
    opened = visit(**DESK, permissions=["clipboard-read", "clipboard-write"])
    for strokes, place in ((ONE, (60, 60)), (SEVEN, (200, 60))):
        draw(opened, placed(strokes, place, 150), "mouse")
    assert text(opened) == "17"
    return opened


def copied(page, button):
    page.locator(button).click()
    page.locator("#said", has_text="Copied.").wait_for()
    return page.evaluate("navigator.clipboard.readText()")


def test_a_digit_is_corrected_by_key_and_by_button(page):
    page.get_by_role("button", name="1, ").click()
    page.keyboard.press("4")
    assert text(page) == "47"
    chosen = page.locator("#digits [aria-pressed=true]")
    assert chosen.get_attribute("aria-label") == "4, corrected"
    assert page.evaluate("document.activeElement === document.querySelector('#digits [aria-pressed=true]')")
    page.get_by_role("button", name="7, ").click()
    page.get_by_role("button", name="Correct it to 2").click()
    assert text(page) == "42"
    assert page.get_by_role("button", name="Correct it to 2").get_attribute("aria-pressed") == "true"


def test_the_result_is_copied_as_text_and_as_csv(page):
    page.get_by_role("button", name="7, ").click()
    page.keyboard.press("2")
    assert copied(page, "#copy-text") == "12"
    header, first, second = copied(page, "#copy-csv").splitlines()
    assert header == "line,position,x,y,width,height,digit,confidence"
    assert (first.split(",")[:2], first.split(",")[6]) == (["0", "0"], "1")
    x, y, _, height = map(int, second.split(",")[2:6])
    assert abs(x - 200) < 12  # in pixels of the surface, although only what is drawn was sent
    assert abs(y - 60) < 12
    assert abs(height - 150) < 20
    assert second.split(",")[6:] == ["2", "1"]


def test_kept_digits_are_downloaded_as_a_folder_to_train_on(page, tmp_path):
    page.get_by_role("button", name="7, ").click()
    page.keyboard.press("2")
    page.locator("#keep").click()
    assert page.locator("#said").inner_text() == "2 kept."
    page.locator("#keep").click()  # a second time: they count once
    page.locator("#clear").click()
    assert page.locator("#keep").is_disabled()
    draw(page, placed(SEVEN, (200, 60), 150), "mouse")
    page.locator("#keep").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download 3 labelled").click()
    archive = download.value.path().read_bytes()
    with ZipFile(io.BytesIO(archive)) as file:
        assert file.testzip() is None
        assert sorted(file.namelist()) == ["digits/1/0001.png", "digits/2/0002.png", "digits/7/0003.png"]
        file.extractall(tmp_path)
    images, labels = labelled_digits(tmp_path / "digits")
    assert labels.tolist() == [1, 2, 7]
    with Image.open(tmp_path / "digits" / "1" / "0001.png") as first:
        np.testing.assert_array_equal(np.asarray(first.convert("L")), images[0].numpy())  # read as it is


def test_a_telephone_offers_its_camera(visit):
    page = visit(**PHONE)
    assert page.get_by_text("Take a photo").is_visible()
    assert page.locator("#camera").get_attribute("capture") == "environment"


@pytest.mark.parametrize("backend", ["server"], indirect=True)
def test_a_server_that_does_not_answer_is_said(visit):
    page = visit(**DESK)
    page.context.set_offline(True)
    draw(page, placed(SEVEN, (200, 60), 150), "mouse")
    settled(page)
    assert page.get_by_role("alert").inner_text() == "The server does not answer: is it still running?"
    page.context.set_offline(False)
    draw(page, placed(ONE, (60, 60), 150), "mouse")
    assert text(page) == "17"

"""The page in Chromium: drawing with mouse and finger, pictures, keyboard access and contrast.

Each test runs with the page of the server and with the exported page, which reads in the browser.
"""

import io

import pytest
from PIL import Image

from scripts.benchmarks.browser import (
    DESK,
    PHONE,
    draw,
    drawings,
    photograph,
    placed,
    replay,
    settled,
    text,
)

pytestmark = pytest.mark.browser

ONE, SEVEN = ([each["strokes"] for each in drawings() if each["digit"] == digit] for digit in (1, 7))
PHOTO = {"name": "photo.png", "mimeType": "image/png"}


def shares(page):
    """Return the widths of the ten bars as shares of their tracks, and the texts beside them."""
    widths = page.eval_on_selector_all(
        ".bars li",
        "rows => rows.map(row => parseFloat(getComputedStyle(row.querySelector('.bar')).width)"
        " / row.querySelector('.track').clientWidth)",
    )
    return widths, page.locator(".bars .share").all_inner_texts()


@pytest.mark.parametrize(("pointer", "device"), [("mouse", DESK), ("touch", PHONE)])
def test_a_1_and_a_7_are_read_as_they_are_drawn(visit, pointer, device):
    page = visit(**device)
    draw(page, placed(ONE[0], (60, 60), 120), pointer)
    assert text(page) == "1"
    draw(page, placed(SEVEN[0], (170, 60), 120), pointer)
    assert text(page) == "17"
    page.wait_for_timeout(300)  # the bars move
    widths, written = shares(page)
    assert len(widths) == 10
    assert sum(widths) == pytest.approx(1, abs=0.01)
    assert sum(round(10 * float(share.rstrip("%"))) for share in written) == 1000
    assert page.evaluate("[scrollX, scrollY]") == [0, 0]  # a finger draws and does not scroll


@pytest.mark.parametrize("by", ["drop", "choice", "paste"])
def test_a_photograph_comes_back_with_its_boxes(visit, by):
    page = visit(**DESK)
    content = photograph()
    if by == "choice":
        page.locator("#file").set_input_files({**PHOTO, "buffer": content})
    else:
        give(page, by, content)
    page.locator("#boxes rect").nth(3).wait_for()
    settled(page)
    assert text(page) == "3082"
    width, height = Image.open(io.BytesIO(content)).size
    box = page.locator("#boxes").bounding_box()
    places = [each.bounding_box() for each in page.locator("#boxes rect").all()]
    assert [place["x"] for place in places] == sorted(place["x"] for place in places)
    scale = min(box["width"] / width, box["height"] / height)
    top = box["y"] + (box["height"] - scale * height) / 2
    for place in places:  # on the picture, which is as wide as the surface
        assert top < place["y"] < place["y"] + place["height"] < top + scale * height
        assert 0.3 < place["height"] / (scale * height) < 0.7
    page.locator("#boxes rect").nth(2).click()
    assert page.locator(".bars .likeliest").inner_text().split()[0] == "8"
    page.get_by_role("button", name="0, ").click()
    assert page.locator(".bars .likeliest").inner_text().split()[0] == "0"
    assert page.locator("#seen").evaluate("image => [image.naturalWidth, image.naturalHeight]") == [28, 28]


def give(page, by, content):
    """Drop or paste a file by dispatching the event of the browser."""
    page.evaluate(
        """([by, bytes]) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], "photo.png", { type: "image/png" }));
          const options = { dataTransfer: data, clipboardData: data, bubbles: true, cancelable: true };
          document.body.dispatchEvent(new (by === "drop" ? DragEvent : ClipboardEvent)(by, options));
        }""",
        [by, list(content)],
    )


def test_a_drawing_is_sent_as_a_gray_picture_without_loss(visit):
    page = visit()
    sent = page.evaluate("""async () => {
      const { grayPng } = await import("./png.js");
      const bytes = Uint8ClampedArray.from({ length: 4 * 300 * 2 }, (_, at) => (at % 4 ? 255 : at / 4));
      return [...new Uint8Array(await (await grayPng(new ImageData(bytes, 300, 2))).arrayBuffer())];
    }""")
    image = Image.open(io.BytesIO(bytes(sent)))
    assert (image.format, image.mode, image.size) == ("PNG", "L", (300, 2))
    assert list(image.tobytes()) == [*range(256), *[255] * 344]  # the red channel, clamped


def test_undo_and_clear_work_by_key_and_button(visit):
    page = visit(**DESK)
    draw(page, placed(ONE[0], (60, 60), 200), "mouse")
    draw(page, placed(SEVEN[0], (200, 60), 200), "mouse")
    assert text(page) == "17"
    page.keyboard.press("Control+z")
    settled(page)
    assert text(page) == "1"
    page.locator("#undo").click()
    assert text(page) == ""
    assert page.locator("#undo").is_disabled()
    draw(page, placed(SEVEN[0], (200, 60), 200), "mouse")
    page.keyboard.press("Delete")
    assert text(page) == ""
    assert page.locator("#hint").is_visible()


def test_all_controls_have_names_and_are_reached_by_the_keyboard(visit):
    page = visit(**DESK)
    draw(page, placed(ONE[0], (60, 60), 200), "mouse")
    draw(page, placed(SEVEN[0], (200, 60), 200), "mouse")
    page.locator("#canvas").focus()
    seen = [page.evaluate("document.activeElement.id")]
    for _ in range(5):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate("document.activeElement.id || document.activeElement.ariaLabel.split(',')[0]")
        )
    assert seen == ["canvas", "clear", "undo", "file", "1", "7"]
    page.keyboard.press("Enter")
    assert page.locator(".bars .likeliest").inner_text().split()[0] == "7"
    for name in ("Clear", "Undo"):
        assert page.get_by_role("button", name=name, exact=True).count() == 1
    assert page.get_by_label("Choose a picture").count() == 1
    assert page.get_by_role("status").count() == 1  # screen readers announce the result
    assert page.get_by_role("list", name="Probability of each digit").get_by_role("listitem").count() == 10


def test_a_refused_picture_shows_an_error_and_the_page_goes_on(visit, backend):
    page = visit(**DESK)
    page.locator("#file").set_input_files(
        {"name": "big.png", "mimeType": "image/png", "buffer": bytes(9 * 2**20)}
    )
    settled(page)
    limit = "more than 8 MiB: shrink it." if backend == "server" else "is not a picture in a supported format"
    assert limit in page.get_by_role("alert").inner_text()
    page.locator("#file").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"seven"})
    settled(page)
    assert "is not a picture in a supported format" in page.get_by_role("alert").inner_text()
    page.locator("#clear").click()
    assert page.get_by_role("alert").count() == 0
    draw(page, placed(SEVEN[0], (200, 60), 200), "mouse")
    assert text(page) == "7"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1180])
def test_the_page_fits_and_is_readable_in_any_width_and_scheme(visit, scheme, width):
    page = visit(viewport={"width": width, "height": 740}, color_scheme=scheme)
    draw(page, placed(SEVEN[0], (100, 50), 150), "mouse")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("#canvas").bounding_box()["width"] >= 320
    assert page.locator("#canvas").bounding_box()["height"] >= 220  # tests/drawings.json requires it
    for selector in ("#text", ".quiet >> nth=0", "#clear", ".bars .share >> nth=0", "figcaption"):
        assert contrast(page, selector) >= 4.5  # WCAG AA


def contrast(page, selector):
    """Return the WCAG contrast ratio of a text and its background."""
    colors = page.locator(selector).evaluate(
        """node => {
          const color = getComputedStyle(node).color;
          const background = () => getComputedStyle(node).backgroundColor;
          while (node.parentElement && background() === "rgba(0, 0, 0, 0)") node = node.parentElement;
          return [color, background()].map((text) => text.match(/[\\d.]+/g).map(Number));
        }"""
    )
    light, dark = sorted((luminance(color[:3]) for color in colors), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(color):
    linear = [
        c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in color)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_at_least_99_of_100_recorded_drawings_are_read(browser, address):
    known = drawings()
    assert [sum(each["digit"] == digit for each in known) for digit in range(10)] == [10] * 10
    wrong = [
        (drawing["digit"], drawing["hand"], read)
        for drawing, read in replay(browser, address)
        if read != str(drawing["digit"])
    ]
    assert len(wrong) <= 1, wrong


def test_every_choice_is_read_and_a_dropped_link_is_explained(visit):
    page = visit()
    shown = set()
    file = io.BytesIO()
    Image.new("L", (40, 40), 255).save(file, "PNG")
    for number in (1, 2):  # the same file
        page.locator("#file").set_input_files({**PHOTO, "buffer": file.getvalue()})
        settled(page)
        assert page.locator("#file").input_value() == ""
        shown.add(page.locator("#picture").get_attribute("src"))
        assert len(shown) == number
    page.evaluate(
        "() => { const data = new DataTransfer(); data.setData('text/uri-list', 'http://x.example/');"
        " dispatchEvent(new DragEvent('drop', { dataTransfer: data })); }"
    )
    assert page.locator("#problem").inner_text() == "This is a link or text: drop a picture file."
    page.evaluate(
        "() => { const data = new DataTransfer(); data.setData('text/plain', '7');"
        " dispatchEvent(new ClipboardEvent('paste', { clipboardData: data })); }"
    )
    assert page.locator("#problem").inner_text() == "This is text: paste a picture."


@pytest.mark.parametrize("backend", ["server"], indirect=True)
def test_an_answer_of_another_program_is_explained_and_the_next_one_is_read(visit):
    page = visit()
    page.route("**/predict*", lambda route: route.fulfill(json={"message": "rate limit"}))
    page.locator("#file").set_input_files({**PHOTO, "buffer": photograph()})
    settled(page)
    assert "an answer that is none of digitrec" in page.locator("#problem").inner_text()
    page.unroute("**/predict*")
    page.locator("#file").set_input_files({**PHOTO, "buffer": photograph()})
    settled(page)
    assert not page.locator("#problem").is_visible()

"""The exported page reads as the Python reader does, without a connection, and stays responsive."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from digitrec.reading.pictures.grayscale import to_gray
from digitrec.web.site import sizes
from scripts.benchmarks.browser import DESK, chromium, draw, drawings, placed, text
from scripts.benchmarks.static_page import compare, drawn, png, rendered_pages, static_server
from scripts.lib.rendering import Options, render
from scripts.lib.strokes import stroke_digits

pytestmark = pytest.mark.browser

SEVEN = next(each["strokes"] for each in drawings() if each["digit"] == 7)


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def page(browser, site):
    with static_server(site) as address:
        opened = browser.new_page()
        opened.goto(address)
        yield opened


def test_the_page_is_small(site):
    size, compressed = sizes(site)
    assert size < 20e6
    assert compressed < 6e6


def test_browser_and_python_read_the_same_on_drawings_and_pages(page, reader):
    pictures = [drawn(each["strokes"]) for each in drawings()] + rendered_pages(60)
    result = compare(page, reader, pictures)
    assert len(result.different) <= 1, [
        (number, result.browser[number], result.python[number]) for number in result.different
    ]
    assert sum(bool(read) for read in result.python) > 140


def _turned_photo():
    upright = Image.open(io.BytesIO(drawn(SEVEN))).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: the picture is shown turned by 90 degrees clockwise
    file = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(file, "JPEG", quality=95, exif=exif)
    return file.getvalue()


def _large(kind):
    image = render(stroke_digits()[[3, 5, 7]], Options(height=900, pen=0.1), 0).picture
    sheet = Image.new("RGB", (3600, 3100), image.getpixel((0, 0)))
    sheet.paste(image.resize((3000, 3000 * image.height // image.width)), (200, 300))
    file = io.BytesIO()
    sheet.save(file, kind)
    return file.getvalue()


def _transparent():
    sheet = Image.new("RGBA", (300, 300))
    ImageDraw.Draw(sheet).line([(80, 60), (210, 60), (130, 240)], (255, 255, 255, 200), 18)
    return png(sheet)


def _sideways():
    page = render(stroke_digits()[[3, 4, 7, 2, 5]], Options(height=60, pen=0.1), 0).picture
    return png(page.rotate(90, expand=True))


def _two_sizes():
    """Return a page with a large 3 and rows of smaller digits."""
    page = Image.new("L", (300, 250), 235)
    rows = [(20, 20, 60, [3])] + [(40, 120 + row * 40, 20, [1, 2, 3, 4, 5, 6, 7]) for row in range(3)]
    for x, y, size, digits in rows:
        for place, digit in enumerate(digits):
            sides = (size * 28 // 20,) * 2
            ink = Image.fromarray(stroke_digits()[digit]).resize(sides, Image.Resampling.BICUBIC)
            page.paste(20, (x + place * size, y), ink)
    return png(page)


def test_digits_of_two_sizes_are_read(reader):
    assert reader.read(_two_sizes()).text.split() == ["3", *["1234567"] * 3]


PICTURES = {
    "two sizes": _two_sizes,
    "JPEG turned by EXIF": _turned_photo,
    "11 megapixels, PNG": lambda: _large("PNG"),
    "11 megapixels, JPEG": lambda: _large("JPEG"),
    "transparent": _transparent,
    "MNIST's form": lambda: png(Image.fromarray(stroke_digits()[4])),
    "tight 1": lambda: png(Image.new("L", (12, 60), 20)),
    "sideways": _sideways,
    "red on green": lambda: png(Image.fromarray(_colors())),
    "blank": lambda: png(Image.new("L", (200, 100), 255)),
}


def _colors():
    digit = np.asarray(Image.fromarray(stroke_digits()[8]).resize((140, 140)))[..., None] / 255
    return (digit * (255, 0, 0) + (1 - digit) * (0, 130, 0)).astype(np.uint8)


@pytest.mark.parametrize("kind", PICTURES)
def test_digits_boxes_and_confidences_are_those_of_python(page, reader, kind):
    picture = PICTURES[kind]()
    ours = reader.read(picture)
    answer = page.evaluate(
        """async (bytes) => (await import("./backend.js")).read(new Blob([new Uint8Array(bytes)]))""",
        list(picture),
    )
    assert answer["text"] == ours.text
    assert bool(ours.text) == (kind != "blank")
    for theirs, digit in zip(answer["digits"], ours.digits, strict=True):
        assert theirs["confidence"] == pytest.approx(digit.confidence, abs=0.02)
        assert theirs["probabilities"] == pytest.approx(digit.probabilities, abs=0.02)
        assert theirs["box"] == pytest.approx(digit.box, abs=1 + max(digit.box[2:]) / 50)
        assert theirs["image"].startswith("data:image/png;base64,")
        assert [theirs["line"], theirs["position"]] == [digit.line, digit.position]


RESIZE = """async ([width, height, channels, bytes, to, filter, gap]) => {
  const { resize, ...filters } = await import("./reader/pictures/resize.js");
  const image = { width, height, channels, data: new Uint8Array(bytes) };
  return [...resize(image, ...to, filters[filter], gap ?? Infinity).data];
}"""


@pytest.mark.parametrize("name", ["BILINEAR", "BICUBIC"])
@pytest.mark.parametrize("gap", [None, 2.0])
@pytest.mark.parametrize("to", [(9, 11), (40, 90), (33, 11), (5, 47)])
def test_resizing_gives_the_bytes_of_pillow(page, name, gap, to):
    image = np.random.default_rng(0).integers(0, 256, (47, 33), np.uint8)
    how = Image.Resampling[name]
    expected = np.asarray(Image.fromarray(image).resize(to, how, reducing_gap=gap))
    got = page.evaluate(RESIZE, [33, 47, 1, image.ravel().tolist(), to, name, gap])
    assert got == expected.ravel().tolist()


@pytest.mark.parametrize("what", ["gray", "faint colors", "photo", "strokes", "paper", "glass"])
def test_gray_levels_are_those_of_python(page, what):
    random = np.random.default_rng(1)
    pixels = np.full((60, 80, 4), 255, np.uint8)
    if what == "gray":
        pixels[..., :3] = random.integers(0, 256, (60, 80, 1))
    elif what == "photo":
        pixels[..., :3] = random.integers(0, 256, (60, 80, 3))
    else:
        pixels[..., :3] = (120, 120, 120)
        pixels[20:40, 30:50, :3] = (180, 90, 130) if what == "faint colors" else (250, 250, 240)
    if what in ("strokes", "paper"):
        pixels[..., 3] = 0
        rows = slice(25, 30) if what == "strokes" else slice(5, 55)
        pixels[rows, 10:70, 3] = 255
    elif what == "glass":
        pixels[..., 3] = 90
    expected = to_gray(Image.fromarray(pixels))
    got = page.evaluate(
        """async (bytes) => {
          const { toGray } = await import("./reader/pictures/grayscale.js");
          return [...toGray({ width: 80, height: 60, channels: 4, data: new Uint8Array(bytes) }).data];
        }""",
        pixels.ravel().tolist(),
    )
    assert got == expected.ravel().tolist()


def test_the_page_works_below_a_path_and_without_a_connection(browser, site):
    context = browser.new_context(**DESK)
    page = context.new_page()
    with static_server(site.parent) as address:
        page.goto(f"{address}/{site.name}/")
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()  # the server has stopped
    draw(page, placed(SEVEN, (200, 60), 200), "mouse")
    assert text(page) == "7"
    context.close()


def test_the_page_stays_responsive_while_a_large_picture_is_read(page):
    ticks, duration = page.evaluate(
        """async (bytes) => {
          const { read } = await import("./backend.js");
          let ticks = 0;
          const timer = setInterval(() => (ticks += 1), 10);
          const start = performance.now();
          await read(new Blob([new Uint8Array(bytes)]));
          clearInterval(timer);
          return [ticks, performance.now() - start];
        }""",
        list(_large("PNG")),
    )
    assert ticks > max(5, duration / 100)  # of up to a hundred in a second

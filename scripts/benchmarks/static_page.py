"""The exported page in Chromium compared with the Python reader: the same text of the same pictures.

python -m scripts.benchmarks.static_page [--pages 300] [--site FOLDER]

Pages are those of ``benchmark rendered``, half of each family; drawings are those of tests/drawings.json. The
digits are MNIST's test images if they are in data/, otherwise drawn ones. The result goes into
docs/results/web.md.
"""

import argparse
import base64
import functools
import io
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image, ImageDraw
from playwright.sync_api import Page

from digitrec.data.mnist import load_mnist
from digitrec.errors import MNISTUnavailableError
from digitrec.models.pretrained import PRETRAINED
from digitrec.reading.reader import Reader
from digitrec.web.site import export_site, sizes
from scripts.benchmarks.browser import Stroke, chromium, drawings
from scripts.lib.docs import WEB, machine, write_section
from scripts.lib.mnist import DATA
from scripts.lib.rendering.new_kinds import new_set
from scripts.lib.rendering.scenes import rendered_set
from scripts.lib.strokes import stroke_digits

SURFACE = 560, 380
"""Width and height of the sheet that the drawings are drawn on, in CSS pixels."""

PEN = 7
"""Width of a stroke, as in draw.js."""

READ = """async (pictures) => {
  const { read } = await import("./backend.js");
  const results = [];
  for (const picture of pictures) {
    const blob = new Blob([Uint8Array.from(atob(picture), (sign) => sign.charCodeAt(0))]);
    const start = performance.now();
    const answer = await read(blob);
    results.push([answer.error ?? answer.text, performance.now() - start]);
  }
  return results;
}"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def static_server(folder: Path) -> Iterator[str]:
    """Serve a folder as ``python -m http.server`` does; yield its address without a slash at the end."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}"
        finally:
            running.shutdown()
            thread.join()


@dataclass(frozen=True)
class Comparison:
    """Texts of the browser and of Python for the same pictures, and the milliseconds of the browser."""

    browser: list[str]
    python: list[str]
    times: list[float]

    @property
    def different(self) -> list[int]:
        """The numbers of the pictures with different texts."""
        pairs = zip(self.browser, self.python, strict=True)
        return [number for number, (one, other) in enumerate(pairs) if one != other]

    def __str__(self) -> str:
        same = len(self.python) - len(self.different)
        return f"same text for {same} of {len(self.python)}, median {median(self.times):.0f} ms a picture"


def compare(page: Page, reader: Reader, pictures: Sequence[bytes]) -> Comparison:
    """Read pictures with an open page and with Python."""
    results = [
        page.evaluate(READ, [[base64.b64encode(picture).decode()]])[0]  # one by one: messages are limited
        for picture in pictures
    ]
    texts, times = zip(*results, strict=True)
    return Comparison(list(texts), [reader.read(picture).text for picture in pictures], list(times))


def rendered_pages(count: int, seed: int = 0) -> list[bytes]:
    """Render pages as PNG files."""
    try:
        images, labels = load_mnist(DATA, train=False)
    except MNISTUnavailableError:
        pixels, known = np.tile(stroke_digits(), (1000, 1, 1)), list(range(10)) * 1000
    else:
        pixels, known = images.numpy(), labels.tolist()
    half = (count + 1) // 2
    sets = [
        zip(range(size), make(pixels, known, 5 * count, seed), strict=False)
        for make, size in ((rendered_set, half), (new_set, count - half))
    ]
    return [png(page.picture) for of_set in sets for _, page in of_set]


def drawn(strokes: list[Stroke]) -> bytes:
    """Draw strokes in black on white, as a PNG file."""
    sheet = Image.new("L", (4 * SURFACE[0], 4 * SURFACE[1]), 255)
    draw = ImageDraw.Draw(sheet)
    for stroke in strokes:
        points = [(4 * x, 4 * y) for x, y in stroke]
        draw.line(points, 0, 4 * PEN, joint="curve")
        for x, y in (points[0], points[-1]):
            draw.ellipse((x - 2 * PEN, y - 2 * PEN, x + 2 * PEN, y + 2 * PEN), 0)
    return png(sheet.reduce(4))


def png(image: Image.Image) -> bytes:
    """Return an image as a PNG file."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--site", type=Path, help="an exported page; default: it is exported")
    options = parser.parse_args()
    reader, lines = Reader.pretrained(), []
    with ExitStack() as stack:
        site = options.site
        if site is None:
            site = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "site"
            export_site(site, PRETRAINED)
            size, compressed = sizes(site)
            lines.append(f"Size: {size / 1e6:.1f} MB, {compressed / 1e6:.1f} MB compressed.")
        page = stack.enter_context(chromium()).new_page()
        page.goto(stack.enter_context(static_server(site)))
        sets = {
            "Drawings": [drawn(each["strokes"]) for each in drawings()],
            "Rendered pages": rendered_pages(options.pages),
        }
        for name, pictures in sets.items():
            result = compare(page, reader, pictures)
            lines.append(f"{name}: {result}.")
            for number in result.different:
                print(name, number, repr(result.browser[number]), repr(result.python[number]))
    text = "\n\n".join([*lines, f"{machine()}."])
    print(text)
    if options.site is None:
        write_section("static page", text, WEB)


if __name__ == "__main__":
    main()

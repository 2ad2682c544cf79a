"""The web page in Chromium, controlled by Playwright with mouse and touch.

python -m scripts.benchmarks.browser replay        draw tests/drawings.json; writes docs/results/web.md
python -m scripts.benchmarks.browser screenshots   docs/screenshots/page*.png
"""

import argparse
import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from scripts.benchmarks.serving import server
from scripts.lib.docs import WEB, write_section
from scripts.lib.rendering import Options, render
from scripts.lib.strokes import stroke_digits

ROOT = Path(__file__).parents[2]
DRAWINGS = ROOT / "tests" / "drawings.json"
SCREENSHOTS = ROOT / "docs" / "screenshots"
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
DESK = {"viewport": {"width": 1180, "height": 680}}

Stroke = list[list[float]]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Debian's Chromium, or else Playwright's own."""
    path = shutil.which("chromium")
    with sync_playwright() as playwright:
        # Root in a container cannot use the sandbox; the browser opens only the page of this project.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def drawings() -> list[dict[str, Any]]:
    """Return 100 digits: ``digit``, ``hand``, ``pointer`` (mouse or touch), ``strokes`` of points x, y."""
    known: list[dict[str, Any]] = json.loads(DRAWINGS.read_text())["drawings"]
    return known


def draw(page: Page, strokes: list[Stroke], pointer: str) -> None:
    """Draw on the canvas of the page, in pixels from its upper left corner, and wait for the result."""
    corner = page.locator("#canvas").bounding_box()
    assert corner is not None
    moved = [[(corner["x"] + x, corner["y"] + y) for x, y in stroke] for stroke in strokes]
    if pointer == "mouse":
        for stroke in moved:
            page.mouse.move(*stroke[0])
            page.mouse.down()
            for point in stroke[1:]:
                page.mouse.move(*point)
            page.mouse.up()
    else:
        touch = page.context.new_cdp_session(page)
        for stroke in moved:
            for number, (x, y) in enumerate(stroke):
                kind = "touchMove" if number else "touchStart"
                touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
            touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        touch.detach()
    settled(page)


def settled(page: Page) -> None:
    """Wait until the page shows the result."""
    page.wait_for_timeout(30)
    page.locator('#text:not([aria-busy="true"])').wait_for()


def text(page: Page) -> str:
    """Return the result that the page shows."""
    return page.locator("#text").inner_text()


def replay(browser: Browser, address: str) -> list[tuple[dict[str, Any], str]]:
    """Draw all drawings, each on an empty canvas, and return each with the result."""
    contexts: dict[str, BrowserContext] = {
        "mouse": browser.new_context(**DESK),  # type: ignore[arg-type]
        "touch": browser.new_context(**PHONE),  # type: ignore[arg-type]
    }
    pages = {pointer: context.new_page() for pointer, context in contexts.items()}
    for page in pages.values():
        page.goto(address)
    results = []
    for drawing in drawings():
        page = pages[drawing["pointer"]]
        page.locator("#clear").click()
        draw(page, drawing["strokes"], drawing["pointer"])
        results.append((drawing, text(page)))
    for context in contexts.values():
        context.close()
    return results


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["replay", "screenshots"])
    options = parser.parse_args()
    with server() as address, chromium() as browser:
        if options.what == "screenshots":
            screenshots(browser, address)
            return
        results = replay(browser, address)
    wrong = [(drawing, read) for drawing, read in results if read != str(drawing["digit"])]
    for drawing, read in wrong:
        print(f"{drawing['digit']} by the {drawing['hand']}: read as {read!r}")
    line = f"Read correctly: {len(results) - len(wrong)} of {len(results)} drawings."
    print(line)
    write_section("drawings", line, WEB)


def screenshots(browser: Browser, address: str) -> None:
    """Take screenshots in light mode, in dark mode and of the width of a phone.

    The windows are as high as the page: a full-page screenshot of Playwright loses what the page shows on
    touch screens only.
    """
    desk: dict[str, Any] = {"viewport": {"width": 1180, "height": 800}, "device_scale_factor": 2}
    phone: dict[str, Any] = {**PHONE, "viewport": {"width": 360, "height": 1210}}
    by_hand = {(each["hand"], each["digit"]): each["strokes"] for each in drawings()}
    pages = {
        "page": browser.new_context(**desk).new_page(),
        "page-dark": browser.new_context(**desk, color_scheme="dark").new_page(),
        "page-phone": browser.new_context(**phone).new_page(),
    }
    for page in pages.values():
        page.goto(address)
    year = ("careful mouse", 2), ("slanting mouse", 0), ("trackpad", 4), ("thumb", 7)
    for number, (hand, digit) in enumerate(year):
        draw(pages["page"], placed(by_hand[hand, digit], (45 + 120 * number, 120), 130), "mouse")
    photo = {"name": "photo.png", "mimeType": "image/png", "buffer": photograph()}
    pages["page-dark"].locator("#file").set_input_files(photo)  # type: ignore[arg-type]
    settled(pages["page-dark"])
    draw(pages["page-phone"], placed(by_hand["continental finger", 7], (105, 55), 170), "touch")
    for name, page in pages.items():
        page.wait_for_timeout(300)  # the bars are animated
        page.screenshot(path=SCREENSHOTS / f"{name}.png")


def placed(strokes: list[Stroke], corner: tuple[float, float], height: float) -> list[Stroke]:
    """Scale strokes to a height and move their upper left corner."""
    points = [point for stroke in strokes for point in stroke]
    (left, top), bottom = (min(axis) for axis in zip(*points, strict=True)), max(y for _, y in points)
    scale = height / (bottom - top)
    return [[[corner[0] + scale * (x - left), corner[1] + scale * (y - top)] for x, y in s] for s in strokes]


def photograph() -> bytes:
    """Return four digits on paper under uneven light, as a PNG file."""
    options = Options(
        height=150, pen=0.09, slant=6, unevenness=0.06, gradient=0.35, vignette=0.2, blur=1.2, noise=0.5
    )
    options = replace(
        options, paper=(238, 234, 222), ink=(35, 50, 120), rulings="squared", pitch=0.45, tilt=2
    )
    file = io.BytesIO()
    render(stroke_digits()[[3, 0, 8, 2]], options, 1).picture.save(file, "PNG")
    return file.getvalue()


if __name__ == "__main__":
    main()

"""Other recognizers that read the same pictures: RapidOCR, ddddocr, Tesseract, HOG + SVM.

Runs in an environment of its own, without torch and digitrec: ``python peers.py JOB.json``. The job names the
pictures and MNIST's training images; the answer goes to standard output as JSON. ``scripts.benchmarks.peers``
starts it.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

PEERS = {"rapidocr": "RapidOCR", "ddddocr": "ddddocr", "tesseract": "Tesseract", "hog": "HOG + SVM"}
"""Peers by name, each with its heading in the table."""

PACKAGES = ("rapidocr", "onnxruntime", "ddddocr", "pytesseract", "scikit-image", "scikit-learn")
SIDE, BOX = 28, 20  # pixels: MNIST's image, and the longest side of its digit
WORD_HEIGHT, BORDER = 48, 10  # pixels: of a digit for Tesseract, and of the white border around a picture
SPECK = 0.3  # a component lower than this share of the 90th percentile of heights is no digit
DDDDOCR_SIDE = 4096  # pixels: ddddocr refuses longer sides; it shrinks to a height of 64
DIGITS = "0123456789"
Read = Callable[[Image.Image, bool], list[str]]
"""Takes a picture and whether it is a single digit; returns the text of each line."""


def upright(path: str) -> Image.Image:
    """Return a picture upright by its EXIF orientation, in color, transparent parts on white."""
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def dark_on_light(image: Image.Image) -> np.ndarray:
    """Return a picture in gray, inverted if it is dark."""
    gray = np.array(image.convert("L"))
    return 255 - gray if gray.mean() < 127 else gray


def foreground(gray: np.ndarray) -> np.ndarray:
    """Return the mask of the dark pixels by Otsu's threshold."""
    import cv2

    return cv2.threshold(gray, 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)[1] > 0


def group_lines(boxes: np.ndarray) -> list[list[int]]:
    """Group boxes into lines, top to bottom, each from left to right.

    Args:
        boxes: (n, 4): left, top, right, bottom. A box belongs to a line if their middles differ by less than
            half of the median height.

    Returns:
        the indices of the boxes of each line.
    """
    if not len(boxes):
        return []
    middles = (boxes[:, 1] + boxes[:, 3]) / 2
    reach = np.median(boxes[:, 3] - boxes[:, 1]) / 2
    lines: list[list[int]] = []
    for index in map(int, np.argsort(middles, kind="stable")):
        if lines and middles[index] - middles[lines[-1]].mean() < reach:
            lines[-1].append(index)
        else:
            lines.append([index])
    return [sorted(line, key=lambda index: boxes[index, 0]) for line in lines]


def digit_boxes(mask: np.ndarray, single: bool) -> np.ndarray:
    """Return the boxes of the digits, (n, 4): of a single digit, that of all its pixels."""
    import cv2

    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.zeros((0, 4), int)
    if single:
        return np.array([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]])
    left, top, width, height, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))[2][1:].T
    boxes = np.stack([left, top, left + width, top + height], axis=1)
    return boxes[height >= SPECK * np.quantile(height, 0.9)]


def mnist_crop(ink: np.ndarray) -> np.ndarray:
    """Fit ink, bright on black, into a box of 20x20 and center it by its mass in 28x28."""
    import cv2

    scale = BOX / max(ink.shape)
    width, height = (max(1, round(side * scale)) for side in reversed(ink.shape))
    small = cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    moments = cv2.moments(small)
    mass = max(1.0, moments["m00"])
    left, top = (
        int(np.clip(round((SIDE - 1) / 2 - moment / mass), 0, SIDE - side))
        for moment, side in ((moments["m10"], width), (moments["m01"], height))
    )
    digit = np.zeros((SIDE, SIDE), np.uint8)
    digit[top : top + height, left : left + width] = small
    return digit


def rapidocr() -> Read:
    """Build RapidOCR with its default models; a single digit is recognized without detection."""
    from rapidocr import RapidOCR

    threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
    engine = RapidOCR(params={"Global.log_level": "critical", **threads})

    def read(image: Image.Image, single: bool) -> list[str]:
        whole, pixels = not single, np.array(image)[:, :, ::-1].copy()
        result = engine(pixels, use_det=whole, use_cls=whole, use_rec=True)
        texts = getattr(result, "txts", None) or []
        if single or not texts:
            return ["".join(texts)]
        corners = np.asarray(result.boxes)
        lines = group_lines(np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1))
        return ["".join(texts[index] for index in line) for line in lines]

    return read


def ddddocr() -> Read:
    """Build ddddocr, its probabilities restricted to digits; it takes each picture for one line."""
    from ddddocr import DdddOcr

    engine = DdddOcr(show_ad=False)
    columns = [0, *(engine.get_charset().index(digit) for digit in DIGITS)]  # 0: blank

    def read(image: Image.Image, single: bool) -> list[str]:
        image.thumbnail((DDDDOCR_SIDE, DDDDOCR_SIDE))
        result = engine.classification(image, probability=True)
        probabilities = np.array(result["probabilities"])[:, 0, columns]
        best = probabilities.argmax(axis=1)
        changed = np.concatenate([[True], best[1:] != best[:-1]])
        return ["".join(DIGITS[column - 1] for column in best[changed] if column)]

    return read


def tesseract() -> Read:
    """Build Tesseract with a whitelist of digits; it reads a single digit as a word, a page as a block."""
    import cv2
    import pytesseract

    def read(image: Image.Image, single: bool) -> list[str]:
        gray = dark_on_light(image)
        if single and len(boxes := digit_boxes(foreground(gray), single)):
            left, top, right, bottom = boxes[0]
            scale = WORD_HEIGHT / max(bottom - top, right - left)
            way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
            size = (max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale)))
            gray = cv2.resize(gray[top:bottom, left:right], size, interpolation=way)
        gray = np.pad(gray, BORDER, constant_values=255)
        config = f"--psm {8 if single else 6} -c tessedit_char_whitelist={DIGITS}"
        return list(pytesseract.image_to_string(Image.fromarray(gray), config=config).splitlines())

    return read


def hog(images: np.ndarray, labels: np.ndarray) -> Read:
    """Train an SVM on HOG features of MNIST; digits are the connected components by Otsu's threshold."""
    from skimage.feature import hog as features
    from sklearn.svm import SVC

    def describe(digits: Sequence[np.ndarray]) -> np.ndarray:
        cells = {"pixels_per_cell": (7, 7), "cells_per_block": (2, 2)}
        return np.array([features(digit, orientations=9, **cells) for digit in digits])

    machine = SVC(C=10, cache_size=1000).fit(describe(images), labels)

    def read(image: Image.Image, single: bool) -> list[str]:
        gray = dark_on_light(image)
        mask = foreground(gray)
        boxes = digit_boxes(mask, single)
        if not len(boxes):
            return []
        ink = np.where(mask, 255 - gray, 0).astype(np.uint8)
        crops = [mnist_crop(ink[top:bottom, left:right]) for left, top, right, bottom in boxes]
        digits = machine.predict(describe(crops))
        return ["".join(str(digits[index]) for index in line) for line in group_lines(boxes)]

    return read


def build(name: str, mnist: str) -> Read:
    """Build a peer by its name in PEERS; ``mnist`` is a file of training images and labels for the SVM."""
    if name == "hog":
        with np.load(mnist) as train:
            return hog(train["images"], train["labels"])
    return {"rapidocr": rapidocr, "ddddocr": ddddocr, "tesseract": tesseract}[name]()


def text(lines: list[str]) -> str:
    """Return the digits of each line, lines separated by a space; other characters are dropped."""
    return " ".join(filter(None, ("".join(filter(DIGITS.__contains__, line)) for line in lines)))


def versions() -> list[str]:
    """Return the packages of the peers and Tesseract, each with its version."""
    import pytesseract

    packages = (f"{name} {version(name)}" for name in PACKAGES)
    return [*packages, f"Tesseract {pytesseract.get_tesseract_version()}"]


def main(job: str) -> None:
    """Read the pictures of a job by each peer and print the texts as JSON."""
    os.environ["OMP_THREAD_LIMIT"] = "1"  # Tesseract's
    task = json.loads(Path(job).read_text())
    answer: dict[str, list[str]] = {}
    try:
        with redirect_stdout(sys.stderr):  # some packages greet on standard output
            answer["versions"] = versions()
            for name in PEERS:
                read = build(name, task["mnist"])
                answer[name] = [text(read(upright(path), single)) for path, single in task["pictures"]]
                print(f"{name}: {len(answer[name])}", file=sys.stderr)
    except ImportError as error:  # metadata's PackageNotFoundError is one
        sys.exit(f"The peers' environment lacks the package {error.name}.")
    except Exception as error:
        if type(error).__name__ != "TesseractNotFoundError":
            raise
        sys.exit("The command tesseract is missing: install the system's package tesseract-ocr.")
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1])

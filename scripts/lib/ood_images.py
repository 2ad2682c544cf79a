"""Out-of-distribution images that should be refused: letters of handwriting fonts, blots and scribbles.

The fonts are packages of Debian and are not used in training. Settings are chosen with half of the packages;
the other half is only reported.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

FOLDER = Path("/usr/share/fonts")
FONTS = {
    "fonts-breip": ["truetype/breip/Breip.ttf"],
    "fonts-bwht": [f"opentype/bwht/BecauseWe{name}-Regular.otf" for name in ("Learn", "Organize")],
    "fonts-dancingscript": ["opentype/dancingscript/DancingScript-Regular.otf"],
    "fonts-dkg-handwriting": ["truetype/fifthhorseman/dkg.ttf"],
    "fonts-havana": ["opentype/havana/Havana-Regular.otf"],
    "fonts-humor-sans": ["truetype/humor-sans/Humor-Sans.ttf"],
    "fonts-kaushanscript": ["opentype/kaushanscript/KaushanScript-Regular.otf"],
    "fonts-kiloji": ["truetype/kiloji/kiloji.ttf"],
    "fonts-klee": ["truetype/klee/KleeOne-Regular.ttf"],
    "fonts-kristi": ["truetype/kristi/Kristi.ttf"],
    "fonts-rufscript": ["truetype/rufscript/Rufscript010.ttf"],
    "fonts-seto": ["truetype/seto/setofont.ttf"],
    "fonts-sjfonts": ["truetype/sjfonts/Delphine.ttf", "truetype/sjfonts/SteveHand.ttf"],
    "fonts-tomsontalks": ["truetype/tomsontalks/TomsonTalks.ttf"],
}
"""Packages of handwriting fonts and their files, without blackletter, outlines and hairlines."""

CHOOSING = ["fonts-breip", "fonts-dancingscript", "fonts-humor-sans", "fonts-kiloji", "fonts-kristi"]
CHOOSING += ["fonts-seto", "fonts-tomsontalks"]
REPORTING = [package for package in FONTS if package not in CHOOSING]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
DIGIT_LIKE = "OoIlSsZzbgqB"
"""Letters that many people write like 0, 1, 5, 2, 6, 9 and 8; reported separately, too."""

PAGE = 224
"""Side of a page with a blot or scribble, in pixels."""


def letters(packages: list[str]) -> dict[str, list[np.ndarray]]:
    """Draw every letter in every font of some packages.

    Returns:
        For each letter a page of each font, uint8 (height, width), dark on light.

    Raises:
        SystemExit: a font is not installed.
    """
    paths = [FOLDER / name for package in packages for name in FONTS[package]]
    for package in packages:
        if not all((FOLDER / name).exists() for name in FONTS[package]):
            raise SystemExit(f"{package} is missing: apt-get install {' '.join(FONTS)}")
    fonts = [ImageFont.truetype(path, 120) for path in paths]
    return {letter: [_written(letter, font) for font in fonts] for letter in LETTERS}


def blots(count: int, seed: int) -> list[np.ndarray]:
    """Draw blots of ink: overlapping ellipses, blurred and binarized."""
    random = np.random.default_rng(seed)
    return [_blot(random) for _ in range(count)]


def scribbles(count: int, seed: int) -> list[np.ndarray]:
    """Draw scribbles: one random line each, with 8 to 25 bends."""
    random = np.random.default_rng(seed)
    return [_scribble(random) for _ in range(count)]


def _written(letter: str, font: ImageFont.FreeTypeFont) -> np.ndarray:
    left, top, right, bottom = font.getbbox(letter)
    page = Image.new("L", (int(right - left) + 80, int(bottom - top) + 80), 255)
    ImageDraw.Draw(page).text((40 - left, 40 - top), letter, fill=0, font=font)
    return np.asarray(page)


def _blot(random: np.random.Generator) -> np.ndarray:
    page = Image.new("L", (PAGE, PAGE), 255)
    draw = ImageDraw.Draw(page)
    place = random.uniform(80, 144, 2)
    for _ in range(random.integers(2, 9)):
        place = np.clip(place + random.normal(0, 18, 2), 40, 184)
        reach = random.uniform(6, 34, 2)
        draw.ellipse([*(place - reach), *(place + reach)], fill=0)
    soft = page.filter(ImageFilter.GaussianBlur(float(random.uniform(2, 6))))
    return np.where(np.asarray(soft) < 128, 0, 255).astype(np.uint8)


def _scribble(random: np.random.Generator) -> np.ndarray:
    bends = random.integers(8, 26)
    corners = np.clip(np.cumsum(random.normal(0, 60, (bends, 2)), axis=0) + PAGE / 2, 30, PAGE - 30)
    along = np.linspace(0, bends - 1, 12 * bends)
    steps = np.arange(bends)
    line = np.stack([np.interp(along, steps, corners[:, axis]) for axis in (0, 1)], axis=1)
    smooth = np.stack([np.convolve(line[:, axis], np.ones(9) / 9, "valid") for axis in (0, 1)], axis=1)
    page = Image.new("L", (PAGE, PAGE), 255)
    ImageDraw.Draw(page).line(
        [tuple(p) for p in smooth], fill=0, width=int(random.integers(6, 16)), joint="curve"
    )
    return np.asarray(page)

"""Strips of printed text, made once, that scenes are printed with."""

from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from digitrec.data.pages.dice import Dice
from digitrec.data.raster import Ink

SIZE = 24
"""Height of the strips' type, in pixels."""

_FILES = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "DejaVuSansMono",
    "STIXGeneral",
    "cmr10",
    "cmss10",
    "cmtt10",
)
_WORDS = [
    "Name",
    "Datum",
    "Nr.",
    "Summe",
    "Total",
    "Date",
    "Amount",
    "Menge",
    "Preis",
    "Stück",
    "page",
    "Seite",
    "No.",
    "Kunde",
    "Konto",
    "Betrag",
    "EUR",
    "m²",
    "kWh",
    "Zähler",
    "Sum",
    "Week",
    "Mon",
    "Tue",
    "Wed",
    "January",
    "Form",
    "Unterschrift",
    "Signature",
    "and",
    "the",
    "of",
    "with",
    "Answer",
    "Question",
    "Class",
    "Math",
    "Test",
    "Score",
    "Code",
    "Postal",
    "ZIP",
    "Phone",
    "Tel.",
    "Ort",
    "Invoice",
    "Rechnung",
    "Tax",
    "Quantity",
    "Unit",
    "per",
    "cent",
    "Yes",
    "No",
]


def strips(count: int, seed: int) -> list[Ink]:
    """Print so many short texts, uint8 coverage (height, width): words, numbers, dates, prices, sums."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    fonts = [ImageFont.truetype(folder / f"{name}.ttf", SIZE) for name in _FILES]
    dice = Dice(seed, 77)
    return [_strip(_text(dice), dice.pick(fonts)) for _ in range(count)]


def _text(dice: Dice) -> str:
    kind = dice.below(5)
    if kind < 2:
        return " ".join(dice.pick(_WORDS) for _ in range(1 + dice.below(4))) + dice.pick(("", ":", ".", " *"))
    number = str(dice.below(10 ** (1 + dice.below(6))))
    if kind == 2:
        return f"{dice.pick(_WORDS)} {number}"
    if kind == 3:
        return f"{1 + dice.below(28)}.{1 + dice.below(12)}.20{10 + dice.below(20)}"
    return dice.pick(
        (
            f"{number})",
            f"{number}.",
            f"({number})",
            f"{number} + {dice.below(100)} =",
            number,
            f"{number},50 €",
        )
    )


def _strip(text: str, font: ImageFont.FreeTypeFont) -> Ink:
    left, top, right, bottom = font.getbbox(text)
    image = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4))
    ImageDraw.Draw(image).text((2 - left, 2 - top), text, fill=255, font=font)
    return np.asarray(image).copy()

"""What lies or falls on a page, such as a hand or a shadow, and what a scanner or a cut leaves of it."""

import math
from dataclasses import replace

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter
from scipy import ndimage

from scripts.lib.rendering.page import Drawing, Rendering
from scripts.lib.strokes import Box

Point = tuple[float, float] | np.ndarray

SKINS = ((224, 172, 140), (198, 134, 100), (141, 85, 60), (90, 56, 40))
THINGS = ((30, 30, 35), (180, 40, 40), (40, 70, 150), (230, 230, 225), (60, 110, 70), (150, 150, 155))
FRAMES = ((25, 25, 28), (95, 60, 35), (60, 62, 68), (235, 235, 235))


def desk(drawing: Drawing) -> None:
    """Put pens, cups and slips around the page, and fingers at its edge; none of them covers a digit."""
    random, picture = drawing.random, drawing.picture
    side = min(picture.size)
    for _ in range(random.integers(2, 6)):
        color = THINGS[random.integers(len(THINGS))]
        center, angle = _edge_point(picture, random), random.uniform(0, 2 * math.pi)
        long = side * random.uniform(0.2, 0.5)
        wide = long * (random.uniform(0.06, 0.12) if random.random() < 0.5 else random.uniform(0.4, 1))
        if random.random() < 0.3:
            _lay(drawing, _disc(center, wide / 2 + 0.1 * side), color)
        else:
            _lay(drawing, _slab(center, angle, long, wide), color)
    if random.random() < 0.6:
        skin, thick = SKINS[random.integers(len(SKINS))], side * random.uniform(0.08, 0.14)
        start = np.array(_edge_point(picture, random))
        inward = math.atan2(*(np.array(picture.size) / 2 - start)[::-1]) + random.normal(0, 0.2)
        for finger in range(random.integers(1, 4)):
            step = thick * 1.1 * finger * np.array([-math.sin(inward), math.cos(inward)])
            tip = (
                start
                + step
                + thick * random.uniform(0.8, 1.6) * np.array([math.cos(inward), math.sin(inward)])
            )
            _lay(
                drawing,
                _slab((start + step + tip) / 2, inward, 2 * math.dist(start + step, tip), thick),
                skin,
            )
            _lay(drawing, _disc(tip, thick / 2), skin)


def _edge_point(picture: Image.Image, random: np.random.Generator) -> tuple[float, float]:
    """Return a random point of the picture's edge."""
    along, width, height = random.random(), picture.width, picture.height
    points = ((along * width, 0), (along * width, height), (0, along * height), (width, along * height))
    return points[random.integers(4)]


def _slab(center: Point, angle: float, long: float, wide: float) -> np.ndarray:
    cos, sin = math.cos(angle), math.sin(angle)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (long / 2, wide / 2)
    return np.asarray(corners @ np.array([[cos, sin], [-sin, cos]]) + np.asarray(center))


def _disc(center: Point, radius: float) -> np.ndarray:
    angles = np.linspace(0, 2 * math.pi, 40)
    return np.asarray(center) + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _lay(drawing: Drawing, outline: np.ndarray, color: tuple[int, int, int]) -> None:
    """Draw a thing with its shadow, unless it would come near a digit."""
    near = 0.25 * drawing.options.height
    mask = Image.new("L", drawing.picture.size)
    ImageDraw.Draw(mask).polygon([tuple(point) for point in outline], fill=255)
    for x, y, width, height in drawing.boxes:
        if mask.crop((int(x - near), int(y - near), int(x + width + near), int(y + height + near))).getbbox():
            return
    shade = ImageChops.offset(mask, 3, 4).filter(ImageFilter.GaussianBlur(4)).point(lambda level: level * 0.4)
    for x, y, width, height in drawing.boxes:
        shade.paste(0, (x, y, x + width, y + height))
    drawing.picture.paste((0, 0, 0), mask=shade)
    drawing.picture.paste(color, mask=mask)


def shadow_edge(drawing: Drawing) -> None:
    """Put a part of the page into a shadow whose edge runs through a digit."""
    random = drawing.random
    x, y, width, height = drawing.boxes[random.integers(len(drawing.boxes))]
    angle = random.uniform(0, 2 * math.pi)
    down, across = np.indices(drawing.picture.size[::-1], np.float32)
    away = math.cos(angle) * (across - x - width / 2) + math.sin(angle) * (down - y - height / 2)
    dark = (away / random.uniform(1, 8) + 0.5).clip(0, 1)
    _multiply(drawing, 1 - random.uniform(0.3, 0.6) * dark)


def frame(drawing: Drawing) -> None:
    """Put a frame around the page that throws a shadow on it, outside of the digits."""
    random, picture = drawing.random, drawing.picture
    left, top = (min(box[axis] for box in drawing.boxes) for axis in (0, 1))
    right, bottom = (max(box[axis] + box[axis + 2] for box in drawing.boxes) for axis in (0, 1))
    free = min(left, top, picture.width - right, picture.height - bottom)
    wide = max(2, round(free * random.uniform(0.2, 0.5)))
    inner = (wide, wide, picture.width - wide, picture.height - wide)
    mask = Image.new("L", picture.size, 255)
    mask.paste(0, inner)
    offset = [round(0.3 * free * random.uniform(-1, 1)) for _ in "xy"]
    shade = Image.new("L", picture.size, 255)
    shade.paste(0, (inner[0] + offset[0], inner[1] + offset[1], inner[2] + offset[0], inner[3] + offset[1]))
    soft = shade.filter(ImageFilter.GaussianBlur(random.uniform(0.5, 0.06 * free + 1)))
    _multiply(drawing, 1 - random.uniform(0.3, 0.6) * np.asarray(soft, np.float32) / 255)
    picture.paste(FRAMES[random.integers(len(FRAMES))], mask=mask)


def _multiply(drawing: Drawing, light: np.ndarray) -> None:
    gray = Image.fromarray((255 * light).astype(np.uint8))
    drawing.picture.paste(ImageChops.multiply(drawing.picture, Image.merge("RGB", [gray] * 3)))


def thresholded(page: Rendering, random: np.random.Generator) -> Rendering:
    """Return a page as a scanner's threshold leaves it: black and white, its strokes dotted and broken."""
    gray = np.asarray(page.picture.convert("L"), np.float32)
    height = float(np.median([max(box[2:]) for box in page.boxes]))
    local = ndimage.uniform_filter(gray, max(9, int(height)))
    rough = ndimage.gaussian_filter(random.standard_normal(gray.shape, np.float32), random.uniform(0.6, 1.1))
    contrast = np.percentile(local - gray, 99.5)
    black = local - gray + 0.16 * contrast * rough / rough.std() > contrast * random.uniform(0.42, 0.58)
    return replace(page, picture=Image.fromarray(np.where(black, 0, 255).astype(np.uint8)).convert("RGB"))


def cut(page: Rendering, random: np.random.Generator) -> Rendering:
    """Return a page without a margin; in half of them an edge cuts up to a tenth of a digit's height off."""
    boxes = np.array([*page.boxes, *page.marks])
    left, top = boxes[:, :2].min(axis=0)
    right, bottom = (boxes[:, :2] + boxes[:, 2:]).max(axis=0)
    lost = int(random.uniform(0, 0.1) * np.median(boxes[:, 2:].max(axis=1))) if random.random() < 0.5 else 0
    edges = np.array([left, top, right, bottom])
    side = random.choice([1, 3])
    edges[side] += lost if side == 1 else -lost
    left, top, right, bottom = (int(edge) for edge in edges)
    cropped = page.picture.crop((left, top, right, bottom))

    def moved(box: Box) -> Box:
        x, y = max(box[0] - left, 0), max(box[1] - top, 0)
        return x, y, min(box[0] + box[2], right) - left - x, min(box[1] + box[3], bottom) - top - y

    return replace(
        page, picture=cropped, boxes=[moved(box) for box in page.boxes], marks=[moved(b) for b in page.marks]
    )


def turned(page: Rendering, random: np.random.Generator) -> Rendering:
    """Return a page turned by 90 degrees to the left or right."""
    width, height = page.picture.size
    if random.random() < 0.5:
        picture = page.picture.transpose(Image.Transpose.ROTATE_90)
        boxes = [(y, width - x - w, h, w) for x, y, w, h in page.boxes]
    else:
        picture = page.picture.transpose(Image.Transpose.ROTATE_270)
        boxes = [(height - y - h, x, h, w) for x, y, w, h in page.boxes]
    return replace(page, picture=picture, boxes=boxes)

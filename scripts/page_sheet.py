"""Draw a sheet of training pages with what the detector has to say of them: python -m scripts.page_sheet."""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from digitrec.data.pages.datamodule import PageDataModule
from digitrec.data.pages.scene import Scene

LAYOUT = (
    ("single", 96, 96),
    ("rows", 96, 192),
    ("table", 128, 192),
    ("scattered", 96, 96),
    ("empty", 96, 96),
)
"""Kind, height and width of the scenes of a row of the sheet."""


def sheet(data: PageDataModule, width: int, rows: int, seed: int) -> Image.Image:
    """Draw rows of scenes, each with its targets below: every instance in a color, marks with a red dot."""
    strips = []
    for row in range(rows):
        kind, height, side = LAYOUT[row % len(LAYOUT)]
        scenes = [
            data.train_set.renderer.scene(height, side, seed, row, number, kind=kind)
            for number in range(width // (side + 2))
        ]
        strip = np.hstack([_tile(scene) for scene in scenes])
        strips.append(np.pad(strip, ((0, 0), (0, width - strip.shape[1]), (0, 0)), constant_values=128))
    return Image.fromarray(np.vstack(strips))


def _tile(scene: Scene) -> np.ndarray:
    colors = np.random.default_rng(3).integers(80, 255, (256, 3))
    targets = (colors[scene.instances] * scene.foreground[..., None]).astype(np.uint8)
    targets[scene.ignored & (scene.foreground < 0.05)] = 70
    height, width = scene.picture.shape
    for item in scene.items:
        y, x = min(max(int(item.y), 1), height - 2), min(max(int(item.x), 1), width - 2)
        targets[y - 1 : y + 2, x - 1 : x + 2] = (255, 255, 255) if item.is_digit else (255, 0, 0)
    both = np.vstack([np.repeat(scene.picture[..., None], 3, axis=2), targets])
    return np.pad(both, ((1, 1), (1, 1), (0, 0)), constant_values=128)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", default="data")
    parser.add_argument("--width", type=int, default=980)
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    data = PageDataModule(options.data)
    data.prepare_data()
    data.setup("fit")
    picture = sheet(data, options.width, options.rows, options.seed)
    picture.quantize(64, dither=Image.Dither.NONE).save(options.out, optimize=True)


if __name__ == "__main__":
    main()

"""Write the pretrained detector from a checkpoint of its training: python -m scripts.ship_detector CKPT."""

import argparse
from pathlib import Path

from digitrec.models.detector_weights import network_weights, save_detector
from digitrec.models.pretrained import PRETRAINED_DETECTOR


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, default=PRETRAINED_DETECTOR)
    options = parser.parse_args()
    save_detector(network_weights(options.checkpoint), options.out)
    print(f"{options.out}: {options.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()

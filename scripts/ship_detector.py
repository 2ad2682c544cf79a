"""Write the pretrained detector and its ONNX file: python -m scripts.ship_detector CKPT.

CKPT is a checkpoint of the detector's training, or digitrec/weights/detector.ckpt itself.
"""

import argparse
from pathlib import Path

from digitrec.export.detector import export_detector
from digitrec.models.detector_weights import network_weights, save_detector
from digitrec.models.pretrained import PRETRAINED_DETECTOR


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, default=PRETRAINED_DETECTOR)
    options = parser.parse_args()
    save_detector(network_weights(options.checkpoint), options.out)
    export_detector(options.out, options.out.with_suffix(".onnx"))
    for path in (options.out, options.out.with_suffix(".onnx")):
        print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()

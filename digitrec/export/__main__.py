"""Export a checkpoint as an ONNX file: the command ``digitrec export``."""

from collections.abc import Sequence
from pathlib import Path

from digitrec.arguments import Parser
from digitrec.exit_status import reporting
from digitrec.export.classifier import GENERATED, export_classifier
from digitrec.export.detector import SIZES, export_detector
from digitrec.runs import named_checkpoint

OUTPUTS = {"classifier": "digits.onnx", "detector": "detector.onnx"}
"""What can be exported, and the default names of the files."""


@reporting
def main(args: Sequence[str] | None = None) -> int:
    """Run ``digitrec export``.

    Raises:
        CheckpointError, ExportError: see ``export_classifier`` and ``export_detector``.
    """
    parser = Parser(prog="digitrec export", description="Write a network as an ONNX file.")
    parser.add_argument("--what", choices=OUTPUTS, default="classifier", help="default: classifier")
    parser.add_argument("--ckpt_path", default="pretrained", help="pretrained, best, last or a file")
    parser.add_argument("--output", type=Path, help=f"default: {' or '.join(OUTPUTS.values())}")
    parser.add_argument("--data_dir", default="data", help="folder of MNIST, if available; default: data")
    options = parser.parse_args(args)
    output = options.output or Path(OUTPUTS[options.what])
    detector = options.what == "detector"
    checkpoint = named_checkpoint(options.ckpt_path, detector=detector)
    if detector:
        export_detector(checkpoint, output)
    else:
        accuracy = export_classifier(checkpoint, output, options.data_dir)
    compared = f"pages of {len(SIZES)} sizes" if detector else f"{GENERATED:,} images"
    print(f"Wrote {output}, {output.stat().st_size / 1000:.0f} kB: same results as PyTorch on {compared}.")
    if detector:
        return 0
    if accuracy is None:
        print(f"MNIST is not in {options.data_dir}, so its test images were not compared.")
    else:
        print(f"Accuracy on MNIST's test images: {accuracy:.2%}.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

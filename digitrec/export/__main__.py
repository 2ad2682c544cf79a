"""Export a checkpoint as an ONNX file.

python -m digitrec.export [--what classifier|detector] [--ckpt_path pretrained|best|last|FILE] [--output FILE]
                          [--data_dir data]
"""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from digitrec.arguments import Parser
from digitrec.errors import CheckpointError, ExportError, sentence
from digitrec.export.classifier import GENERATED, export_classifier
from digitrec.export.detector import SIZES, export_detector
from digitrec.runs import named_checkpoint

OUTPUTS = {"classifier": "digits.onnx", "detector": "detector.onnx"}
"""What can be exported, and the default names of the files."""


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit status: 0, or 1 after a mistake, with one sentence on standard error.
    """
    parser = Parser(prog="digitrec export", description=__doc__.splitlines()[0])
    parser.add_argument("--what", choices=OUTPUTS, default="classifier", help="default: classifier")
    parser.add_argument("--ckpt_path", default="pretrained", help="pretrained, best, last or a file")
    parser.add_argument("--output", type=Path, help=f"default: {' or '.join(OUTPUTS.values())}")
    parser.add_argument("--data_dir", default="data", help="folder of MNIST, if available; default: data")
    options = parser.parse_args(args)
    output = options.output or Path(OUTPUTS[options.what])
    detector = options.what == "detector"
    try:
        checkpoint = named_checkpoint(options.ckpt_path, detector=detector)
        if detector:
            export_detector(checkpoint, output)
        else:
            accuracy = export_classifier(checkpoint, output, options.data_dir)
    except (CheckpointError, ExportError, OSError) as error:
        print(f"digitrec.export: {sentence(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("digitrec.export: stopped; no file is written.", file=sys.stderr)
        return 128 + signal.SIGINT
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

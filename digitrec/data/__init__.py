"""MNIST and what is made from it: data sets, distortion, synthetic digits, out-of-distribution images."""

from typing import TYPE_CHECKING

from digitrec._lazy import lazy_names

if TYPE_CHECKING:
    from digitrec.data.datamodule import MNISTDataModule
    from digitrec.data.distortion import RandomDistortion
    from digitrec.data.synthetic.detected import DetectedDigits
    from digitrec.data.synthetic.digits import SyntheticDigits
    from digitrec.data.synthetic.outliers import OutlierImages

__all__ = ["DetectedDigits", "MNISTDataModule", "OutlierImages", "RandomDistortion", "SyntheticDigits"]

# MNISTDataModule needs Lightning, the others don't.
__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "DetectedDigits": "synthetic.detected",
        "MNISTDataModule": "datamodule",
        "OutlierImages": "synthetic.outliers",
        "RandomDistortion": "distortion",
        "SyntheticDigits": "synthetic.digits",
    },
)

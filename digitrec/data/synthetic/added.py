"""AddedDigits: what all sources of further training digits have in common."""

from torch import Tensor


class AddedDigits:
    """Adds digits to the training digits; the same ones in every run."""

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the digits followed by the added ones.

        Args:
            images: uint8 (N, 28, 28), digits.
            labels: int64 (N,).
        """
        raise NotImplementedError

"""How the seed of a run becomes the seeds of its random generators."""

import hashlib

import numpy as np


def mix_seed(*key: int) -> int:
    """Hash any integers, such as (seed, step, rank), to a 32-bit seed.

    torch's CPU generator uses only the low 32 bits of a seed. Integers that are packed into one number would
    be lost, and sums of them would coincide.
    """
    return int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=4).digest(), "big")


def shuffle_seed(seed: int, epoch: int) -> int:
    """Return the seed of the order of the training images in an epoch.

    It differs from ``mix_seed`` so that runs of earlier releases can still be resumed and repeated exactly.
    """
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])

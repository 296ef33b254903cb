"""Loss curves as training leaves them, made of a seed.

Row i is of kind i % 5.  The first rows are the same however many are made.
Curves are float32, a row each; a missing epoch is NaN.
"""

import numpy as np

KINDS = ["typical", "atypical", "random_outputs", "corrupted", "random_inputs"]

ROWS, PROBES = 0, 1  # streams of random numbers
CHUNK = 16000  # rows from one generator; a multiple of the kinds


def losses_of_kind(kind, x, a, b, c):
    """Losses at x, from 0 to 1, of the training; a, b, c tell examples apart."""
    if kind == 0:  # fast decay: learnt in the first epochs
        return 2.3 * np.exp(-(8 + 30 * a) * x) + 0.02 + 0.1 * b * b
    if kind == 1:  # late decay: learnt, but slowly
        return 2.4 * np.exp(-(2 + 9 * a) * x) + 0.02 + 0.4 * b * b
    if kind == 2:  # memorised late: against the rest at first, then by heart
        learnt = 1 + np.exp((8 + 15 * b) * (x - 0.4 - 0.8 * c))
        return (2.8 + 1.5 * a) * (1 + x) / learnt
    if kind == 3:  # plateau: learnt in part
        return 0.15 + 1.6 * a + 1.6 * np.exp(-(3 + 12 * b) * x)
    return 2.2 + 1.2 * a - 1.2 * b * x  # flat: never learnt


def chunk_of_curves(random, n, epochs, noise):
    """n curves, with the noise of evaluation, larger for larger losses, and a
    spike now and then."""
    x = (np.arange(epochs, dtype=np.float32) / np.float32(epochs))[None, :]
    traits = random.random((3, n, 1), dtype=np.float32)
    curves = np.empty((n, epochs), np.float32)
    for kind in range(len(KINDS)):
        rows = slice(kind, n, len(KINDS))
        curves[rows] = losses_of_kind(kind, x, *traits[:, rows])
    shape = (n, epochs)
    curves *= 1 + noise * 0.3 * (random.random(shape, dtype=np.float32) - 0.5)
    curves += noise * 0.02 * random.random(shape, dtype=np.float32)
    spike = random.random(shape, dtype=np.float32)
    curves += np.where(spike < 0.01, noise * 100 * spike, 0)
    return curves


def make_curves(seed, stream, n, epochs, noise=1.0):
    curves = np.empty((n, epochs), np.float32)
    for start in range(0, n, CHUNK):
        random = np.random.default_rng([seed, stream, start])
        chunk = chunk_of_curves(random, CHUNK, epochs, np.float32(noise))
        curves[start : start + CHUNK] = chunk[: n - start]
    return curves


def kinds_of(n):
    """The number of each row's kind."""
    return np.arange(n) % len(KINDS)


def without_epochs(curves, share, seed):
    """A copy in which this share of the epochs is missing, never a whole curve."""
    random = np.random.default_rng([seed, len(curves)])
    missing = random.random(curves.shape, dtype=np.float32) < share
    missing[:, 0] &= ~missing.all(axis=1)
    return np.where(missing, np.float32(np.nan), curves)

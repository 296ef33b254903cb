"""plain.c, compiled for this machine and run in a thread for each CPU."""

import ctypes
import os
import subprocess

import numpy as np

import threads

BLOCK = 16  # as in plain.c
FLAGS = ["-O3", "-march=native", "-shared", "-fPIC"]

_library = None


def library():
    global _library
    if _library is None:
        source = os.path.join(os.path.dirname(__file__), "plain.c")
        target = os.path.join(os.environ["BENCH_WORK"], "plain.so")
        subprocess.run(["gcc", *FLAGS, source, "-o", target, "-lm"], check=True)
        _library = ctypes.CDLL(target)
    return _library


def pointer(array):
    return ctypes.c_void_p(array.ctypes.data)


def in_blocks(probes):
    """Blocks of probes, epoch by epoch."""
    n, epochs = probes.shape
    n_blocks = -(-n // BLOCK)
    padded = np.zeros((n_blocks * BLOCK, epochs), np.float32)
    padded[:n] = probes
    return np.ascontiguousarray(
        padded.reshape(n_blocks, BLOCK, epochs).transpose(0, 2, 1)
    )


def normalised(curves):
    return curves / np.sqrt((curves * curves).sum(axis=1, keepdims=True))


def centred(curves):
    return curves - curves.mean(axis=1, keepdims=True)


def as_they_are(curves):
    return curves


class Plain:
    """k nearest by one of the metrics; rows are prepared within the search."""

    METRICS = {
        "l2": ("nearest_by_squares", as_they_are, np.sqrt),
        "l1": ("nearest_by_differences", as_they_are, as_they_are),
        "cosine": ("nearest_by_products", normalised, lambda x: 1 + x),
        "correlation": (
            "nearest_by_products",
            lambda curves: normalised(centred(curves)),
            lambda x: 1 + x,
        ),
    }

    def __init__(self, probes, k, metric):
        name, self.prepare, self.finish = self.METRICS[metric]
        self.nearest = getattr(library(), name)
        self.blocks = in_blocks(self.prepare(probes))
        self.n_probes, self.epochs = probes.shape
        self.k = k

    def search(self, curves):
        neighbours = np.empty((len(curves), self.k), np.int32)
        values = np.empty((len(curves), self.k), np.float32)

        def search_part(part):
            rows = np.ascontiguousarray(self.prepare(curves[part]))
            self.nearest(
                pointer(rows),
                ctypes.c_int64(len(rows)),
                pointer(self.blocks),
                self.n_probes,
                self.epochs,
                self.k,
                pointer(neighbours[part]),
                pointer(values[part]),
            )

        threads.for_each_part(search_part, len(curves))
        return neighbours, self.finish(values)


class PlainDtw:
    """k nearest by dynamic time warping within a band."""

    def __init__(self, probes, k, band):
        self.probes = np.ascontiguousarray(probes)
        self.k = k
        self.band = band

    def search(self, curves):
        neighbours = np.empty((len(curves), self.k), np.int32)
        distances = np.empty((len(curves), self.k))

        def search_part(part):
            rows = np.ascontiguousarray(curves[part])
            library().nearest_by_dtw(
                pointer(rows),
                ctypes.c_int64(len(rows)),
                pointer(self.probes),
                *self.probes.shape,
                self.band,
                self.k,
                pointer(neighbours[part]),
                pointer(distances[part]),
            )

        threads.for_each_part(search_part, len(curves))
        return neighbours, distances

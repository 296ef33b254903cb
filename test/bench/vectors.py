"""The vector libraries: faiss and scikit-learn."""

import re

import numpy as np
import threadpoolctl

import threads

try:
    import faiss
except ImportError:
    faiss = None
try:
    import sklearn
    from sklearn.metrics.pairwise import nan_euclidean_distances
    from sklearn.neighbors import KNeighborsClassifier
except ImportError:
    sklearn = None


def blas_in_use():
    """Which library multiplies matrices for those that ask for libblas.so.3."""
    with open("/proc/self/maps") as maps:
        path = re.search(r"/\S*/(?:lib)?blas\S*\.so\S*", maps.read())[0]
    if "openblas" not in path:
        return f"the reference BLAS, which is slow ({path})"
    kernels = [
        f"{each['version']}, kernel {each.get('architecture', 'unknown')}"
        for each in threadpoolctl.threadpool_info()
        if each["internal_api"] == "openblas"
    ]
    return f"OpenBLAS {'; '.join(kernels)} ({path})"


def faiss_build():
    return f"{faiss.__version__}, compiled {faiss.get_compile_options().strip()}"


class Setting:
    """How faiss spreads a search over the CPUs."""

    def __init__(self, omp, blas, parts=False, rows_at_once=4096):
        self.omp, self.blas = omp, blas
        self.parts = parts
        self.rows_at_once = rows_at_once

    def __str__(self):
        if self.parts:
            how = f"{threads.CPUS} Python threads, each of one"
        else:
            how = f"OpenMP {self.omp}, BLAS {self.blas}"
        return f"{how}; {self.rows_at_once} rows at once"


def all_settings():
    counts = range(1, threads.CPUS + 1)
    return [Setting(omp, blas) for omp in counts for blas in counts] + [
        Setting(1, 1, True),
        Setting(1, 1, True, 1024),
    ]


class Faiss:
    """IndexFlatL2, whose answers go to arrays that are there already."""

    def __init__(self, probes, k):
        self.index = faiss.IndexFlatL2(probes.shape[1])
        self.index.add(np.ascontiguousarray(probes))
        self.k = k
        self.setting = Setting(1, 1, True)
        self.squares = np.empty((0, k), np.float32)
        self.neighbours = np.empty((0, k), np.int64)

    def allocate(self, n):
        """Makes room, and touches it, so that no search waits for memory."""
        if len(self.squares) < n:
            self.squares = np.full((n, self.k), 0, np.float32)
            self.neighbours = np.full((n, self.k), 0, np.int64)

    def search_part(self, curves, part, omp):
        faiss.omp_set_num_threads(omp)  # of this thread
        self.index.search(
            curves[part], self.k, D=self.squares[part], I=self.neighbours[part]
        )

    def search(self, curves):
        """Neighbours and squared distances."""
        self.allocate(len(curves))
        faiss.cvar.distance_compute_blas_query_bs = self.setting.rows_at_once
        with threadpoolctl.threadpool_limits(self.setting.blas, "blas"):
            if self.setting.parts:
                threads.for_each_part(
                    lambda part: self.search_part(curves, part, 1), len(curves)
                )
            else:
                self.search_part(curves, slice(0, len(curves)), self.setting.omp)
        return self.neighbours[: len(curves)], self.squares[: len(curves)]


class ScikitLearn:
    """KNeighborsClassifier, brute, with its vote."""

    def __init__(self, probes, kinds, k):
        self.classifier = KNeighborsClassifier(
            k, algorithm="brute", n_jobs=threads.CPUS
        ).fit(probes, kinds)

    def labels(self, curves):
        return self.classifier.predict(curves)


class NanEuclidean:
    """scikit-learn's distances with missing epochs, and the k smallest."""

    ROWS_AT_ONCE = 500

    def __init__(self, probes, k):
        self.probes = probes
        self.k = k

    def search_part(self, curves, part):
        for start in range(part.start, part.stop, self.ROWS_AT_ONCE):
            rows = curves[start : min(start + self.ROWS_AT_ONCE, part.stop)]
            distances = nan_euclidean_distances(rows, self.probes)
            distances.argpartition(self.k - 1, axis=1)

    def search(self, curves):
        threads.for_each_part(lambda part: self.search_part(curves, part), len(curves))

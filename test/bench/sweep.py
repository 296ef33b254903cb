"""One factor at a time from the base case: does the lead over the peer hold?"""

import numpy as np

import compare
import database
import generate
import plain
import reference
import report
import vectors

LEAST_WORK = 4e7  # losses of probes, in a run
CHECKED_WORK = 2e8
BAND_SHARE = 10  # a band is this part of the epochs


class Metaprobe:
    def __init__(self, base, curves, suite):
        self.session = base.session
        self.curves = curves
        self.suite = suite

    def prepare(self, n):
        """The table of the first n rows.  A table that is small since its rows
        are slow must not keep the planner from using workers."""
        self.n = n
        database.load_curves(self.session, "sweep", self.curves[:n])
        self.session.rows("ALTER TABLE sweep SET (parallel_workers = 2)")
        self.query = (
            f"SELECT classify_metadata(curve, {self.suite}), count(*)"
            " FROM sweep GROUP BY 1"
        )

    def seconds(self):
        return self.session.seconds(self.query)

    def labels(self, n):
        return [
            row[0]
            for row in self.session.rows(
                f"SELECT classify_metadata(curve, {self.suite})"
                f" FROM sweep WHERE id <= {n} ORDER BY id"
            )
        ]


class Peer:
    """Something with a search(curves)."""

    def __init__(self, name, searcher, curves):
        self.name = name
        self.searcher = searcher
        self.curves = curves

    def prepare(self, n):
        self.n = n

    def seconds(self):
        return report.timed(lambda: self.searcher.search(self.curves[: self.n]))


def prepare_within(contender, budget, least, most):
    """Prepares as many rows as take about so many seconds, and tells how many."""
    n = min(least, most)
    while True:
        contender.prepare(n)
        seconds = min(contender.seconds() for _ in range(2))
        if n == most or seconds > budget / 2:
            return n
        n = min(int(n * min(budget / seconds, 20)), most)


class Case:
    """A line of the sweep.  All but the name is the base case's unless given."""

    def __init__(
        self,
        name,
        epochs=None,
        probes=None,
        k=None,
        noise=1.0,
        metric="l2",
        stop=1,
        missing=0.0,
        probes_missing=0.0,
    ):
        self.name = name
        self.epochs, self.n_probes, self.k = epochs, probes, k
        self.noise, self.metric = noise, metric
        self.stop = stop  # rows have this part of the epochs
        self.missing, self.probes_missing = missing, probes_missing

    def make(self, base):
        options = base.options
        self.epochs = self.epochs or options.epochs
        self.n_probes = self.n_probes or options.probes
        self.k = self.k or options.k
        self.band = self.epochs // BAND_SHARE
        self.seen = self.epochs // self.stop
        curves = base.make_curves(options.sweep_rows, self.epochs, self.noise)
        probes = base.make_probes(self.n_probes, self.epochs, self.noise)
        if self.missing:
            curves = generate.without_epochs(curves, self.missing, options.seed)
        if self.probes_missing:
            probes = generate.without_epochs(
                probes, self.probes_missing, options.seed + 1
            )
        self.curves = np.ascontiguousarray(curves[:, : self.seen])
        self.raw_probes = probes
        kinds = generate.kinds_of(self.n_probes)
        self.probes = reference.Probes(probes, kinds, generate.KINDS)

    def rows_of(self, work):
        """How many rows make up so much work; dtw has more of it."""
        of_row = self.epochs * self.n_probes * (10 if self.metric == "dtw" else 1)
        return max(int(work / of_row), 1)

    def settings(self):
        settings = f"k => {self.k}, metric => '{self.metric}'"
        if self.metric == "dtw":
            settings += f", band => {self.band}"
        return settings

    def peer(self):
        probes = np.ascontiguousarray(self.probes.curves[:, : self.seen])
        if self.metric == "dtw":
            return "dynamic programme in C", plain.PlainDtw(probes, self.k, self.band)
        if self.metric != "l2":
            return "loop in C", plain.Plain(probes, self.k, self.metric)
        if self.missing:
            if not vectors.sklearn:
                return "scikit-learn, nan_euclidean", None
            return "scikit-learn, nan_euclidean", vectors.NanEuclidean(probes, self.k)
        if vectors.faiss:
            index = vectors.Faiss(probes, self.k)
            cost = 90 * 1250 / (self.epochs * self.n_probes)
            compare.tune(index, self.curves[: max(int(5000 * min(cost, 4)), 500)])
            return "faiss", index
        return "faiss", None

    def expected(self, n):
        if self.metric == "dtw":
            searcher = plain.PlainDtw(self.probes.curves, self.k, self.band)
            return reference.vote(*searcher.search(self.curves[:n]), self.probes)
        return reference.labels_of(self.curves[:n], self.probes, self.k, self.metric)

    def run(self, base):
        options = base.options
        self.make(base)
        suite = base.load_suite("sweep", self.raw_probes, self.settings())
        metaprobe = Metaprobe(base, self.curves, suite)
        n = prepare_within(
            metaprobe, options.budget, self.rows_of(LEAST_WORK), options.sweep_rows
        )
        jobs = [("metaprobe", n, metaprobe.seconds)]
        self.peer_name, searcher = self.peer()
        if searcher:
            peer = Peer(self.peer_name, searcher, self.curves)
            n = prepare_within(
                peer, options.budget, self.rows_of(LEAST_WORK), options.sweep_rows
            )
            jobs.append(("peer", n, peer.seconds))
        self.measured = report.interleave(jobs, options.repeats)
        self.workers = report.planned_workers(base.session.plan(metaprobe.query))
        self.check(metaprobe, options)

    def check(self, metaprobe, options):
        n = min(self.rows_of(CHECKED_WORK), metaprobe.n, options.checked)
        names = np.array(self.probes.names)[self.expected(n)]
        self.checked = n
        self.different = int((np.array(metaprobe.labels(n)) != names).sum())

    @property
    def per_row(self):
        return self.measured["metaprobe"].per_row

    @property
    def ratio(self):
        if "peer" not in self.measured:
            return None
        return self.measured["peer"].per_row / self.per_row


def all_cases(options):
    """The parts of the sweep that --only can name, and their lines."""
    return {
        "base": [Case("base case")],
        "epochs": [Case(f"E = {n}", epochs=n) for n in (20, 400)],
        "probes": [Case(f"P = {n:,}", probes=n) for n in (250, 20000, 25000)],
        "k": [Case(f"k = {n}", k=n) for n in (1, 100)],
        "noise": [Case("noise x 3", noise=3.0)],
        "prefix": [Case("rows stop half-way", stop=2)],
        "missing": [
            Case("10 % missing in rows", missing=0.1),
            Case("10 % missing in all", missing=0.1, probes_missing=0.1),
        ],
        "metric": [Case(name, metric=name) for name in ("l1", "cosine", "correlation")],
        "dtw": [Case("dtw, band of 10 %", metric="dtw")],
    }


PARTS = list(all_cases(None))


def line(case, first):
    measured = case.measured
    peer = measured.get("peer")
    return [
        case.name,
        f"{measured['metaprobe'].rows:,}",
        report.number(case.per_row),
        case.workers,
        report.number(case.per_row / first.per_row) if first else "",
        f"{peer.rows:,}" if peer else "",
        report.number(peer.per_row) if peer else "",
        report.number(case.ratio) if case.ratio else "",
        f"{max(each.spread for each in measured.values()):.2f}",
        f"{case.different} of {case.checked:,}",
        case.peer_name + ("" if peer else " (not available)"),
    ]


def print_table(cases, options):
    named = {case.name: case for case in cases}
    first = named.get("base case")
    report.say("")
    report.table(
        [
            "case",
            "rows",
            "us per row",
            "workers",
            "/ base",
            "peer's rows",
            "us per row",
            "ratio",
            "spread",
            "labels differ",
            "peer",
        ],
        [line(case, first) for case in cases],
    )
    few, many = named.get("P = 250"), named.get("P = 25,000")
    if few and many:
        report.say(
            "",
            "From P = 250 to 25,000, 100-fold, the time per row grows"
            f" {report.number(many.per_row / few.per_row)}-fold.",
        )


def run(base, only):
    report.title("Sweep: one factor at a time")
    options = base.options
    report.say(
        f"The base case: E = {options.epochs}, P = {options.probes:,}, k = {options.k},"
        " l2, noise x 1, no missing epochs."
    )
    done = []
    for part, cases in all_cases(options).items():
        if only and part not in only and part != "base":
            continue
        for case in cases:
            case.run(base)
            done.append(case)
            case.curves = case.raw_probes = case.probes = None
    print_table(done, options)

"""The main comparison: tagging all rows, by metaprobe and by its peers."""

import os

import numpy as np

import database
import reference
import report
import sqlpeers
import vectors
import warehouse

ROWS_TO_TUNE = 20000  # more would only take longer


def tune(index, curves):
    """Gives faiss its fastest setting; returns what was tried."""
    curves = curves[:ROWS_TO_TUNE]
    tried = []
    for setting in vectors.all_settings():
        index.setting = setting
        index.search(curves)
        seconds = min(report.timed(lambda: index.search(curves)) for _ in range(3))
        tried.append((1e6 * seconds / len(curves), setting))
    index.setting = min(tried, key=lambda each: each[0])[1]
    return tried


class Comparison:
    def __init__(self, base):
        self.base = base
        self.options = base.options
        self.session = base.session
        self.measured = {}
        self.checks = []
        self.n_few = min(self.options.small_rows, self.options.rows)
        self.few = f", {self.n_few:,} rows"
        self.work = os.environ["BENCH_WORK"]

    # Jobs of metaprobe

    def call(self, function):
        return f"{function}(curve, {self.base.suite})"

    def count(self, table):
        label = self.call("classify_metadata")
        return f"SELECT {label}, count(*) FROM {table} GROUP BY 1"

    def count_tags(self, table):
        tag = self.call("tag_metadata")
        return f"SELECT ({tag}).label, count(*) FROM {table} GROUP BY 1"

    def create(self, table):
        return f"SELECT id, {self.call('classify_metadata')} AS label FROM {table}"

    def create_tags(self, table):
        tags = f"SELECT id, {self.call('tag_metadata')} AS tag FROM {table} OFFSET 0"
        return f"SELECT id, (tag).* FROM ({tags}) AS tagged"

    def into(self, target, query):
        """A job that makes a table of the query's answer."""

        def run():
            self.session.rows(f"DROP TABLE IF EXISTS {target}")
            return self.session.seconds(f"CREATE TABLE {target} AS {query}")

        return run

    # Jobs of faiss

    def export(self):
        """To faiss and back: the whole of it is timed."""
        path = os.path.join(self.work, "export.copy")
        names = self.base.probes.names

        def work():
            self.session.rows(f"COPY {self.base.samples} TO '{path}' (FORMAT binary)")
            ids, curves = database.read_curves(path, self.options.epochs)
            neighbours, squares = self.index.search(curves)
            labels = self.faiss_labels(neighbours, squares)
            database.write_labels(path, ids, labels, names)
            self.session.rows(
                "CREATE TABLE faiss_tags (id bigint, label text);"
                f"COPY faiss_tags FROM '{path}' (FORMAT binary)"
            )

        self.session.rows("DROP TABLE IF EXISTS faiss_tags")
        seconds = report.timed(work)
        os.remove(path)
        return seconds

    def faiss_labels(self, neighbours, squares):
        distances = np.sqrt(np.maximum(squares, 0))
        return reference.vote(neighbours, distances, self.base.probes)

    def tune_faiss(self):
        self.index = vectors.Faiss(self.base.probes.curves, self.options.k)
        report.say(
            f"faiss is {vectors.faiss_build()}; its BLAS is {vectors.blas_in_use()}.",
            "",
        )
        tried = tune(self.index, self.base.curves)
        report.table(
            ["faiss's settings, on some rows", "us per row", ""],
            [
                [
                    setting,
                    report.number(per_row),
                    "<- used below" if setting is self.index.setting else "",
                ]
                for per_row, setting in tried
            ],
        )

    def jobs(self, table, n, suffix):
        """Of metaprobe over a table of n rows, and of faiss over as many."""

        def counting(query):
            return lambda: self.session.seconds(query)

        def search():
            return report.timed(lambda: self.index.search(self.base.curves[:n]))

        jobs = [
            ("classify_metadata, count", counting(self.count(table))),
            ("faiss, search alone", search),
            (
                "classify_metadata, table",
                self.into(f"{table}_tags", self.create(table)),
            ),
            ("tag_metadata, count", counting(self.count_tags(table))),
            (
                "tag_metadata, table",
                self.into(f"{table}_full", self.create_tags(table)),
            ),
        ]
        return [
            (name + suffix, n, run)
            for name, run in jobs
            if vectors.faiss or run is not search
        ]

    def measure(self):
        base, options = self.base, self.options
        self.session.rows(
            "CREATE TABLE few AS"
            f" SELECT * FROM {base.samples} WHERE id <= {self.n_few}"
        )
        self.session.rows("VACUUM ANALYZE few; CHECKPOINT")
        jobs = self.jobs(base.samples, options.rows, "")
        jobs += self.jobs("few", self.n_few, self.few)
        if vectors.faiss:
            self.index.allocate(options.rows)
            jobs.append(("export, faiss, copy back", options.rows, self.export))
        self.measured.update(report.interleave(jobs, options.repeats))

    def add(self, name, rows, runs):
        self.measured[name] = report.Measured(name, rows, runs)

    def check(self, name, labels, expected):
        """Labels by name against numbers of labels."""
        names = np.array(self.base.probes.names)[expected]
        different = int((np.array(labels) != names).sum())
        self.checks.append([name, f"{len(names):,}", different])

    def labels_in(self, table):
        rows = self.session.rows(f"SELECT label FROM {table} ORDER BY id")
        return [row[0] for row in rows]

    def measure_peers(self):
        """The slow ones, on the first rows."""
        options, base = self.options, self.base
        expected = reference.labels_of(
            base.curves[: options.sample], base.probes, options.k
        )
        self.measure_scikit_learn()
        for peer in warehouse.PEERS:
            answer = peer.run(base, options)
            if isinstance(answer, str):
                report.say(answer)
                continue
            self.add(peer.name, options.sample, answer["seconds"])
            self.check(peer.name, answer["labels"], expected)
            report.say(f"{peer.name}: version {answer['version']}")
        for peer in sqlpeers.PEERS:
            if not peer.is_available():
                report.say(f"{peer.name}: this server does not have it.")
                continue
            n = peer.prepare(base)
            run = self.into(f"{peer.table}_tags", peer.query(options.k))
            repeats = options.repeats if peer.divisor == 1 else 1
            self.add(peer.name, n, [run() for _ in range(repeats)])
            self.check(peer.name, self.labels_in(f"{peer.table}_tags"), expected[:n])
            if peer.extension:
                report.say(f"{peer.name}: version {peer.version(self.session)}")

    def measure_scikit_learn(self):
        base, options = self.base, self.options
        if not vectors.sklearn:
            report.say("scikit-learn is not available.")
            return
        curves = base.curves[: 10 * options.sample]
        peer = vectors.ScikitLearn(base.probes.curves, base.probes.labels, options.k)
        runs = [
            report.timed(lambda: peer.labels(curves)) for _ in range(options.repeats)
        ]
        self.add("scikit-learn, brute, with its vote", len(curves), runs)

    def check_labels(self):
        """Of rows drawn at random."""
        base, options = self.base, self.options
        random = np.random.default_rng([options.seed, options.rows])
        n = min(options.checked, options.rows)
        chosen = np.sort(random.choice(options.rows, n, replace=False))
        curves = base.curves[chosen]
        expected = reference.labels_of(curves, base.probes, options.k)
        ids = ",".join(str(row + 1) for row in chosen)
        for table, name in (
            ("samples_tags", "classify_metadata"),
            ("samples_full", "tag_metadata"),
            ("faiss_tags", "faiss"),
        ):
            if table == "faiss_tags" and not vectors.faiss:
                continue
            labels = self.session.rows(
                f"SELECT label FROM {table} WHERE id = ANY ('{{{ids}}}') ORDER BY id"
            )
            self.check(name, [row[0] for row in labels], expected)

    def run(self):
        report.title("Tagging: metaprobe and its peers")
        self.base.samples, self.base.suite
        for name, query in (("count", self.count), ("table", self.create)):
            report.say(f"Plan of classify_metadata, {name}:")
            report.say(*self.session.plan(query("samples")), "")
        if vectors.faiss:
            self.tune_faiss()
        else:
            report.say("faiss is not available.")
        report.say("")
        self.measure()
        self.measure_peers()
        self.check_labels()
        one = self.measured["classify_metadata, count"]
        report.say("")
        report.table_of_jobs(self.measured.values(), one)
        report.say("", "Labels that differ from a search in double precision:")
        report.table(["who", "rows", "different"], self.checks)
        self.print_ratios()

    def print_ratios(self):
        report.say("", "What was asked for:")
        lines = []

        def ratio(slow, fast, wanted, most=False):
            if slow in self.measured and fast in self.measured:
                value = self.measured[slow].per_row / self.measured[fast].per_row
                lines.append(
                    [
                        f"{slow} / {fast}",
                        report.number(value),
                        f"{'at most' if most else 'at least'} {wanted}",
                    ]
                )

        faiss, few = "faiss, search alone", self.few
        ratio(faiss, "classify_metadata, count", 4)
        ratio(faiss, "classify_metadata, table", 3)
        ratio(faiss + few, "classify_metadata, count" + few, 2)
        ratio(faiss + few, "classify_metadata, table" + few, 2)
        ratio("pgvector, LATERAL, exact", "classify_metadata, count", 100)
        for how in ("count", "table"):
            ratio(f"tag_metadata, {how}", f"classify_metadata, {how}", 2, most=True)
        report.table(["ratio of the times per row", "measured", "wanted"], lines)

"""The rows nearest to a curve by an index, beside a scan and pgvector's HNSW."""

import csv
import gzip
import json
import os
import re
from dataclasses import dataclass, field
from functools import partial

import database
import numpy as np
import report

ROWS = 10
EASY = 0.1  # of the usual noise
PAGES = 25  # queries whose pages are counted

# Settings of HNSW: its default, more, and more until rows meet the condition.
SEARCHES = {
    "ef_search 40": "SET hnsw.ef_search = 40",
    "ef_search 200": "SET hnsw.ef_search = 200",
    "iterative": "SET hnsw.ef_search = 40; SET hnsw.iterative_scan = strict_order",
}

# name: condition, share of the queries.  Every kind of curve meets all of them.
ALL, PERCENT, RARE = "all", "1 %", "0.01 %"
CONDITIONS = {
    ALL: ("", 1),
    PERCENT: ("WHERE hundredth = 7", 0.1),
    RARE: ("WHERE tenthousandth = 7", 0.02),
}
OPERATORS = {"<->": 1, "<+>": 0.1}  # with a share of the queries

BY_SCAN = "SET enable_indexscan = off; SET enable_seqscan = on"
BY_INDEX = "SET enable_indexscan = on; SET enable_seqscan = off"
AS_PLANNED = "RESET enable_indexscan; RESET enable_seqscan"


def real_curves():
    """Those of test/data: two sets, as one table of the shorter's epochs."""
    here = os.path.dirname(os.path.abspath(__file__))
    curves = []
    for name in ("mnist", "mnist_hard"):
        path = os.path.join(here, "..", "data", name, "dataset.csv.gz")
        with gzip.open(path, "rt") as file:
            rows = [json.loads(row["curve"]) for row in csv.DictReader(file)]
        curves.append(np.array(rows, np.float32)[:, :20])
    return np.concatenate(curves)


def nearest(operator, condition, row, table="indexed"):
    curve = f"(SELECT curve FROM {table} WHERE id = {row})"
    return (
        f"SELECT id, curve {operator} {curve} FROM {table} {condition}"
        f" ORDER BY curve {operator} {curve} LIMIT {ROWS}"
    )


def pages(session, sql):
    """Pages that a query touches."""
    plan = session.rows(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {sql}")
    for line in plan:
        if "Buffers:" in line[0]:
            return sum(map(int, re.findall(r"(?:hit|read)=(\d+)", line[0])))
    return 0


def size_of(session, name):
    """In pages."""
    return int(session.value(f"SELECT pg_relation_size('{name}') / 8192"))


def answer(session, sql):
    """The rows, and how long it took."""
    found = []
    seconds = report.timed(lambda: found.extend(session.rows(sql)))
    return found, seconds


@dataclass
class Case:
    """What is asked in the same way of some rows, and the exact answers."""

    operator: str
    condition: str
    rows: list
    exact: dict = field(default_factory=dict)  # the ids, by row

    @property
    def name(self):
        return f"{self.operator} {self.condition}"

    def sql(self, row, table="indexed"):
        return nearest(self.operator, CONDITIONS[self.condition][0], row, table)


def load(session, curves):
    database.load_curves(session, "indexed", curves)
    session.rows(
        "ALTER TABLE indexed ADD hundredth int, ADD tenthousandth int;"
        "UPDATE indexed SET hundredth = id / 5 % 100, tenthousandth = id / 5 % 10000;"
        "VACUUM FULL ANALYZE indexed"
    )


def make_cases(n, seed, queries):
    random = np.random.default_rng(seed)
    rows = random.integers(1, n + 1, queries).tolist()
    return [
        Case(operator, name, rows[: max(int(queries * share * of_all), 5)])
        for operator, of_all in OPERATORS.items()
        for name, (_, share) in CONDITIONS.items()
    ]


def compare(session, case):
    """Ask by index and by scan in turn.  Returns a line of the table."""
    by_index, by_scan, differ = [], [], 0
    for row in case.rows:
        session.rows(BY_INDEX)
        found, seconds = answer(session, case.sql(row))
        by_index.append(seconds)
        session.rows(BY_SCAN)
        exact, seconds = answer(session, case.sql(row))
        by_scan.append(seconds)
        # rows at equal distances may come in any order
        differ += [line[1] for line in found] != [line[1] for line in exact]
        case.exact[row] = {line[0] for line in exact}
    session.rows(BY_INDEX)
    touched = [pages(session, case.sql(row)) for row in case.rows[:PAGES]]
    session.rows(AS_PLANNED)
    plan = session.plan(case.sql(case.rows[0]))
    planned = any("using indexed_curve" in line for line in plan)
    return [
        case.name,
        f"{1000 * np.median(by_index):.2f}",
        f"{1000 * np.mean(by_index):.2f}",
        f"{1000 * np.median(by_scan):.1f}",
        report.number(np.median(by_scan) / np.median(by_index)),
        report.number(np.mean(by_scan) / np.mean(by_index)),
        f"{np.median(touched):,.0f}",
        "index" if planned else "scan",
        f"{differ} of {len(case.rows)}",
    ]


def of_metaprobe(session, name, cases):
    seconds = session.seconds(
        "CREATE INDEX indexed_curve ON indexed USING gist (curve)"
    )
    size, table = size_of(session, "indexed_curve"), size_of(session, "indexed")
    report.say(
        "",
        f"{name}: GiST built in {seconds:.1f} s, {size:,} pages, {size / table:.3f}"
        f" of the table's",
    )
    lines = [compare(session, case) for case in cases]
    heads = ["query", "index ms", "mean", "scan ms", "ratio", "of means", "pages"]
    report.table([*heads, "planner", "answers that differ"], lines)


def recall(session, case):
    """A line of the table: HNSW's time, and the share of the exact rows it finds."""
    times, found, wanted = [], 0, 0
    for row in case.rows[:100]:
        rows, seconds = answer(session, case.sql(row, "vectors"))
        times.append(seconds)
        found += len({line[0] for line in rows} & case.exact[row])
        wanted += len(case.exact[row])
    touched = [pages(session, case.sql(row, "vectors")) for row in case.rows[:PAGES]]
    return [
        f"{1000 * np.median(times):.2f}",
        f"{1000 * np.mean(times):.2f}",
        f"{np.median(touched):,.0f}",
        f"{found / max(wanted, 1):.4f}",
    ]


def of_pgvector(session, epochs, n, cases):
    """HNSW of pgvector 0.8 or newer, built with its usual settings in memory."""
    session.rows("CREATE EXTENSION IF NOT EXISTS vector")
    session.rows(
        "CREATE TABLE vectors AS SELECT id, hundredth, tenthousandth,"
        f" curve::real[]::vector({epochs}) AS curve FROM indexed;"
        "ALTER TABLE vectors ADD PRIMARY KEY (id); VACUUM ANALYZE vectors"
    )
    session.rows(f"SET maintenance_work_mem = '{256 + n // 500}MB'")
    seconds = session.seconds(
        "CREATE INDEX vectors_hnsw ON vectors USING hnsw (curve vector_l2_ops)"
    )
    session.rows(f"RESET maintenance_work_mem; {BY_INDEX}")
    report.say(
        f"pgvector's HNSW built in {seconds:.1f} s,"
        f" {size_of(session, 'vectors_hnsw'):,} pages"
    )
    lines = []
    for name, settings in SEARCHES.items():
        session.rows(settings)
        for case in cases:
            needless = name == "iterative" and case.condition == ALL
            if case.operator == "<->" and not needless:
                lines.append([f"{name}, {case.condition}", *recall(session, case)])
    report.table(["query", "ms", "mean", "pages", "recall"], lines)
    session.rows(f"RESET hnsw.ef_search; RESET hnsw.iterative_scan; {AS_PLANNED}; DROP TABLE vectors")


def run(base):
    options, session = base.options, base.session
    report.title(f"The {ROWS} nearest rows by an index: GiST beside scan and HNSW")
    has_vector = database.is_available("vector")
    if not has_vector:
        report.say("pgvector is not available: this server does not have it.")
    tables = [("real curves", real_curves, 200)]
    for n in sorted({min(options.rows, 100000), options.rows}):
        for name, noise, queries in (("noisy", 1.0, 1000), ("easy", EASY, 200)):
            make = partial(base.make_curves, n, noise=noise)
            queries = queries if n > 20000 else queries // 10
            tables.append((f"{n:,} {name}", make, queries))
    for name, make, queries in tables:
        curves = make()
        cases = make_cases(len(curves), options.seed, queries)
        load(session, curves)
        of_metaprobe(session, name, cases)
        if has_vector:
            of_pgvector(session, curves.shape[1], len(curves), cases)
        session.rows("DROP TABLE indexed")

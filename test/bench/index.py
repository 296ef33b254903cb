"""The rows nearest to a curve by an index, beside a scan and pgvector's HNSW."""

import csv
import gzip
import json
import os
import re

import database
import generate
import numpy as np
import report

ROWS = 10
EXACT = 1000  # queries whose answers are compared with those of a scan
TIMED = 100
EASY = 0.1  # of the usual noise
FILTERS = {"": "", "1 %": "WHERE id / 5 % 100 = 7", "0.01 %": "WHERE id / 5 % 10000 = 7"}
BY_SCAN = "SET enable_indexscan = off; SET enable_seqscan = on"
BY_INDEX = "SET enable_indexscan = on; SET enable_seqscan = off"


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


def query(operator, condition, row, table="indexed"):
    return (
        f"SELECT id FROM {table} {condition} ORDER BY curve {operator}"
        f" (SELECT curve FROM {table} WHERE id = {row}) LIMIT {ROWS}"
    )


def distances(session, operator, condition, row):
    sql = query(operator, condition, row).replace(
        "SELECT id",
        f"SELECT curve {operator} (SELECT curve FROM indexed WHERE id = {row})",
        1,
    )
    return session.rows(sql)


def pages(session, sql):
    """Pages that a query touches."""
    plan = session.rows(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {sql}")
    for line in plan:
        if "Buffers:" in line[0]:
            return sum(map(int, re.findall(r"(?:hit|read)=(\d+)", line[0])))
    return 0


def table_pages(session, name):
    return int(session.value(f"SELECT pg_relation_size('{name}') / 8192"))


def measure(session, rows, operator, condition, timed):
    """A line of the table: times by index and by scan, and pages."""
    by = {}
    for name, setting in (("index", BY_INDEX), ("scan", BY_SCAN)):
        session.rows(setting)
        by[name] = report.Measured(name, 1)
        for row in rows[:timed]:
            by[name].runs.append(session.seconds(query(operator, condition, row)))
    session.rows(BY_INDEX)
    touched = [pages(session, query(operator, condition, row)) for row in rows[:timed]]
    index, scan = by["index"].runs, by["scan"].runs
    return [
        f"{1000 * np.median(index):.2f}",
        f"{1000 * np.mean(index):.2f}",
        f"{1000 * np.median(scan):.1f}",
        report.number(np.median(scan) / np.median(index)),
        report.number(np.mean(scan) / np.mean(index)),
        f"{np.median(touched):,.0f}",
    ]


def choice(session, rows, condition):
    """What the planner takes by itself."""
    session.rows("RESET enable_indexscan; RESET enable_seqscan")
    plan = session.plan(query("<->", condition, rows[0]))
    return "index" if any("using indexed_curve" in line for line in plan) else "scan"


def compare_answers(session, rows, operator, condition):
    """How many of the answers by the index differ from the scan's."""
    differ = 0
    for row in rows:
        session.rows(BY_INDEX)
        by_index = distances(session, operator, condition, row)
        session.rows(BY_SCAN)
        differ += by_index != distances(session, operator, condition, row)
    return differ


def of_metaprobe(base, name, curves, checked):
    session = base.session
    database.load_curves(session, "indexed", curves)
    seconds = session.seconds(
        "CREATE INDEX indexed_curve ON indexed USING gist (curve)"
    )
    size, table = table_pages(session, "indexed_curve"), table_pages(session, "indexed")
    report.say(
        "",
        f"{name}: index built in {seconds:.1f} s, {size:,} pages,"
        f" {size / table:.3f} of the table's",
    )
    random = np.random.default_rng(base.options.seed)
    rows = random.integers(1, len(curves) + 1, max(checked, TIMED)).tolist()
    lines = []
    for operator in ("<->", "<+>"):
        for share, condition in FILTERS.items():
            timed = TIMED if not share else TIMED // 10
            line = measure(session, rows, operator, condition, timed)
            number = checked if operator == "<->" else checked // 10
            number = max(number if not share else number // 10, 1)
            differ = compare_answers(session, rows[:number], operator, condition)
            lines.append(
                [
                    f"{operator} {share}",
                    *line,
                    choice(session, rows, condition),
                    f"{differ} of {number}",
                ]
            )
    report.table(
        [
            "query",
            "index ms",
            "mean",
            "scan ms",
            "ratio",
            "of means",
            "pages",
            "planner",
            "answers that differ",
        ],
        lines,
    )
    return rows


def of_pgvector(base, curves, rows):
    """HNSW with its usual settings, and its recall."""
    session = base.session
    session.rows("CREATE EXTENSION IF NOT EXISTS vector")
    session.rows(
        f"CREATE TABLE vectors AS SELECT id, curve::real[]::vector({curves.shape[1]})"
        " AS curve FROM indexed; ALTER TABLE vectors ADD PRIMARY KEY (id);"
        "ANALYZE vectors"
    )
    session.rows("SET maintenance_work_mem = '1GB'")
    seconds = session.seconds(
        "CREATE INDEX vectors_hnsw ON vectors USING hnsw (curve vector_l2_ops)"
    )
    session.rows("RESET maintenance_work_mem")
    lines = []
    for ef_search in (40, 200):
        session.rows(f"SET hnsw.ef_search = {ef_search}")
        for share, condition in FILTERS.items():
            times, touched, found, wanted = [], [], 0, 0
            for row in rows[: TIMED if not share else TIMED // 10]:
                sql = query("<->", condition, row, "vectors")
                session.rows(BY_INDEX)
                times.append(session.seconds(sql))
                touched.append(pages(session, sql))
                answer = {line[0] for line in session.rows(sql)}
                session.rows(BY_SCAN)
                exact = {line[0] for line in session.rows(sql)}
                found += len(answer & exact)
                wanted += len(exact)
            lines.append(
                [
                    f"ef_search {ef_search} {share}",
                    f"{1000 * np.median(times):.2f}",
                    f"{np.median(touched):,.0f}",
                    f"{found / max(wanted, 1):.4f}",
                ]
            )
    report.say(
        f"pgvector's HNSW: built in {seconds:.1f} s,"
        f" {table_pages(session, 'vectors_hnsw'):,} pages"
    )
    report.table(["query", "ms", "pages", "recall"], lines)
    session.rows("RESET hnsw.ef_search; DROP TABLE vectors")


def run(base):
    options = base.options
    report.title(f"The {ROWS} nearest rows by an index: GiST beside scan and HNSW")
    has_vector = database.is_available("vector")
    if not has_vector:
        report.say("pgvector is not available: this server does not have it.")
    cases = [("real curves", real_curves)]
    for n in sorted({min(options.rows, 100000), options.rows}):
        for name, noise in (("noisy", 1.0), ("easy", EASY)):
            cases.append(
                (
                    f"{n:,} {name}",
                    lambda n=n, noise=noise: base.make_curves(n, noise=noise),
                )
            )
    for name, make in cases:
        curves = make()
        checked = EXACT if len(curves) > 20000 else EXACT // 10
        if options.rows <= 20000:
            checked //= 10
        rows = of_metaprobe(base, name, curves, checked)
        if has_vector:
            of_pgvector(base, curves, rows)
        base.session.rows(
            "DROP TABLE indexed; RESET enable_indexscan; RESET enable_seqscan"
        )

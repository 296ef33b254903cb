"""Curves from recorded losses: from a row for each loss, and from chunks."""

import os

import numpy as np

import database
import report
from suites import extra_memory, megabytes

CHUNK = 1000  # losses
RUN = b"baseline"
SMALL, LARGE = "4MB", "256MB"  # work_mem: PostgreSQL's default, and enough for all

INT8_OID, FLOAT4_OID = 20, 700

LONG_ROW = np.dtype(
    [
        ("columns", ">i2"),
        ("id_length", ">i4"),
        ("id", ">i8"),
        ("epoch_length", ">i4"),
        ("epoch", ">i4"),
        ("loss_length", ">i4"),
        ("loss", ">f4"),
    ]
)


def array_column(name, type, n):
    """A one-dimensional array as COPY's binary form has it."""
    element = np.dtype([("length", ">i4"), ("value", type)])
    head = ["length", "dimensions", "has_nulls", "type", "n", "lower_bound"]
    return (
        name,
        [(field, ">i4") for field in head] + [("elements", element, (n,))],
    )


def chunk_row(n):
    """A row (run, epoch, ids, losses) of n losses."""
    return np.dtype(
        [
            ("columns", ">i2"),
            ("run_length", ">i4"),
            ("run", f"S{len(RUN)}"),
            ("epoch_length", ">i4"),
            ("epoch", ">i4"),
            array_column("ids", ">i8", n),
            array_column("losses", ">f4", n),
        ]
    )


def fill_array(column, type, values):
    size = values.dtype.itemsize
    column["length"] = 20 + (4 + size) * len(values)
    column["dimensions"] = 1
    column["has_nulls"] = 0
    column["type"] = type
    column["n"] = len(values)
    column["lower_bound"] = 1
    column["elements"]["length"] = size
    column["elements"]["value"] = values


def write_rows(file, ids, epoch, losses):
    rows = np.empty(len(ids), LONG_ROW)
    rows["columns"] = 3
    rows["id_length"], rows["id"] = 8, ids
    rows["epoch_length"], rows["epoch"] = 4, epoch
    rows["loss_length"], rows["loss"] = 4, losses
    rows.tofile(file)


def write_chunks(file, ids, epoch, losses):
    for start in range(0, len(ids), CHUNK):
        part = slice(start, start + CHUNK)
        row = np.zeros(1, chunk_row(len(ids[part])))[0]
        row["columns"] = 4
        row["run_length"], row["run"] = len(RUN), RUN
        row["epoch_length"], row["epoch"] = 4, epoch
        fill_array(row["ids"], INT8_OID, ids[part])
        fill_array(row["losses"], FLOAT4_OID, losses[part])
        file.write(row.tobytes())


def load(session, table, columns, curves, seed, write):
    """Copies the losses as training records them: epoch by epoch, the ids
    shuffled anew in each."""
    random = np.random.default_rng(seed)
    path = os.path.join(os.environ["BENCH_WORK"], table + ".copy")
    ids = np.arange(len(curves), dtype=np.int64)
    with open(path, "wb") as file:
        file.write(database.SIGNATURE)
        for epoch in range(curves.shape[1]):
            order = random.permutation(ids)
            write(file, order, epoch, curves[order, epoch])
        file.write(database.TRAILER)
    session.rows(f"COPY {table} ({columns}) FROM '{path}' (FORMAT binary)")
    session.rows(f"VACUUM ANALYZE {table}")
    os.remove(path)


QUERIES = {
    "array_agg": "SELECT id, array_agg(loss ORDER BY epoch) AS curve"
    " FROM losses GROUP BY id",
    "loss_curve_agg": "SELECT id, loss_curve_agg(loss, epoch) AS curve"
    " FROM losses GROUP BY id",
    "loss_curves": "SELECT id, curve FROM loss_curves('loss_log')",
}


def with_memory(work_mem, query):
    return f"SET work_mem = '{work_mem}'; {query}"


def count(query):
    """All curves are computed, but for the work of sending them."""
    return f"SELECT count(curve) FROM ({query} OFFSET 0) AS curves"


def differences(session, work_mem, query):
    """Curves that are other than those of array_agg, or only on one side."""
    return session.value(
        with_memory(
            work_mem,
            f"SELECT count(*) FROM ({QUERIES['array_agg']}) AS a"
            f" FULL JOIN ({query}) AS b USING (id)"
            " WHERE a.curve::loss_curve IS DISTINCT FROM b.curve::loss_curve",
        )
    )


def run(base):
    options, session = base.options, base.session
    n = min(options.small_rows, options.rows)
    curves = base.make_curves(n)
    report.title(f"Curves from recorded losses: {n:,} ids, {curves.size:,} losses")
    session.rows("CREATE TABLE losses (id bigint, epoch integer, loss real)")
    session.rows("SELECT create_loss_log('loss_log')")
    load(session, "losses", "id, epoch, loss", curves, options.seed, write_rows)
    load(
        session,
        "loss_log",
        "run, epoch, ids, losses",
        curves,
        options.seed,
        write_chunks,
    )

    jobs, names = [], {}
    for work_mem in (LARGE, SMALL):
        session.rows(f"SET work_mem = '{work_mem}'")
        for name, query in QUERIES.items():
            job = f"{name}, {work_mem}"
            names[job] = (work_mem, query)
            report.say(f"{job}:", *session.plan(count(query)), "")
            seconds = with_memory(work_mem, count(query))
            jobs.append((job, n, lambda sql=seconds: session.seconds(sql)))
    measured = report.interleave(jobs, options.repeats)
    report.table_of_jobs(measured.values(), measured[f"array_agg, {SMALL}"])

    def ratio(name, work_mem):
        other = measured[f"array_agg, {work_mem}"].median
        return report.number(other / measured[f"{name}, {work_mem}"].median)

    def bytes_of(table):
        return int(session.value(f"SELECT pg_total_relation_size('{table}')"))

    memory = {
        job: extra_memory(with_memory(work_mem, count(query)))
        for job, (work_mem, query) in names.items()
    }
    report.say("")
    report.table(
        ["how many times as fast as array_agg", "measured", "wanted"],
        [
            [f"loss_curve_agg, {LARGE}", ratio("loss_curve_agg", LARGE), "2"],
            [f"loss_curve_agg, {SMALL}", ratio("loss_curve_agg", SMALL), "2"],
            [f"loss_curves, {LARGE}: they fit", ratio("loss_curves", LARGE), "10"],
            [f"loss_curves, {SMALL}: they spill", ratio("loss_curves", SMALL), "4"],
        ],
    )
    report.say("")
    report.table(
        ["peak of memory without workers", "MB", ""],
        [[job, megabytes(size), ""] for job, size in memory.items()],
    )
    rows, chunks = bytes_of("losses"), bytes_of("loss_log")
    report.say(
        "",
        f"A row for each loss takes {megabytes(rows)} MB, chunks of {CHUNK:,} take"
        f" {megabytes(chunks)} MB: {100 * chunks / rows:.0f} % (wanted: at most 33 %).",
    )
    different = [
        differences(session, work_mem, query) for work_mem, query in names.values()
    ]
    report.say(f"Curves that differ from array_agg's: {', '.join(different)}.")
    session.rows("RESET work_mem; DROP TABLE losses, loss_log")

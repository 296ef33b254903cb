"""One row at a time, as an application does it."""

import os
import statistics
import subprocess

import database
import report

FIRST_CALLS = 15
CLASSIFY = "SELECT classify_metadata(curve, {}) FROM samples WHERE id = {}"
STORED = "(SELECT suite FROM suites WHERE name = {})"
LIVE = "(SELECT suite FROM live_suite)"


def latencies(base, name, query, transactions):
    """Milliseconds of each, sorted: one connection of pgbench, prepared."""
    directory = os.environ["BENCH_WORK"]
    script = os.path.join(directory, "pgbench.sql")
    with open(script, "w") as file:
        file.write(f"\\set id random(1, {base.options.rows})\n{query};\n")
    log = os.path.join(directory, "pgbench-" + name)
    subprocess.run(
        [database.client("pgbench"), "-n", "-M", "prepared", "-c", "1"]
        + ["-t", str(transactions), "-D", "suite_name=base", "-f", script]
        + ["-l", "--log-prefix", log, database.DATABASE],
        check=True,
        capture_output=True,
    )
    times = []
    for file in os.listdir(directory):
        if file.startswith("pgbench-" + name + "."):
            path = os.path.join(directory, file)
            with open(path) as lines:
                times += [int(line.split()[2]) / 1000 for line in lines]
            os.remove(path)
    return sorted(times)


def first_calls(query):
    """Milliseconds of the first query of fresh connections, sorted."""
    times = []
    for _ in range(FIRST_CALLS):
        with database.Session() as session:
            times.append(1000 * session.seconds(query))
    return sorted(times)


def line(name, times, wanted=""):
    return [
        name,
        f"{len(times):,}",
        f"{statistics.median(times):.3f}",
        f"{times[int(len(times) * 0.99)]:.3f}",
        wanted,
    ]


def run(base):
    report.title("One row at a time")
    base.samples, base.suite
    base.session.rows(
        "CREATE OR REPLACE VIEW live_suite AS SELECT probe_suite_agg(label, curve,"
        " id::text) AS suite FROM base_probes"
    )
    n = base.options.transactions
    stored = CLASSIFY.format(STORED.format(":suite_name"), ":id")
    live = CLASSIFY.format(LIVE, ":id")
    first = CLASSIFY.format(STORED.format("'base'"), 1)
    lines = [
        line(
            "the row alone, prepared",
            latencies(base, "row", "SELECT curve FROM samples WHERE id = :id", n),
        ),
        line(
            "suite from a table, prepared",
            latencies(base, "stored", stored, n),
            "below 0.5",
        ),
        line(
            "suite from a view, prepared",
            latencies(base, "live", live, n // 10),
            "below 15",
        ),
        line(
            "the row alone, first query",
            first_calls("SELECT curve FROM samples WHERE id = 1"),
        ),
        line("suite from a table, first query", first_calls(first), "below 5"),
    ]
    report.table(
        ["classify_metadata of one row", "calls", "median ms", "99 % within", "wanted"],
        lines,
    )

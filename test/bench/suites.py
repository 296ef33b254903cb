"""Building a large suite: its time, its size, and the memory it takes."""

import database
import report

PROBES = 20000


def status(process_id, name):
    return int(report.field(f"/proc/{process_id}/status", name).split()[0]) * 1024


def extra_memory(query):
    """By how much a new process grows while the query runs, at its peak, shared
    memory apart.  It runs without workers: their memory would not be seen."""
    with database.Session() as session:
        process_id = session.process_id()
        session.rows("SET max_parallel_workers_per_gather = 0")
        before = status(process_id, "RssAnon")
        session.rows(query)
        shared = status(process_id, "RssFile") + status(process_id, "RssShmem")
        return status(process_id, "VmHWM") - shared - before


def megabytes(size):
    return f"{size / 1e6:.1f}"


def run(base):
    report.title(f"A suite of {PROBES:,} probes")
    epochs, session = base.options.epochs, base.session
    suite = base.load_suite("large", base.make_probes(PROBES))
    query = "SELECT {}(probe_suite_agg(label, curve, id::text)) FROM large_probes"
    build = query.format("pg_column_size")
    report.say(*session.plan(build), "")
    jobs = [("building it", PROBES, lambda: session.seconds(build))]
    times = report.interleave(jobs, base.options.repeats + 2)["building it"]
    floats = PROBES * epochs * 4
    size = int(
        session.value("SELECT pg_column_size(suite) FROM suites WHERE name = 'large'")
    )
    one = f"SELECT classify_metadata(curve, {suite}) FROM large_probes WHERE id = 1"
    building, using = extra_memory(build), extra_memory(one)

    def against(bytes):
        return [megabytes(bytes), report.number(bytes / floats)]

    report.table(
        ["what", "measured", "of the floats", "wanted"],
        [
            ["building it, ms", report.number(1000 * times.median), "", "below 200"],
            ["the floats, MB", *against(floats), ""],
            ["the value, MB", *against(size), ""],
            ["peak while building, MB", *against(building), ""],
            ["peak in a query for one row, MB", *against(using), ""],
        ],
    )
    report.say("Runs, ms: " + " ".join(f"{1000 * run:.0f}" for run in times.runs))

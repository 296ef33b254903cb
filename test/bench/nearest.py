"""The rows nearest to a curve, by scanning a table of them."""

import database
import report

ROWS = 10


def query(table, type):
    return (
        f"PREPARE {table}_nearest({type}) AS SELECT id FROM {table}"
        f" ORDER BY losses <-> $1 LIMIT {ROWS}"
    )


def run(base):
    report.title(f"The {ROWS} nearest rows of all: ORDER BY losses <-> $1 LIMIT {ROWS}")
    session, options = base.session, base.options
    curve = "[" + ",".join(map(str, base.raw_probes[0])) + "]"
    tables = {"curves": ("loss_curve", "curve")}
    if database.is_available("vector"):
        session.rows("CREATE EXTENSION IF NOT EXISTS vector")
        vector = f"vector({options.epochs})"
        tables["vectors"] = (vector, f"curve::real[]::{vector}")
    else:
        report.say("pgvector is not available: this server does not have it.")
    jobs = []
    for table, (type, losses) in tables.items():
        session.rows(
            f"CREATE TABLE {table} AS SELECT id, {losses} AS losses FROM {base.samples}"
        )
        session.rows(f"VACUUM ANALYZE {table}")
        session.rows(query(table, type))
        execute = f"EXECUTE {table}_nearest('{curve}')"
        plan = [line.split("  (cost")[0] for line in session.plan(execute)]
        plan = [line for line in plan if "Sort Key" not in line]
        report.say(*plan, "")
        session.rows(execute)
        jobs.append((table, options.rows, lambda sql=execute: session.seconds(sql)))
    measured = report.interleave(jobs, 2 * options.repeats + 1)
    report.table_of_jobs(measured.values(), measured["curves"])
    if "vectors" in tables:
        ratio = measured["curves"].median / measured["vectors"].median
        report.say(
            "",
            f"metaprobe takes {report.number(ratio)} times as long as pgvector"
            " (wanted: at most 1.15).",
        )
        answers = [
            session.rows(f"EXECUTE {table}_nearest('{curve}')") for table in tables
        ]
        report.say(
            f"Both find the same rows: {'yes' if answers[0] == answers[1] else 'no'}."
        )
    for table in tables:
        session.rows(f"DROP TABLE {table}")

"""One node beside a coordinator with two workers, on the same CPUs."""

import atexit
import os
import subprocess

import database
import report
import refresh as one_table

WANTED = 1.3  # the cluster's time at most, of one node's
FIRST_PORT = 5433
SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{directory}'
port = {port}
fsync = off
shared_preload_libraries = 'citus'
max_connections = 200
max_prepared_transactions = 200
max_worker_processes = 32
citus.node_conninfo = 'sslmode=disable'
citus.local_hostname = '{directory}'
citus.enable_statistics_collection = off
citus.shard_count = {shards}
"""

COUNT = """SELECT label, count(*) FROM (
    SELECT classify_metadata(curve, (SELECT suite FROM base_suite)) AS label, id
    FROM {source}) AS s GROUP BY label"""
REFRESH = one_table.REFRESH
COUNTING = "count labels"
ANEW = "cluster, connections anew"
COLUMNS = "id, label, score, distance, novelty, curve_hash, suite_hash"


class Server:
    """A server with Citus, in a directory of its own."""

    def __init__(self, name, port, shards):
        self.port = port
        self.directory = os.environ["BENCH_WORK"]
        self.data = os.path.join(self.directory, name)
        settings = SETTINGS.format(directory=self.directory, port=port, shards=shards)
        alike = ["-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"]
        self.call("initdb", "--no-sync", "-A", "trust", *alike, "-D", self.data)
        with open(os.path.join(self.data, "postgresql.conf"), "a") as file:
            file.write(settings)
        self.pg_ctl("-l", self.data + ".log", "start")
        atexit.register(self.stop)
        self.call("createdb", "-p", str(port), database.DATABASE)
        self.session = database.Session(port)
        self.session.rows("CREATE EXTENSION citus")

    def call(self, program, *arguments):
        subprocess.run(
            [database.client(program), *arguments],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def pg_ctl(self, *arguments):
        self.call("pg_ctl", "-w", "-s", "-D", self.data, *arguments)

    def stop(self):
        self.pg_ctl("-m", "fast", "stop")

    @property
    def address(self):
        return f"'{self.directory}', {self.port}"


def start_cluster(shards):
    """A session of the coordinator, which knows its workers and has the extension."""
    names = ["coordinator", "worker_1", "worker_2"]
    coordinator, *workers = [
        Server(name, FIRST_PORT + number, shards) for number, name in enumerate(names)
    ]
    session = coordinator.session
    session.rows(f"SELECT citus_set_coordinator_host({coordinator.address})")
    for worker in workers:
        session.rows(f"SELECT citus_add_node({worker.address})")
    session.rows("CREATE EXTENSION metaprobe")
    return session


def copy_table(base, session, table, columns, then):
    """What the plain node has in a table, in one of the cluster."""
    path = os.path.join(os.environ["BENCH_WORK"], f"{table}.copy")
    base.session.rows(f"COPY {table} TO '{path}' (FORMAT binary)")
    session.rows(f"CREATE TABLE {table} ({columns})")
    session.rows(then)
    session.rows(f"COPY {table} FROM '{path}' (FORMAT binary)")
    os.remove(path)


def make_tables(base, session):
    base.session.rows(f"CREATE TABLE base_suite AS SELECT {base.suite} AS suite")
    copy_table(
        base,
        session,
        "base_suite",
        "suite probe_suite",
        "SELECT create_reference_table('base_suite')",
    )
    copy_table(
        base,
        session,
        base.samples,
        "id bigint PRIMARY KEY, curve loss_curve",
        f"SELECT create_distributed_table('{base.samples}', 'id')",
    )
    for each in (base.session, session):
        each.rows(f"SELECT create_tag_table('tags', '{base.samples}')")
    session.rows(f"SELECT rebalance_table_shards('{base.samples}')")
    for each in (base.session, session):
        each.rows("VACUUM ANALYZE")


def check(base, session):
    """Do both have the same tags?"""
    hash = f"hash_record_extended(ROW({COLUMNS}), 0)"
    for query in (
        COUNT.format(source=base.samples) + " ORDER BY label",
        f"SELECT count(*), sum({hash}::numeric) FROM tags",
    ):
        if base.session.rows(query) != session.rows(query):
            raise RuntimeError(f"the answers differ: {query}")


def run(base):
    rows, shards = base.options.rows, base.options.shards
    report.title(f"One node and two workers of Citus, {rows:,} rows, {shards} shards")
    if not database.is_available("citus"):
        report.say("Skipped: this server has no Citus.")
        return
    session = start_cluster(shards)
    make_tables(base, session)
    counts = session.rows(
        "SELECT count(*) FROM citus_shards"
        f" WHERE table_name = '{base.samples}'::regclass GROUP BY nodeport"
    )
    report.say(
        session.value("SELECT citus_version()"),
        f"shards of the workers: {' and '.join(count for count, in counts)}",
        "",
    )
    measure(base, session)


def measure(base, session):
    """The cluster's connections to its workers are kept, as doc/scaling.md has it,
    but for a job that has them made anew."""
    rows, shards = base.options.rows, base.options.shards
    count = COUNT.format(source=base.samples)
    call = REFRESH.format(source=base.samples)
    anew = database.Session(FIRST_PORT)
    session.rows(f"SET citus.max_cached_conns_per_worker = {shards}")
    nodes = {"one node": base.session, "cluster": session}
    sql = {
        COUNTING: count,
        "refresh_tags, all rows new": call,
        "refresh_tags, 1 % of them changed": call,
        "refresh_tags, nothing changed": call,
    }
    names = list(sql)
    jobs = {
        name: {node: report.Measured(f"{name}: {node}", rows) for node in nodes}
        for name in names
    }
    jobs[COUNTING][ANEW] = report.Measured(f"{COUNTING}: {ANEW}", rows)
    for each in (base.session, session, anew):
        each.rows(count)
    for number in range(base.options.repeats):
        for name in names:
            for node, each in nodes.items():
                if name == names[1]:
                    each.rows("TRUNCATE tags")
                if name == names[2]:
                    each.rows("VACUUM ANALYZE tags")
                    one_table.change_some(each, base.samples, number)
                jobs[name][node].runs.append(each.seconds(sql[name]))
        jobs[COUNTING][ANEW].runs.append(anew.seconds(count))
    check(base, session)
    for name in names:
        one_node = jobs[name]["one node"]
        report.table_of_jobs(jobs[name].values(), one_node)
        ratio = jobs[name]["cluster"].median / one_node.median
        report.say(
            f"{name}: the cluster takes {report.number(ratio)} times as long"
            f" (wanted: at most {WANTED}).",
            "",
        )
    base.session.rows("DROP TABLE tags, base_suite")

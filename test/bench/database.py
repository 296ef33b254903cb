"""The private server: sessions of psql, and binary COPY to and from arrays."""

import os
import subprocess
import time

import numpy as np

DATABASE = "bench"
END = "end-of-statement"

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # no flags, no header extension
TRAILER = b"\xff\xff"
CURVE_VERSION = 1  # of loss_curve's binary form
ROWS_AT_ONCE = 50000


def client(program):
    return os.path.join(os.environ["BENCH_BINDIR"], program)


class Session:
    """One connection, as an application keeps it."""

    def __init__(self, port=None):
        command = [client("psql"), "-X", "-q", "-A", "-t", "-F", "\t"]
        if port:
            command += ["-p", str(port)]
        self.psql = subprocess.Popen(
            command + ["-v", "ON_ERROR_STOP=1", "-d", DATABASE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PGOPTIONS": "-c client_min_messages=warning"},
        )
        self.rows("")  # when it answers, it is connected

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.psql.stdin.close()
        self.psql.wait()
        self.psql.stdout.close()

    def rows(self, sql):
        """The answer, a list of columns for each row."""
        self.psql.stdin.write(f"{sql};\n\\echo {END}\n")
        self.psql.stdin.flush()
        lines = []
        for line in self.psql.stdout:
            if line == END + "\n":
                return [row.rstrip("\n").split("\t") for row in lines]
            lines.append(line)
        raise RuntimeError(f"psql has failed: {''.join(lines)}{sql}")

    def value(self, sql):
        return self.rows(sql)[0][0]

    def seconds(self, sql):
        started = time.perf_counter()
        self.rows(sql)
        return time.perf_counter() - started

    def plan(self, sql):
        return [row[0] for row in self.rows(f"EXPLAIN {sql}")]

    def process_id(self):
        return int(self.value("SELECT pg_backend_pid()"))


def is_available(extension):
    with Session() as session:
        name = session.rows(
            f"SELECT 1 FROM pg_available_extensions WHERE name = '{extension}'"
        )
        return bool(name)


def curve_row(epochs):
    """A row (id, curve) as COPY's binary form has it."""
    return np.dtype(
        [
            ("columns", ">i2"),
            ("id_length", ">i4"),
            ("id", ">i8"),
            ("curve_length", ">i4"),
            ("version", "u1"),
            ("epochs", ">i4"),
            ("losses", ">f4", (epochs,)),
        ]
    )


def label_row(length):
    """A row (id, label) with a label of that many bytes."""
    return np.dtype(
        [
            ("columns", ">i2"),
            ("id_length", ">i4"),
            ("id", ">i8"),
            ("label_length", ">i4"),
            ("label", f"S{length}"),
        ]
    )


def write_curves(path, curves):
    """A file for COPY, ids counting from 1."""
    n, epochs = curves.shape
    with open(path, "wb") as file:
        file.write(SIGNATURE)
        for start in range(0, n, ROWS_AT_ONCE):
            part = curves[start : start + ROWS_AT_ONCE]
            rows = np.empty(len(part), curve_row(epochs))
            rows["columns"] = 2
            rows["id_length"] = 8
            rows["id"] = np.arange(start + 1, start + 1 + len(part))
            rows["curve_length"] = 5 + 4 * epochs
            rows["version"] = CURVE_VERSION
            rows["epochs"] = epochs
            rows["losses"] = part
            rows.tofile(file)
        file.write(TRAILER)


def read_curves(path, epochs):
    """Ids and curves of a file that COPY has written."""
    row = curve_row(epochs)
    n = (os.path.getsize(path) - len(SIGNATURE) - len(TRAILER)) // row.itemsize
    rows = np.memmap(path, row, "r", len(SIGNATURE), n)
    return rows["id"].astype(np.int64), rows["losses"].astype(np.float32)


def write_labels(path, ids, labels, names):
    """A file for COPY; labels are numbers into names.  Rows of equal labels
    are of equal length, so they are written together."""
    with open(path, "wb") as file:
        file.write(SIGNATURE)
        for number, name in enumerate(names):
            chosen = ids[labels == number]
            rows = np.empty(len(chosen), label_row(len(name)))
            rows["columns"] = 2
            rows["id_length"] = 8
            rows["id"] = chosen
            rows["label_length"] = len(name)
            rows["label"] = name.encode()
            rows.tofile(file)
        file.write(TRAILER)


def load_curves(session, table, curves):
    """Makes a table (id, curve) of them."""
    path = os.path.join(os.environ["BENCH_WORK"], table + ".copy")
    write_curves(path, curves)
    session.rows(f"DROP TABLE IF EXISTS {table}")
    session.rows(
        f"BEGIN; CREATE TABLE {table} (id bigint PRIMARY KEY, curve loss_curve);"
        f"COPY {table} FROM '{path}' (FORMAT binary, FREEZE); COMMIT"
    )
    session.rows(f"VACUUM ANALYZE {table}")
    os.remove(path)


def load_probes(session, table, curves, kinds):
    """Makes a table (id, label, curve) of them; kinds are their names."""
    load_curves(session, table, curves)
    names = ", ".join(f"'{kind}'" for kind in kinds)
    session.rows(f"ALTER TABLE {table} ADD COLUMN label text")
    session.rows(
        f"UPDATE {table} SET label = (ARRAY[{names}])[(id - 1) % {len(kinds)} + 1]"
    )
    session.rows(f"VACUUM FULL ANALYZE {table}")

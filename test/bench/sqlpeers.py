"""The peers inside the server: pgvector, and plain SQL on arrays."""

import database

# The same vote, with the same order of ties, over two ways to find neighbours.
VOTE = """
    SELECT s.id, vote.label
    FROM {table}_samples AS s CROSS JOIN LATERAL (
        SELECT nearest.label
        FROM ({distances} ORDER BY distance LIMIT {k}) AS nearest
        GROUP BY nearest.label
        ORDER BY count(*) DESC, sum(nearest.distance), nearest.label COLLATE "C"
        LIMIT 1
    ) AS vote"""


class SqlPeer:
    """Tables of the first rows and of all probes in the peer's type, and a query."""

    def __init__(self, name, table, type, distances, extension=None, divisor=1):
        self.name = name
        self.table = table
        self.type = type
        self.distances = distances
        self.extension = extension
        self.divisor = divisor  # by which its sample is smaller, since it is slow

    def is_available(self):
        return not self.extension or database.is_available(self.extension)

    def version(self, session):
        return session.value(
            f"SELECT extversion FROM pg_extension WHERE extname = '{self.extension}'"
        )

    def prepare(self, base):
        """Makes the tables; returns how many rows there are."""
        n = max(base.options.sample // self.divisor, 1)
        losses = f"curve::real[]::{self.type.format(base.options.epochs)} AS losses"
        session, table = base.session, self.table
        if self.extension:
            session.rows(f"CREATE EXTENSION IF NOT EXISTS {self.extension}")
        session.rows(
            f"CREATE TABLE {table}_samples AS SELECT id, {losses}"
            f" FROM {base.samples} WHERE id <= {n};"
            f"CREATE TABLE {table}_probes AS SELECT label, {losses} FROM base_probes;"
            f"ANALYZE {table}_samples, {table}_probes"
        )
        return n

    def query(self, k):
        return VOTE.format(table=self.table, distances=self.distances, k=k)


PEERS = [
    SqlPeer(
        "pgvector, LATERAL, exact",
        "vector",
        "vector({})",
        "SELECT p.label, p.losses <-> s.losses AS distance FROM vector_probes AS p",
        extension="vector",
    ),
    SqlPeer(
        "plain SQL, LATERAL over real[]",
        "array",
        "real[]",
        """SELECT p.label, d.distance
            FROM array_probes AS p CROSS JOIN LATERAL (
                SELECT sqrt(sum((a::float8 - b) * (a::float8 - b))) AS distance
                FROM unnest(s.losses, p.losses) AS pair(a, b)
            ) AS d""",
        divisor=20,
    ),
]

"""A probe suite and a tag table as one HTML page that needs nothing else.

All is read in one read-only transaction, under one snapshot.  The page holds
the data as JSON; page.js draws them.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import math
import sys
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composable, Identifier, Literal

HERE = Path(__file__).resolve().parent
LIBRARIES = (
    "vega/build/vega.min.js",
    "vega-lite/build/vega-lite.min.js",
    "vega-embed/build/vega-embed.min.js",
)


class ReportError(Exception):
    """What the user can do something about."""


class Relation:
    """A relation by its name as in SQL: its columns, and its name for queries."""

    def __init__(self, database: Database, name: str) -> None:
        found = database.rows(
            SQL(
                "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c"
                " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                " WHERE c.oid = {}::pg_catalog.regclass"
            ).format(Literal(name))
        )[0]
        self.name = name
        self.sql = Identifier(found["nspname"], found["relname"])
        self.columns = {
            row["attname"]: row["type"]
            for row in database.rows(
                SQL(
                    "SELECT a.attname, t.typnamespace::pg_catalog.regnamespace::text"
                    "     || '.' || t.typname AS type"
                    " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
                    " WHERE attrelid = {} AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
                ).format(Literal(found["oid"]))
            )
        }
        # the columns of the primary key, and the equality that its index goes by
        self.key = {
            row["attname"]: SQL("OPERATOR({}.{})").format(Identifier(row["nspname"]), SQL(row["oprname"]))
            for row in database.rows(
                SQL(
                    "SELECT a.attname, n.nspname, o.oprname FROM pg_catalog.pg_index i,"
                    "     pg_catalog.unnest(i.indkey) WITH ORDINALITY AS k(attnum, n),"
                    "     pg_catalog.pg_attribute a, pg_catalog.pg_opclass c, pg_catalog.pg_amop m,"
                    "     pg_catalog.pg_operator o, pg_catalog.pg_namespace n"
                    " WHERE i.indrelid = {0} AND i.indisprimary AND a.attrelid = {0}"
                    "     AND a.attnum = k.attnum AND k.n <= i.indnkeyatts"
                    "     AND c.oid = i.indclass[k.n - 1] AND m.amopfamily = c.opcfamily"
                    "     AND m.amoplefttype = c.opcintype AND m.amoprighttype = c.opcintype"
                    "     AND m.amopstrategy = 3 AND o.oid = m.amopopr AND n.oid = o.oprnamespace"
                    " ORDER BY k.n"
                ).format(Literal(found["oid"]))
            )
        }

    def only(self, wanted: str, *types: str) -> str:
        """The column of this name, else the only one of these types."""
        if self.columns.get(wanted) in types:
            return wanted
        fitting = [name for name, type_ in self.columns.items() if type_ in types]
        if len(fitting) != 1:
            raise ReportError(
                f"relation {self.name} needs a column {wanted}, or just one of type {types[0]};"
                f" it has {len(fitting)} of those"
            )
        return fitting[0]


class Database:
    """One snapshot, and the schema that the extension is in."""

    def __init__(self, conninfo: str) -> None:
        self.connection = psycopg.connect(conninfo, row_factory=dict_row)
        self.connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self.connection.read_only = True
        found = self.rows(
            SQL(
                "SELECT n.nspname, n.oid::pg_catalog.regnamespace::text AS quoted"
                " FROM pg_catalog.pg_extension e"
                " JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'metaprobe'"
            )
        )
        if not found:
            raise ReportError("the database has no extension metaprobe")
        self.schema = Identifier(found[0]["nspname"])
        self.loss_curve = found[0]["quoted"] + ".loss_curve"
        self.probe_suite = found[0]["quoted"] + ".probe_suite"

    def rows(self, query: Composable) -> list[dict[str, Any]]:
        """Rows as they go into JSON, which has no infinity."""
        return [
            {name: None if isinstance(x, float) and not math.isfinite(x) else x for name, x in row.items()}
            for row in self.connection.execute(query).fetchall()
        ]

    def suite_of(self, relation: Relation) -> Composable:
        """An expression for the suite that a relation holds, or is."""
        if self.probe_suite in relation.columns.values():
            column = relation.only("suite", self.probe_suite)
            return SQL("(SELECT {} FROM {})").format(Identifier(column), relation.sql)
        texts = [f"pg_catalog.{name}" for name in ("text", "varchar", "bpchar")]
        label = relation.only("label", *texts)
        curve = relation.only("curve", self.loss_curve)
        ids = [name for name in ("id", "probe_id") if name in relation.columns]
        return SQL("(SELECT {}.probe_suite_agg({}::text, {}, {}) FROM {})").format(
            self.schema,
            Identifier(label),
            Identifier(curve),
            SQL("{}::text").format(Identifier(ids[0])) if ids else SQL("NULL::text"),
            relation.sql,
        )


def suspect_rows(
    database: Database,
    suite: Composable,
    tags: Relation,
    source: Relation,
    label: str,
    args: argparse.Namespace,
) -> list[dict[str, Any]]:
    """Rows with this tag, the highest scores first, and what explains them."""
    curve = source.only("curve", database.loss_curve)
    for column in args.columns:
        if column not in source.columns:
            raise ReportError(f"relation {source.name} has no column {column}")
    names = [*tags.key, *args.columns]
    return database.rows(
        SQL(
            "SELECT s.key AS key, s.label, s.probability, s.score, s.runner_up, s.margin, s.distance,"
            "  s.novelty, s.curve::pg_catalog.jsonb AS curve, {m}.curve_chart(s.curve, {suite}) AS chart,"
            "  (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('label', n.label, 'count', n.count)"
            "      ORDER BY n.count DESC, n.label COLLATE \"C\")"
            "   FROM (SELECT label, pg_catalog.count(*) FROM {m}.nearest_probes(s.curve, {suite})"
            "      GROUP BY label) AS n) AS neighbours"
            " FROM (SELECT pg_catalog.jsonb_build_array({names}) AS key, t.label, t.probability, t.score,"
            "      t.runner_up, t.margin, t.distance, t.novelty, s.{curve} AS curve"
            "   FROM {tags} AS t JOIN {source} AS s ON {join}"
            "   WHERE t.label OPERATOR(pg_catalog.=) {label} ORDER BY t.score DESC NULLS LAST, {order} LIMIT {limit}) AS s"
        ).format(
            m=database.schema,
            suite=suite,
            curve=Identifier(curve),
            tags=tags.sql,
            source=source.sql,
            label=Literal(label),
            limit=Literal(args.rows),
            names=SQL(", ").join(
                SQL("pg_catalog.left(s.{}::text, 200)").format(Identifier(n)) for n in names
            ),
            join=SQL(" AND ").join(
                SQL("t.{0} {1} s.{0}").format(Identifier(k), equals) for k, equals in tags.key.items()
            ),
            order=SQL(", ").join(SQL("t.{}").format(Identifier(k)) for k in tags.key),
        )
    )


def collect(args: argparse.Namespace) -> dict[str, Any]:
    """All that the page shows."""
    database = Database(args.conninfo)
    suite_relation = Relation(database, args.suite)
    tags = Relation(database, args.tags)
    source = Relation(database, args.source)
    if not tags.key:
        raise ReportError(f"{args.tags} has no primary key: is it a tag table?")
    suite = database.suite_of(suite_relation)
    info = database.rows(
        SQL(
            "SELECT i.*, {0}.probe_suite_chart({1}) AS suite_chart, {0}.confusion_chart({1}) AS confusion_chart,"
            " {0}.reliability_chart({1}) AS reliability_chart,"
            " {0}.tag_chart({2}::pg_catalog.regclass) AS tag_chart, pg_catalog.now()::text AS made_at,"
            " (SELECT p.label FROM {0}.probe_suite_probes({1}) AS p,"
            "    pg_catalog.unnest(p.curve::real[]) AS loss GROUP BY p.label"
            "  ORDER BY pg_catalog.avg(loss) DESC NULLS LAST, p.label COLLATE \"C\" LIMIT 1) AS highest_loss"
            " FROM {0}.probe_suite_info({1}) AS i"
        ).format(database.schema, suite, Literal(args.tags))
    )[0]
    if info["hash"] is None:
        raise ReportError(f"relation {args.suite} holds no suite")
    counts = database.rows(
        SQL(
            "SELECT label, pg_catalog.count(*) AS rows, pg_catalog.avg(probability) AS probability,"
            " pg_catalog.avg(score) AS score, pg_catalog.avg(novelty) AS novelty,"
            " pg_catalog.count(*) FILTER (WHERE suite_hash OPERATOR(pg_catalog.<>) {}) AS stale"
            " FROM {} GROUP BY label ORDER BY pg_catalog.count(*) DESC, label COLLATE \"C\""
        ).format(Literal(info["hash"]), tags.sql)
    )
    label = args.label if args.label is not None else info.pop("highest_loss")
    if label not in info["labels"]:
        raise ReportError(f"the suite has no label {label}; it has {', '.join(info['labels'])}")
    return {
        "title": args.title or f"Tags of {args.source}",
        "names": {"suite": args.suite, "tags": args.tags, "source": args.source},
        "info": info,
        "counts": counts,
        "label": label,
        "columns": [*tags.key, *args.columns],
        "suspects": suspect_rows(database, suite, tags, source, label, args),
    }


def escaped(text: str) -> str:
    """Text for HTML."""
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(character, entity)
    return text


def harmless(value: Any) -> str:
    """JSON that no HTML parser sees a tag in."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def script(text: str) -> tuple[str, str]:
    """A script element, and its hash for the page's policy."""
    text = text.replace("</script", "<\\/script").replace("<!--", "<\\!--")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"<script>{text}</script>", f"'sha256-{digest}'"


def page(data: dict[str, Any], libraries: Path) -> str:
    """The page.  Its policy lets it load nothing, and run only these scripts."""
    sources = [(libraries / name).read_text() for name in LIBRARIES]
    sources.append((HERE / "page.js").read_text())
    scripts, hashes = zip(*(script(source) for source in sources))
    parts = {
        "{{policy}}": "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'unsafe-eval' {' '.join(hashes)}",
        "{{title}}": escaped(data["title"]),
        "{{style}}": (HERE / "page.css").read_text(),
        "{{scripts}}": "\n".join(scripts),
        "{{data}}": harmless(data),
    }
    result = []
    for piece in (HERE / "page.html").read_text().split("\n"):
        for mark, text in parts.items():
            if mark in piece:
                before, after = piece.split(mark)
                piece = before + text + after
                break
        result.append(piece)
    return "\n".join(result)


def at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="report/run",
        description="Writes one HTML page about a probe suite and the tags that it gave.",
    )
    parser.add_argument("conninfo", help="how to connect, as for psql")
    parser.add_argument("suite", help="the relation that holds one suite, or is a probe table")
    parser.add_argument("tags", help="the tag table")
    parser.add_argument("source", help="the relation that was tagged")
    parser.add_argument("--label", help="the label of the suspicious rows (the one of the highest mean loss)")
    parser.add_argument("--rows", type=at_least_one, default=50, help="how many of them to show (50)")
    parser.add_argument("--columns", type=lambda text: text.split(","), default=[],
                        help="columns of the source to show with them, separated by commas")
    parser.add_argument("--title", help="the page's title")
    parser.add_argument("--libraries", type=Path, required=True, help=argparse.SUPPRESS)
    args = parser.parse_args()
    try:
        sys.stdout.reconfigure(encoding="utf-8")
        sys.stdout.write(page(collect(args), args.libraries))
    except (ReportError, psycopg.Error) as error:
        sys.exit(f"report/run: {error}")


if __name__ == "__main__":
    main()

"""Charts against Vega-Lite's own schema, and the report in a real browser.

Needs npm (and what it can reach) for both, Debian's python3-jsonschema for the
one and its chromium for the other.  METAPROBE_REPORT_PICTURES names a directory
where screenshots stay, to be looked at.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any

import psycopg

try:
    import jsonschema
except ImportError:
    jsonschema = None

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DATA = ROOT / "test" / "data" / "mnist"
DATABASE = "metaprobe_report"
HOSTILE = "</script><b>\"'&<img src=x onerror=hacked=1><!--"


def setUpModule() -> None:
    global private, modules, why_not
    private = Path(tempfile.mkdtemp(prefix="metaprobe-report-"))
    os.environ["npm_config_cache"] = str(private / "npm")
    os.environ["METAPROBE_REPORT_CACHE"] = str(private / "cache")
    modules, why_not = private / "node_modules", ""
    if not shutil.which("npm"):
        why_not = "there is no npm here"
    else:
        shutil.copy(HERE / "package.json", private)
        installed = subprocess.run(
            ["npm", "install", "--prefix", private, "--ignore-scripts", "--no-package-lock",
             "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"],
            capture_output=True, text=True,
        )
        if installed.returncode != 0:
            why_not = f"npm could not install: {installed.stderr[-300:]}"
    with psycopg.connect(dbname="postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
    load()


def tearDownModule() -> None:
    with psycopg.connect(dbname="postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
    shutil.rmtree(private)


def connect() -> psycopg.Connection[Any]:
    return psycopg.connect(dbname=DATABASE, autocommit=True)


def copy(connection: psycopg.Connection[Any], command: str, name: str) -> None:
    text = subprocess.run(["gzip", "-dc", DATA / name], stdout=subprocess.PIPE, check=True).stdout
    with connection.cursor().copy(f"COPY {command} FROM STDIN WITH (FORMAT csv, HEADER)") as to:
        to.write(text)


def load() -> None:
    """The digits, one label of which is made hostile, and one curve without a tag."""
    with connect() as connection:
        connection.execute("CREATE EXTENSION metaprobe")
        connection.execute("CREATE TABLE probes (id text, label text, curve loss_curve)")
        connection.execute(
            'CREATE TABLE "The ""samples""" ("Id" integer PRIMARY KEY, true_label integer,'
            " given_label text, is_mislabelled boolean, curve loss_curve)"
        )
        copy(connection, "probes", "probes.csv.gz")
        copy(connection, '"The ""samples"""', "dataset.csv.gz")
        connection.execute(
            "UPDATE probes SET label = %s WHERE label = 'random_outputs'", (HOSTILE,)
        )
        connection.execute("UPDATE probes SET id = %s WHERE id ~ '7$'", (HOSTILE,))
        connection.execute(
            'UPDATE "The ""samples""" SET given_label = %s WHERE "Id" %% 3 = 0', (HOSTILE,)
        )
        connection.execute(
            'UPDATE "The ""samples""" SET curve = NULL'
            ' WHERE "Id" = (SELECT min("Id") FROM "The ""samples""")'
        )
        connection.execute("SELECT create_tag_table('tags', '\"The \"\"samples\"\"\"')")
        connection.execute("CALL refresh_tags('tags', '\"The \"\"samples\"\"\"', 'probes')")


class SchemaTest(unittest.TestCase):
    """Every chart is valid by the schema that Vega-Lite publishes."""

    charts = {
        "suite": "SELECT probe_suite_chart(probe_suite_agg(label, curve, id)) FROM probes",
        "confusion": "SELECT confusion_chart(probe_suite_agg(label, curve, id)) FROM probes",
        "reliability": "SELECT reliability_chart(probe_suite_agg(label, curve, id)) FROM probes",
        "nothing reliable": """SELECT reliability_chart('{"probes":[{"label":"a","curve":[1]}]}')""",
        "too novel": "SELECT curve_chart('[9,9]', configure_probe_suite(probe_suite_agg(label, curve, id), max_novelty => 0.1))"
        " FROM probes",
        "curve": "SELECT curve_chart('[1,null,0.5]', probe_suite_agg(label, curve, id)) FROM probes",
        "tags": "SELECT tag_chart('tags')",
        "no tags": "SELECT tag_chart('{}', '{}')",
        "no neighbour": """SELECT curve_chart('[]', '{"probes":[{"label":"a","curve":[1,null,2]}]}')""",
        "gaps": """SELECT probe_suite_chart('{"probes":[{"label":"a","curve":[1,null,2]}]}')""",
        "none predicted": """SELECT confusion_chart('{"k":1,"probes":[{"label":"a","curve":[1]},
            {"label":"b","curve":[null,1]}]}')""",
    }

    def setUp(self) -> None:
        if why_not:
            self.skipTest(why_not)
        if jsonschema is None:
            self.skipTest("there is no jsonschema for this Python")
        schema = json.loads((modules / "vega-lite/build/vega-lite-schema.json").read_text())
        self.validator = jsonschema.Draft7Validator(schema)

    def test_charts(self) -> None:
        with connect() as connection:
            for name, query in self.charts.items():
                with self.subTest(name):
                    chart = connection.execute(query).fetchone()[0]
                    self.assertEqual([error.message[:500] for error in self.validator.iter_errors(chart)], [])

    def test_schema_finds_errors(self) -> None:
        chart = {"data": {"values": []}, "mark": "bar", "encoding": {"x": {"field": "a", "type": "quantity"}}}
        self.assertFalse(self.validator.is_valid(chart))


class ReportTest(unittest.TestCase):
    """The report shows what the database says, in both colour schemes."""

    missing: str
    page: Path
    seen: dict[str, Any]

    @classmethod
    def setUpClass(cls) -> None:
        browser = shutil.which("chromium")
        cls.missing = why_not or ("" if browser and shutil.which("node") else "there is no chromium and node here")
        if cls.missing:
            return
        cls.page = private / "report.html"
        with cls.page.open("wb") as page:
            subprocess.run(
                [ROOT / "report" / "run", f"dbname={DATABASE}", "probes", "tags", '"The ""samples"""',
                 "--columns", "given_label", "--rows", "30", "--title", f"Digits {HOSTILE}"],
                stdout=page, check=True, timeout=120,
            )
        pictures = Path(os.environ.get("METAPROBE_REPORT_PICTURES", private))
        cls.seen = json.loads(
            subprocess.run(
                ["node", HERE / "browse.mjs", modules, browser, cls.page, pictures],
                stdout=subprocess.PIPE, check=True, timeout=120,
            ).stdout
        )

    def setUp(self) -> None:
        if self.missing:
            self.skipTest(self.missing)

    def each(self) -> list[dict[str, Any]]:
        return [self.seen["light"], self.seen["dark"]]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with connect() as connection:
            return connection.execute(query).fetchall()

    def test_nothing_goes_wrong(self) -> None:
        for seen in self.each():
            self.assertEqual(seen["messages"], [])
            self.assertEqual(seen["requests"], [self.page.as_uri()])
            self.assertEqual((seen["state"], seen["injected"], seen["stale"]), ("ready", 0, False))

    def test_no_markup_in_data(self) -> None:
        text = self.page.read_text()
        self.assertFalse("</script><b>" in text or "<img src=x" in text)
        self.assertEqual(text.count("</script>"), 5)

    def test_facts(self) -> None:
        (hash_,), = self.rows(
            "SELECT (probe_suite_info(probe_suite_agg(label, curve, id))).hash FROM probes"
        )
        for seen in self.each():
            self.assertIn(f"hash {hash_}.", seen["facts"])
            self.assertIn("(8000 rows)", seen["facts"])

    def test_charts(self) -> None:
        confusion = self.rows(
            "SELECT c.count::text FROM (SELECT probe_suite_agg(label, curve, id) AS suite FROM probes) s,"
            " probe_suite_confusion(suite) c"
        )
        bars = self.rows("SELECT to_char(count(*), 'FM999,999') FROM tags GROUP BY label")
        for seen in self.each():
            self.assertEqual(sorted(seen["matrix"]), sorted(count for (count,) in confusion))
            self.assertEqual(sorted(seen["bars"]), sorted(count for (count,) in bars))
            self.assertEqual(len(set(seen["lines"])), 5)
            self.assertEqual(seen["chart"], 21)

    def test_reliability(self) -> None:
        wanted = self.rows(
            "SELECT r.probability::real, r.hit_rate::real, r.count FROM (SELECT probe_suite_agg(label, curve, id) AS suite"
            " FROM probes) s, probe_suite_reliability(suite) r ORDER BY r.bin"
        )
        for seen in self.each():
            self.assertEqual(len(seen["reliability"]), len(wanted))
            for point, row in zip(seen["reliability"], wanted):
                shown = dict(part.rsplit(": ", 1) for part in point.split("; "))
                self.assertEqual(float(shown["mean probability"]), row[0])
                self.assertEqual(float(shown["share of right labels"]), row[1])
                self.assertEqual(shown["probes"], f"{row[2]:,}")

    def test_operators_of_the_path(self) -> None:
        with connect() as connection:
            connection.execute(
                "CREATE SCHEMA evil;"
                " CREATE FUNCTION evil.no(integer, integer) RETURNS boolean LANGUAGE sql AS 'SELECT false';"
                " CREATE FUNCTION evil.no(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';"
                " CREATE OPERATOR evil.= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = evil.no);"
                " CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.no)"
            )
        try:
            page = subprocess.run(
                [ROOT / "report" / "run", f"dbname={DATABASE} options='-csearch_path=evil,pg_catalog,public'",
                 "probes", "tags", '"The ""samples"""', "--rows", "3"],
                stdout=subprocess.PIPE, check=True, timeout=120,
            ).stdout.decode()
        finally:
            with connect() as connection:
                connection.execute("DROP SCHEMA evil CASCADE")
        data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
        self.assertEqual(len(data["suspects"]), 3)

    def test_rows_per_tag(self) -> None:
        wanted = self.rows(
            "SELECT coalesce(label, '(no tag)'), count(*)::text, 100.0 * count(*) / 8000,"
            " avg(probability), avg(score), avg(novelty) FROM tags GROUP BY label"
            ' ORDER BY count(*) DESC, label COLLATE "C"'
        )
        self.assertIn(HOSTILE, [row[0] for row in wanted])
        self.assertIn("(no tag)", [row[0] for row in wanted])
        for seen in self.each():
            self.assertEqual([row[:2] for row in seen["counts"]], [list(row[:2]) for row in wanted])
            for shown, row in zip(seen["counts"], wanted):
                self.assertRegex(shown[2], r"^\d+\.\d %$")
                for text, number in zip(shown[2:], row[2:]):
                    self.assert_shows(text.removesuffix(" %"), number)

    def assert_shows(self, text: str, number: float | None) -> None:
        if number is None:
            self.assertEqual(text, "–")
            return
        digits = len(text.partition(".")[2])
        self.assertTrue(math.isclose(float(text), number, abs_tol=0.501 * 10**-digits), f"{text} {number}")

    def test_suspects(self) -> None:
        wanted = self.rows(
            'SELECT "Id"::text, given_label, curve, score, probability, runner_up, margin, distance, novelty,'
            " (SELECT string_agg(n || ' ' || label, ', ' ORDER BY n DESC, label COLLATE \"C\") FROM"
            "   (SELECT label, count(*) AS n FROM nearest_probes(curve, (SELECT probe_suite_agg(label, curve, id)"
            "      FROM probes)) GROUP BY label) AS n),"
            " curve::jsonb"
            ' FROM tags t JOIN "The ""samples""" s USING ("Id")'
            f" WHERE t.label = {psycopg.sql.Literal(HOSTILE).as_string(None)}"
            ' ORDER BY score DESC, "Id" LIMIT 30'
        )
        self.assertEqual(len(wanted), 30)
        for seen in self.each():
            self.assertEqual(len(seen["suspects"]), 30)
            for shown, row in zip(seen["suspects"], wanted):
                self.assertEqual(shown[:3], [row[0], row[1], ""])
                for column in (3, 4, 6, 7, 8):
                    self.assert_shows(shown[column], row[column])
                self.assertEqual(shown[5], row[5] or "–")
                self.assertEqual(shown[9], row[9])
            for path, row in zip(seen["sparklines"], wanted, strict=True):
                self.assertEqual(len(re.findall("[ML]", path)), len(row[10]))

    def test_sorting(self) -> None:
        for seen in self.each():
            distances = [float(text) for text in seen["ascending"]]
            self.assertEqual(distances, sorted(distances))
            self.assertEqual([float(text) for text in seen["descending"]], distances[::-1])
            self.assertTrue(seen["closed"])

    def test_colours(self) -> None:
        light, dark = self.seen["light"], self.seen["dark"]
        self.assertNotEqual(light["background"], dark["background"])
        self.assertNotEqual(light["axis"], dark["axis"])

    def test_mistakes(self) -> None:
        for arguments, complaint in (
            (["probes", "nowhere", "probes"], 'relation "nowhere" does not exist'),
            (["probes", "probes", "probes"], "probes has no primary key"),
            (["tags", "tags", "probes"], "needs a column"),
            (["probes", "tags", '"The ""samples"""', "--label", "x"], "the suite has no label x"),
            (["probes", "tags", '"The ""samples"""', "--columns", "x"], "has no column x"),
            (["probes", "tags", '"The ""samples"""', "--rows", "0"], "must be at least 1"),
        ):
            with self.subTest(arguments):
                done = subprocess.run(
                    [ROOT / "report" / "run", f"dbname={DATABASE}", *arguments],
                    capture_output=True, text=True, timeout=60,
                )
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(complaint, done.stderr)
                self.assertNotIn("Traceback", done.stderr)
                self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main()

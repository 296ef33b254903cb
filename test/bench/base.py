"""The base case: the tables and arrays that most jobs share."""

from functools import cached_property

import database
import generate
import reference

SUITE = "(SELECT suite FROM suites WHERE name = '{}')"


class Base:
    def __init__(self, options):
        self.options = options
        self.session = database.Session()
        self.session.rows("CREATE EXTENSION metaprobe")
        self.session.rows(
            "CREATE TABLE suites (name text PRIMARY KEY, suite probe_suite)"
        )

    def make_curves(self, n, epochs=None, noise=1.0):
        return generate.make_curves(
            self.options.seed, generate.ROWS, n, epochs or self.options.epochs, noise
        )

    def make_probes(self, n, epochs=None, noise=1.0):
        return generate.make_curves(
            self.options.seed, generate.PROBES, n, epochs or self.options.epochs, noise
        )

    def load_suite(self, name, probes, settings=""):
        """Makes a table of probes and a suite of it, named alike."""
        table = f"{name}_probes"
        database.load_probes(self.session, table, probes, generate.KINDS)
        self.session.rows(f"DELETE FROM suites WHERE name = '{name}'")
        suite = "probe_suite_agg(label, curve, id::text)"
        if settings:
            suite = f"configure_probe_suite({suite}, {settings})"
        self.session.rows(f"INSERT INTO suites SELECT '{name}', {suite} FROM {table}")
        self.session.rows("VACUUM ANALYZE suites")
        return SUITE.format(name)

    @cached_property
    def curves(self):
        return self.make_curves(self.options.rows)

    @cached_property
    def raw_probes(self):
        return self.make_probes(self.options.probes)

    @cached_property
    def probes(self):
        return reference.Probes(
            self.raw_probes, generate.kinds_of(self.options.probes), generate.KINDS
        )

    @cached_property
    def samples(self):
        """The name of the table of all rows."""
        database.load_curves(self.session, "samples", self.curves)
        return "samples"

    @cached_property
    def suite(self):
        """SQL for the base case's suite."""
        return self.load_suite("base", self.raw_probes, f"k => {self.options.k}")

#!/usr/bin/python3
"""Renders a dbt project as far as examples/dbt needs it.

usage: render.py PROJECT SCHEMA

Prints JSON: a list of steps in their order, each with a name, a kind (model or
test) and its SQL.  A test's SQL gives the rows that fail it.  Anything that is
not known here is an error, so that nothing goes unrendered.
"""

import json
import sys
from pathlib import Path

import jinja2
import yaml


def quoted(*names):
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


class Project:
    def __init__(self, folder, schema):
        self.folder = Path(folder)
        self.schema = schema
        self.settings = self.read_yaml("dbt_project.yml")
        self.sources = {}
        self.models = {}
        for path in sorted(self.folder.glob("models/*.yml")):
            content = self.read_yaml(path.relative_to(self.folder))
            for source in content.get("sources", []):
                for table in source["tables"]:
                    self.sources[source["name"], table["name"]] = quoted(source["schema"], table["name"])
            for model in content.get("models", []):
                self.models[model["name"]] = model

    def read_yaml(self, name):
        return yaml.safe_load((self.folder / name).read_text())

    def render(self, path):
        """The SQL of a file, its configuration, and the models that it reads."""
        config, needs = {}, []

        def configure(**settings):
            config.update(settings)
            return ""

        def ref(name):
            needs.append(name)
            return quoted(self.schema, name)

        environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
        sql = environment.from_string(path.read_text()).render(
            config=configure,
            ref=ref,
            source=lambda *names: self.sources[names],
            var=lambda name: self.settings["vars"][name],
        )
        return sql.strip(), config, needs

    def steps(self):
        rendered = {path.stem: self.render(path) for path in sorted(self.folder.glob("models/*.sql"))}
        described = set(self.models)
        assert described == set(rendered), f"models and schema.yml differ: {described ^ set(rendered)}"
        done = []
        while len(done) < len(rendered):
            ready = [name for name, (_, _, needs) in rendered.items()
                     if name not in done and set(needs) <= set(done)]
            assert ready, "models that need each other, or one that is not there"
            done += ready
        for name in done:
            yield {"kind": "model", "name": name, "sql": self.table(name, *rendered[name][:2])}
        for model in self.models.values():
            yield from self.column_tests(model)
        for path in sorted(self.folder.glob("tests/*.sql")):
            yield {"kind": "test", "name": path.stem, "sql": self.render(path)[0]}

    def table(self, name, sql, config):
        assert config.pop("materialized") == "table"
        relation = quoted(self.schema, name)
        statements = [f"DROP TABLE IF EXISTS {relation} CASCADE", f"CREATE TABLE {relation} AS (\n{sql}\n)"]
        for index in config.pop("indexes", []):
            unique = "UNIQUE " if index.get("unique") else ""
            columns = ", ".join(map(quoted, index["columns"]))
            statements.append(f"CREATE {unique}INDEX ON {relation} ({columns})")
        assert not config, f"settings that are not known here: {config}"
        return ";\n".join(statements)

    def column_tests(self, model):
        for column in model["columns"]:
            for test in column.get("data_tests", []):
                kind, values = (test, []) if isinstance(test, str) else self.arguments(test)
                yield {
                    "kind": "test",
                    "name": f"{kind}_{model['name']}_{column['name']}",
                    "sql": GENERIC_TESTS[kind](quoted(self.schema, model["name"]), quoted(column["name"]), values),
                }

    @staticmethod
    def arguments(test):
        (kind, properties), = test.items()
        assert set(properties) == {"arguments"} and set(properties["arguments"]) == {"values"}
        return kind, properties["arguments"]["values"]


GENERIC_TESTS = {
    "unique": lambda table, column, _:
        f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL GROUP BY {column} HAVING count(*) > 1",
    "not_null": lambda table, column, _:
        f"SELECT {column} FROM {table} WHERE {column} IS NULL",
    "accepted_values": lambda table, column, values:
        f"SELECT DISTINCT {column} FROM {table} WHERE {column} NOT IN ("
        + ", ".join("'" + value.replace("'", "''") + "'" for value in values) + ")",
}


if __name__ == "__main__":
    json.dump(list(Project(*sys.argv[1:]).steps()), sys.stdout)

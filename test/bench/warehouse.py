"""The warehouses' engines, DuckDB and ClickHouse, run embedded in node."""

import json
import os
import shutil
import subprocess

import generate


def write_csv(path, curves):
    """Ids, kinds and losses, in the shortest text that reads back the same."""
    with open(path, "w") as file:
        for row, curve in enumerate(curves):
            kind = generate.KINDS[row % len(generate.KINDS)]
            file.write(f'{row + 1};{kind};"[{",".join(map(str, curve))}]"\n')


class Warehouse:
    def __init__(self, name, package, script):
        self.name = name
        self.package = package
        self.script = script

    def run(self, base, options):
        """What the script answers, or why there is no answer."""
        modules = os.environ.get("BENCH_NODE", "")
        if not os.path.isdir(os.path.join(modules, "node_modules", self.package)):
            return f"{self.name} is not available: no npm package {self.package}."
        directory = os.path.join(os.environ["BENCH_WORK"], self.script + ".d")
        os.mkdir(directory)
        write_csv(os.path.join(directory, "samples.csv"), base.curves[: options.sample])
        write_csv(os.path.join(directory, "probes.csv"), base.raw_probes)
        job = {
            "directory": directory,
            "epochs": options.epochs,
            "k": options.k,
            "repeats": options.repeats,
        }
        finished = subprocess.run(
            ["node", os.path.join(modules, self.script)],
            input=json.dumps(job),
            capture_output=True,
            text=True,
            timeout=600,
        )
        shutil.rmtree(directory)
        if finished.returncode != 0:
            return f"{self.name} has failed: {finished.stderr[-500:]}"
        return json.loads(finished.stdout)


PEERS = [
    Warehouse("DuckDB, array_distance, min_by", "@duckdb/node-api", "duckdb.mjs"),
    Warehouse("ClickHouse's engine, L2Distance", "chdb", "chdb.mjs"),
]

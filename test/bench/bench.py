"""All benchmarks, or some; test/bench/run prepares what they need."""

import argparse
import os

import base
import citus
import compare
import index
import nearest
import recording
import refresh
import report
import single
import suites
import sweep
import vectors

PARTS = ["main", "sweep", "single", "suite", "nearest", "index", "recording"]
PARTS += ["refresh", "citus"]

SIZES = {
    #            rows, sweep's rows, seconds of a run there, repeats, sample
    "quick": (20000, 20000, 0.2, 3, 1000),
    "usual": (200000, 200000, 1.0, 5, 4000),
    "full": (1281167, 500000, 2.0, 5, 8000),
}


def read_options():
    parser = argparse.ArgumentParser(prog="test/bench/run", add_help=False)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_const", const="quick", dest="size")
    size.add_argument("--full", action="store_const", const="full", dest="size")
    parser.add_argument(
        "--only",
        action="append",
        choices=PARTS + sweep.PARTS,
        metavar="NAME",
        default=[],
    )
    numbers = ("rows", "epochs", "probes", "k", "seed", "repeats", "sample", "shards")
    for name in numbers:
        parser.add_argument(f"--{name}", type=int)
    options = parser.parse_args()
    rows, options.sweep_rows, options.budget, repeats, sample = SIZES[
        options.size or "usual"
    ]
    options.rows = options.rows or rows
    options.sweep_rows = min(options.sweep_rows, max(options.rows, 2000))
    options.repeats = options.repeats or repeats
    options.sample = min(options.sample or sample, options.rows)
    options.epochs = options.epochs or 90
    options.probes = options.probes or 1250
    options.k = options.k or 20
    options.seed = 1 if options.seed is None else options.seed
    options.shards = options.shards or 8
    options.small_rows = 100000
    options.checked = 10000
    options.transactions = 2000
    if min(options.probes, options.rows) < 100 or options.epochs < 10:
        parser.error("needs at least 100 rows and probes, and 10 epochs")
    if options.k > options.probes:
        parser.error("k is more than the probes")
    return options


def version_of(library):
    return library.__version__ if library else "not available"


def describe(session, options):
    def show(setting):
        return f"{setting} = {session.value(f'SHOW {setting}')}"

    report.describe_machine()
    version = session.value(
        "SELECT extversion FROM pg_extension WHERE extname = 'metaprobe'"
    )
    report.say(
        f"versions  metaprobe {version}{os.environ.get('BENCH_COMMIT', '')},"
        f" PostgreSQL {session.value('SHOW server_version')},"
        f" numpy {vectors.np.__version__},"
        f" faiss {version_of(vectors.faiss)},"
        f" scikit-learn {version_of(vectors.sklearn)}",
        f"server    default settings ({show('jit')},"
        f" {show('max_parallel_workers_per_gather')}, {show('shared_buffers')}),"
        f" but {show('fsync')}",
        f"data      {options.rows:,} rows of {options.epochs} epochs,"
        f" {options.probes:,} probes in 5 labels, k = {options.k},"
        f" seed {options.seed}",
    )


def main():
    options = read_options()
    case = base.Base(options)
    describe(case.session, options)
    wanted = options.only or PARTS
    of_sweep = [name for name in wanted if name in sweep.PARTS]
    if "main" in wanted:
        compare.Comparison(case).run()
    if "sweep" in wanted or of_sweep:
        sweep.run(case, [] if "sweep" in wanted else of_sweep)
    if "single" in wanted:
        single.run(case)
    if "suite" in wanted:
        suites.run(case)
    if "nearest" in wanted:
        nearest.run(case)
    if "index" in wanted:
        index.run(case)
    if "recording" in wanted:
        recording.run(case)
    if "refresh" in wanted:
        refresh.run(case)
    if "citus" in wanted:
        citus.run(case)
    report.say("", f"Load {report.load()} at the end.")


main()

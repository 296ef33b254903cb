"""How often a job runs, and what is printed of it."""

import os
import platform
import statistics
import subprocess
import time


class Measured:
    """The times of a job's runs."""

    def __init__(self, name, rows, runs=()):
        self.name = name
        self.rows = rows
        self.runs = list(runs)

    @property
    def median(self):
        return statistics.median(self.runs)

    @property
    def spread(self):
        """The slowest run against the fastest."""
        return max(self.runs) / min(self.runs)

    @property
    def per_row(self):
        """Microseconds."""
        return 1e6 * self.median / self.rows


def timed(work):
    """Seconds that a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def interleave(jobs, repeats):
    """Runs the jobs in turn, again and again.  A job is a name, a number of
    rows, and a function that returns the seconds of one run."""
    measured = {name: Measured(name, rows) for name, rows, _ in jobs}
    for _ in range(repeats):
        for name, _, run in jobs:
            measured[name].runs.append(run())
    return measured


def say(*lines):
    print(*lines, sep="\n", flush=True)


def title(text):
    say("", text, "-" * len(text))


def number(value):
    """Three digits or so."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(heads, rows):
    """Columns as wide as need be; the first and the last to the left."""
    rows = [heads, *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1])]
        say("  ".join([*cells, row[-1]]).rstrip())


def table_of_jobs(jobs, one):
    """The jobs' times, and how many times that of the job `one` a row takes."""
    table(
        ["job", "rows", "us per row", "ratio", "seconds of each run"],
        [
            [
                job.name,
                f"{job.rows:,}",
                number(job.per_row),
                number(job.per_row / one.per_row),
                " ".join(f"{run:.3f}" for run in job.runs),
            ]
            for job in jobs
        ],
    )


def output(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout


def field(path, name):
    with open(path) as file:
        for line in file:
            if line.startswith(name):
                return line.split(":", 1)[1].strip()
    return "?"


def load():
    return " ".join(f"{each:.2f}" for each in os.getloadavg())


def describe_machine():
    say(
        f"machine   {field('/proc/cpuinfo', 'model name')}, {os.cpu_count()} CPUs,"
        f" {field('/proc/meminfo', 'MemTotal')} of memory, load {load()} at the start",
        f"system    {platform.system()} {platform.release()},"
        f" {output('gcc', '--version').splitlines()[0]},"
        f" Python {platform.python_version()}",
    )


def planned_workers(plan):
    for line in plan:
        if "Workers Planned" in line:
            return int(line.split(":")[1])
    return 0

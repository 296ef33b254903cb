"""What the recorder adds to a training loop, as a share of an epoch's time.

    /usr/bin/python3 test/bench/recorder.py [--epochs N] [CONNINFO]

Trains small networks of PyTorch (python3-torch) on random data, by turns with
and without a recorder, in a database that has metaprobe. The log is dropped at
the end. The smaller the network and its batches, the larger the share: these are
bad cases.
"""

import argparse
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "clients" / "python"))

from metaprobe import LossRecorder  # noqa: E402

LOG = "metaprobe_bench_log"


@dataclass
class Case:
    name: str
    examples: int
    features: int
    hidden: int
    batch: int
    evaluate: bool  # record from a clean pass after each epoch, not in the loop


CASES = [
    Case("digits, in the loop", 1797, 64, 64, 32, False),
    Case("digits, evaluated", 1797, 64, 64, 32, True),
    Case("MNIST, in the loop", 60000, 784, 128, 128, False),
    Case("MNIST, evaluated", 60000, 784, 128, 128, True),
]
EVALUATION_BATCH = 512


@dataclass
class Times:
    """Seconds, one for each epoch."""

    plain: list[float] = field(default_factory=list)
    recorded: list[float] = field(default_factory=list)
    in_calls: list[float] = field(default_factory=list)
    until_commit: list[float] = field(default_factory=list)


class Training:
    def __init__(self, case):
        torch.manual_seed(1)
        self.case = case
        self.x = torch.randn(case.examples, case.features)
        self.y = torch.randint(10, (case.examples,))
        self.model = torch.nn.Sequential(
            torch.nn.Linear(case.features, case.hidden),
            torch.nn.ReLU(),
            torch.nn.Linear(case.hidden, 10),
        )
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9)

    def losses(self, ids):
        return torch.nn.functional.cross_entropy(
            self.model(self.x[ids]), self.y[ids], reduction="none"
        )

    def epoch(self, recorder=None):
        """Returns the seconds of the epoch, and those within the recorder."""
        self.within = 0.0
        start = time.perf_counter()
        for ids in torch.randperm(self.case.examples).split(self.case.batch):
            losses = self.losses(ids)
            self.optimizer.zero_grad()
            losses.mean().backward()
            self.optimizer.step()
            if recorder and not self.case.evaluate:
                self.call(recorder.record, ids, losses)
        if self.case.evaluate:
            with torch.no_grad():
                for ids in torch.arange(self.case.examples).split(EVALUATION_BATCH):
                    losses = self.losses(ids)
                    if recorder:
                        self.call(recorder.record, ids, losses)
        if recorder:
            self.call(recorder.end_epoch)
        return time.perf_counter() - start, self.within

    def call(self, method, *arguments):
        start = time.perf_counter()
        method(*arguments)
        self.within += time.perf_counter() - start


def measure(case, conninfo, epochs):
    """The epoch after a recorded one has its writing in the background."""
    times = Times()
    training = Training(case)
    with LossRecorder(conninfo, case.name, log=LOG) as recorder:
        training.epoch(recorder)
        recorder.flush()
        for _ in range(epochs):
            times.plain.append(training.epoch()[0])
            training.epoch(recorder)  # leaves its writing to the next
            seconds, within = training.epoch(recorder)
            times.recorded.append(seconds)
            times.in_calls.append(within)
            before = time.perf_counter()
            recorder.flush()
            times.until_commit.append(time.perf_counter() - before)
    return times


def report(case, times):
    plain = statistics.median(times.plain)
    recorded = statistics.median(times.recorded)
    share = statistics.median(
        within / whole for within, whole in zip(times.in_calls, times.recorded)
    )
    print(
        f"{case.name:20} {1000 * plain:8.1f} ms an epoch;"
        f" in record() and end_epoch() {100 * share:5.2f} %;"
        f" with / without the recorder {recorded / plain:6.3f};"
        f" committed {1000 * statistics.median(times.until_commit):.1f} ms later",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("conninfo", nargs="?", default="", metavar="CONNINFO")
    parser.add_argument("--epochs", type=int, default=30)
    options = parser.parse_args()
    with psycopg.connect(options.conninfo, autocommit=True) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {LOG}")
        connection.execute(f"SELECT create_loss_log('{LOG}')")
        try:
            for case in CASES:
                times = measure(case, options.conninfo, options.epochs)
                report(case, times)
        finally:
            connection.execute(f"DROP TABLE {LOG}")


if __name__ == "__main__":
    main()

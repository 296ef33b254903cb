"""Trains small networks, well and badly, and writes down how their validation
loss went: metrics.csv.gz, tags.csv.gz and params.csv.gz, with the columns of
MLflow's tables of these names.

What is wrong with a run is known, since its settings were chosen for that. The
tag `kind` says it.
"""

import argparse
import csv
import gzip
import io
import math
import uuid
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)  # each run in one process, many at once
torch.use_deterministic_algorithms(True)

LARGEST = 1.7976931348623157e308  # what MLflow stores for infinity
BEGIN = 1_700_000_000_000  # milliseconds; a fixed time, so that files are the same


class Settings:
    """Draws the settings of a run of some kind."""

    def __init__(self, random):
        self.random = random

    def between(self, low, high):
        return int(self.random.integers(low, high + 1))

    def ratio(self, low, high):
        """Evenly on a logarithmic scale."""
        return float(math.exp(self.random.uniform(math.log(low), math.log(high))))

    def usual(self):
        return {
            "examples": self.between(600, 1200),
            "width": self.between(48, 128),
            "learning_rate": self.ratio(0.01, 0.05),
            "weight_decay": 1e-4,
            "epochs": self.between(12, 40),
            "batch": 32,
            "wrong_labels": 0.0,
        }

    def good(self):
        return self.usual()

    def overfit(self):
        """Few examples, some of them with a wrong label, learnt by heart."""
        return self.usual() | {
            "examples": self.between(60, 250),
            "wrong_labels": self.random.uniform(0, 0.2),
            "learning_rate": self.ratio(0.03, 0.08),
            "weight_decay": 0.0,
            "epochs": self.between(60, 150),
        }

    def underfit(self):
        """Too small a network, or one held back by its weight decay."""
        if self.random.random() < 0.5:
            return self.usual() | {"width": self.between(2, 4)}
        return self.usual() | {"weight_decay": self.ratio(0.03, 0.1)}

    def learning_rate_too_low(self):
        return self.usual() | {"learning_rate": self.ratio(1e-4, 1e-3)}

    def learning_rate_too_high(self):
        return self.usual() | {"learning_rate": self.ratio(0.1, 0.18), "batch": 16}

    def diverged(self):
        return self.usual() | {
            "learning_rate": self.ratio(0.4, 2.0),
            "epochs": self.between(5, 15),
        }


KINDS = [
    "good",
    "overfit",
    "underfit",
    "learning_rate_too_low",
    "learning_rate_too_high",
    "diverged",
]


def train(settings, seed, images, labels):
    """The validation loss before training and after each epoch."""
    random = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    order = torch.randperm(len(images), generator=random)
    training, validation = order[: settings["examples"]], order[-500:]
    given = labels.clone()
    wrong = training[torch.rand(len(training), generator=random) < settings["wrong_labels"]]
    given[wrong] = (given[wrong] + 1) % 10
    width = settings["width"]
    network = nn.Sequential(
        nn.Linear(64, width), nn.LeakyReLU(0.1),
        nn.Linear(width, width), nn.LeakyReLU(0.1),
        nn.Linear(width, 10),
    )  # fmt: skip
    optimizer = torch.optim.SGD(
        network.parameters(),
        lr=settings["learning_rate"],
        momentum=0.9,
        weight_decay=settings["weight_decay"],
    )

    def evaluate():
        with torch.no_grad():
            logits = network(images[validation])
            return cross_entropy(logits, labels[validation]).item()

    losses = [evaluate()]
    for _ in range(settings["epochs"]):
        for batch in training[torch.randperm(len(training))].split(settings["batch"]):
            optimizer.zero_grad()
            cross_entropy(network(images[batch]), given[batch]).backward()
            optimizer.step()
        losses.append(evaluate())
    return losses


def metric_rows(run, losses, steps_per_epoch):
    """As MLflow stores them: NaN as 0 with is_nan, infinity as the largest float."""
    for epoch, loss in enumerate(losses):
        value = 0.0 if math.isnan(loss) else min(loss, LARGEST)
        yield (
            "val_loss",
            f"{value:.6g}" if value < LARGEST else LARGEST,
            BEGIN + 1000 * epoch,
            run,
            epoch * steps_per_epoch,
            math.isnan(loss),
        )


def write_csv(path, header, rows):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    with open(path, "wb") as file:  # no name and no time within: the same bytes again
        with gzip.GzipFile("", "wb", 9, file, mtime=0) as compressed:
            compressed.write(text.getvalue().encode())


def plan(count, random):
    """The runs to train: kind, run_uuid, settings, seed, steps in an epoch."""
    draw = Settings(random)
    for kind in KINDS:
        for _ in range(count):
            settings = getattr(draw, kind)()
            run = uuid.UUID(bytes=random.bytes(16), version=4).hex
            seed = int(random.integers(2**31))
            # Some count epochs, others batches.
            batches = math.ceil(settings["examples"] / settings["batch"])
            yield kind, run, settings, seed, 1 if random.random() < 0.5 else batches


def train_all(jobs):
    """On all CPUs; on one where the system has no shared semaphores for us."""
    try:
        pool = Pool()
    except OSError:
        return [train(*job) for job in jobs]
    with pool:
        return pool.starmap(train, jobs, chunksize=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50, help="of each kind")
    parser.add_argument("--into", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()

    images, labels = load_digits(return_X_y=True)
    images = torch.from_numpy((images / images.max()).astype(np.float32))
    labels = torch.from_numpy(labels)
    metrics, tags, params = [], [], []
    planned = list(plan(arguments.runs, np.random.default_rng(2)))
    jobs = [(settings, seed, images, labels) for _, _, settings, seed, _ in planned]
    results = train_all(jobs)
    for (kind, run, settings, _, steps), losses in zip(planned, results):
        metrics += metric_rows(run, losses, steps)
        tags.append(("kind", kind, run))
        params += [(key, f"{value:.4g}", run) for key, value in settings.items()]

    columns = ("key", "value", "timestamp", "run_uuid", "step", "is_nan")
    write_csv(arguments.into / "metrics.csv.gz", columns, metrics)
    write_csv(arguments.into / "tags.csv.gz", ("key", "value", "run_uuid"), tags)
    write_csv(arguments.into / "params.csv.gz", ("key", "value", "run_uuid"), params)


if __name__ == "__main__":
    main()

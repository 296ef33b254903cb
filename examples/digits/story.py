"""Wrong labels in a training set: found by how the losses fell, and mended.

The database that --conninfo names needs the extension. The story makes the
schema `digits` there, and drops what an earlier one has left of it.
"""

import argparse
from pathlib import Path

import numpy as np
import psycopg

import data
import train
from metaprobe import LossRecorder

SQL = Path(__file__).parent / "sql"
TRAINING_SETS = (  # each a query of that name
    "as_given",
    "down_weighted",
    "dropped",
    "relabelled",
    "cross_validated",
    "perfect",
)


class Story:
    """One run with one seed: its data, and its place in the database."""

    def __init__(self, conninfo, connection, seed, epochs):
        self.conninfo, self.connection = conninfo, connection
        self.seed, self.epochs = seed, epochs
        self.images, self.truth, self.given, self.ids, self.test_ids = data.load(seed)

    def tell(self):
        self.run_sql("schema")
        self.make_probes()
        self.record_losses()
        self.run_sql("tag")
        self.relabel_suspects()
        self.run_sql("findings", {"seed": self.seed})
        for name in TRAINING_SETS:
            ids, network = self.train_on(name)
            self.connection.execute(
                "INSERT INTO accuracies VALUES (%s, %s, %s, %s)",
                (self.seed, name, len(ids), self.test(network)),
            )

    def make_probes(self):
        """Writes the training set and which of it will be probes."""
        held_out = train.held_out_probabilities(
            self.images[self.ids], self.given[self.ids], self.seed, self.epochs // 4
        )
        self.probes = data.choose_probes(self.ids, self.given, held_out, self.seed)
        held_out_labels = held_out.argmax(axis=1)
        self.copy("images", self.ids, self.given[self.ids], held_out_labels)
        self.copy("truth", self.ids, self.truth[self.ids])
        for kind, ids in self.probes.items():
            self.copy("probes", ids, [kind] * len(ids))

    def record_losses(self):
        """Trains once with the probes; after each epoch a clean pass over all."""
        images, labels = data.with_probes(self.images, self.given, self.probes, self.seed)
        images, labels = images[self.ids], labels[self.ids]
        run = f"digits, seed {self.seed}"
        with LossRecorder(self.conninfo, run, log="digits.loss_log") as recorder:

            def record(network):
                recorder.record(self.ids, train.losses_of(network, images, labels))
                recorder.end_epoch()

            train.train(images, labels, self.seed, self.epochs, after_epoch=record)

    def relabel_suspects(self):
        """New labels, by a network that has not learnt the suspects' own."""
        _, network = self.train_on("dropped")
        suspects = np.array([row[0] for row in self.run_sql("suspects")], int)
        new = train.probabilities(network, self.images[suspects]).argmax(axis=1)
        self.copy("relabelled", suspects, new)

    def train_on(self, name):
        """Trains on the ids, labels and weights that a query gives."""
        ids, labels, weights = map(np.array, zip(*self.run_sql(name)))
        network = train.train(
            self.images[ids], labels, self.seed, self.epochs, weights.astype(np.float32)
        )
        return ids, network

    def test(self, network):
        return train.accuracy(
            network, self.images[self.test_ids], self.truth[self.test_ids]
        )

    def run_sql(self, name, parameters=None):
        return self.connection.execute((SQL / f"{name}.sql").read_text(), parameters)

    def copy(self, table, *columns):
        with self.connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            for row in zip(*columns):
                copy.write_row([str(value) for value in row])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conninfo", default="", help="the database, as libpq takes it")
    parser.add_argument("--seeds", type=int, default=5, help="how often to tell it all")
    parser.add_argument("--epochs", type=int, default=40)
    arguments = parser.parse_args()
    with psycopg.connect(arguments.conninfo, autocommit=True) as connection:
        connection.execute((SQL / "begin.sql").read_text())
        for seed in range(1, arguments.seeds + 1):
            print(f"seed {seed} of {arguments.seeds}", flush=True)
            Story(arguments.conninfo, connection, seed, arguments.epochs).tell()


if __name__ == "__main__":
    main()

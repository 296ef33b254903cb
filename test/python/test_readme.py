"""The examples of the documents, run as they stand there."""

import contextlib
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import numpy as np

from support import CLIENT, ROOT, DatabaseTest, bindir, some_losses

EPOCHS = 3
EXAMPLES = 10


class Losses(np.ndarray):
    """As much of PyTorch as the examples use."""

    def backward(self):
        pass


class Torch:
    no_grad = contextlib.nullcontext


class Model:
    def __init__(self):
        self.training = True

    def __call__(self, x):
        return x

    def eval(self):
        self.training = False

    def train(self):
        self.training = True


class Optimizer:
    def zero_grad(self):
        pass

    def step(self):
        pass


class Dataset:
    def __len__(self):
        return EXAMPLES

    def __getitem__(self, i):
        return i, 0


class Loader:
    """Batches of (ids, x, y), where x are the ids too; counts the epochs."""

    def __init__(self):
        self.epoch = -1

    def __iter__(self):
        self.epoch += 1
        for ids in np.array_split(np.arange(EXAMPLES), 3):
            yield ids, ids, ids


def blocks(path, language):
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


class Examples(DatabaseTest):
    def setUp(self):
        super().setUp()
        loader = Loader()

        def cross_entropy(logits, y, reduction="mean"):
            losses = some_losses(logits, loader.epoch).view(Losses)
            return losses if reduction == "none" else losses.mean(keepdims=True)

        self.names = {
            "cross_entropy": cross_entropy,
            "epochs": EPOCHS,
            "loader": loader,
            "loader_without_augmentation": loader,
            "model": Model(),
            "optimizer": Optimizer(),
            "torch": Torch,
        }

    def run_python(self, code):
        self.assertIn("dbname=research", code)
        code = code.replace('"dbname=research"', repr(self.conninfo()))
        exec(compile(code, "README.md", "exec"), self.names)

    def test_the_loop_of_the_main_readme(self):
        (diff,) = blocks(ROOT / "README.md", "diff")
        lines = diff.splitlines()
        self.assertEqual({line[:1] for line in lines}, {"+", " "})
        self.assertLessEqual(sum(line[:1] == "+" for line in lines), 5)
        self.run_python("\n".join(line[1:] for line in lines))
        self.assert_recorded_once("resnet-1", [EXAMPLES] * EPOCHS)

        (reading,) = [
            code for code in blocks(ROOT / "README.md", "sql") if "loss_curves" in code
        ]
        self.run_sql("CREATE TABLE samples (id bigint PRIMARY KEY, curve loss_curve)")
        self.run_sql(reading)
        complete = "SELECT count(*) FROM samples WHERE observed_epochs(curve) = %s"
        self.assertEqual(self.value(complete, EPOCHS), EXAMPLES)

    def test_the_clients_readme(self):
        loop, with_ids, evaluation, adapter = blocks(CLIENT / "README.md", "python")
        self.run_python(loop)
        self.assert_recorded_once("resnet-1", [EXAMPLES] * EPOCHS)

        exec(with_ids, self.names)
        wrapped = self.names["WithIds"](Dataset())
        self.assertEqual((len(wrapped), wrapped[7]), (EXAMPLES, (7, 7, 0)))

        self.run_python(adapter)
        for example, curve in self.names["rows"]:
            expected = some_losses(np.full(EPOCHS, example), np.arange(EPOCHS))
            np.testing.assert_array_equal(curve, expected)
        self.assertEqual(len(self.names["rows"]), EXAMPLES)

        with self.recorder("evaluated", epoch=EPOCHS) as recorder:
            self.names["recorder"] = recorder
            exec(evaluation, self.names)
        self.assertEqual(list(self.recorded("evaluated")), [EPOCHS])
        self.assertTrue(self.names["model"].training)

    def test_a_long_csv(self):
        (recipe,) = blocks(CLIENT / "README.md", "psql")
        environment = dict(os.environ, PGDATABASE=self.parameters["dbname"])
        with tempfile.TemporaryDirectory() as directory:
            csv = "id,epoch,loss\na,1,0.5\nb,0,2\na,0,1.5\nb,3,\n"
            (Path(directory) / "losses.csv").write_text(csv)
            subprocess.run(
                [bindir() / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-"],
                input=recipe,
                text=True,
                check=True,
                cwd=directory,
                env=environment,
            )
        curves = self.rows("SELECT id, curve::text FROM curves ORDER BY id")
        self.assertEqual(curves, [("a", "[1.5,0.5]"), ("b", "[2,null,null,null]")])


if __name__ == "__main__":
    unittest.main()

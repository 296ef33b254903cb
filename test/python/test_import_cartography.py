"""Training dynamics as dataset cartography writes them."""

import contextlib
import io
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

from support import CLIENT, DatabaseTest, metaprobe, random_seed

import import_cartography


class CrossEntropy(unittest.TestCase):
    def test_by_the_formula(self):
        generator = np.random.default_rng(random_seed())
        logits = generator.normal(scale=5, size=(1000, 7))
        gold = generator.integers(7, size=1000)
        softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(
            import_cartography.cross_entropy(logits, gold),
            -np.log(softmax[np.arange(1000), gold]),
            rtol=1e-12,
            atol=1e-13,
        )

    def test_large_logits(self):
        logits = np.array([[1e5, 0.0], [1e5, 0.0], [-1e5, -1e5], [3.0, 3.0]])
        np.testing.assert_allclose(
            import_cartography.cross_entropy(logits, np.array([0, 1, 0, 1])),
            [0, 1e5, np.log(2), np.log(2)],
        )


class ImportTest(DatabaseTest):
    def setUp(self):
        super().setUp()
        self.run_sql("DROP TABLE IF EXISTS dynamics")
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def write(self, epoch, *examples):
        """A file of (guid, logits, gold) or of lines as they are."""
        path = self.directory / f"dynamics_epoch_{epoch}.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for example in examples:
                if not isinstance(example, str):
                    guid, logits, gold = example
                    example = json.dumps(
                        {
                            "guid": guid,
                            f"logits_epoch_{epoch}": logits,
                            "gold": gold,
                            "device": "cuda:0",
                        }
                    )
                file.write(example + "\n")

    def run_import(self, *words, run="run"):
        """What it prints."""
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            import_cartography.main(
                ["--conninfo", self.conninfo(), run, str(self.directory), *words]
            )
        return output.getvalue()

    def assert_refused(self, message, *words):
        """With nothing imported beside what was there."""
        before = self.recorded()
        with self.assertRaisesRegex(SystemExit, "^import_cartography: .*" + message):
            self.run_import(*words)
        self.assertEqual(self.recorded(), before)


class IntegerGuids(ImportTest):
    def test_curves(self):
        guids = [50325, 7, -3, 2**62]
        logits = np.random.default_rng(random_seed()).normal(size=(3, 4, 5))
        gold = [0, 4, 2, 1]
        epochs = [0, 1, 10]
        for epoch, rows in zip(epochs, logits):
            self.write(epoch, *zip(guids, rows.tolist(), gold))
        self.assertEqual(self.run_import(), "3 epochs of 4 examples imported as run\n")
        metaprobe.register_loss_curve(self.connection)
        curves = dict(self.rows("SELECT id, curve FROM loss_curves('loss_log', 'run')"))
        self.assertEqual(sorted(curves), sorted(guids))
        for position, guid in enumerate(guids):
            rows = logits[:, position]
            expected = np.full(11, np.nan, np.float32)
            expected[epochs] = (
                np.log(np.exp(rows).sum(axis=1)) - rows[:, gold[position]]
            )
            np.testing.assert_allclose(curves[guid], expected, rtol=1e-6)

    def test_as_a_command(self):
        self.write(0, (1, [0, 0], 1))
        command = [sys.executable, CLIENT / "import_cartography.py"]
        command += ["--conninfo", self.conninfo(), "run", self.directory]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        self.assertEqual(len(self.recorded()[0]), 1)
        again = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(again.returncode, 1)
        self.assertRegex(again.stderr, "^import_cartography: run run is in")

    def test_integers_as_strings(self):
        self.write(0, ("12", [0, 0], 1), (13, [0, 0], 1))
        self.run_import()
        self.assertEqual([pair[0] for pair in self.recorded()[0]], [12, 13])

    def test_a_run_goes_in_once(self):
        self.write(0, (1, [0, 0], 1))
        self.run_import()
        self.run_import(run="other")
        self.assert_refused("run run is in .*loss_log.* already")

    def test_all_files_or_none(self):
        self.write(0, (1, [0, 0], 1))
        self.write(1, (1, [0, 0], 2))
        self.assert_refused("dynamics_epoch_1.jsonl:1: gold is 2, and there are 2")

    def test_guids_that_are_no_bigint(self):
        for guid in ("3416050480.jpg#4r1n", "007", "1_0", 2**63):
            self.write(0, (1, [0, 0], 1), (guid, [0, 0], 1))
            self.assert_refused("_0.jsonl:2: guid .* is no bigint: .*--long TABLE")

    def test_bad_lines(self):
        good = (1, [0.5, 0], 1)
        cases = [
            ("{", "_3.jsonl:2: Expecting property name"),
            ("[]", "_3.jsonl:2: not a JSON object"),
            ("", "_3.jsonl:2: Expecting value"),
            ('{"guid": 2, "gold": 1}', '_3.jsonl:2: no "logits_epoch_3"'),
            ((2.5, [0, 0], 1), "_3.jsonl:2: guid is neither"),
            ((True, [0, 0], 1), "_3.jsonl:2: guid is neither"),
            ((2, ["0", 0], 1), "_3.jsonl:2: logits_epoch_3 is not a list of num"),
            ((2, 0.5, 1), "_3.jsonl:2: logits_epoch_3 is not a list of num"),
            ((2, [float("nan"), 0], 1), "_3.jsonl:2: a logit is not finite"),
            ((2, [0, 0, 0], 1), "_3.jsonl:2: 3 logits, not 2"),
            ((2, [0, 0], -1), "_3.jsonl:2: gold is -1"),
            ((2, [0, 0], "1"), "_3.jsonl:2: gold is '1'"),
            ((1, [0, 0], 1), "_3.jsonl:2: guid 1 is that of line 1"),
        ]
        for line, message in cases:
            with self.subTest(line=line):
                self.write(3, good, line)
                self.assert_refused(message)

    def test_bad_files(self):
        self.assert_refused("there is no dynamics_epoch_N.jsonl")
        self.write(0)
        self.assert_refused("_0.jsonl is empty")
        self.write(16000, (1, [0, 0], 1))
        self.assert_refused("epochs end at 15999")
        (self.directory / "dynamics_epoch_16000.jsonl").unlink()
        self.assert_refused("other.jsonl is not named dynamics", "other.jsonl")
        (self.directory / "dynamics_epoch_0.jsonl").write_bytes(b"\xff\n")
        self.assert_refused("_0.jsonl: .*utf-8")

    def test_no_log(self):
        self.write(0, (1, [0, 0], 1))
        self.assert_refused("no table nowhere", "--log", "nowhere")


class OtherGuids(ImportTest):
    def test_long_form(self):
        for epoch in range(3):
            self.write(
                epoch,
                ("a.jpg#4r1n", [epoch, 0], 0),
                ("b\t\\N", [epoch, 0], 1),
                (5, [0, 0], 1),
            )
        self.run_import("--long", "dynamics")
        self.run_import("--long", "public.dynamics", run="other")
        metaprobe.register_loss_curve(self.connection)
        curves = dict(
            self.rows(
                "SELECT guid, loss_curve_agg(loss, epoch) FROM dynamics"
                " WHERE run = 'run' GROUP BY guid"
            )
        )
        self.assertEqual(sorted(curves), ["5", "a.jpg#4r1n", "b\t\\N"])
        logits = np.arange(3)
        loss = np.log(np.exp(logits) + 1)
        np.testing.assert_allclose(curves["a.jpg#4r1n"], loss - logits, rtol=1e-6)
        np.testing.assert_allclose(curves["b\t\\N"], loss, rtol=1e-6)
        np.testing.assert_allclose(curves["5"], [np.log(2)] * 3, rtol=1e-6)

    def test_a_run_goes_in_once(self):
        self.write(0, ("a", [0, 0], 1))
        self.run_import("--long", "dynamics")
        self.assert_refused("run run is in .*dynamics.* already", "--long", "dynamics")


if __name__ == "__main__":
    unittest.main()

"""The recorder on a server that stays: what is written, and what is refused."""

import importlib.util
import subprocess
import sys
import unittest

import numpy as np
import psycopg

from support import CLIENT, DatabaseTest, metaprobe, random_seed, some_losses


class Tensor:
    """As much of a tensor as the recorder asks for."""

    def __init__(self, values, half=False):
        self.values = np.asarray(values)
        self.half = half

    def detach(self):
        return self

    def cpu(self):
        return self

    def float(self):
        return Tensor(self.values)

    def numpy(self):
        if self.half:
            raise TypeError("numpy has no such type")
        return self.values


class Recording(DatabaseTest):
    def test_epochs_of_batches(self):
        with self.recorder() as recorder:
            for epoch in range(3):
                self.assertEqual(recorder.epoch, epoch)
                for start in range(0, 1000, 64):
                    ids = np.arange(start, min(start + 64, 1000))
                    recorder.record(ids, some_losses(ids, epoch))
                recorder.end_epoch()
        self.assert_recorded_once("run", [1000] * 3)

    def test_long_epochs_are_chunked(self):
        examples = 2 * metaprobe.CHUNK + 1
        ids = np.arange(examples)
        with self.recorder() as recorder:
            recorder.record(ids, some_losses(ids, 0))
        self.assert_recorded_once("run", [examples])
        sizes = self.rows("SELECT cardinality(ids) FROM loss_log ORDER BY 1 DESC")
        self.assertEqual(sizes, [(metaprobe.CHUNK,), (metaprobe.CHUNK,), (1,)])

    def test_an_epoch_is_one_transaction(self):
        ids = np.arange(metaprobe.CHUNK + 1)
        with self.recorder() as recorder:
            for epoch in range(2):
                recorder.record(ids, some_losses(ids, epoch))
                recorder.end_epoch()
        transactions = self.rows(
            "SELECT count(DISTINCT xmin::text) FROM loss_log GROUP BY epoch"
        )
        self.assertEqual(transactions, [(1,), (1,)])

    def test_kinds_of_arrays(self):
        kinds = [
            ([1, 2], [0.5, 2]),
            ((1, 2), (np.float32(0.5), 2)),
            (range(1, 3), np.array([0.5, 2], np.float16)),
            (np.array([1, 2], np.uint64), np.array([0.5, 2], ">f8")),
            (np.array([1, 2], ">i2"), np.array([9, 0.5, 9, 2])[1::2]),
            (np.array([1, 2], object), np.array([0.5, 2], np.longdouble)),
            (Tensor([1, 2]), Tensor([0.5, 2])),
            (Tensor([1, 2]), Tensor([0.5, 2], half=True)),
        ]
        with self.recorder() as recorder:
            for ids, losses in kinds:
                recorder.record(ids, losses)
                recorder.end_epoch()
            recorder.record([], [])
        expected = {epoch: [(1, 0.5), (2, 2.0)] for epoch in range(len(kinds))}
        self.assertEqual(self.recorded(), expected)

    def test_extremes(self):
        ids = [-(2**63), 2**63 - 1, 0, 1, 2]
        losses = np.array([3.4028235e38, -3.4028235e38, 1e-45, -1.5, 0], np.float32)
        with self.recorder(epoch=15999) as recorder:
            recorder.record(ids, losses)
        expected = sorted(zip(ids, losses.tolist()))
        self.assertEqual(sorted(self.recorded()[15999]), expected)

    def test_what_is_recorded_is_a_copy(self):
        ids = np.arange(3)
        losses = np.zeros(3, np.float32)
        with self.recorder() as recorder:
            recorder.record(ids, losses)
            ids += 7
            losses += 7
        self.assertEqual(self.recorded(), {0: [(0, 0.0), (1, 0.0), (2, 0.0)]})

    def test_an_epoch_without_losses(self):
        with self.recorder() as recorder:
            recorder.end_epoch()
            recorder.record([1], [0.5])
            recorder.end_epoch()
        self.assertEqual(self.recorded(), {1: [(1, 0.5)]})

    def test_flush_commits_at_once(self):
        with self.recorder() as recorder:
            recorder.record([1], [0.5])
            recorder.flush()
            self.assertEqual(self.recorded(), {0: [(1, 0.5)]})
            recorder.record([2], [0.25])
            recorder.end_epoch()
            recorder.flush()
            self.assertEqual(self.recorded(), {0: [(1, 0.5), (2, 0.25)]})
            self.assertEqual(recorder.epoch, 1)

    def test_a_small_backlog(self):
        ids = np.arange(100)
        with self.recorder(backlog=1) as recorder:
            for epoch in range(20):
                recorder.record(ids, some_losses(ids, epoch))
                recorder.end_epoch()
        self.assert_recorded_once("run", [100] * 20)

    def test_other_names(self):
        self.run_sql('CREATE SCHEMA "a ""team"""')
        log = '"a ""team""".log'
        self.run_sql("SELECT create_loss_log(%s)", log)
        run = "run ' \\ \t\" é 名"
        with self.recorder(run, log=log) as recorder:
            recorder.record([1], [0.5])
        self.assertEqual(self.rows(f"SELECT run, ids FROM {log}"), [(run, [1])])

    @unittest.skipUnless(importlib.util.find_spec("torch"), "needs PyTorch")
    def test_tensors_of_pytorch(self):
        import torch

        logits = torch.zeros(2, 4, requires_grad=True)
        losses = torch.nn.functional.cross_entropy(
            logits, torch.tensor([1, 3]), reduction="none"
        )
        with self.recorder() as recorder:
            recorder.record(torch.tensor([5, 6], dtype=torch.int32), losses)
            recorder.record(torch.arange(2), losses.bfloat16())
        losses = [pair[1] for pair in self.recorded()[0]]
        np.testing.assert_allclose(losses, [np.log(4)] * 4, rtol=0.01)

    def test_a_database_in_another_encoding(self):
        with self.connect(dbname="postgres") as connection:
            connection.execute("DROP DATABASE IF EXISTS metaprobe_latin")
            connection.execute(
                "CREATE DATABASE metaprobe_latin TEMPLATE template0"
                " ENCODING latin1 LOCALE 'C'"
            )
        with self.connect(dbname="metaprobe_latin") as connection:
            connection.execute("CREATE EXTENSION metaprobe")
            connection.execute("SELECT create_loss_log('loss_log')")
            conninfo = self.conninfo(dbname="metaprobe_latin")
            with metaprobe.LossRecorder(conninfo, "caf\xe9") as recorder:
                recorder.record([1], [0.5])
            (run,) = connection.execute("SELECT run FROM loss_log").fetchone()
            self.assertEqual(run, "caf\xe9")
        with self.connect(dbname="postgres") as connection:
            connection.execute("DROP DATABASE metaprobe_latin")

    def test_a_run_goes_on_from_a_checkpoint(self):
        ids = np.arange(10)
        for first, last in ((0, 3), (2, 5)):
            with self.recorder(epoch=first) as recorder:
                for epoch in range(first, last):
                    recorder.record(ids, some_losses(ids, epoch) + first)
                    recorder.end_epoch()
        with self.assertRaises(psycopg.Error):
            self.rows("SELECT * FROM loss_curves('loss_log', 'run')")
        metaprobe.register_loss_curve(self.connection)
        curves = self.rows(
            "SELECT * FROM loss_curves('loss_log', 'run', repeated => 'last')"
        )
        self.assertEqual(len(curves), 10)
        for example, curve in curves:
            expected = [
                some_losses(np.array(example), epoch) + (2 if epoch >= 2 else 0)
                for epoch in range(5)
            ]
            np.testing.assert_array_equal(curve, expected)

    def test_end_to_end(self):
        seed = random_seed()
        generator = np.random.default_rng(seed)
        losses = generator.exponential(size=(7, 5000)).astype(np.float32)
        losses[generator.random(losses.shape) < 0.1] = np.nan
        ids = generator.choice(10**12, size=5000, replace=False)
        with self.recorder(invalid="missing") as recorder:
            for row in losses:
                for part in np.array_split(generator.permutation(5000), 40):
                    recorder.record(ids[part], row[part])
                recorder.end_epoch()
        metaprobe.register_loss_curve(self.connection)
        curves = dict(self.rows("SELECT id, curve FROM loss_curves('loss_log', 'run')"))
        # what has no loss at all is as if it had never been recorded
        has_losses = ~np.isnan(losses).all(axis=0)
        self.assertEqual(sorted(curves), sorted(ids[has_losses].tolist()))
        for position in np.flatnonzero(has_losses):
            example = int(ids[position])
            observed = np.full(7, np.nan, np.float32)
            observed[: len(curves[example])] = curves[example]
            np.testing.assert_array_equal(observed, losses[:, position])


class Leaving(DatabaseTest):
    """How a recorder ends."""

    def test_an_exception_drops_the_unfinished_epoch(self):
        with self.assertRaisesRegex(KeyError, "training"):
            with self.recorder() as recorder:
                recorder.record([1], [0.5])
                recorder.end_epoch()
                recorder.record([1], [0.25])
                raise KeyError("training")
        self.assertEqual(self.recorded(), {0: [(1, 0.5)]})

    def test_a_failure_does_not_hide_the_exception(self):
        with self.assertRaisesRegex(KeyError, "training") as caught:
            with self.recorder() as recorder:
                self.run_sql("DROP TABLE loss_log")
                recorder.record([1], [0.5])
                recorder.end_epoch()
                raise KeyError("training")
        self.assertRegex(caught.exception.__notes__[0], "1 losses of run run")

    def test_closed_is_closed(self):
        recorder = self.recorder()
        recorder.record([1], [0.5])
        recorder.close()
        recorder.close()
        self.assertEqual(self.recorded(), {0: [(1, 0.5)]})
        for call in (recorder.end_epoch, recorder.flush):
            with self.assertRaisesRegex(metaprobe.RecorderError, "is closed"):
                call()
        with self.assertRaisesRegex(metaprobe.RecorderError, "is closed"):
            recorder.record([1], [0.5])

    def test_the_end_of_a_script_that_forgot_to_close(self):
        script = (
            "import metaprobe\n"
            f"recorder = metaprobe.LossRecorder({self.conninfo()!r}, 'run')\n"
            "recorder.record(range(100000), [0.5] * 100000)\n"
            "recorder.end_epoch()\n"
            "recorder.record([1], [0.5])\n"
        )
        subprocess.run(
            [sys.executable, "-c", script], check=True, cwd=CLIENT, timeout=300
        )
        found = self.recorded()
        self.assertEqual(list(found), [0])
        self.assertEqual(len(found[0]), 100000)


class BadInput(DatabaseTest):
    def assert_refused(self, message, ids, losses, **options):
        """By record(), which takes nothing then."""
        with self.recorder(epoch=3, **options) as recorder:
            recorder.record([1], [0.5])
            with self.assertRaisesRegex(ValueError, message):
                recorder.record(ids, losses)
        self.assertEqual(self.recorded(), {3: [(1, 0.5)]})
        self.run_sql("DELETE FROM loss_log")

    def test_shapes(self):
        self.assert_refused("there are 2 ids and 3 losses", [1, 2], [1, 2, 3])
        self.assert_refused(
            r"losses have 2 dimensions, shape \(2, 1\)", [1, 2], [[1], [2]]
        )
        self.assert_refused(r"ids have 2 dimensions, shape \(1, 2\)", [[1, 2]], [1, 2])
        self.assert_refused('0 dimensions.*reduction="none"', [1, 2], 0.5)

    def test_ids(self):
        self.assert_refused("ids must be integers, not float64", [1.0], [1])
        self.assert_refused("ids must be integers, not bool", [True], [1])
        self.assert_refused("ids must be integers, not <U1", ["a"], [1])
        self.assert_refused("ids must be integers, not object", [1, None], [1, 2])
        self.assert_refused(f"id {2**63} is out of range", [2**63], [1])
        self.assert_refused(f"id {2**64} is out of range", [0, 2**64], [1, 2])

    def test_losses(self):
        self.assert_refused("must be real numbers, not <U3", [1], ["0.5"])
        self.assert_refused("must be real numbers, not bool", [1], [True])
        self.assert_refused("must be real numbers, not complex", [1], [1j])
        self.assert_refused("must be real numbers, not object", [1], [None])
        self.assert_refused(
            "loss nan of id 8 at epoch 3 is not finite", [7, 8], [1, np.nan]
        )
        self.assert_refused("loss -inf of id 7 at epoch 3", [7], [-np.inf], clip=9)
        self.assert_refused(r"loss 1e\+39 of id 7 at epoch 3 is too large", [7], [1e39])

    def test_losses_left_out(self):
        losses = [np.nan, np.inf, -np.inf, 1e39, 0.5]
        with self.recorder(invalid="missing") as recorder:
            recorder.record(range(5), losses)
        self.assertEqual(self.recorded(), {0: [(4, 0.5)]})

    def test_losses_clipped(self):
        losses = [np.nan, np.inf, 1e39, 10.5, 10, -1]
        with self.recorder(invalid="missing", clip=10) as recorder:
            recorder.record(range(6), losses)
        self.assertEqual(
            self.recorded(), {0: [(1, 10), (2, 10), (3, 10), (4, 10), (5, -1)]}
        )

    def test_epochs(self):
        for epoch in (-1, 16000):
            with self.assertRaisesRegex(ValueError, f"epoch {epoch} is not within"):
                self.recorder(epoch=epoch)
        with self.assertRaises(TypeError):
            self.recorder(epoch=1.5)
        with self.recorder(epoch=15999) as recorder:
            recorder.end_epoch()
            with self.assertRaisesRegex(ValueError, "epoch 16000 is not within"):
                recorder.record([1], [0.5])

    def test_options(self):
        for options in (
            {"run": ""},
            {"run": "a\0b"},
            {"invalid": "?"},
            {"clip": np.nan},
            {"clip": 1e39},
        ):
            with self.assertRaises(ValueError):
                self.recorder(**options)


class NotReady(DatabaseTest):
    """A database that cannot take the losses is an error before training."""

    def assert_not_ready(self, message, **options):
        with self.assertRaisesRegex(metaprobe.RecorderError, message):
            self.recorder(**options)

    def test_no_log(self):
        self.assert_not_ready(
            r"no table nowhere.*SELECT create_loss_log\('nowhere'\)", log="nowhere"
        )

    def test_no_server(self):
        with self.assertRaises(psycopg.OperationalError):
            metaprobe.LossRecorder("host=/nowhere", "run")

    def test_another_kind_of_table(self):
        self.run_sql("CREATE TABLE other (run text, epoch int, ids text, losses text)")
        self.assert_not_ready("cannot write to other", log="other")
        self.run_sql("CREATE TABLE narrow (run text, epoch int, losses real[])")
        self.assert_not_ready('cannot write to narrow.*"ids"', log="narrow")

    def test_privileges(self):
        self.run_sql("DROP ROLE IF EXISTS metaprobe_trainer")
        self.run_sql("CREATE ROLE metaprobe_trainer LOGIN")
        self.addCleanup(self.run_sql, "DROP ROLE metaprobe_trainer")
        conninfo = self.conninfo(user="metaprobe_trainer")
        with self.assertRaisesRegex(metaprobe.RecorderError, "permission denied"):
            metaprobe.LossRecorder(conninfo, "run")
        self.run_sql("GRANT INSERT ON loss_log TO metaprobe_trainer")
        self.addCleanup(self.run_sql, "DROP OWNED BY metaprobe_trainer")
        with metaprobe.LossRecorder(conninfo, "run") as recorder:
            recorder.record([1], [0.5])
        self.assertEqual(self.recorded(), {0: [(1, 0.5)]})

    def test_a_rehearsal_writes_nothing(self):
        self.recorder().close()
        self.assertEqual(self.recorded(), {})
        self.assertEqual(self.value("SELECT pg_relation_size('loss_log')"), 0)


class Failing(DatabaseTest):
    """Errors that will not pass reach the training loop at its next call."""

    def test_every_call_raises(self):
        recorder = self.recorder()
        self.run_sql("ALTER TABLE loss_log ADD CHECK (epoch < 1)")
        recorder.end_epoch()
        recorder.record([1, 2], [0.5, 0.5])
        message = "2 losses of run run, from epoch 1 on, could not be.*check constraint"
        calls = [
            recorder.flush,
            recorder.end_epoch,
            lambda: recorder.record([1], [0.5]),
            recorder.close,
        ]
        for call in calls:
            with self.assertRaisesRegex(metaprobe.RecorderError, message) as caught:
                call()
            self.assertIsInstance(
                caught.exception.__cause__, psycopg.errors.CheckViolation
            )
        self.assertEqual(self.recorded(), {})


class Evaluation(DatabaseTest):
    def test_one_epoch(self):
        batches = np.array_split(np.arange(100), 7)
        with self.recorder() as recorder:
            metaprobe.record_evaluation(
                recorder, batches, lambda ids: (ids, some_losses(ids, 0))
            )
            self.assertEqual(recorder.epoch, 1)
        self.assert_recorded_once("run", [100])

    def test_it_does_not_mix_with_the_loops_losses(self):
        with self.recorder() as recorder:
            recorder.record([7, 8], [9.5, 9.5])
            with self.assertRaisesRegex(ValueError, "2 losses of epoch 0 .*discard"):
                metaprobe.record_evaluation(recorder, [[1]], lambda ids: (ids, [0.5]))
            recorder.discard()
            metaprobe.record_evaluation(recorder, [[1]], lambda ids: (ids, [0.5]))
        self.assertEqual(self.recorded(), {0: [(1, 0.5)]})

    def test_all_or_nothing(self):
        def losses_of_batch(ids):
            if ids[0] == 2:
                raise ArithmeticError("no loss")
            return ids, [0.5]

        with self.recorder() as recorder:
            with self.assertRaises(ArithmeticError):
                metaprobe.record_evaluation(recorder, [[1], [2]], losses_of_batch)
            self.assertEqual(recorder.epoch, 0)
        self.assertEqual(self.recorded(), {})


if __name__ == "__main__":
    unittest.main()

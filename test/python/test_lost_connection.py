"""Lost connections, killed servers: at the end every loss is there, once."""

import contextlib
import logging
import random
import threading
import time
import unittest
from unittest import mock

import numpy as np
import psycopg

from support import DatabaseTest, Proxy, Server, metaprobe, random_seed, some_losses


class LostConnectionTest(DatabaseTest):
    """On a server of its own, through a proxy."""

    settings: dict[str, str] = {}

    @classmethod
    def setUpClass(cls):
        cls.server = Server(**cls.settings)
        cls.addClassCleanup(cls.server.remove)
        cls.parameters = cls.server.parameters
        super().setUpClass()

    def setUp(self):
        self.reconnect()
        super().setUp()
        self.proxy = Proxy(self.server)
        self.addCleanup(self.proxy.remove)
        shorter = mock.patch.object(metaprobe, "LONGEST_DELAY", 0.2)
        shorter.start()
        self.addCleanup(shorter.stop)

    @classmethod
    def reconnect(cls):
        cls.connection.close()
        cls.connection = cls.connect()

    def recorder(self, run="run", **options):
        """Through the proxy."""
        conninfo = self.conninfo(**self.proxy.parameters)
        return metaprobe.LossRecorder(conninfo, run, **options)

    def record_epoch(self, recorder, examples):
        ids = np.arange(examples)
        recorder.record(ids, some_losses(ids, recorder.epoch))
        recorder.end_epoch()


class UnansweredCommit(LostConnectionTest):
    def record_with(self, *faults):
        """An epoch for each fault and a last one without; waits for each."""
        self.proxy.faults.extend(faults)
        with self.recorder() as recorder:
            for _ in range(len(faults) + 1):
                self.record_epoch(recorder, 100)
                recorder.flush()
        self.assertEqual(self.proxy.done[: len(faults)], list(faults))
        self.assertEqual(len(self.proxy.faults), 0)

    def test_it_did_not_arrive(self):
        # Written again, and its COMMIT again: the second fault hits the same epoch.
        self.record_with("lost", "lost")
        self.assertEqual(len(self.proxy.done), 5)
        self.assert_recorded_once("run", [100] * 3)

    def test_it_was_done(self):
        self.record_with("unanswered", "unanswered")
        self.assertEqual(len(self.proxy.done), 3)
        self.assert_recorded_once("run", [100] * 3)

    def test_it_comes_later(self):
        self.record_with("late")
        self.assertEqual(len(self.proxy.done), 2)
        self.assert_recorded_once("run", [100] * 2)

    def test_a_session_that_would_wait_for_ever_is_ended(self):
        self.record_with("hung")
        self.assertEqual(len(self.proxy.done), 3)
        self.assert_recorded_once("run", [100] * 2)
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL"
        self.assertEqual(self.value(waiting), 0)

    def test_a_role_that_may_not_read(self):
        self.run_sql("CREATE ROLE metaprobe_writer LOGIN")
        self.run_sql("GRANT INSERT ON loss_log TO metaprobe_writer")
        self.proxy.faults.extend(["unanswered", "lost"])
        conninfo = self.conninfo(**self.proxy.parameters | {"user": "metaprobe_writer"})
        with metaprobe.LossRecorder(conninfo, "run") as recorder:
            self.record_epoch(recorder, 100)
            self.record_epoch(recorder, 100)
        self.assertEqual(len(self.proxy.done), 3)
        self.assert_recorded_once("run", [100] * 2)

    def test_the_server_was_down_meanwhile(self):
        self.proxy.faults.extend(["unanswered", "lost", "unanswered"])
        self.proxy.refuse_after_fault = True
        with self.recorder() as recorder:
            for epoch in range(3):
                self.record_epoch(recorder, 100)
                self.assertTrue(self.proxy.refusing.wait(60))
                self.server.stop("immediate" if epoch else "fast")
                self.proxy.refuse_after_fault = False
                self.proxy.refusing.clear()
                time.sleep(0.3)
                self.server.start()
                recorder.flush()
                self.proxy.refuse_after_fault = True
        self.reconnect()
        self.assert_recorded_once("run", [100] * 3)


class LostNumber(LostConnectionTest):
    """A crash may lose a transaction's number: the next one gets it again."""

    settings = {"wal_writer_delay": "10s", "autovacuum": "off"}

    def crash_at_commit(self, recorder):
        """Records an epoch; returns its transaction's number."""
        self.proxy.faults.append("hung")
        self.proxy.refuse_after_fault = True
        self.record_epoch(recorder, 10)
        self.assertTrue(self.proxy.refusing.wait(60))
        xid = self.value(
            "SELECT max(backend_xid::text::bigint) FROM pg_stat_activity"
            " WHERE datname = current_database()"
        )
        self.server.stop("immediate")
        self.server.start()
        self.reconnect()
        return xid

    def go_on(self, recorder):
        self.proxy.refuse_after_fault = False
        self.proxy.refusing.clear()
        recorder.flush()

    def lose_number(self, recorder):
        """Crashes until the number reached no disk, which it might by chance."""
        for _ in range(10):
            xid = self.crash_at_commit(recorder)
            following = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
            if self.value(following) <= xid:
                return xid
            self.go_on(recorder)
        self.fail("the server remembers all numbers")

    def test_it_is_not_given_out_yet(self):
        with self.recorder() as recorder:
            self.lose_number(recorder)
            self.go_on(recorder)
        self.assert_recorded_once("run", [10] * recorder.epoch)

    def test_it_is_another_transactions_now(self):
        with self.recorder() as recorder:
            xid = self.lose_number(recorder)
            taken = 0
            while taken < xid:
                taken = self.value("SELECT pg_current_xact_id()::text::bigint")
            status = f"SELECT pg_xact_status('{xid}'::xid8)"
            self.assertEqual(self.value(status), "committed")
            self.go_on(recorder)
        self.assert_recorded_once("run", [10] * recorder.epoch)


class WaitingForStandby(LostConnectionTest):
    """A transaction may wait for others after its commit record is written."""

    def set_standby(self, name):
        self.run_sql(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
        self.run_sql("SELECT pg_reload_conf()")

    def commit_until_terminated(self):
        commits = "DO $$ BEGIN LOOP PERFORM pg_logical_emit_message(true, '', ''); COMMIT; END LOOP; END $$"
        with psycopg.connect(**self.parameters, autocommit=True) as connection:
            with contextlib.suppress(psycopg.OperationalError):
                connection.execute(commits)

    def wait_until_commits_wait(self, waiting):
        """The checkpointer, which makes them wait, hears of the setting in its own time."""
        commits = threading.Thread(target=self.commit_until_terminated)
        commits.start()
        while self.value(waiting) == 0:
            time.sleep(0.01)
        while self.value(waiting) > 0:
            self.run_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        commits.join()

    def test_the_wait_is_cut_short(self):
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        with self.recorder() as recorder:
            self.set_standby("nobody")
            self.wait_until_commits_wait(waiting)
            self.record_epoch(recorder, 100)
            while self.value(waiting) == 0:
                time.sleep(0.01)
            late = threading.Timer(20, self.set_standby, [""])
            late.start()
            self.proxy.cut()
            recorder.flush()
            self.assertEqual(self.value(waiting), 0)
            late.cancel()
            late.join()
            self.set_standby("")
        self.assertEqual(len(self.proxy.done), 1)
        self.assert_recorded_once("run", [100])


class GivingUp(LostConnectionTest):
    def test_after_a_while(self):
        recorder = self.recorder(retry=0.5)
        self.server.stop()
        self.addCleanup(self.server.start)
        self.record_epoch(recorder, 100)
        with self.assertRaisesRegex(metaprobe.RecorderError, "100 losses of run run"):
            recorder.flush()
        with self.assertRaises(metaprobe.RecorderError):
            recorder.close()

    def test_training_does_not_wait(self):
        """Until the backlog is full."""
        with self.recorder(backlog=500, retry=30) as recorder:
            self.server.stop()
            for _ in range(5):
                self.record_epoch(recorder, 100)
            sixth = threading.Thread(target=self.record_epoch, args=(recorder, 100))
            sixth.start()
            sixth.join(0.3)
            self.assertTrue(sixth.is_alive())
            self.server.start()
            sixth.join()
        self.reconnect()
        self.assert_recorded_once("run", [100] * 6)


class AnyMoment(LostConnectionTest):
    """Faults at random moments, of all kinds."""

    troubles = 25

    def setUp(self):
        super().setUp()
        self.random = random.Random(random_seed())

    def record_under(self, act):
        """Records for as long as act() is called now and then."""

        def work():
            for _ in range(self.troubles):
                time.sleep(trouble_random.uniform(0, 0.4))
                act()

        trouble_random = random.Random(self.random.random())
        trouble = threading.Thread(target=work, daemon=True)
        sizes = []
        with self.recorder(backlog=500_000) as recorder:
            trouble.start()
            while trouble.is_alive() or len(sizes) < 5:
                sizes.append(self.random.choice([1, 1000, 150_000]))
                self.record_epoch(recorder, sizes[-1])
                if self.random.random() < 0.5:
                    recorder.flush()
        trouble.join()
        self.reconnect()
        self.assert_recorded_once("run", sizes)

    def test_terminated_backends(self):
        def terminate():
            killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'metaprobe recorder'"
            )

        with self.connect() as killer:
            self.record_under(terminate)

    def test_faults_of_the_network(self):
        chance = random.Random(self.random.random())

        def fail():
            self.proxy.faults.append(
                chance.choice(["lost", "unanswered", "late", ""])
            )
            if chance.random() < 0.3:
                self.proxy.cut()

        self.record_under(fail)

    def test_crashes_of_the_server(self):
        def crash():
            self.server.stop("immediate")
            self.server.start()

        self.record_under(crash)


if __name__ == "__main__":
    unittest.main()

"""loss_curve as numpy arrays, through psycopg."""

import struct
import unittest

import numpy as np
import psycopg

from support import DatabaseTest, metaprobe, random_seed

NAN = np.float32("nan")


def array(*losses):
    return np.array(losses, np.float32)


class AdapterTest(DatabaseTest):
    extension_schema = "public"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        metaprobe.register_loss_curve(cls.connection)

    def setUp(self):
        pass

    def read(self, query, *values, binary=False):
        cursor = self.connection.cursor(binary=binary)
        return cursor.execute(query, values or None).fetchone()[0]

    def assert_curve(self, curve, expected):
        self.assertIsInstance(curve, np.ndarray)
        self.assertEqual(curve.dtype, np.dtype(np.float32))
        self.assertTrue(curve.dtype.isnative and curve.flags.writeable)
        np.testing.assert_array_equal(curve, expected)


class Reading(AdapterTest):
    def test_values(self):
        curves = {
            "[]": array(),
            "[2.3026,1.91,null,0.4]": array(2.3026, 1.91, NAN, 0.4),
            "[null]": array(NAN),
            "[3.4028235e38,-1e-45,0]": array(3.4028235e38, -1e-45, 0),
        }
        for text, expected in curves.items():
            for binary in (False, True):
                with self.subTest(text=text, binary=binary):
                    curve = self.read(f"SELECT '{text}'::loss_curve", binary=binary)
                    self.assert_curve(curve, expected)

    def test_null_and_arrays(self):
        for binary in (False, True):
            self.assertIsNone(self.read("SELECT NULL::loss_curve", binary=binary))
            first, second = self.read(
                "SELECT ARRAY['[1,null]'::loss_curve, NULL]", binary=binary
            )
            self.assert_curve(first, array(1, NAN))
            self.assertIsNone(second)

    def test_another_version_of_the_binary_form(self):
        loader = metaprobe._CurveBinaryLoader(0)
        with self.assertRaisesRegex(psycopg.DataError, "version 2"):
            loader.load(struct.pack("!Bi", 2, 0))


class Writing(AdapterTest):
    def test_text_of_what_arrives(self):
        cases = [
            (array(), "[]"),
            (array(1.5, NAN, -0.0), "[1.5,null,0]"),
            (np.array([0.1, 2]), "[0.1,2]"),
            (np.array([3, 4]), "[3,4]"),
            (np.array([1, 9, 2, 9], np.float16)[::2], "[1,2]"),
            (np.array([1, 2], ">f4"), "[1,2]"),
        ]
        for curve, expected in cases:
            for placeholder in ("%s", "%t", "%b"):
                with self.subTest(curve=curve, placeholder=placeholder):
                    text = self.read(f"SELECT {placeholder}::loss_curve::text", curve)
                    self.assertEqual(text, expected)

    def test_it_needs_no_cast(self):
        same = self.read("SELECT %s <-> %s", array(1, 2), array(4, 6))
        self.assertEqual(same, 5)

    def test_arrays_of_curves(self):
        first, second = self.read("SELECT %s", [array(1, NAN), array()])
        self.assert_curve(first, array(1, NAN))
        self.assert_curve(second, array())

    def test_what_is_no_curve(self):
        with self.assertRaisesRegex(ValueError, "2 dimensions"):
            self.read("SELECT %s", np.zeros((2, 2)))
        with self.assertRaisesRegex(ValueError, "not <U1"):
            self.read("SELECT %s", np.array(["a"]))
        with self.assertRaisesRegex(psycopg.DataError, "loss inf at epoch 1"):
            self.read("SELECT %s", array(0, np.inf))
        with self.assertRaisesRegex(psycopg.DataError, r"loss 1e\+39 at epoch 0"):
            self.read("SELECT %s", np.array([1e39]))
        with self.assertRaisesRegex(psycopg.DataError, "of 16001 epochs"):
            self.read("SELECT %s", np.zeros(16001))


class RoundTrip(AdapterTest):
    def setUp(self):
        """Curves of random bits: every kind of float32, with missing epochs."""
        generator = np.random.default_rng(random_seed())
        self.curves = []
        for _ in range(300):
            bits = generator.integers(2**32, size=generator.integers(60))
            curve = bits.astype(np.uint32).view(np.float32)
            curve[~np.isfinite(curve)] = NAN
            self.curves.append(curve)
        self.curves.append(generator.random(16000).astype(np.float32))
        self.run_sql("DROP TABLE IF EXISTS curves")
        self.run_sql("CREATE TABLE curves (id bigint, curve loss_curve)")

    def assert_stored(self):
        for binary in (False, True):
            cursor = self.connection.cursor(binary=binary)
            cursor.execute("SELECT curve FROM curves ORDER BY id")
            found = [curve for (curve,) in cursor]
            self.assertEqual(len(found), len(self.curves))
            for curve, expected in zip(found, self.curves):
                self.assert_curve(curve, expected)

    def test_parameters(self):
        for placeholder in ("%t", "%b"):
            self.run_sql("TRUNCATE curves")
            with self.connection.cursor() as cursor:
                cursor.executemany(
                    f"INSERT INTO curves VALUES (%s, {placeholder})",
                    list(enumerate(self.curves)),
                )
            self.assert_stored()

    def test_copy(self):
        for options in ("", " (FORMAT binary)"):
            self.run_sql("TRUNCATE curves")
            with self.connection.cursor() as cursor:
                with cursor.copy(f"COPY curves FROM STDIN{options}") as copy:
                    copy.set_types(["int8", "loss_curve"])
                    for row in enumerate(self.curves):
                        copy.write_row(row)
            self.assert_stored()
            with self.connection.cursor() as cursor:
                with cursor.copy(
                    f"COPY (SELECT * FROM curves ORDER BY id) TO STDOUT{options}"
                ) as copy:
                    copy.set_types(["int8", "loss_curve"])
                    for position, (number, curve) in enumerate(copy.rows()):
                        self.assertEqual(number, position)
                        self.assert_curve(curve, self.curves[position])


class Schemas(DatabaseTest):
    def setUp(self):
        pass

    def test_the_extension_in_a_schema_off_the_path(self):
        self.run_sql("CREATE SCHEMA elsewhere")
        self.run_sql("DROP EXTENSION metaprobe")
        self.run_sql("CREATE EXTENSION metaprobe SCHEMA elsewhere")
        with self.connect() as connection:
            metaprobe.register_loss_curve(connection)
            row = connection.execute("SELECT %s", (array(1, NAN),)).fetchone()
            np.testing.assert_array_equal(row[0], array(1, NAN))

    def test_no_extension(self):
        with self.connect(dbname="postgres") as connection:
            connection.execute("DROP DATABASE IF EXISTS metaprobe_bare")
            connection.execute("CREATE DATABASE metaprobe_bare")
        with self.connect(dbname="metaprobe_bare") as connection:
            with self.assertRaisesRegex(
                metaprobe.RecorderError, 'database "metaprobe_bare" lacks.*CREATE'
            ):
                metaprobe.register_loss_curve(connection)
        with self.connect(dbname="postgres") as connection:
            connection.execute("DROP DATABASE metaprobe_bare")

    def test_a_transaction_of_the_callers_stays_as_it_is(self):
        with psycopg.connect(**self.parameters) as connection:
            metaprobe.register_loss_curve(connection)
            self.assertEqual(
                connection.info.transaction_status,
                psycopg.pq.TransactionStatus.IDLE,
            )


if __name__ == "__main__":
    unittest.main()

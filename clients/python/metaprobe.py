"""Records the losses of a training run in PostgreSQL, for metaprobe.

One file, to be copied beside your code; it needs psycopg 3 and numpy.

    with LossRecorder("dbname=research", run="resnet-1") as recorder:
        for epoch in range(epochs):
            for ids, x, y in loader:
                losses = ...                    # one for each example
                recorder.record(ids, losses)
            recorder.end_epoch()

The log is the table that SELECT create_loss_log('loss_log') makes; in SQL,
loss_curves('loss_log', 'resnet-1') gives each example's curve.
"""

from __future__ import annotations

import atexit
import json
import logging
import math
import operator
import os
import random
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import psycopg
from psycopg import sql
from psycopg.adapt import Buffer, Dumper, Loader
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Format
from psycopg.types import TypeInfo

__all__ = [
    "LossRecorder",
    "RecorderError",
    "copy_losses",
    "find_log",
    "record_evaluation",
    "register_loss_curve",
]

LAST_EPOCH = 15_999  # that a loss_curve can hold
LARGEST_LOSS = float(np.finfo(np.float32).max)
CHUNK = 32_768  # losses in a row of the log
LONGEST_DELAY = 10.0  # seconds between two tries to connect

# A connection that died without a word must not hang us for hours.
CONNECTION_DEFAULTS = {
    "fallback_application_name": "metaprobe recorder",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}

logger = logging.getLogger("metaprobe")


class RecorderError(Exception):
    """Losses could not be written, or the database is not ready for them."""


# What was recorded, checked


def _as_array(values: Any) -> np.ndarray:
    """An array of an array-like, which may be a tensor on any device."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        try:
            values = values.numpy()
        except TypeError:
            values = values.float().numpy()  # numpy has no bfloat16
    return np.asarray(values)


def _raise_shape(name: str, array: np.ndarray) -> None:
    hint = ""
    if array.ndim == 0 and name == "losses":
        hint = ': one loss for each example is wanted, as reduction="none" gives'
    raise ValueError(
        f"{name} have {array.ndim} dimensions, shape {array.shape}, not 1{hint}"
    )


def _checked_ids(ids: Any) -> np.ndarray:
    """A copy of the ids as int64."""
    array = _as_array(ids)
    if array.ndim != 1:
        _raise_shape("ids", array)
    kind = array.dtype.kind
    if kind == "i":
        return array.astype(np.int64)
    if kind == "O" and all(
        isinstance(value, int) and not isinstance(value, bool) for value in array
    ):
        outside = [value for value in array if not -(2**63) <= value < 2**63]
        if outside:
            raise ValueError(f"id {outside[0]} is out of range for bigint")
    elif kind == "u":
        if array.size > 0 and array.max() >= 2**63:
            raise ValueError(f"id {array.max()} is out of range for bigint")
    elif array.size > 0:
        raise ValueError(
            f"ids must be integers, not {array.dtype}:"
            " other ids go through the long form, see loss_curve_agg"
        )
    return array.astype(np.int64)


def _checked_losses(losses: Any) -> np.ndarray:
    """A copy of the losses as float32; what is too large becomes infinity."""
    array = _as_array(losses)
    if array.ndim != 1:
        _raise_shape("losses", array)
    if array.dtype == np.float32:
        return array.astype(np.float32)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"losses must be real numbers, not {array.dtype}")
    with np.errstate(over="ignore"):
        return array.astype(np.float32)


def _all_finite(losses: np.ndarray) -> bool:
    """One call for nearly all: a sum of squares is finite only if they are."""
    return math.isfinite(losses.dot(losses)) or bool(np.isfinite(losses).all())


# COPY's binary format, whole arrays at a time

_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
_COPY_TRAILER = struct.pack("!h", -1)
_BIGINT = 20  # types' oids
_REAL = 700


def _encode_array(values: np.ndarray, number: str, oid: int) -> bytes:
    """The binary form of a PostgreSQL array with these elements."""
    elements = np.empty(len(values), dtype=[("size", ">i4"), ("value", number)])
    elements["size"] = elements.dtype["value"].itemsize
    elements["value"] = values
    dimensions, nulls, lower_bound = 1, 0, 1
    head = struct.pack("!5i", dimensions, nulls, oid, len(values), lower_bound)
    return head + elements.tobytes()


def _encode_row(run: bytes, epoch: int, ids: np.ndarray, losses: np.ndarray) -> bytes:
    fields = [
        run,
        struct.pack("!i", epoch),
        _encode_array(ids, ">i8", _BIGINT),
        _encode_array(losses, ">f4", _REAL),
    ]
    parts = [struct.pack("!h", len(fields))]
    for part in fields:
        parts += [struct.pack("!i", len(part)), part]
    return b"".join(parts)


def copy_losses(
    connection: psycopg.Connection[Any],
    log: sql.Identifier,
    run: str,
    epoch: int,
    ids: np.ndarray,
    losses: np.ndarray,
    *,
    rehearsal: bool = False,
) -> None:
    """Writes losses to a log, within the caller's transaction.

    log comes from find_log; ids are int64 and losses float32, finite, one for
    each id. A rehearsal sends them, but the server writes nothing.
    """
    command = sql.SQL(
        "COPY {} (run, epoch, ids, losses) FROM STDIN (FORMAT binary) WHERE {}"
    ).format(log, not rehearsal)
    name = run.encode(connection.info.encoding)
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        copy.write(_COPY_HEADER)
        for start in range(0, len(ids), CHUNK):
            part = slice(start, start + CHUNK)
            copy.write(_encode_row(name, epoch, ids[part], losses[part]))
        copy.write(_COPY_TRAILER)


def find_log(connection: psycopg.Connection[Any], log: str) -> sql.Identifier:
    """The qualified name of a log that is given as in SQL."""
    row = connection.execute(
        "SELECT n.nspname, c.relname FROM pg_catalog.pg_class AS c"
        " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE c.oid = pg_catalog.to_regclass(%s)",
        (log,),
    ).fetchone()
    if row is None:
        raise RecorderError(
            f'there is no table {log} in database "{connection.info.dbname}":'
            f" SELECT create_loss_log('{log}') makes it"
        )
    return sql.Identifier(*row)


# The recorder


@dataclass
class _Batch:
    """What one transaction writes: an epoch, or what is flushed of it."""

    epoch: int
    ids: list[np.ndarray] = field(default_factory=list)
    losses: list[np.ndarray] = field(default_factory=list)
    count: int = 0

    def add(self, ids: np.ndarray, losses: np.ndarray) -> None:
        self.ids.append(ids)
        self.losses.append(losses)
        self.count += len(ids)

    def join(self) -> None:
        """Many small arrays become one."""
        self.ids = [np.concatenate(self.ids)]
        self.losses = [np.concatenate(self.losses)]


@dataclass
class _Transaction:
    """A transaction whose COMMIT was sent, until its answer has come."""

    xid: str
    backend: int
    asked: int = 0


class LossRecorder:
    """Writes each example's loss at each epoch to a log.

    conninfo  how to connect, as libpq takes it: "dbname=research host=db1"
    run       the name of the training run
    log       the table, as in SQL: 'loss_log' or 'team.loss_log'
    epoch     the first epoch, 0 to 15999; for a run that goes on from a
              checkpoint the one that comes next
    invalid   'error': a loss that is NaN, infinite or too large for real is a
              ValueError; 'missing': it is left out, as if not recorded
    clip      losses above this are recorded as this, infinite ones too
    retry     seconds to go on trying when the server is away
    backlog   losses to keep in memory meanwhile (12 bytes each), before
              end_epoch() waits for the server

    Each epoch is one transaction: a log has it whole or not at all. It is
    written by a thread in the background; an error that will not pass is
    raised as a RecorderError by the next call of any method. Connecting and a
    rehearsal happen here, so that a wrong name is an error before training.

    Use it as a context manager, or call close() at the end. When an exception
    leaves the with block, finished epochs are written and the unfinished one
    is dropped. Not for use by several threads at once.
    """

    def __init__(
        self,
        conninfo: str,
        run: str,
        log: str = "loss_log",
        epoch: int = 0,
        *,
        invalid: Literal["error", "missing"] = "error",
        clip: float | None = None,
        retry: float = 3600.0,
        backlog: int = 50_000_000,
    ) -> None:
        if not run or "\0" in run:
            raise ValueError(f"{run!r} is no name for a run")
        if invalid not in ("error", "missing"):
            raise ValueError(f"invalid is 'error' or 'missing', not {invalid!r}")
        if clip is not None and not abs(clip) <= LARGEST_LOSS:
            raise ValueError(f"clip must be within the range of real, not {clip}")
        self.run = run
        self._batch = _Batch(operator.index(epoch))
        self._check_epoch()
        self._invalid = invalid
        self._clip = clip
        self._retry = retry
        self._backlog = backlog
        self._settings = {**CONNECTION_DEFAULTS, **conninfo_to_dict(conninfo)}
        self._connection: psycopg.Connection[Any] | None = None

        # Shared with the writing thread, under the condition's lock.
        self._changed = threading.Condition()
        self._queue: deque[_Batch] = deque()
        self._failure: Exception | None = None
        self._closed = False

        self._log = self._rehearse(log)
        self._thread = threading.Thread(
            target=self._write_batches, name="metaprobe recorder", daemon=True
        )
        self._thread.start()
        self._process = os.getpid()
        atexit.register(self._close_at_exit)

    @property
    def epoch(self) -> int:
        """The epoch that record() takes losses of."""
        return self._batch.epoch

    @property
    def pending(self) -> int:
        """Losses of the unfinished epoch that were recorded and not flushed."""
        return self._batch.count

    def __enter__(self) -> LossRecorder:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if error is None:
            self.close()
            return
        self.discard()
        try:
            self.close()
        except RecorderError as failure:
            error.add_note(f"besides: {failure}")

    # What the training loop calls

    def record(self, ids: Any, losses: Any) -> None:
        """Takes the losses of some examples, at the present epoch.

        ids are integers and losses real numbers, each of shape (n,): lists,
        numpy arrays or tensors. They are copied, so the caller may change
        them. Raises ValueError for what is not so, and takes nothing then.
        """
        if self._closed or self._failure is not None:
            self._check_open()
        if self._batch.epoch > LAST_EPOCH:
            self._check_epoch()
        checked_ids = _checked_ids(ids)
        checked_losses = _checked_losses(losses)
        if len(checked_ids) != len(checked_losses):
            raise ValueError(
                f"there are {len(checked_ids)} ids and {len(checked_losses)} losses"
            )
        if self._clip is not None:
            np.minimum(checked_losses, np.float32(self._clip), out=checked_losses)
        if not _all_finite(checked_losses):
            valid = np.isfinite(checked_losses)
            if self._invalid == "error":
                self._raise_invalid(checked_ids, losses, int(np.argmin(valid)))
            checked_ids = checked_ids[valid]
            checked_losses = checked_losses[valid]
        self._batch.add(checked_ids, checked_losses)

    def end_epoch(self) -> None:
        """Finishes the epoch and goes on to the next.

        Its losses are committed in the background. Before you save a
        checkpoint that is to go on from the next epoch, call flush().
        """
        self._check_open()
        self._hand_over(self.epoch + 1)

    def flush(self) -> None:
        """Returns when all that was recorded is committed."""
        self._check_open()
        self._hand_over(self.epoch)
        with self._changed:
            self._changed.wait_for(lambda: not self._queue or self._failure)
        self._check_open()

    def discard(self) -> None:
        """Forgets what was recorded of the unfinished epoch and not flushed."""
        self._batch = _Batch(self.epoch)

    def close(self) -> None:
        """Commits all that was recorded, and disconnects."""
        if self._closed:
            return
        try:
            self.flush()
        finally:
            with self._changed:
                self._closed = True
                self._changed.notify_all()
            atexit.unregister(self._close_at_exit)
        self._thread.join()

    def _close_at_exit(self) -> None:
        """For a recorder that was not closed: its finished epochs count."""
        if os.getpid() != self._process:
            return  # a fork, without the writing thread
        self.discard()
        try:
            self.close()
        except RecorderError as failure:
            logger.error("%s", failure)

    # Between the training loop and the writing thread

    def _check_open(self) -> None:
        if self._closed:
            raise RecorderError("the recorder is closed")
        if self._failure is not None:
            count = sum(batch.count for batch in self._queue)
            raise RecorderError(
                f"{count} losses of run {self.run}, from epoch"
                f" {self._queue[0].epoch} on, could not be written: {self._failure}"
            ) from self._failure

    def _check_epoch(self) -> None:
        if not 0 <= self.epoch <= LAST_EPOCH:
            raise ValueError(f"epoch {self.epoch} is not within 0 and {LAST_EPOCH}")

    def _raise_invalid(self, ids: np.ndarray, losses: Any, position: int) -> None:
        value = _as_array(losses)[position]
        what = "is too large for real" if np.isfinite(value) else "is not finite"
        raise ValueError(
            f"loss {value} of id {ids[position]} at epoch {self.epoch} {what}:"
            " invalid='missing' leaves such losses out, clip=... bounds them"
        )

    def _hand_over(self, next_epoch: int) -> None:
        """Queues what was recorded, when there is room for it."""
        batch = self._batch
        if batch.count > 0:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._has_room(batch) or self._failure
                )
                self._queue.append(batch)
                self._changed.notify_all()
        self._batch = _Batch(next_epoch)

    def _has_room(self, batch: _Batch) -> bool:
        waiting = sum(other.count for other in self._queue)
        return waiting == 0 or waiting + batch.count <= self._backlog

    def _write_batches(self) -> None:
        """The writing thread."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closed)
                if not self._queue:
                    break
                batch = self._queue[0]
            try:
                self._write_once(batch)
            except Exception as error:
                with self._changed:
                    self._failure = error
                    self._changed.notify_all()
                break
            with self._changed:
                self._queue.popleft()
                self._changed.notify_all()
        self._disconnect()

    # Exactly once

    def _write_once(self, batch: _Batch) -> None:
        """Returns when the batch is committed, however often we must try.

        Without an answer to COMMIT, its outcome is asked for before anything is
        written again. Until COMMIT is sent, a lost connection means no.
        """
        batch.join()
        in_doubt: _Transaction | None = None
        failed_since: float | None = None
        delay = 0.1
        while True:
            try:
                connection = self._connect()
                if in_doubt is None or not self._has_committed(in_doubt, batch):
                    in_doubt = None
                    transaction = self._begin_and_copy(connection, batch)
                    in_doubt = transaction
                    connection.execute("COMMIT")
                return
            except Exception as error:
                if not self._may_pass(error):
                    raise
                self._disconnect()
                failed_since = failed_since or time.monotonic()
                if time.monotonic() - failed_since + delay > self._retry:
                    raise
                logger.warning("recording waits %.1f s: %s", delay, error)
                time.sleep(delay * random.uniform(0.8, 1.2))
                delay = min(2 * delay, LONGEST_DELAY)

    def _may_pass(self, error: Exception) -> bool:
        """Can it help to connect again, later?"""
        passing = (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction)
        broken = self._connection is not None and self._connection.broken
        return isinstance(error, passing) or broken

    def _connect(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            self._connection = psycopg.connect(
                **self._settings, autocommit=True, prepare_threshold=None
            )
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _rehearse(self, log: str) -> sql.Identifier:
        """Finds the log and writes to it, but no row."""
        connection = self._connect()
        try:
            found = find_log(connection, log)
            ids = np.zeros(1, np.int64)
            losses = np.zeros(1, np.float32)
            copy_losses(
                connection, found, self.run, self.epoch, ids, losses, rehearsal=True
            )
        except psycopg.Error as error:
            self._disconnect()
            raise RecorderError(f"cannot write to {log}: {error}") from error
        except RecorderError:
            self._disconnect()
            raise
        return found

    def _begin_and_copy(
        self, connection: psycopg.Connection[Any], batch: _Batch
    ) -> _Transaction:
        connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        copy_losses(
            connection, self._log, self.run, batch.epoch, batch.ids[0], batch.losses[0]
        )
        row = connection.execute(
            "SELECT pg_catalog.pg_current_xact_id()::text, pg_catalog.pg_backend_pid()"
        ).fetchone()
        assert row is not None
        return _Transaction(*row)

    def _has_committed(self, transaction: _Transaction, batch: _Batch) -> bool:
        """The outcome of a COMMIT that got no answer; raises while undecided."""
        connection = self._connect()
        try:
            row = connection.execute(
                "SELECT pg_catalog.pg_xact_status(%s::xid8)", (transaction.xid,)
            ).fetchone()
        except psycopg.errors.InvalidParameterValue:
            return False  # in the future: a crash came before it reached the disk
        assert row is not None
        (status,) = row
        if status is None:
            raise RecorderError(
                f"the server no longer knows whether transaction {transaction.xid}"
                f" has committed epoch {batch.epoch}"
            )
        if status == "aborted":
            return False
        if status == "committed":
            return self._has_written(transaction, batch)
        transaction.asked += 1
        if transaction.asked >= 5:
            self._end_backend(transaction)
        raise psycopg.OperationalError(
            f"transaction {transaction.xid} is still in progress"
        )

    def _has_written(self, transaction: _Transaction, batch: _Batch) -> bool:
        """Was the transaction of that number ours?

        A number that reached no disk before a crash is given out again. A role
        that may not read the log takes the number's word for it.
        """
        query = sql.SQL(
            "SELECT EXISTS (SELECT FROM {} WHERE run = %s AND epoch = %s"
            " AND xmin = %s::xid8::xid)"
        ).format(self._log)
        try:
            row = self._connect().execute(
                query, (self.run, batch.epoch, transaction.xid)
            ).fetchone()
        except psycopg.ProgrammingError:
            return True
        assert row is not None
        return bool(row[0])

    def _end_backend(self, transaction: _Transaction) -> None:
        """Ends a session that still waits for a COMMIT that will never come."""
        self._connect().execute(
            "SELECT pg_catalog.pg_terminate_backend(pid)"
            " FROM pg_catalog.pg_stat_activity"
            " WHERE pid = %s AND backend_xid = %s::xid8::xid",
            (transaction.backend, transaction.xid),
        )


def record_evaluation(
    recorder: LossRecorder,
    batches: Iterable[Any],
    losses_of_batch: Callable[[Any], tuple[Any, Any]],
) -> None:
    """Records one epoch, from a pass over all examples with fixed weights.

    losses_of_batch(batch) gives the batch's ids and losses. If it raises, nothing
    is recorded of this epoch. Losses from the training loop do not mix with
    these: ValueError, if the recorder holds any. For PyTorch:

        def losses_of_batch(batch):
            ids, x, y = batch
            logits = model(x.to(device))
            return ids, cross_entropy(logits, y.to(device), reduction="none")

        model.eval()
        with torch.no_grad():
            record_evaluation(recorder, loader, losses_of_batch)
        model.train()
    """
    if recorder.pending > 0:
        raise ValueError(
            f"{recorder.pending} losses of epoch {recorder.epoch} are recorded already:"
            " call end_epoch() or discard() first"
        )
    try:
        for batch in batches:
            ids, losses = losses_of_batch(batch)
            recorder.record(ids, losses)
    except BaseException:
        recorder.discard()
        raise
    recorder.end_epoch()


# loss_curve as numpy arrays

_CURVE_VERSION = 1
_CURVE_HEAD = struct.Struct("!Bi")  # version, number of epochs


class _CurveLoader(Loader):
    """Reads the text form."""

    def load(self, data: Buffer) -> np.ndarray:
        return np.array(json.loads(bytes(data)), dtype=np.float32)


class _CurveBinaryLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> np.ndarray:
        version, epochs = _CURVE_HEAD.unpack_from(data)
        if version != _CURVE_VERSION:
            raise psycopg.DataError(f"loss_curve has version {version}, not 1")
        losses = np.frombuffer(data, ">f4", epochs, _CURVE_HEAD.size)
        return losses.astype(np.float32)


def _checked_curve(curve: np.ndarray) -> np.ndarray:
    losses = _checked_losses(curve)
    if len(losses) > LAST_EPOCH + 1:
        raise psycopg.DataError(
            f"a curve of {len(losses)} epochs is too long: {LAST_EPOCH + 1} is most"
        )
    infinite = np.isinf(losses)
    if infinite.any():
        epoch = int(np.argmax(infinite))
        raise psycopg.DataError(f"loss {curve[epoch]} at epoch {epoch} is infinite")
    return losses


class _CurveDumper(Dumper):
    """Writes the text form."""

    def dump(self, obj: np.ndarray) -> bytes:
        losses = _checked_curve(obj)
        return ("[%s]" % ",".join(map(str, losses))).encode()


class _CurveBinaryDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: np.ndarray) -> bytes:
        losses = _checked_curve(obj)
        head = _CURVE_HEAD.pack(_CURVE_VERSION, len(losses))
        return head + losses.astype(">f4").tobytes()


def register_loss_curve(connection: psycopg.Connection[Any]) -> None:
    """From now on this connection reads and writes loss_curve as numpy arrays.

    Curves are read as float32 arrays of shape (epochs,), with NaN for missing
    epochs; any numpy array of real numbers and one dimension is written as a
    curve. Both in text and binary form, in COPY too:
    copy.set_types(["int8", "loss_curve"]).
    """
    with connection.transaction():
        row = connection.execute(
            "SELECT t.oid, t.typarray FROM pg_catalog.pg_extension AS e"
            " JOIN pg_catalog.pg_depend AS d ON d.refobjid = e.oid"
            " AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass"
            " AND d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass"
            " JOIN pg_catalog.pg_type AS t ON t.oid = d.objid"
            " WHERE e.extname = 'metaprobe' AND t.typname = 'loss_curve'"
        ).fetchone()
    if row is None:
        raise RecorderError(
            f'database "{connection.info.dbname}" lacks the extension:'
            " CREATE EXTENSION metaprobe"
        )
    info = TypeInfo("loss_curve", *row)
    info.register(connection)
    for loader in (_CurveLoader, _CurveBinaryLoader):
        connection.adapters.register_loader(info.oid, loader)
    for dumper in (_CurveDumper, _CurveBinaryDumper):
        named = type(dumper.__name__, (dumper,), {"oid": info.oid})
        connection.adapters.register_dumper(np.ndarray, named)

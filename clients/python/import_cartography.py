"""Imports the training dynamics that dataset cartography writes.

These are files dynamics_epoch_N.jsonl, a line for each example:
{"guid": 17, "logits_epoch_N": [0.1, -1.3, 2.2], "gold": 2}. The loss is computed:
the cross entropy of the gold label. All files go in as one transaction.

Integer guids go to a loss log. Others go to a table in the long form (run text,
guid text, epoch integer, loss real), which is created if need be; give --long.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from psycopg import sql

from metaprobe import LAST_EPOCH, RecorderError, copy_losses, find_log

FILE_NAME = re.compile(r"dynamics_epoch_(\d+)\.jsonl$")


class ImportProblem(Exception):
    """Something in the files, or about where they are to go."""


@dataclass
class Dynamics:
    """One file: guids as they stand there, and losses, float32 of shape (n,)."""

    path: Path
    epoch: int
    guids: list[int | str]
    losses: np.ndarray


def cross_entropy(logits: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """-log softmax(logits)[gold], stable; logits (n, classes), gold (n,)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    right = shifted[np.arange(len(gold)), gold]
    return np.log(np.exp(shifted).sum(axis=1)) - right


def find_files(paths: list[Path]) -> list[tuple[int, Path]]:
    """(epoch, file), by epoch; a directory stands for the files in it."""
    found: dict[int, Path] = {}
    for path in paths:
        files = path.glob("dynamics_epoch_*.jsonl") if path.is_dir() else [path]
        for file in files:
            match = FILE_NAME.search(file.name)
            if match is None:
                raise ImportProblem(f"{file} is not named dynamics_epoch_N.jsonl")
            epoch = int(match[1])
            if epoch > LAST_EPOCH:
                raise ImportProblem(f"{file}: epochs end at {LAST_EPOCH}")
            if epoch in found:
                raise ImportProblem(f"{file} and {found[epoch]} are one epoch")
            found[epoch] = file
    if not found:
        raise ImportProblem("there is no dynamics_epoch_N.jsonl here")
    return sorted(found.items())


def parse_line(line: str, field: str) -> tuple[int | str, list[float], int]:
    """guid, logits and gold; ValueError says what is wrong."""
    example = json.loads(line)
    if not isinstance(example, dict):
        raise ValueError("not a JSON object")
    for name in ("guid", field, "gold"):
        if name not in example:
            raise ValueError(f'no "{name}"')
    guid, logits, gold = example["guid"], example[field], example["gold"]
    if type(guid) not in (int, str):
        raise ValueError("guid is neither an integer nor a string")
    if not isinstance(logits, list) or not all(type(x) in (int, float) for x in logits):
        raise ValueError(f"{field} is not a list of numbers")
    if type(gold) is not int or not 0 <= gold < len(logits):
        raise ValueError(f"gold is {gold!r}, and there are {len(logits)} logits")
    return guid, logits, gold


def read_dynamics(path: Path, epoch: int) -> Dynamics:
    guids: list[int | str] = []
    logits: list[list[float]] = []
    golds: list[int] = []
    lines: dict[int | str, int] = {}
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                guid, row, gold = parse_line(line, f"logits_epoch_{epoch}")
                if logits and len(row) != len(logits[0]):
                    raise ValueError(f"{len(row)} logits, not {len(logits[0])}")
                if not np.isfinite(row).all():
                    raise ValueError("a logit is not finite")
                if guid in lines:
                    raise ValueError(f"guid {guid!r} is that of line {lines[guid]}")
            except ValueError as error:
                raise ImportProblem(f"{path}:{number}: {error}") from error
            lines[guid] = number
            guids.append(guid)
            logits.append(row)
            golds.append(gold)
    if not guids:
        raise ImportProblem(f"{path} is empty")
    losses = cross_entropy(np.array(logits, dtype=float), np.array(golds))
    return Dynamics(path, epoch, guids, losses.astype(np.float32))


def integer_ids(dynamics: Dynamics) -> np.ndarray:
    """The guids as bigint; those that are an integer's usual text count too."""
    ids = np.empty(len(dynamics.guids), np.int64)
    for position, guid in enumerate(dynamics.guids):
        try:
            ids[position] = int(guid)
            usual = str(int(guid)) == str(guid)
        except (ValueError, OverflowError):
            usual = False
        if not usual:
            raise ImportProblem(
                f"{dynamics.path}:{position + 1}: guid {guid!r} is no bigint:"
                " import into the long form, with --long TABLE"
            )
    return ids


def check_new(
    connection: psycopg.Connection[Any], table: sql.Composable, run: str
) -> None:
    query = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE run = %s)").format(table)
    row = connection.execute(query, (run,)).fetchone()
    if row is not None and row[0]:
        name = table.as_string(connection)
        raise ImportProblem(f"run {run} is in {name} already")


def import_into_log(
    connection: psycopg.Connection[Any],
    log: str,
    run: str,
    all_dynamics: Iterator[Dynamics],
) -> None:
    table = find_log(connection, log)
    check_new(connection, table, run)
    for dynamics in all_dynamics:
        ids = integer_ids(dynamics)
        copy_losses(connection, table, run, dynamics.epoch, ids, dynamics.losses)


def import_into_long_form(
    connection: psycopg.Connection[Any],
    name: str,
    run: str,
    all_dynamics: Iterator[Dynamics],
) -> None:
    table = sql.Identifier(*name.split("."))
    connection.execute(
        sql.SQL(
            "CREATE TABLE IF NOT EXISTS {} (run text NOT NULL, guid text NOT NULL,"
            " epoch integer NOT NULL, loss real NOT NULL)"
        ).format(table)
    )
    check_new(connection, table, run)
    command = sql.SQL("COPY {} (run, guid, epoch, loss) FROM STDIN").format(table)
    for dynamics in all_dynamics:
        with connection.cursor() as cursor, cursor.copy(command) as copy:
            for guid, loss in zip(dynamics.guids, dynamics.losses.tolist()):
                copy.write_row((run, str(guid), dynamics.epoch, loss))


def read_arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", help="name of the training run")
    parser.add_argument(
        "path",
        type=Path,
        nargs="+",
        help="dynamics_epoch_N.jsonl, or a directory of such files",
    )
    parser.add_argument(
        "--conninfo", default="", help='such as "dbname=research host=db1"'
    )
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--log", default="loss_log", help="the loss log: %(default)s")
    target.add_argument("--long", metavar="TABLE", help="a table in the long form")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> None:
    arguments = read_arguments(words)
    examples = 0

    def all_dynamics(files: list[tuple[int, Path]]) -> Iterator[Dynamics]:
        nonlocal examples
        for epoch, path in files:
            try:
                dynamics = read_dynamics(path, epoch)
            except UnicodeDecodeError as error:
                raise ImportProblem(f"{path}: {error}") from error
            examples = max(examples, len(dynamics.guids))
            yield dynamics

    try:
        files = find_files(arguments.path)
        with psycopg.connect(arguments.conninfo) as connection:
            if arguments.long is None:
                import_into_log(
                    connection, arguments.log, arguments.run, all_dynamics(files)
                )
            else:
                import_into_long_form(
                    connection, arguments.long, arguments.run, all_dynamics(files)
                )
    except (ImportProblem, RecorderError, psycopg.Error, OSError) as error:
        sys.exit(f"import_cartography: {error}")
    print(f"{len(files)} epochs of {examples} examples imported as {arguments.run}")


if __name__ == "__main__":
    main()

// ClickHouse's engine: reads a job from standard input, answers with times and labels.
import { readFileSync } from "node:fs";
import { Session } from "chdb";

const job = JSON.parse(readFileSync(0, "utf8"));
const session = new Session(job.directory + "/chdb");
const run = (sql) => session.query(sql, "TabSeparated");

run("CREATE DATABASE bench ENGINE = Atomic");
for (const table of ["samples", "probes"]) {
  run(`CREATE TABLE bench.${table}
      (id Int32, label LowCardinality(String), losses Array(Float32))
    ENGINE = MergeTree ORDER BY id SETTINGS index_granularity = 256`);
  run(`INSERT INTO bench.${table}
    SELECT id, label, JSONExtract(losses, 'Array(Float32)')
    FROM file('${job.directory}/${table}.csv', CSV,
      'id Int32, label String, losses String')
    SETTINGS format_csv_delimiter = ';'`);
}

// All probes as one row of arrays, and small blocks, so that all threads get some.
const answer = { version: run("SELECT version()").trim().replaceAll('"', ""), seconds: [] };
for (let i = 0; i < job.repeats; i++) {
  run("DROP TABLE IF EXISTS bench.tags SYNC");
  const started = performance.now();
  run(`CREATE TABLE bench.tags ENGINE = MergeTree ORDER BY id AS
    SELECT id, argMin(label, (-votes, distances, label)) AS label
    FROM (
      SELECT id, n.2 AS label, count() AS votes, sum(n.1) AS distances
      FROM (
        SELECT s.id AS id, arrayJoin(arraySlice(arrayPartialSort(${job.k},
          arrayMap((p, l) -> (L2Distance(s.losses, p), l), all_losses, all_labels)),
          1, ${job.k})) AS n
        FROM bench.samples AS s CROSS JOIN (
          SELECT groupArray(losses) AS all_losses, groupArray(label) AS all_labels
          FROM bench.probes
        ) AS p
      ) GROUP BY id, label
    ) GROUP BY id SETTINGS max_block_size = 256`);
  answer.seconds.push((performance.now() - started) / 1000);
}
answer.labels = run("SELECT label FROM bench.tags ORDER BY id").trim().split("\n");
console.log(JSON.stringify(answer));
session.close();

// DuckDB: reads a job from standard input, answers with times and labels.
import { DuckDBInstance } from "@duckdb/node-api";
import { readFileSync } from "node:fs";

const job = JSON.parse(readFileSync(0, "utf8"));
const database = await DuckDBInstance.create(job.directory + "/duckdb.tmp");
const connection = await database.connect();
const rows = async (sql) => (await connection.runAndReadAll(sql)).getRows();

await rows(`ATTACH '${job.directory}/small.duckdb' AS small (ROW_GROUP_SIZE 2048)`);
await rows("USE small");

// The row groups are small so that all threads get some of the sample.
for (const table of ["samples", "probes"])
  await rows(`CREATE TABLE ${table} AS
    SELECT id, label, losses::FLOAT[${job.epochs}] AS losses
    FROM read_csv('${job.directory}/${table}.csv', delim = ';', header = false,
      columns = {id: 'INTEGER', label: 'VARCHAR', losses: 'VARCHAR'})`);

const vote = `
  SELECT id, first(label ORDER BY votes DESC, distances, label) AS label
  FROM (
    SELECT id, n.label AS label, count(*) AS votes, sum(n.distance) AS distances
    FROM (SELECT id, unnest(nearest) AS n FROM found) GROUP BY ALL
  ) GROUP BY id`;

const answer = { version: (await rows("SELECT version()"))[0][0], seconds: [] };
for (let i = 0; i < job.repeats; i++) {
  await rows("DROP TABLE IF EXISTS tags");
  const started = performance.now();
  await rows(`CREATE TABLE tags AS
    WITH found AS (
      SELECT id, min_by({label: label, distance: distance}, distance, ${job.k}) AS nearest
      FROM (
        SELECT s.id, p.label, array_distance(s.losses, p.losses) AS distance
        FROM samples AS s CROSS JOIN probes AS p
      ) GROUP BY id
    ) ${vote}`);
  answer.seconds.push((performance.now() - started) / 1000);
}
answer.labels = (await rows("SELECT label FROM tags ORDER BY id")).map((row) => row[0]);
console.log(JSON.stringify(answer));

-- Recorded runs, in tables like MLflow's.  In your own MLflow database they are
-- there already.  :data is the folder of the compressed CSVs.

-- As MLflow makes them, but for the foreign keys to its table of runs.
CREATE TABLE metrics (
	key varchar(250) NOT NULL,
	value double precision NOT NULL,
	timestamp bigint NOT NULL,
	run_uuid varchar(32) NOT NULL,
	step bigint NOT NULL DEFAULT 0,
	is_nan boolean NOT NULL DEFAULT false,
	CONSTRAINT metric_pk PRIMARY KEY (key, timestamp, step, run_uuid, value, is_nan)
);
CREATE TABLE params (
	key varchar(250) NOT NULL,
	value varchar(8000) NOT NULL,
	run_uuid varchar(32) NOT NULL,
	CONSTRAINT param_pk PRIMARY KEY (key, run_uuid)
);
CREATE TABLE tags (
	key varchar(250) NOT NULL,
	value varchar(8000),
	run_uuid varchar(32) NOT NULL,
	CONSTRAINT tag_pk PRIMARY KEY (key, run_uuid)
);

-- \copy takes no variables, so the folder comes in as the environment's.
\setenv DATA :data
\copy metrics FROM PROGRAM 'gzip -dc "$DATA"/metrics.csv.gz' (FORMAT csv, HEADER)
\copy params FROM PROGRAM 'gzip -dc "$DATA"/params.csv.gz' (FORMAT csv, HEADER)
\copy tags FROM PROGRAM 'gzip -dc "$DATA"/tags.csv.gz' (FORMAT csv, HEADER)
ANALYZE metrics, params, tags;

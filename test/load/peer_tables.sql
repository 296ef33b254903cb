-- The same rows and probes as vectors, for pgvector's way to the labels.

SET client_min_messages = warning;
CREATE EXTENSION vector;
CREATE TABLE vector_samples AS SELECT id, curve::real[]::vector(40) AS v FROM originals;
ALTER TABLE vector_samples ADD PRIMARY KEY (id);
CREATE TABLE vector_probes AS SELECT label, curve::real[]::vector(40) AS v FROM probes;
VACUUM ANALYZE vector_samples, vector_probes;

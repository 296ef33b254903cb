-- The install script of metaprobe: the files src/*.sql, one per topic.
-- Complain if the script is run by psql rather than by CREATE EXTENSION.
\echo Use "CREATE EXTENSION metaprobe" to load this file. \quit

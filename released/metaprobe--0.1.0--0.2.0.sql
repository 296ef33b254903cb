-- From 0.1.0 to 0.2.0.
-- Complain if the script is run by psql rather than by ALTER EXTENSION.
\echo Use "ALTER EXTENSION metaprobe UPDATE TO '0.2.0'" to load this file. \quit

"""Tag tables brought up to date, beside what one would write without them."""

import report

CHANGED = 100  # one row in so many

REFRESH = "CALL refresh_tags('tags', '{source}', 'base_suite')"
TAGGED = """SELECT id, tag_metadata(curve, (SELECT suite FROM base_suite)) AS tag
    FROM {source}"""
VIEW = f"CREATE MATERIALIZED VIEW tag_view AS {TAGGED}"
INSERT = f"INSERT INTO plain_tags SELECT id, (tag).* FROM ({TAGGED} OFFSET 0) AS t"


def make_tables(session, source, suite):
    session.rows(f"CREATE TABLE base_suite AS SELECT {suite} AS suite")
    session.rows(f"SELECT create_tag_table('tags', '{source}')")
    session.rows(
        "CREATE TABLE plain_tags (LIKE tags);"
        "ALTER TABLE plain_tags DROP curve_hash, DROP suite_hash, DROP tagged_at;"
        "ALTER TABLE plain_tags ADD PRIMARY KEY (id)"
    )


def change_some(session, source, number):
    """Another one in CHANGED rows for each number."""
    session.rows(
        f"UPDATE {source} SET curve[1] = curve[1] + 0.5"
        f" WHERE id % {CHANGED} = {number}"
    )


def run(base):
    source, session, rows = base.samples, base.session, base.options.rows
    report.title(f"A tag table of {rows:,} rows brought up to date")
    make_tables(session, source, base.suite)
    refresh = REFRESH.format(source=source)
    view = VIEW.format(source=source)
    insert = INSERT.format(source=source)
    jobs = {
        name: report.Measured(name, rows)
        for name in (
            "refresh_tags, all rows new",
            "refresh_tags, 1 % of them changed",
            "refresh_tags, nothing changed",
            "CREATE MATERIALIZED VIEW",
            "INSERT ... SELECT of all rows",
        )
    }
    new, some, none, of_view, of_insert = jobs.values()
    for number in range(base.options.repeats):
        session.rows("TRUNCATE tags, plain_tags")
        session.rows("DROP MATERIALIZED VIEW IF EXISTS tag_view")
        new.runs.append(session.seconds(refresh))
        session.rows("VACUUM ANALYZE tags")
        change_some(session, source, number)
        some.runs.append(session.seconds(refresh))
        none.runs.append(session.seconds(refresh))
        of_view.runs.append(session.seconds(view))
        of_insert.runs.append(session.seconds(insert))
    report.table_of_jobs(jobs.values(), new)
    report.say(
        "",
        f"After 1 % of the rows changed, a refresh costs"
        f" {report.number(some.median / new.median)} of a full one"
        " (wanted: at most 0.2).",
    )
    session.rows("DROP MATERIALIZED VIEW tag_view")
    session.rows("DROP TABLE tags, plain_tags, base_suite")

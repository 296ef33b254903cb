-- Do both ways agree, and are the tags any good?

SELECT format('Both give the same label for %s of %s rows of the sample.',
	count(*) FILTER (WHERE sql_tags.label = tags.label), count(*))
FROM sql_tags JOIN tags USING (id);

SELECT format('%s %% of all rows are tagged as the kind of curve they were made as.',
	round(100.0 * count(*) FILTER (WHERE samples.kind = tags.label) / count(*), 1))
FROM samples JOIN tags USING (id);

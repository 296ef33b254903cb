# A refresh by pg_cron: the line that the cookbook gives, as a user who is no
# superuser, and pg_cron really fires it.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use Metaprobe;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Recipes;
use Test::More;

my ($pkglibdir) = run_command([ 'pg_config', '--pkglibdir' ]);
plan skip_all => "pg_cron is not installed for this server (no $pkglibdir/pg_cron.so)"
  unless -e "$pkglibdir/pg_cron.so";

my $seed = random_seed();
my $node = PostgreSQL::Test::Cluster->new('main');

$node->init(extra => ['--username=postgres']);
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_cron'
cron.database_name = 'postgres'
cron.use_background_workers = on
max_worker_processes = 16
});
$node->start;
install_generators($node, 'postgres');

# More rows than a batch has, so that the job has to commit on its way.
$node->safe_psql(
	'postgres', qq{
CREATE EXTENSION pg_cron;
CREATE ROLE tagger LOGIN; CREATE ROLE other LOGIN;
GRANT USAGE ON SCHEMA cron TO tagger, other;
GRANT CREATE ON SCHEMA public TO tagger;
SET ROLE tagger;
CREATE TABLE pieces AS SELECT n, random_curve($seed, n, 5) AS curve FROM generate_series(0, 199) AS n;
CREATE TABLE samples (id bigint PRIMARY KEY, curve loss_curve);
INSERT INTO samples
	SELECT i, a.curve || b.curve FROM generate_series(1, 25000) AS i
	JOIN pieces AS a ON a.n = i % 200 JOIN pieces AS b ON b.n = i / 200;
CREATE TABLE probes AS
	SELECT n AS id, (ARRAY['early', 'late', 'flat'])[n % 3 + 1] AS label, random_curve($seed + 1, n, 10) AS curve
	FROM generate_series(1, 60) AS n;
CREATE VIEW mnist_suite AS SELECT probe_suite_agg(label, curve, id::text) AS suite FROM probes;
GRANT SELECT ON samples, mnist_suite TO other;
SELECT create_tag_table('sample_tags', 'samples');
});

# The documented line, but every minute.
my ($schedule, $history) = grep { $_->{code} =~ /\bcron\./ } recipes('doc/cookbook.md');
my $every_minute = $schedule->{code} =~ s{\Q*/15 * * * *\E}{* * * * *}r;
isnt($every_minute, $schedule->{code}, 'the cookbook schedules it every quarter of an hour');

sub as_user
{
	my ($user, $sql) = @_;

	return $node->safe_psql('postgres', $sql,
		connstr => $node->connstr('postgres') . " user=$user");
}

like(as_user($_, $every_minute), qr/^\d+$/, "$_ schedules it") foreach 'tagger', 'other';

# Until it has fired, which it does when the minute changes.
my $done = q{SELECT count(DISTINCT username) = 2 FROM cron.job_run_details WHERE status IN ('succeeded', 'failed')};
ok($node->poll_query_until('postgres', $done), 'pg_cron fires');
is( $node->safe_psql('postgres',
		'SELECT DISTINCT ON (username) username, status FROM cron.job_run_details ORDER BY username, runid'),
	"other|failed\ntagger|succeeded",
	'the job of the owner succeeds, and that of another role fails');
is( $node->safe_psql('postgres', q{
SELECT count(*), count(*) FILTER (WHERE ROW(t.label, t.probability, t.score, t.runner_up, t.margin, t.distance, t.novelty)
	IS NOT DISTINCT FROM ROW((tag).*))
FROM sample_tags AS t
JOIN (SELECT id, tag_metadata(curve, (SELECT suite FROM mnist_suite)) AS tag FROM samples OFFSET 0) AS fresh USING (id)}),
	'25000|25000',
	'each row has its tag');
cmp_ok($node->safe_psql('postgres', 'SELECT count(DISTINCT xmin::text) FROM sample_tags'),
	'>', 1, 'the job committed in batches');
like(as_user('tagger', $history->{code}), qr/^succeeded\|/m, 'the owner sees how it went');
like(as_user('other', $history->{code}), qr/^failed\|.*must be owner/m, 'and so does the other');

is(as_user('tagger', q{SELECT cron.unschedule('tags')}), 't', 'it can be unscheduled');

$node->stop;
done_testing();

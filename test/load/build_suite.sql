UPDATE suites SET suite = (SELECT suite FROM live_suite), version = version + 1 WHERE name = 'rolling';

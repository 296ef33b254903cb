CALL refresh_tags('tags', 'samples', 'rolling_suite', batch_size => 2000);

CALL refresh_tags('live_tags', 'samples', 'probes', batch_size => 2000);

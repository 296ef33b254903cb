INSERT INTO loss_log (run, epoch, ids, losses) SELECT 'run ' || n / 400, epoch, ids, losses FROM (SELECT nextval('chunks') AS n) AS c JOIN chunk_losses ON epoch = n % 400 / 10 AND block = n % 10;

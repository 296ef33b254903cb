-- What a person, or a network, should look at again.
SELECT id FROM tags WHERE label = 'random_outputs' ORDER BY id;

"""The digits of scikit-learn: a training set with wrong labels, a clean test set,
and probes made of training images."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

CLASSES = 10
KINDS = ("typical", "atypical", "random_outputs", "corrupted")


def load(seed, flipped=0.15, test_size=597):
    """Splits the images, and gives a share of the training set a wrong label.

    Images and labels are indexed by id, the image's place in scikit-learn's
    set. Returns images, true labels, given labels, training ids and test ids.
    """
    images, truth = load_digits(return_X_y=True)
    images = (images / images.max()).astype(np.float32)
    train_ids, test_ids = train_test_split(
        np.arange(len(images)), test_size=test_size, stratify=truth, random_state=seed
    )
    random = np.random.default_rng(seed)
    given = truth.copy()
    wrong = random.choice(train_ids, round(flipped * len(train_ids)), replace=False)
    given[wrong] = wrong_labels(truth[wrong], random)
    return images, truth, given, np.sort(train_ids), test_ids


def wrong_labels(labels, random):
    return (labels + random.integers(1, CLASSES, len(labels))) % CLASSES


def choose_probes(ids, given, held_out, seed, count=50):
    """Chooses images of the training set to make probes of, without the truth.

    held_out are the class probabilities of each id, by networks that have not
    seen it. Where these agree with the given label, that label is hardly wrong:
    the surest of those are typical and the least sure atypical; of the others
    some, at random, become the probes with a wrong label and with noise.
    Returns the probes' ids by kind.
    """
    agreeing = ids[held_out.argmax(axis=1) == given[ids]]
    confidence = dict(zip(ids, held_out[np.arange(len(ids)), given[ids]]))
    by_confidence = sorted(agreeing, key=confidence.get)
    others = np.random.default_rng(seed + 1).permutation(by_confidence[count:-count])
    chosen = (
        by_confidence[-count:],
        by_confidence[:count],
        others[:count],
        others[count : 2 * count],
    )
    return {kind: np.asarray(part) for kind, part in zip(KINDS, chosen)}


def with_probes(images, given, probes, seed):
    """The images and labels to train on while losses are recorded."""
    random = np.random.default_rng(seed + 2)
    images, labels = images.copy(), given.copy()
    mislabelled, noisy = probes["random_outputs"], probes["corrupted"]
    labels[mislabelled] = wrong_labels(given[mislabelled], random)
    noise = random.normal(0, 0.5, images[noisy].shape).astype(np.float32)
    images[noisy] = np.clip(images[noisy] + noise, 0, 1)
    return images, labels

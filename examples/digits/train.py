"""A small network and the loop that trains it, as anyone's would be."""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)  # the network is too small to share out
torch.use_deterministic_algorithms(True)

BATCH = 32


def train(images, labels, seed, epochs, weights=None, after_epoch=None):
    """Trains a network; after_epoch(network) is called after each epoch."""
    torch.manual_seed(seed)
    images, labels = torch.from_numpy(images), torch.from_numpy(labels)
    weights = torch.ones(len(images)) if weights is None else torch.from_numpy(weights)
    network = nn.Sequential(
        nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
    )
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            losses = cross_entropy(network(images[batch]), labels[batch], reduction="none")
            (losses * weights[batch]).mean().backward()
            optimizer.step()
        if after_epoch is not None:
            after_epoch(network)
    return network


@torch.no_grad()
def losses_of(network, images, labels):
    logits = network(torch.from_numpy(images))
    return cross_entropy(logits, torch.from_numpy(labels), reduction="none")


@torch.no_grad()
def probabilities(network, images):
    return network(torch.from_numpy(images)).softmax(dim=1).numpy()


def accuracy(network, images, labels):
    return float(np.mean(probabilities(network, images).argmax(axis=1) == labels))


def held_out_probabilities(images, labels, seed, epochs, folds=4):
    """Of each image, by a network that has been trained on the other folds."""
    fold = np.random.default_rng(seed).permutation(len(images)) % folds
    result = np.empty((len(images), 10), np.float32)
    for held_out in range(folds):
        rest = fold != held_out
        network = train(images[rest], labels[rest], seed + held_out, epochs)
        result[~rest] = probabilities(network, images[~rest])
    return result

"""The experiment of scaling_laws keeps its promise: small models foretell one that is more than four times larger."""

import numpy as np
import pytest
import torch

from internals.scaling_laws import (
    HELD_OUT,
    LENGTH,
    SEEDS,
    WIDTHS,
    foretell,
    make_model,
    mean_loss,
    size_of,
    train_width,
)
from internals.vocabularies import load_text

BOUND = 0.02  # the notebook states it


def test_the_held_out_model_is_at_least_four_times_larger_than_any_that_is_fitted():
    for embeddings in (True, False):
        sizes = [size_of(make_model(85, width), embeddings) for width in (*WIDTHS, HELD_OUT)]
        assert sizes[-1] >= 4 * max(sizes[:-1])


@pytest.mark.slow
@pytest.mark.network("shakespeare")
def test_five_small_sizes_foretell_a_larger_one_within_the_stated_bound_and_better_than_either_naive_guess():
    torch.set_num_threads(1)
    text = load_text()
    number_of = {character: number for number, character in enumerate(sorted(set(text)))}
    ids = torch.tensor([number_of[character] for character in text], dtype=torch.uint8)
    training, test = ids[:-200_000], ids[-65_537:].long()
    windows = torch.cat((test[:-1].view(-1, LENGTH), test[LENGTH::LENGTH, None]), dim=1)
    fitted = [np.mean([mean_loss(train_width(training, len(number_of), width, seed), windows) for seed in SEEDS])
              for width in WIDTHS]
    sizes = [size_of(make_model(len(number_of), width)) for width in (*WIDTHS, HELD_OUT)]
    truth = mean_loss(train_width(training, len(number_of), HELD_OUT, seed=0), windows)
    errors = {guess: abs(value / truth - 1) for guess, value in foretell(sizes[:-1], fitted, sizes[-1]).items()}
    assert errors["the law"] < BOUND, errors
    assert errors["the law"] == min(errors.values()), errors

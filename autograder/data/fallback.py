"""What is generated, the same every time, where files cannot be had: of the same form, so that notebooks run on."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

PAIRS = 30_000
FIRST_DAY, DAYS = datetime.date(1950, 1, 1), 27_000
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)  # calendar.month_name would follow the reader's language

SIDE = 64  # pixels, as of the emoji
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "brown", "black")
SIZES = {"small": 12, "large": 26}  # pixels from the middle to the edge
CORNERS = {"circle": 0, "triangle": 3, "square": 4, "pentagon": 5, "hexagon": 6}
PLACES = {"left": (27, 32), "right": (37, 32), "top": (32, 27), "bottom": (32, 37)}

SEGMENTS = {  # of a seven-segment display, on 8 × 8 pixels: rows and columns
    "a": (slice(0, 1), slice(2, 6)),
    "b": (slice(0, 4), slice(5, 6)),
    "c": (slice(4, 8), slice(5, 6)),
    "d": (slice(7, 8), slice(2, 6)),
    "e": (slice(4, 8), slice(2, 3)),
    "f": (slice(0, 4), slice(2, 3)),
    "g": (slice(3, 4), slice(2, 6)),
}
LIT = ("abcdef", "bc", "abdeg", "abcdg", "bcfg", "acdfg", "acdefg", "abc", "abcdefg", "abcdfg")  # for 0 to 9


def dates() -> list[tuple[str, str]]:
    """30,000 days, written as in a letter and in figures: ("May 4, 1977", "1977-05-04")."""
    chance = random.Random(0)
    days = (FIRST_DAY + datetime.timedelta(chance.randrange(DAYS)) for _ in range(PAIRS))
    return [(f"{MONTHS[day.month - 1]} {day.day}, {day.year}", day.isoformat()) for day in days]


def shapes() -> list[tuple[Image, str]]:
    """320 pictures (RGB, 64 × 64) of one shape, with captions: "small red circle at the left"."""
    from PIL import Image, ImageDraw

    pictures = []
    for place, (x, y) in PLACES.items():
        for size, radius in SIZES.items():
            for colour in COLOURS:
                for shape, corners in CORNERS.items():
                    picture = Image.new("RGB", (SIDE, SIDE), "white")
                    draw = ImageDraw.Draw(picture)
                    if corners:
                        draw.regular_polygon((x, y, radius), corners, fill=colour)
                    else:
                        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
                    pictures.append((picture, f"{size} {colour} {shape} at the {place}"))
    return pictures


def segments() -> tuple[np.ndarray, np.ndarray]:
    """Noisy seven-segment digits of uneven ink: images (1797, 8, 8) uint8, 0 to 16, and labels (1797,) int64."""
    import numpy as np

    chance = np.random.default_rng(0)
    labels = np.arange(1797) % 10
    images = np.zeros((len(labels), 8, 8))
    for image, label in zip(images, labels, strict=True):
        for segment in LIT[label]:
            image[SEGMENTS[segment]] = chance.uniform(9, 16)
        image[:] = np.roll(image, chance.integers(-1, 2), axis=1)
    return (images + chance.normal(0, 1.5, images.shape)).clip(0, 16).round().astype(np.uint8), labels


def big_digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The digits, enlarged to 28 × 28 and 0 to 255, 1,500 to train and 297 to test, as Fashion-MNIST is split."""
    import numpy as np

    from autograder.data import load

    images, labels = load("digits")
    large = np.kron(images, np.ones((1, 3, 3), dtype=np.int64)) * 255 // 16
    large = np.pad(large, ((0, 0), (2, 2), (2, 2))).astype(np.uint8)
    return large[:1500], labels[:1500], large[1500:], labels[1500:]


FALLBACKS: dict[str, Callable[[], Any]] = {
    "verses": dates,
    "digits": segments,
    "fashion": big_digits,
    "emoji": shapes,
}

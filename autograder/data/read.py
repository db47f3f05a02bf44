"""From a key's files to the value that `autograder.data.load` returns."""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

UNEQUAL = 2.5  # times longer, and two verses are not the same
EMOJI_SIDE = 64  # pixels of a picture's side
EMOJI_DRAWN = (109, (136, 128))  # the one size that the font's bitmaps have, and the field they fill
EMOJI_FROM = 0x203C  # code points below are letters, digits and marks of ordinary text


def shakespeare(folder: Path) -> str:
    """The plays, one after the other, by the path of their files."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.md")))


SAMPLE = re.compile(r'^  (\w+): "((?:[^"\\]|\\.)*)"$', re.MULTILINE)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def languages(folder: Path) -> dict[str, str]:
    """The longest sample text of each language and script, by tag: `en_Latn`, `ja_Jpan`."""
    texts = {}
    for path in sorted(folder.glob("*.textproto")):
        _, found, sample = path.read_text(encoding="utf-8").partition("\nsample_text {\n")
        longest = max((text for _, text in SAMPLE.findall(sample)), key=len, default="") if found else ""
        if longest:
            texts[path.stem] = re.sub(r"\\(.)", lambda match: ESCAPES.get(match[1], match[1]), longest)
    return texts


def verses(folder: Path) -> list[tuple[str, str]]:
    """Pairs of the same verse in English (1769) and Spanish (1909), in the order of the books.

    Where the two divide a passage differently a pair would not correspond: those of very unequal length are left out.
    """
    pairs = []
    for testament in ("ot", "nt"):
        english, spanish = (sword(folder / name / testament) for name in ("engKJV2006eb", "spaRV1909eb"))
        pairs += [
            (one, other)
            for one, other in zip(english, spanish, strict=True)
            if max(len(one), len(other)) < UNEQUAL * min(len(one), len(other))
        ]
    return pairs


def sword(path: Path) -> Iterator[str]:
    """The entries of a zText module of the SWORD project, plain; "" where one is a heading or missing.

    path: of the module's files without their endings. `.bzs` says where in `.bzz` each compressed block lies, `.bzv`
    which block holds an entry and where. Two modules with the same versification have the same entries.
    """
    packed = path.with_suffix(".bzz").read_bytes()
    blocks = [
        zlib.decompress(packed[start : start + size])
        for start, size, _ in struct.iter_unpack("<III", path.with_suffix(".bzs").read_bytes())
    ]
    for block, start, size in struct.iter_unpack("<IIH", path.with_suffix(".bzv").read_bytes()):
        text = blocks[block][start : start + size].decode("utf-8")
        if re.search(r"<(chapter|div) (?=[^>]*osisID=)[^>]*\bsID=", text):  # opens a chapter or a book, holds no verse
            text = ""
        text = re.sub(r"<(note|title)\b[^>]*>.*?</\1>", "", text)
        yield " ".join(html.unescape(re.sub(r"<[^>]*>|¶", "", text)).split())


def names(folder: Path) -> dict[str, list[str]]:
    """Names of the United States, the most frequent first: lists by "female", "male" and "surnames"."""
    files = {"female": "dist.female.first", "male": "dist.male.first", "surnames": "dist.all.last"}
    return {
        kind: [line.split()[0].capitalize() for line in (folder / name).read_text(encoding="ascii").splitlines()]
        for kind, name in files.items()
    }


def digits(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images (1797, 8, 8) uint8, 0 (paper) to 16 (ink), and labels (1797,) int64."""
    import numpy as np

    rows = np.loadtxt(folder / "digits.csv.gz", delimiter=",", dtype=np.int64)
    return rows[:, :-1].reshape(-1, 8, 8).astype(np.uint8), rows[:, -1]


def fashion(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training images (60000, 28, 28) uint8, 0 to 255, their labels (60000,) int64; then 10,000 of each to test."""
    import numpy as np

    def read(name: str) -> np.ndarray:
        raw = (folder / f"{name}-ubyte").read_bytes()
        axes = raw[3]  # IDX: two zeros, the type (8: bytes), the number of axes, their lengths, the values
        shape = struct.unpack(f">{axes}I", raw[4 : 4 + 4 * axes])
        return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape).copy()

    train, test = read("train-images-idx3"), read("t10k-images-idx3")
    labels = (read(f"{part}-labels-idx1").astype(np.int64) for part in ("train", "t10k"))
    return train, next(labels), test, next(labels)


def emoji(folder: Path) -> list[tuple[Image, str]]:
    """Pictures (RGB, 64 × 64, on white) with their Unicode names, as `party popper`, by code point.

    Symbols that this Python's Unicode does not know yet have no name and are left out.
    """
    import unicodedata

    from fontTools.ttLib import TTFont
    from PIL import Image, ImageDraw, ImageFont

    path = folder / "NotoColorEmoji.ttf"
    points = sorted(TTFont(path, lazy=True).getBestCmap())
    size, field = EMOJI_DRAWN
    font = ImageFont.truetype(str(path), size)
    pictures = []
    for symbol in (chr(point) for point in points if point >= EMOJI_FROM):
        name = unicodedata.name(symbol, "")
        if name and unicodedata.category(symbol)[0] not in "CMZ":  # joiners, marks and spaces show nothing
            picture = Image.new("RGB", field, "white")
            ImageDraw.Draw(picture).text((0, 0), symbol, font=font, embedded_color=True)
            pictures.append((picture.resize((EMOJI_SIDE, EMOJI_SIDE), Image.Resampling.BOX), name.lower()))
    return pictures


def gpt2_vocabulary(folder: Path) -> dict[bytes, int]:
    """The rank of each of the 50,256 byte strings: the order in which pairs were merged, single bytes first."""
    lines = (folder / "gpt2.tiktoken").read_bytes().splitlines()
    pairs = (line.split() for line in lines if line)
    return {base64.b64decode(token): int(rank) for token, rank in pairs}


def humaneval(folder: Path) -> list[dict[str, str]]:
    """164 tasks: `task_id`, `prompt`, `canonical_solution`, `test`, `entry_point`."""
    with gzip.open(folder / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def only_file(folder: Path) -> Path:
    """The one file that the key has."""
    from autograder.data.manifest import NAME

    (path,) = (path for path in folder.iterdir() if path.name != NAME)
    return path


READERS: dict[str, Callable[[Path], Any]] = {
    "shakespeare": shakespeare,
    "languages": languages,
    "verses": verses,
    "names": names,
    "digits": digits,
    "fashion": fashion,
    "emoji": emoji,
    "smollm2": only_file,
    "minilm": lambda folder: folder,
    "gpt2-vocabulary": gpt2_vocabulary,
    "sentencepiece-vocabulary": only_file,
    "reasoning": lambda folder: folder,
    "humaneval": humaneval,
}

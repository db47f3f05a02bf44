"""Every key of the registry, for real: fetched from its registry once, then read from this machine's cache."""

from __future__ import annotations

import hashlib
import unicodedata

import pytest

from autograder import data
from autograder.data import cache, fill, registry

KEYS = registry.entries()
SMALL = ["names", "humaneval", "gpt2-vocabulary"]  # fetched anew each time: a wheel and two source distributions


def real(*keys: str):
    """Marks a test that reads these keys."""
    return lambda test: pytest.mark.slow(pytest.mark.network(*keys)(test))


@pytest.mark.parametrize(
    "key", [pytest.param(key, marks=[pytest.mark.slow, pytest.mark.network(key)]) for key in KEYS]
)
def test_a_keys_files_are_those_that_the_registry_names(key):
    assert cache.problems(KEYS[key]) == []
    assert len(list(cache.folder(KEYS[key]).rglob("*.*"))) >= 1


@pytest.mark.parametrize("key", [pytest.param(key, marks=[pytest.mark.slow, pytest.mark.network(key)]) for key in SMALL])
def test_a_small_key_arrives_in_an_empty_cache(key, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    fill.fill(KEYS[key])
    assert cache.problems(KEYS[key]) == []
    assert not list(tmp_path.rglob(".partial/files/*"))


@real("shakespeare")
def test_shakespeare_is_38_plays():
    text = data.load("shakespeare")
    assert 5_000_000 < len(text) < 6_000_000
    assert all(f"# {play}\n" in text for play in ("Hamlet", "Macbeth", "The Tempest"))
    assert "wherefore art thou Romeo" in text


@real("languages")
def test_languages_are_texts_by_tag_in_their_own_script():
    texts = data.load("languages")
    assert len(texts) > 700
    scripts = {"en_Latn": "LATIN", "el_Grek": "GREEK", "ja_Jpan": "CJK", "hi_Deva": "DEVANAGARI", "ar_Arab": "ARABIC"}
    for tag, script in scripts.items():
        assert sum(unicodedata.name(c, "").startswith(script) for c in texts[tag]) > 20, tag
    assert all(text.strip() and "\\n" not in text for text in texts.values())
    assert "freedom" in texts["en_Latn"] or "free and equal" in texts["en_Latn"]


@real("verses")
def test_verses_are_aligned_plain_text():
    pairs = data.load("verses")
    assert len(pairs) > 30_000
    assert pairs[0] == (
        "In the beginning God created the heaven and the earth.",
        "EN el principio crió Dios los cielos y la tierra.",
    )
    assert ("Jesus wept.", "Y lloró Jesús.") in pairs
    assert not any(mark in text for pair in pairs for text in pair for mark in "<>¶\n")


@real("names")
def test_names_are_by_frequency():
    lists = data.load("names")
    assert {kind: (len(names), names[0]) for kind, names in lists.items()} == {
        "female": (4275, "Mary"),
        "male": (1219, "James"),
        "surnames": (88799, "Smith"),
    }


@real("digits")
def test_digits_are_scikit_learns():
    images, labels = data.load("digits")
    assert images.shape == (1797, 8, 8) and images.max() == 16 and labels[:10].tolist() == list(range(10))
    assert images[0, 0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


@real("fashion")
def test_fashion_is_seventy_thousand_labelled_pictures():
    train, train_labels, test, test_labels = data.load("fashion")
    assert (train.shape, test.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert train_labels[:5].tolist() == [9, 0, 0, 3, 0]
    assert all((labels == kind).sum() == len(labels) // 10 for labels in (train_labels, test_labels) for kind in range(10))


@real("emoji")
def test_emoji_are_pictures_with_names():
    pictures = data.load("emoji")
    by_name = {name: picture for picture, name in pictures}
    assert 1_350 < len(by_name) == len(pictures) < 1_500
    assert by_name["party popper"].size == (64, 64)
    blank = sum(picture.getextrema() == ((255, 255),) * 3 for picture, _ in pictures)
    assert blank == 0
    assert len({hashlib.sha256(picture.tobytes()).digest() for picture, _ in pictures}) > 0.95 * len(pictures)


@real("gpt2-vocabulary")
def test_gpt2s_ranks_begin_with_the_bytes():
    ranks = data.load("gpt2-vocabulary")
    assert len(ranks) == 50_256 and sorted(ranks.values()) == list(range(50_256))
    assert {token for token, rank in ranks.items() if rank < 256} == {bytes([byte]) for byte in range(256)}
    assert ranks[b" the"] == 262


@real("sentencepiece-vocabulary")
def test_the_sentencepiece_model_is_one():
    path = data.load("sentencepiece-vocabulary")
    assert path.is_file() and "▁the".encode() in path.read_bytes() and b"<0x00>" in path.read_bytes()


@real("reasoning")
def test_reasoning_holds_the_package():
    folder = data.load("reasoning")
    assert (folder / "reasoning_gym" / "arithmetic" / "chain_sum.py").is_file()


@real("humaneval")
def test_humanevals_own_solution_passes_its_own_tests():
    tasks = data.load("humaneval")
    assert len(tasks) == 164 and tasks[0]["task_id"] == "HumanEval/0"
    names: dict = {}
    exec(tasks[0]["prompt"] + tasks[0]["canonical_solution"] + tasks[0]["test"], names)
    names["check"](names[tasks[0]["entry_point"]])

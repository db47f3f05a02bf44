"""The capstone's settings and command line: what is wrong is said in one line, before anything slow is loaded."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError

import pytest

from internals.capstone.__main__ import main, read_arguments
from internals.capstone.config import CONFIGS, config_from, difference, load_config
from internals.capstone.stop import Stop


@pytest.mark.parametrize("name", ["cpu", "t4", "a100", "h100"])
def test_each_configuration_of_the_course_is_valid(name):
    config = load_config(name)
    assert config.name == name
    assert config.d_ff % 8 == 0 and config.tokens_per_step > 0
    with pytest.raises(FrozenInstanceError):
        config.name = "other"


def test_the_four_configurations_are_the_ones_that_help_names():
    assert {path.stem for path in CONFIGS.glob("*.toml")} == {"cpu", "t4", "a100", "h100"}


def test_a_change_wins_over_the_file_and_words_need_no_quotes():
    config = load_config(
        "cpu", ["model.d_model=64", "optimizer.kind=adamw", "machine.compile=true", "train.steps = 700"]
    )
    assert (config.model.d_model, config.optimizer.kind, config.machine.compile) == (64, "adamw", True)
    assert config.train.steps == 700
    assert load_config("cpu", ["optimizer.adamw_lr=1"]).optimizer.adamw_lr == 1.0


WRONG = {
    "model.d_modle=3": "did you mean d_model?",
    "modle.d_model=3": "modle is no section",
    "model.d_model=1.5": "expected int",
    "model.d_model=true": "expected int",
    "model.tied=1": "expected bool",
    "optimizer.adamw_lr=fast": "expected float",
    "optimizer.adamw_lr=nan": "expected a number above zero",
    "model.heads=3": "does not divide",
    "model.heads=128": "is odd",
    "model.layers=0": "above zero",
    "train.steps=-1": "above zero",
    "data.validation=1.0": "below one",
    "optimizer.kind=adam": "expected one of muon, adamw",
    "optimizer.warmup=2000": "leaves nothing of 2000 steps",
    "model.d_model": "write it as section.key=value",
    "d_model=3": "write it as section.key=value",
}


@pytest.mark.parametrize("change", WRONG)
def test_a_wrong_setting_is_one_line_and_exit_code_two(change, capsys):
    assert main(["--config", "cpu", "--set", change]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1 and WRONG[change] in said


def test_two_settings_that_do_not_go_together_are_refused():
    with pytest.raises(Stop, match="fsdp"):
        load_config("cpu", ["machine.parallel=fsdp", "machine.precision=float16"])


@pytest.mark.parametrize(
    ("content", "words"), [("[model\n", "cannot be read"), ("model = 3\n", "is a section"), ("[mode]\n", "no section")]
)
def test_a_broken_file_is_one_line(tmp_path, content, words):
    path = tmp_path / "mine.toml"
    path.write_text(content)
    with pytest.raises(Stop, match=words) as stop:
        load_config(str(path))
    assert stop.value.code == 2 and "\n" not in str(stop.value)


@pytest.mark.parametrize("name", ["gpu", "nowhere/mine.toml"])
def test_a_configuration_that_does_not_exist_names_those_that_do(name):
    with pytest.raises(Stop, match="a100, cpu, h100, t4"):
        load_config(name)


def test_a_text_that_does_not_exist_is_one_line(tmp_path, capsys):
    assert main(["--text", str(tmp_path / "none.txt")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_what_a_run_rests_on_may_not_change_and_the_rest_may():
    old = load_config("cpu")
    assert difference(old, load_config("cpu", ["train.steps=9000", "machine.compile=true"])) == ""
    assert "model.layers was 4 and is 5 now" in difference(old, load_config("cpu", ["model.layers=5"]))
    assert "optimizer.kind" in difference(old, load_config("cpu", ["optimizer.kind=adamw"]))
    assert config_from({"model": {"d_model": 64}}, "x").model.d_model == 64


def test_settings_may_be_given_together_and_one_by_one():
    asked = read_arguments(["--set", "model.layers=1", "train.seed=2", "--set", "train.steps=3"])
    assert asked.set == ["model.layers=1", "train.seed=2", "train.steps=3"]


def test_help_fits_a_screen_and_ends_with_an_example():
    code = (
        "import runpy, sys\n"
        "sys.argv = ['capstone', '--help']\n"
        "try: runpy.run_module('internals.capstone', run_name='__main__')\n"
        "except SystemExit as end: print(end.code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *text, last = done.stdout.splitlines()
    assert last == "0"
    assert len(text) <= 30 and "example: python -m internals.capstone" in done.stdout

"""An experiment is a small file; what is wrong in one is named with its place."""

from pathlib import Path

import pytest

from serd.errors import SettingsError
from train.article.loading import all_experiments, experiment_names, load_experiment
from train.cli import main


def test_every_experiment_of_the_article_is_there() -> None:
    """By name, a baseline first, and with them those of the own network."""
    names = experiment_names()
    assert names[0].startswith("baseline")
    expected = {"baseline-leaky", "baseline-holdout", "baseline-men", "baseline-women", "recurrent"}
    expected |= {f"reworked-{who}{n}" for who in ("men", "women") for n in (5, 3, 2)}
    expected |= {f"aug-{kind}" for kind in ("dynamic", "pitch", "shift", "noise")}
    expected |= {"aug-noise-shift", "aug-pitch-noise", "aug-noise-leaky"}
    expected |= {"full-recordings", "trimmed-padded"}
    pairs = ("noise-shift", "pitch-noise")
    expected |= {f"aug2-{kind}-{clips}" for kind in pairs for clips in ("all", "small")}
    expected |= {"own", "own-leaky", "own-short", "own-shuffle"}
    assert expected <= set(names)


def test_every_experiment_loads_and_says_what_it_is() -> None:
    """No two are the same under different names."""
    experiments = list(all_experiments())
    assert all(each.what for each in experiments)
    kinds = [{**each.decisive(), "name": ""} for each in experiments]
    assert all(kinds.count(kind) == 1 for kind in kinds), "no two are the same"


def test_the_baseline_learns_as_the_article_says() -> None:
    """Optimizer, rates, batch, epochs, and the last epoch kept; the claim is 72 %."""
    learn = load_experiment("baseline-leaky").learn
    assert (learn.optimizer, learn.learning_rate, learn.decay) == ("rmsprop", 1e-5, 1e-6)
    assert (learn.batch, learn.epochs, learn.keep) == (16, 700, "last")
    assert load_experiment("baseline-leaky").claim.accuracy == 0.72


def test_the_rework_learns_as_the_article_says() -> None:
    """SGD, the best epoch kept; the claim of the file that it builds on is not its own."""
    experiment = load_experiment("reworked-women2")
    assert (experiment.learn.optimizer, experiment.learn.learning_rate) == ("sgd", 1e-4)
    assert (experiment.learn.keep, experiment.learn.plateau) == ("best", True)
    assert experiment.data.set == "women2"
    assert experiment.claim.says == "", "a claim for one experiment is none for another"
    assert load_experiment("aug-noise").claim.accuracy == 0.8719


def test_a_file_may_build_on_another(tmp_path: Path) -> None:
    """Over two steps: what a file does not say is its base's, and its name is its own."""
    (tmp_path / "mine.toml").write_text('base = "baseline-men"\n[learn]\nepochs = 3\n')
    (tmp_path / "again.toml").write_text('base = "mine.toml"\nwhat = "mine"\n[data]\nsong = false\n')
    experiment = load_experiment(str(tmp_path / "again.toml"))
    assert (experiment.name, experiment.what) == ("again", "mine")
    assert (experiment.learn.epochs, experiment.learn.batch) == (3, 16)
    assert (experiment.data.set, experiment.data.song) == ("men", False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[learn]\nspeed = 3", "unknown key [learn] speed, expected one of: optimizer"),
        ("[learn]\nepoch = 3", "unknown key [learn] epoch; did you mean 'epochs'?"),
        ("color = 3", "unknown key color, expected one of: what, claim"),
        ("learn = 3", "learn is a single value, expected a table [learn]"),
        ('[learn]\nepochs = "3"', "[learn] epochs = '3', expected a whole number"),
        ("[learn]\nepochs = 0", "[learn] epochs = 0, expected 1 or more"),
        ("[learn]\nlearning_rate = nan", "[learn] learning_rate = nan, expected a number"),
        ("[learn]\nplateau = 1", "[learn] plateau = 1, expected true or false"),
        ('[data]\nset = "nine"', "[data] set = 'nine', expected one of: ten"),
        ('[data]\nprotocol = "x"', "[data] protocol = 'x', expected one of: article"),
        ('[augment]\nvariations = "noise"', "variations = 'noise', expected a list"),
        ('[augment]\nvariations = ["echo"]', "variations = 'echo', expected one of: dynamic"),
        ('[network]\nkind = "own"', "[input] kind: expected matrix"),
        ("[learn]\nlearning_rate = 0", "[learn] learning_rate = 0.0, expected a number above 0"),
        ("[learn]\ndecay = -1", "[learn] decay = -1.0, expected 0 or more"),
        ('base = "nothing"', "base 'nothing': no such experiment"),
        ('base = "bad.toml"', "in no circle"),
        ('name = "x"', "named by its file"),
        ("[learn", "invalid TOML"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line with the file and what is wrong in it, and exit code 2."""
    path = tmp_path / "bad.toml"
    path.write_text(text)
    assert main(["experiments", "--run", str(path), str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert "bad.toml" in line


def test_no_such_experiment_is_said_with_those_there_are() -> None:
    """Who types half a name reads the whole one."""
    with pytest.raises(SettingsError, match="baseline-leaky"):
        load_experiment("baseline")

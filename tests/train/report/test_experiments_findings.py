"""The sentences on the experiments: figures of the runs, and none without its runs."""

from run_records import record

from train.report.experiments_findings import copying, findings


def test_the_leak_is_told_once_all_four_runs_are_there() -> None:
    """Of 20 clips, 14 and 9 for the inherited network, 18 and 12 for serd's own."""
    runs = {
        "baseline-leaky": record("baseline-leaky", n_right=14, claim={"accuracy": 0.72}),
        "baseline-holdout": record("baseline-holdout", n_right=9),
        "own-leaky": record("own-leaky", n_right=18),
        "own": record("own", n_right=12),
    }
    text = " ".join(findings(runs).split())
    assert "for which 72 % were claimed, names 70 % of the clips rightly" in text
    assert "and 45 % where the test actors are held out" in text
    assert "worth 25 points to it, and 30 to serd's own network" in text
    for name in runs:
        assert findings({key: run for key, run in runs.items() if key != name}) == ""


def test_copies_before_the_split_are_told_beside_those_after_it() -> None:
    """They are no way to augment, but what the figure of the article may be."""
    copies = {"variations": ["noise"], "clips": "all"}
    early = {"variations": ["noise"], "clips": "before-split"}
    runs = {
        "plain": record("plain", n_right=12, validation=0.5),
        "noisy": record(
            "noisy", n_right=11, base="plain", validation=0.58, augment=copies, claim={"accuracy": 0.87}
        ),
        "shifted": record("shifted", n_right=13, base="plain", validation=0.49, augment=copies),
        "leaky": record("leaky", n_right=10, base="noisy", validation=0.9, augment=early),
    }
    assert set(copying(runs)) == {"noisy", "shifted"}
    text = " ".join(findings(runs).split())
    assert "by -1 to +8 points, and that on unseen actors by -5 to +5" in text
    assert "it is 58 % at most, where the article has up to 87 %" in text
    assert "it is 90 %, and 50 % on unseen actors" in text


def test_fewer_classes_are_compared_with_chance() -> None:
    """A UAR of 0.6 with two classes is 1.2 times that of chance."""
    names = [f"reworked-{who}{n}" for who in ("men", "women") for n in (5, 3, 2)]
    runs = {name: record(name, n_right=12) for name in [*names, "own"]}
    text = " ".join(findings(runs).split())
    assert "With 5, 3 and 2 classes" in text
    assert "1.2, 1.2 and 1.2 times that of chance for men" in text
    del runs["reworked-women2"]
    assert findings(runs) == ""

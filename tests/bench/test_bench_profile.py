"""The samples that py-spy prints become shares of time by function."""

from bench.profile import function_of, self_shares


def test_shares_are_of_the_pipeline_alone() -> None:
    """Samples of the start do not count, and the lines of a function are added."""
    stack = "main (bench/profile.py:18);RecordedPipeline.prepare.<locals>.run (bench/pipelines.py:49);"
    collapsed = (
        "import (<frozen importlib>:1);numpy (numpy/__init__.py:3) 900\n"
        "<module> (bench/pipelines.py:7);serd (serd/pipeline.py:1) 50\n"
        f"{stack}hear (/x/serd/speech/vad.py:110) 3\n"
        f"{stack}hear (/x/serd/speech/vad.py:112) 5\n"
        f"{stack}push (/x/serd/model/mfcc.py:20) 2\n"
    )
    assert self_shares(collapsed) == {"serd/speech/vad.py hear": 0.8, "serd/model/mfcc.py push": 0.2}


def test_a_function_is_named_by_its_file() -> None:
    """With its folder, and without the line."""
    frame = "VoiceActivity.process (/a/b/serd/speech/vad.py:117)"
    assert function_of(frame) == "serd/speech/vad.py VoiceActivity.process"

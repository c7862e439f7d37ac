"""``serd doctor`` finds passwords that every user of the machine can read."""

from pathlib import Path

import pytest

from serd.cli.doctor import Finding, Verdict
from serd.cli.doctor.passwords import password_findings
from serd.settings.files import CREDENTIAL_FILE
from serd.settings.loader import load_settings
from testkit.doctor import only

UNITS = Path(__file__).parents[3] / "systemd"
WITH_A_LOGIN = '[mqtt]\nhost = "localhost"\nuser = "pi"\npassword = "hidden"\n'


def written(path: Path, text: str, mode: int) -> Path:
    """A file with these permissions."""
    path.write_text(text)
    path.chmod(mode)
    return path


def findings(path: Path) -> list[Finding]:
    """What is found with this settings file, on a machine without a credential."""
    settings = load_settings(path, environment={})
    return list(password_findings(path, settings, path.with_name("no-credential")))


@pytest.mark.parametrize(
    ("mode", "verdict"), [(0o644, "fail"), (0o604, "fail"), (0o640, "ok"), (0o600, "ok")]
)
def test_a_settings_file_with_a_password_is_private(tmp_path: Path, mode: int, verdict: str) -> None:
    """The finding names the file, its mode and the command that mends it, and not the password."""
    path = written(tmp_path / "serd.toml", WITH_A_LOGIN, mode)
    finding = only(iter(findings(path)))
    assert finding.verdict == verdict
    assert str(path) in finding.text
    assert f"{mode:04o}" in finding.text
    assert finding.advice == (f"chmod o= {path}" if verdict == "fail" else "")
    assert "hidden" not in finding.text


@pytest.mark.parametrize("text", ["", '[mqtt]\nhost = "pi"\n', '[mqtt]\npassword = ""\n'])
def test_a_settings_file_without_a_password_may_be_read_by_all(tmp_path: Path, text: str) -> None:
    """It gives no finding."""
    assert findings(written(tmp_path / "serd.toml", text, 0o644)) == []


@pytest.mark.parametrize(("mode", "verdict"), [(0o644, "fail"), (0o400, "ok")])
def test_a_password_file_is_private(tmp_path: Path, mode: int, verdict: str) -> None:
    """The settings may be read by all; the file that they name may not."""
    secret = written(tmp_path / "secret", "hidden\n", mode)
    text = f'[mqtt]\nhost = "localhost"\nuser = "pi"\npassword_file = "{secret}"\n'
    finding = only(iter(findings(written(tmp_path / "serd.toml", text, 0o644))))
    assert finding.verdict == verdict
    assert str(secret) in finding.text


def test_the_password_of_the_service_is_private(tmp_path: Path) -> None:
    """The file of the credential is checked even without settings."""
    secret = written(tmp_path / "secret", "hidden\n", 0o644)
    finding = only(password_findings(None, None, secret))
    assert finding.verdict is Verdict.FAIL
    assert str(secret) in finding.text


def test_the_credential_is_that_of_the_unit() -> None:
    """The check looks at the file that LoadCredential= names."""
    lines = (UNITS / "serd.service").read_text("utf-8").splitlines()
    assert f"LoadCredential=mqtt-password:{CREDENTIAL_FILE}" in lines


@pytest.mark.parametrize("text", ["not TOML", "mqtt = 3\n", "[[mqtt]]\n[[mqtt]]\n"])
def test_settings_that_are_wrong_give_no_finding(tmp_path: Path, text: str) -> None:
    """The check of the settings reports them."""
    path = written(tmp_path / "serd.toml", text, 0o644)
    assert list(password_findings(path, None, tmp_path / "none")) == []


def test_a_password_in_settings_that_are_wrong_is_found(tmp_path: Path) -> None:
    """Another key that is wrong does not hide it."""
    path = written(tmp_path / "serd.toml", f"{WITH_A_LOGIN}port = 0\n", 0o644)
    assert only(password_findings(path, None, tmp_path / "none")).verdict is Verdict.FAIL

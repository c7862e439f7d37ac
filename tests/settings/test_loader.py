"""Settings come from file, environment and flags, and every wrong value has a clear message."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from serd.errors import SettingsError
from serd.events.alert import AlertSettings
from serd.model.mfcc import MfccFrontEnd
from serd.settings.loader import build_settings, given_settings, load_settings, section_classes
from serd.settings.template import FOR_A_SERVICE, settings_as_toml, settings_template
from serd.settings.values import SECRET_MASK


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    """The path of a settings file that does not exist yet."""
    return tmp_path / "serd.toml"


def test_later_sources_override_earlier_ones(toml: Path) -> None:
    """Flags override the environment, which overrides the file, which overrides the defaults."""
    toml.write_text('[mqtt]\nhost = "file"\nport = 1\nuser = "file"\n')
    environment = {"SERD_MQTT_HOST": "environment", "SERD_MQTT_PORT": "2"}
    settings = load_settings(toml, environment=environment, flags={("mqtt", "port"): 3})
    mqtt = settings.publishers["mqtt"]
    assert (mqtt.host, mqtt.port, mqtt.user, mqtt.prefix) == ("environment", 3, "file", "serd")


def test_a_flag_that_is_not_given_changes_nothing(toml: Path) -> None:
    """The value None stands for a flag that is not given."""
    toml.write_text('[node]\nname = "kitchen"\n')
    assert load_settings(toml, environment={}, flags={("node", "name"): None}).node.name == "kitchen"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[mqtt]\nhots = 'x'\n", ["serd.toml", "[mqtt] hots", "did you mean 'host'"]),
        ("[mqqt]\nhost = 'x'\n", ["serd.toml", "[mqqt]", "did you mean 'mqtt'"]),
        ("[mqtt]\nport = 'x'\n", ["serd.toml", "[mqtt] port", "'x'", "a whole number"]),
        ("[mqtt]\nport = true\n", ["[mqtt] port", "True", "a whole number"]),
        ("[mqtt]\nport = 0\n", ["[mqtt] port", "0"]),
        ("[voice]\naggressiveness = 4\n", ["[voice] aggressiveness", "4", "0, 1, 2 or 3"]),
        ("[voice]\nframe_ms = 25\n", ["[voice] frame_ms", "25", "10, 20 or 30"]),
        ("[segmenter]\nhop_s = 0.005\n", ["[segmenter] hop_s", "0.005", "0.01"]),
        ("[segmenter]\nhangover_s = 0.1\n", ["[segmenter] hangover_s", "more than pause_s"]),
        ("[smoothing]\nthreshold = 2\n", ["[smoothing] threshold", "2.0", "0 to 1"]),
        ("[source]\nname = 'a/b'\n", ["[source] name", "a/b"]),
        ("[source]\nchannel = '0'\n", ["[source] channel", "mix"]),
        ("[alert]\nwhen = 'angry >> 1'\n", ["[alert] when", "at character 8, got '>'"]),
        ("[[alert]]\n[[alert]]\n", ["two [[alert]] are named 'angry'"]),
        ("[[alert]]\nsource = 'attic'\n", ["source = 'attic', expected one of: mic"]),
        ("[mood]\nshort_s = 900\n", ["medium_s", "more than short_s, which is 900"]),
        ("[log]\nlevel = 'loud'\n", ["[log] level", "loud", "debug"]),
        ("mqtt = 1\n", ["mqtt is a single value", "[mqtt]"]),
        ("[mqtt\n", ["serd.toml", "invalid TOML", "line 1"]),
    ],
)
def test_an_error_in_a_file_is_named(toml: Path, text: str, parts: list[str]) -> None:
    """The message has the file, the key, the value and the expected value."""
    toml.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(toml, environment={})
    assert all(part in str(caught.value) for part in parts), str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "text", "parts"),
    [
        ("SERD_MQTT_PORT", "abc", ["SERD_MQTT_PORT", "'abc'", "a whole number"]),
        ("SERD_MQTT_TLS", "maybe", ["SERD_MQTT_TLS", "'maybe'", "true or false"]),
        ("SERD_SEGMENTER_HOP_S", "nan", ["SERD_SEGMENTER_HOP_S", "nan", "a number"]),
        ("SERD_SMOOTHING_HALF_LIFE_S", "inf", ["inf", "a number"]),
        ("SERD_MQTT_HOTS", "x", ["SERD_MQTT_HOTS", "did you mean 'host'"]),
        ("SERD_NODE_NAME", "pi\n", ["SERD_NODE_NAME = 'pi\\n'", "U+000A", "line break"]),
        ("SERD_NODE_NAME", "pi\x7f", ["SERD_NODE_NAME", "U+007F"]),
        ("SERD_NODE_NAME", "pi\ufffe", ["SERD_NODE_NAME", "U+FFFE"]),
        ("SERD_NODE_NAME", "p" * 70_000, ["SERD_NODE_NAME", "70000 characters", "at most 64"]),
        ("SERD_SOURCE_NAME", "m" * 65, ["SERD_SOURCE_NAME", "65 characters", "at most 64"]),
        ("SERD_MQTT_PREFIX", "se\nrd", ["SERD_MQTT_PREFIX", "U+000A"]),
        ("SERD_HOMEASSISTANT_PREFIX", "ha\x1b", ["SERD_HOMEASSISTANT_PREFIX", "U+001B"]),
    ],
)
def test_an_error_in_the_environment_is_named(variable: str, text: str, parts: list[str]) -> None:
    """The message has the full name of the variable."""
    with pytest.raises(SettingsError) as caught:
        load_settings(environment={variable: text, "HOME": "/nonexistent"})
    assert all(part in str(caught.value) for part in parts), str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("variable", "text", "reason"),
    [
        ("SERD_PORT", "tcp://10.0.0.1:9100", "for a service"),
        ("SERD_SERVICE_HOST", "10.0.0.1", "for a service"),
        ("SERD_SERVICE_PORT_METRICS", "9100", "for a service"),
        ("SERD_PORT_9100_TCP_ADDR", "10.0.0.1", "for a service"),
        ("SERD_MQTT_PORT", "tcp://10.0.0.1:1883", "for a service"),
        ("SERD_MQTT_PORT_1883_TCP", "tcp://10.0.0.1:1883", "for a service"),
        ("SERD_MQTT_SERVICE_HOST", "10.0.0.1", "for a service"),
        ("SERD_VERSION", "1.0", "no section [version]"),
        ("SERD_MQQT_HOST", "pi", "did you mean 'mqtt'?"),
    ],
)
def test_a_variable_of_another_program_is_passed_over(
    variable: str, text: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It leaves a warning with its name, and all settings as they are."""
    settings = load_settings(environment={variable: text, "HOME": "/nonexistent"})
    assert settings == load_settings(environment={"HOME": "/nonexistent"})
    assert f"environment {variable} is ignored" in caplog.text
    assert reason in caplog.text


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("SERD_NODE_NAME", "Ku\u0308che", "Küche"),
        ("SERD_SOURCE_NAME", "Tu\u0308r", "Tür"),
        ("SERD_LOG_LEVEL", "INFO", "info"),
        ("SERD_MQTT_HOST", "[::1]", "::1"),
        ("SERD_MQTT_HOST", "::1", "::1"),
    ],
)
def test_a_value_in_another_form_is_understood(variable: str, text: str, expected: str) -> None:
    """Accents in two characters, a level in capitals, and brackets around an IPv6 address."""
    settings = load_settings(environment={variable: text, "HOME": "/nonexistent"})
    values = (settings.node.name, settings.sources[0].name, settings.log.level)
    assert expected in (*values, settings.publishers["mqtt"].host)


def test_the_address_of_a_broker_can_be_read() -> None:
    """An IPv6 address is in brackets, so that the port is clear."""
    for host, address in (("pi", "pi:1883"), ("[fe80::1]", "[fe80::1]:1883")):
        settings = load_settings(environment={"SERD_MQTT_HOST": host, "HOME": "/nonexistent"})
        assert settings.publishers["mqtt"].address == address


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    """A missing file that SERD_CONFIG names is an error."""
    with pytest.raises(SettingsError, match="no such settings file"):
        load_settings(environment={"SERD_CONFIG": str(tmp_path / "none.toml")})


def test_the_file_in_the_home_is_found(tmp_path: Path) -> None:
    """Without --config the user's own file is read."""
    path = tmp_path / ".config" / "serd" / "serd.toml"
    path.parent.mkdir(parents=True)
    path.write_text('[node]\nname = "home"\n')
    assert load_settings(environment={"HOME": str(tmp_path)}).node.name == "home"


def test_the_template_has_the_defaults(toml: Path) -> None:
    """The file of config init is valid, and equals the defaults with and without its # signs.

    Without them it also has the alert that it shows, which is the default one.
    """
    toml.write_text(settings_template())
    assert load_settings(toml, environment={}) == load_settings(environment={"HOME": "/nonexistent"})
    bare = "\n".join(
        line.removeprefix("#") for line in settings_template().splitlines() if line[:2] != "# "
    )
    toml.write_text(bare)
    defaults = load_settings(environment={"HOME": "/nonexistent"})
    assert load_settings(toml, environment={}) == replace(defaults, alerts=(AlertSettings(),))


def test_alerts_are_an_array_of_tables(toml: Path) -> None:
    """None by default, any number in the file, and one that begins with a variable."""
    assert load_settings(environment={"HOME": "/nonexistent"}).alerts == ()
    toml.write_text("[[alert]]\n[[alert]]\nname = 'sad'\nwhen = 'sad > 0.6'\nhold_s = 0\n")
    settings = load_settings(toml, environment={})
    sad = AlertSettings(name="sad", when="sad > 0.6", hold_s=0.0)
    assert settings.alerts == (AlertSettings(), sad)
    toml.write_text(settings_as_toml(settings))
    assert load_settings(toml, environment={}) == settings
    variable = {"SERD_ALERT_WHEN": "sad > 0.6", "HOME": "/nonexistent"}
    assert load_settings(environment=variable).alerts == (AlertSettings(when="sad > 0.6"),)


def test_the_template_of_a_service_keeps_events(toml: Path) -> None:
    """History and page are on in it, every other setting has its default, and every key is described."""
    toml.write_text(settings_template(FOR_A_SERVICE))
    loaded, default = (load_settings(path, environment={"HOME": "/none"}) for path in (toml, None))
    for section in ("history", "web"):
        assert loaded.publishers[section] == replace(default.publishers[section], enabled=True)
    assert replace(loaded, publishers=default.publishers) == default
    lines = settings_template(FOR_A_SERVICE).splitlines()
    assert len(lines) == len(settings_template().splitlines())
    assert [line for line in lines if line[:1] not in {"", "#", "["}] == ["enabled = true"] * 2


def test_shown_settings_are_a_settings_file_with_masked_secrets(toml: Path) -> None:
    """The output of config show is TOML with the same values, and the password is masked."""
    toml.write_text(
        '[mqtt]\nhost = "h\\"ä"\nuser = "me"\npassword = "hunter2"\n[voice]\naggressiveness = 3\n'
    )
    shown = settings_as_toml(load_settings(toml, environment={}))
    assert "hunter2" not in shown
    body = tomllib.loads(shown)
    assert body["mqtt"]["host"] == 'h"ä'
    assert body["mqtt"]["password"] == SECRET_MASK
    assert body["voice"]["aggressiveness"] == 3


def test_a_wrong_secret_is_not_shown(toml: Path) -> None:
    """An error message may be logged, so it must not contain the value."""
    toml.write_text("[mqtt]\npassword = 12345\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(toml, environment={})
    assert "12345" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"[mqtt]\nport = " + b"1" * 400,
        b"[mqtt]\nport = " + b"1" * 5000,
        b"[mqtt]\nport = 0x" + b"f" * 5000,
        b"[mqtt]\nport = [" + b"0x" + b"f" * 5000 + b"]",
        b"[segmenter]\nhop_s = " + b"1" * 400,
        b"[mqtt]\nport = " + b"[" * 5000 + b"]" * 5000,
        b"[mqtt]\nhost." + b".".join([b"a"] * 5000) + b" = 1",
        b"[mqtt]\nuser = '" + b"x" * 100_000 + b"'",
        b"# " + b"x" * 1_000_000 + b"\n",
        b"\xff\xfe[\x00",
    ],
    ids=["400", "5000", "hex", "list", "float", "nested", "keys", "long", "large", "utf-16"],
)
def test_any_file_gives_one_short_line(toml: Path, content: bytes) -> None:
    """Neither the size of a value nor that of the file leads to another error than SettingsError."""
    toml.write_bytes(content)
    with pytest.raises(SettingsError, match=r"serd\.toml") as caught:
        load_settings(toml, environment={})
    assert len(str(caught.value)) < len(str(toml)) + 200
    assert "\n" not in str(caught.value)


def test_a_byte_order_mark_is_accepted(toml: Path) -> None:
    """Some editors write one."""
    toml.write_text('[node]\nname = "kitchen"\n', "utf-8-sig")
    assert load_settings(toml, environment={}).node.name == "kitchen"


@pytest.mark.parametrize(
    "text",
    [
        "[mqtt]\nhost = 'mqtt://me:hunter2@broker'\n",
        "[mqtt]\nhost = 'me:hunter2@broker'\n",
        "[mqtt]\nport = 'mqtt://me:hunter2@broker'\n",
        "[mqtt]\nhost = {password = 'hunter2'}\n",
        "[[mqtt]]\nuser = 'me'\npassword = 'hunter2'\n",
        "mqtt = 'mqtt://me:hunter2@broker'\n",
        "[mqtt]\nuser = 'me'\npassword = ['hunter2']\n",
        "[mqtt]\nuser = 'me'\npassword = 'hunter2\n",
        "[mqtt]\nuser = 'me'\npassword = hunter2\n",
    ],
)
def test_no_error_shows_a_password(toml: Path, text: str) -> None:
    """Wherever in the file the password is, and however wrong the file."""
    toml.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(toml, environment={})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("variable", ["SERD_MQTT_PORT", "SERD_MQTT_HOST"])
def test_no_error_shows_the_password_of_an_address_in_the_environment(variable: str) -> None:
    """A variable may have an address in the place of a host."""
    environment = {variable: "mqtt://me:hunter2@broker", "HOME": "/nonexistent"}
    with pytest.raises(SettingsError, match="@broker") as caught:
        load_settings(environment=environment)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["hunter2\udcff", "hunter2" * 10_000])
def test_a_password_that_mqtt_cannot_send_is_refused(text: str) -> None:
    """One that is not UTF-8 or too long is an error of the settings, and it is not shown."""
    environment = {"SERD_MQTT_USER": "me", "SERD_MQTT_PASSWORD": text, "HOME": "/nonexistent"}
    with pytest.raises(SettingsError, match="expected") as caught:
        load_settings(environment=environment)
    assert "hunter2" not in str(caught.value)


def test_no_setting_is_a_feature_parameter() -> None:
    """The parameters of the features come from the model."""
    features = set(MfccFrontEnd.__dataclass_fields__) - {"name"}
    keys = {key for cls in section_classes().values() for key in cls.__dataclass_fields__}
    assert not features & keys


@pytest.mark.parametrize("other", ["-", "/dev/stdin", "/dev/fd/0"])
def test_two_sources_on_standard_input_are_refused(other: str, tmp_path: Path) -> None:
    """Each would get a part of the bytes."""
    path = tmp_path / "serd.toml"
    path.write_text(f'[[source]]\nname = "a"\ninput = "-"\n[[source]]\nname = "b"\ninput = "{other}"\n')
    with pytest.raises(SettingsError, match="a and b read standard input, expected at most one"):
        load_settings(path, environment={})


def fragment(toml: Path, name: str, text: str) -> Path:
    """Write a fragment of a settings file."""
    path = toml.parent / "conf.d" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_fragments_are_merged_in_the_order_of_their_names(toml: Path) -> None:
    """Key by key over the settings file, and below the environment; other files are no fragments."""
    toml.write_text('[mqtt]\nhost = "file"\nport = 1\nuser = "file"\n')
    fragment(toml, "20-b.toml", '[mqtt]\nport = 2\nprefix = "b"\n')
    fragment(toml, "10-a.toml", '[mqtt]\nport = 3\nprefix = "a"\n[model]\npath = "tiny"\n')
    for name in ("30-c.toml.dpkg-old", ".40-d.toml", "README"):
        fragment(toml, name, "[mqtt]\nport = 9\n")
    settings = load_settings(toml, environment={"SERD_MQTT_USER": "environment"})
    mqtt = settings.publishers["mqtt"]
    assert (mqtt.host, mqtt.port, mqtt.prefix, mqtt.user) == ("file", 2, "b", "environment")
    assert settings.model.path == "tiny"


@pytest.mark.parametrize(
    ("base", "added", "names"),
    [
        ("", "[[source]]\nname = 'hall'\n", ["hall"]),
        ("[source]\nname = 'mic'\n", "[source]\ninput = 'x'\n", ["mic=x"]),
        ("[source]\nname = 'mic'\n", "[[source]]\nname = 'hall'\n", ["mic", "hall"]),
        (
            "[[source]]\nname = 'mic'\n[[source]]\nname = 'hall'\n",
            "[[source]]\nname = 'hall'\ninput = 'x'\n",
            ["mic", "hall=x"],
        ),
    ],
)
def test_a_fragment_changes_or_adds_a_source(
    toml: Path, base: str, added: str, names: list[str]
) -> None:
    """A table is merged with the one of its name, or with the only one if it has no name."""
    toml.write_text(base)
    fragment(toml, "a.toml", added)
    got = [
        each.name if each.input == "default" else f"{each.name}={each.input}"
        for each in load_settings(toml, environment={}).sources
    ]
    assert got == names


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[mqtt]\nhots = 'x'\n", ["unknown key [mqtt] hots"]),
        ("[mqtt]\nport = 'x'\n", ["[mqtt] port", "a whole number"]),
        ("[mqqt]\n", ["unknown section [mqqt]"]),
        ("[mqtt\n", ["invalid TOML"]),
        ("[source]\ninput = 'x'\n", ["without a name", "one of: hall, attic"]),
    ],
)
def test_an_error_in_a_fragment_names_it(toml: Path, text: str, parts: list[str]) -> None:
    """And not the settings file."""
    toml.write_text("[[source]]\nname = 'hall'\n[[source]]\nname = 'attic'\n")
    path = fragment(toml, "50-mine.toml", text)
    with pytest.raises(SettingsError) as caught:
        load_settings(toml, environment={})
    assert str(path) in str(caught.value)
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_two_tables_of_one_name_in_a_fragment_are_refused(toml: Path) -> None:
    """They are a mistake, as in a settings file."""
    toml.write_text("[source]\nname = 'mic'\n")
    fragment(toml, "a.toml", "[[source]]\nname = 'mic'\n[[source]]\nname = 'mic'\n")
    with pytest.raises(SettingsError, match=r"two .*source.* are named 'mic'"):
        load_settings(toml, environment={})


def test_fragments_need_no_settings_file(tmp_path: Path) -> None:
    """Those of the user are found where the settings file would be."""
    folder = tmp_path / "serd"
    folder.mkdir()
    fragment(folder / "serd.toml", "a.toml", "[node]\nname = 'attic'\n")
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert load_settings(environment=environment).node.name == "attic"
    with pytest.raises(SettingsError, match="no such settings file"):
        load_settings(tmp_path / "missing.toml", environment={})


def test_the_number_of_fragments_is_bounded(toml: Path) -> None:
    """A folder of something else is refused instead of read for minutes."""
    for n in range(101):
        fragment(toml, f"{n}.toml", "")
    with pytest.raises(SettingsError, match="101 files, expected at most 100"):
        load_settings(toml, environment={})


def test_shown_settings_say_where_each_value_comes_from(toml: Path) -> None:
    """The file, the fragment, the variable or the command line; defaults have none. It stays TOML."""
    toml.write_text("[mqtt]\nhost = 'pi'\n[[alert]]\nover_s = 30\n")
    path = fragment(toml, "a.toml", "[mqtt]\nport = 2\n")
    environment = {"SERD_MQTT_USER": "me"}
    given = given_settings(toml, environment=environment, flags={("node", "name"): "x"})
    text = settings_as_toml(build_settings(given), given)
    mqtt = text.partition("[mqtt]")[2].partition("[")[0]
    lines = {line.split(" = ")[0]: line.partition("# ")[2] for line in mqtt.splitlines()}
    assert (lines["host"], lines["port"]) == (str(toml), str(path))
    assert re.search(rf"^over_s = 30.0 +# {toml}$", text, re.MULTILINE)
    assert lines["user"] == "environment SERD_MQTT_USER"
    assert lines["prefix"] == ""
    assert 'name = "x"                              # command line' in text
    assert tomllib.loads(text)["mqtt"]["port"] == 2

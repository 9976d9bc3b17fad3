from __future__ import annotations

from pathlib import Path

import pytest

from bertillon_server.app.settings import (
    NOT_FLAGS,
    Settings,
    is_loopback,
    load_settings,
    split_address,
)
from bertillon_server.app.startup import SettingsError


def test_defaults_serve_loopback_and_allow_four_bytes_per_code_point() -> None:
    settings = load_settings({}, None)
    assert settings.address == "127.0.0.1:50051"
    assert settings.workers >= 1
    assert settings.message_bytes == 4 * 200_000 + 64 * 1024


def test_a_flag_goes_before_the_environment_and_that_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "server.toml"
    config.write_text("grace_s = 1\nsettle_s = 1\nworkers = 1\n")
    monkeypatch.setenv("BERTILLON_GRACE_S", "2")
    monkeypatch.setenv("BERTILLON_SETTLE_S", "2")
    settings = load_settings({"grace_s": 3}, config)
    assert (settings.grace_s, settings.settle_s, settings.workers) == (3, 2, 1)


def test_every_setting_says_when_to_change_it() -> None:
    advice = ("change it", "lower it", "raise it", "set it", "turn it", "keep it", "drops")
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert any(word in field.description.lower() for word in advice), name


def test_secrets_are_no_flags_and_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BERTILLON_TOKENS", "hush,hush2")
    settings = load_settings({}, None)
    assert "tokens" in NOT_FLAGS
    assert "hush" not in repr(settings)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"workers": 0}, "workers"),
        ({"address": "localhost"}, "host:port"),
        ({"address": "127.0.0.1:70000"}, "host:port"),
        ({"address": "0.0.0.0:50051"}, "not loopback"),
        ({"address": "example.org:50051"}, "not loopback"),
        ({"tls_certificate": Path("c.pem")}, "set together"),
        ({"tls_client_ca": Path("c.pem")}, "needs tls_certificate"),
        ({"log_level": "loud"}, "log_level"),
        ({"no_such_setting": 1}, "no_such_setting"),
        ({"stall_timeout_s": 0}, "stall_timeout_s"),
    ],
)
def test_wrong_settings_are_named(flags: dict[str, object], expected: str) -> None:
    with pytest.raises(SettingsError, match=expected):
        load_settings(flags, None)


def test_all_wrong_settings_are_named_at_once() -> None:
    with pytest.raises(SettingsError, match=r"workers.*grace_s"):
        load_settings({"workers": 0, "grace_s": -1}, None)


def test_an_address_for_other_machines_needs_tls_or_the_explicit_flag() -> None:
    load_settings({"address": "0.0.0.0:1", "allow_plaintext": True}, None)
    load_settings({"address": "0.0.0.0:1", "tls_certificate": Path("c.pem"), "tls_key": Path("k.pem")}, None)


def test_a_configuration_file_that_is_missing_or_no_toml_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not exist"):
        load_settings({}, tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("this is = not = toml")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings({}, broken)


@pytest.mark.parametrize(
    ("address", "host", "port", "loopback"),
    [
        ("127.0.0.1:0", "127.0.0.1", 0, True),
        ("[::1]:50051", "::1", 50051, True),
        ("localhost:1", "localhost", 1, True),
        ("10.0.0.7:65535", "10.0.0.7", 65535, False),
    ],
)
def test_addresses_are_split_and_told_from_loopback(
    address: str, host: str, port: int, *, loopback: bool
) -> None:
    assert split_address(address) == (host, port)
    assert is_loopback(host) is loopback

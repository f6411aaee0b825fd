"""`HOST:PORT` of a setting."""

from __future__ import annotations

from store.errors import ConfigError


def host_and_port(value: str, key: str) -> tuple[str, int]:
    """`[::1]:80` for IPv6, an empty host for all addresses. Raises ConfigError naming the key."""
    host, colon, port = value.rpartition(":")
    if not (colon and port.isascii() and port.isdigit() and int(port) < 65536):
        raise ConfigError(f"{key}: expected HOST:PORT, got {value!r}")
    return host.strip("[]"), int(port)

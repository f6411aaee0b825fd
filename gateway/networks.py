"""Addresses of peers: what they are, the networks they lie in, and what stands for one customer line."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network


def read_ip(address: str) -> IPv4Address | IPv6Address | None:
    """The address of a peer as its socket tells it, IPv4 within IPv6 as IPv4; None where there is none, as at a Unix socket."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return (ip.ipv4_mapped if isinstance(ip, IPv6Address) else None) or ip


def is_in(address: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Whether an address, if it is one, lies in one of the networks."""
    ip = read_ip(address)
    return ip is not None and any(ip in network for network in networks)


def is_stranger(address: str, relays: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Whether a peer is somebody on the Internet; loopback, private networks and `relays` are our own relays."""
    ip = read_ip(address)
    return ip is not None and ip.is_global and not is_in(address, relays)


def customer_line(address: str) -> str:
    """What stands for all addresses of one customer: an IPv6 customer has a whole /64 (RFC 6177)."""
    ip = read_ip(address)
    if isinstance(ip, IPv6Address):
        return str(ip_network((ip, 64), strict=False))
    return address if ip is None else str(ip)

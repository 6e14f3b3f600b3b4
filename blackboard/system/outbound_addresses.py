"""Connections to public addresses, and to private networks only if the deployment file allows them.

The name of a public host can resolve to an internal address, such as the address of a database or of the service that
gives a cloud machine its credentials. So the resolved address is checked, and the connection goes to exactly this
address.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from blackboard.errors import WorkError

Network = IPv4Network | IPv6Network

ADDRESS_CONNECT_SECONDS = 5.0
MAX_ADDRESSES = 3
"""The largest number of addresses of a host that are tried."""

_RESERVED = (IPv4Network("192.0.0.0/24"), IPv6Network("3fff::/20"))
"""Networks that some versions of Python take for public."""
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")


class AddressRefused(WorkError):
    """A host has no address that the deployment file allows for this purpose."""

    quotes_nothing = True


class HostUnreachable(WorkError):
    """A host has no address, or no connection to it can be made."""

    quotes_nothing = True


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks that texts such as `127.0.0.1` or `10.0.0.0/8` name.

    Raises:
        ValueError: A text names none.
    """
    result = []
    for text in texts:
        try:
            result.append(ip_network(text))
        except ValueError as error:
            raise ValueError(
                f"{text!r} is not a network ({error}); write it like 127.0.0.1, 10.0.0.0/8 or fd00::/8"
            ) from None
    return tuple(result)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address belongs to the internet, not to this machine or its networks."""
    if any(address in network for network in _RESERVED):
        return False
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast and not address.is_reserved
    return address in _GLOBAL_UNICAST and address.is_global


def connect_to_host(
    host: str,
    port: int,
    private: Sequence[Network],
    *,
    needs_private: bool = False,
    seconds: float = ADDRESS_CONNECT_SECONDS,
) -> socket.socket:
    """Connect to a host at an address that is public or in one of the networks.

    Args:
        host: A name or an address.
        port: The TCP port.
        private: The private networks into which the connection may go.
        needs_private: Whether the connection may go only into these networks, because it is not encrypted.
        seconds: The longest time for each address.

    Raises:
        AddressRefused: None of its addresses is allowed.
        HostUnreachable: The host has no address, or none answers.
    """
    allowed = [
        address for address in addresses_of(host, port) if _is_allowed(address, private, needs_private=needs_private)
    ]
    if not allowed:
        problem = "would be reached without TLS outside" if needs_private else "has a private address that is not in"
        raise AddressRefused(f"{host} {problem} private_networks")
    failure: OSError | None = None
    for address in allowed[:MAX_ADDRESSES]:
        try:
            return socket.create_connection((str(address), port), seconds)
        except OSError as error:
            failure = error
    raise HostUnreachable(f"{host} cannot be reached at port {port}: {_error_text(failure)}")


def addresses_of(host: str, port: int) -> list[IPv4Address | IPv6Address]:
    """Return the addresses of a host.

    Raises:
        HostUnreachable: The host has no address.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise HostUnreachable(f"the address of {host} cannot be found: {_error_text(error)}") from None
    return [ip_address(item[4][0]) for item in found]


def _is_allowed(address: IPv4Address | IPv6Address, private: Sequence[Network], *, needs_private: bool) -> bool:
    """Return whether an address, and every IPv4 address inside it, is in one of the networks or, if allowed, public."""
    return all(
        any(part in network for network in private) or (is_public(part) and not needs_private)
        for part in _destinations(address)
    )


def _destinations(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address | IPv6Address]:
    """Yield the addresses that packets may go to: an IPv6 address can lead to an IPv4 address that it contains."""
    if isinstance(address, IPv4Address):
        yield address
    elif address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    elif address in _NAT64:
        yield IPv4Address(int(address) & 0xFFFFFFFF)
    else:
        yield address
        if address.sixtofour is not None:
            yield address.sixtofour
        if address.teredo is not None:
            yield from address.teredo


def _error_text(error: Exception | None) -> str:
    """Return the text of an error of the system, without its number."""
    return str(getattr(error, "strerror", None) or error)

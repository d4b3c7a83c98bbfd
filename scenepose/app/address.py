"""Where the demo listens, in words: who can reach it, and why it cannot have an address."""

from __future__ import annotations

import errno
import ipaddress
import socket

from scenepose.errors import RequestError

#: Reasons that people can do something about.
_REASONS = {
    errno.EADDRINUSE: "something else listens there already; choose another port with --port",
    errno.EADDRNOTAVAIL: "this machine does not have that address",
    errno.EACCES: "ports below 1024 need more rights; choose another with --port",
    errno.EAFNOSUPPORT: "this machine does not speak IPv6",
}


def check(host: str, port: int) -> None:
    """Say so in words when nobody can listen there.

    Args:
        host: a name or an IPv4 or IPv6 address, the latter with or without brackets.

    Raises:
        RequestError: the sentence names both and the reason.
    """
    try:
        if not 1 <= port <= 65535:
            raise RequestError(f"a port is a number from 1 to 65535, not {port}")
        family, *_, where = socket.getaddrinfo(bare(host), port, type=socket.SOCK_STREAM)[0]
        with socket.create_server(where[:2], family=family):
            pass
        if family == socket.AF_INET6:  # gradio wants the port of the IPv4 loopback, too
            with socket.create_server(("127.0.0.1", port)):
                pass
    except (OSError, UnicodeError) as error:
        number = error.errno if isinstance(error, OSError) else None
        reason = _REASONS.get(number or 0) or getattr(error, "strerror", None) or error
        raise RequestError(f"cannot listen on {joined(host, port)}: {reason}") from error


def bare(host: str) -> str:
    """An address without brackets."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def bracketed(host: str) -> str:
    """An address as it stands in URLs: IPv6 in brackets."""
    return f"[{bare(host)}]" if ":" in bare(host) else host


def joined(host: str, port: int) -> str:
    """Address and port, as in URLs."""
    return f"{bracketed(host)}:{port}"


def announcement(host: str, port: int, root_path: str = "") -> str:
    """What whoever starts the demo reads: where it runs, and who can open it."""
    own = bare(host)
    if own in ("0.0.0.0", "::", ""):
        lines = [f"ScenePose is running on http://{joined('::1' if own == '::' else '127.0.0.1', port)}"]
        outside = _outside(socket.AF_INET6 if own == "::" else socket.AF_INET)
        where = f" at http://{joined(outside, port)}" if outside else ""
        lines.append(f"Everybody who can reach this machine can open it{where}: there is no password.")
    elif _is_loopback(own):
        lines = [f"ScenePose is running on http://{joined(own, port)}"]
        lines.append("Only this machine can open it; --host 0.0.0.0 lets others in.")
    else:
        lines = [f"ScenePose is running on http://{joined(own, port)}"]
        lines.append("Everybody who can reach this address can open it: there is no password.")
    if root_path:
        where = root_path if "://" in root_path else f"the path {root_path}"
        lines.append(f"It expects a reverse proxy that serves it at {where} and takes that off each request.")
    return "\n".join(lines)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


def _outside(family: socket.AddressFamily) -> str | None:
    """This machine's address as others see it. Asking for the way to an address sends nothing there."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(("2001:db8::1" if family == socket.AF_INET6 else "192.0.2.1", 9))
            return probe.getsockname()[0]
    except OSError:
        return None

"""A small reverse proxy: it serves another server below a path, which it takes off each request."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: Headers of a single connection, which are not passed on.
_OWN = {"connection", "keep-alive", "transfer-encoding", "content-length", "upgrade"}


@contextmanager
def below(prefix: str, port: int, *, pass_host: bool = True) -> Iterator[str]:
    """Serve ``127.0.0.1:port`` below ``prefix`` until the block ends; gives the address without the prefix.

    Args:
        pass_host: whether the server learns by which host name it was asked.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"  # a response ends with its connection, also a stream

        def do_GET(self) -> None:
            if not self.path.startswith(f"{prefix}/"):
                self.send_error(404)
                return
            size = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(size) if size else None
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
            if not pass_host:
                headers["Host"] = f"127.0.0.1:{port}"
            behind = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
            try:
                behind.request(self.command, self.path[len(prefix) :], body, headers)
                answer = behind.getresponse()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in _OWN | {"date", "server"}:
                        self.send_header(name, value)
                self.end_headers()
                while part := answer.read1(65536):
                    self.wfile.write(part)
                    self.wfile.flush()
            except ConnectionError:  # a page was left while it loaded
                pass
            finally:
                behind.close()

        do_POST = do_HEAD = do_GET

        def log_message(self, *_arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    proxy = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{proxy.server_address[1]}"
    finally:
        proxy.shutdown()
        proxy.server_close()

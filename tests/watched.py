"""`python -m tests.watched OPTIONS`: the demo, which reports where it reaches outside.

Lines go to the file that SCENEPOSE_TEST_REPORT names: connections and look-ups beyond this machine, programs
started, and files opened whose names contain the word "secret". Its process id goes to the file that
SCENEPOSE_TEST_PROCESS names.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from scenepose.app.main import main

#: Hosts that are this machine.
_HERE = {"127.0.0.1", "::1", "localhost", "", None, "0.0.0.0", "::"}


def watch(report: str) -> None:
    """From now on, and for good: audit hooks cannot be taken away."""

    def hook(event: str, arguments: tuple) -> None:
        found = None
        if event == "socket.connect" and isinstance(arguments[1], tuple):
            found = arguments[1][0] not in _HERE and arguments[1]
        elif event == "socket.getaddrinfo":
            host = arguments[0].decode() if isinstance(arguments[0], bytes) else arguments[0]
            found = host not in _HERE and host
        elif event in ("subprocess.Popen", "os.system", "os.exec"):
            found = arguments[:2]
        elif event == "open":
            found = "secret" in str(arguments[0]) and arguments[0]
        if found:
            with open(report, "a", encoding="utf-8") as file:
                file.write(f"{event} {found!r}\n")

    sys.addaudithook(hook)


if __name__ == "__main__":
    Path(os.environ["SCENEPOSE_TEST_PROCESS"]).write_text(str(os.getpid()))
    watch(os.environ["SCENEPOSE_TEST_REPORT"])
    main()

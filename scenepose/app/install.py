"""`python scenepose/app/install.py LOG ...`: pip install, with a line that says how far it is.

`make` runs this with the new environment's Python, before anything is installed: the standard library only.
Everything that pip says goes to LOG; where it fails, its last lines and its exit code are passed on.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

#: Lines of pip that are repeated where it fails, and seconds between lines where no terminal is.
LAST, EVERY = 15, 15.0
_SIZES = {"kB": 1e-6, "MB": 1e-3, "GB": 1.0}


class Progress:
    """What pip has done so far, from its lines.

    Attributes:
        names: the packages that are needed, as far as pip knows yet.
        fetched: how many of their files are here. gigabytes: that came over the network.
        installing: whether it unpacks; pip says nothing while it does.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.fetched, self.gigabytes, self.installing = 0, 0.0, False

    def read(self, line: str) -> bool:
        """Take in a line; whether there is news."""
        if found := re.match(r"\s*Collecting ([\w.-]+)", line):
            self.names.add(found[1].lower())
        elif found := re.match(
            r"\s*(Downloading|Using cached) \S+\.(?:whl|tar\.gz)(?: \(([\d.]+) (.B)\))?$", line
        ):
            self.fetched += 1
            if found[1] == "Downloading" and found[2]:
                self.gigabytes += float(found[2]) * _SIZES.get(found[3], 0)
        elif line.startswith("Installing collected packages:"):
            self.installing = True
            self.names = {name.strip() for name in line.partition(":")[2].split(",")}
        else:
            return False
        return True

    def __str__(self) -> str:
        """How far it is, and what is left."""
        if self.installing:
            return f"unpacking {len(self.names)} packages, the last step; it takes a minute or more"
        if not self.fetched:
            return f"finding out what is needed: {len(self.names)} packages so far"
        left = max(0, len(self.names) - self.fetched)
        return f"{self.fetched} packages here ({self.gigabytes:.1f} GB fetched), {left} left"


def main(log: Path, arguments: list[str]) -> int:
    """Run pip; its exit code."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--progress-bar", "off"]
    begun, printed = time.monotonic(), -EVERY
    progress, last = Progress(), deque[str](maxlen=LAST)
    terminal = sys.stdout.isatty()
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("a", encoding="utf-8") as file,
        subprocess.Popen(
            [*command, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as pip,
    ):
        for line in pip.stdout or ():
            file.write(line)
            last.append(line.rstrip())
            news = progress.read(line)
            now = time.monotonic() - begun
            if news and (terminal or progress.installing or now - printed >= EVERY):
                printed = now
                print(
                    f"\r\033[K  {progress}" if terminal else f"  {progress}",
                    end="" if terminal else "\n",
                    flush=True,
                )
    end = "\r\033[K" if terminal else ""
    if pip.returncode:
        print(end + "\n".join(last), file=sys.stderr)
        print(f"pip failed with exit code {pip.returncode}; all that it said is in {log}", file=sys.stderr)
    else:
        print(f"{end}  installed in {time.monotonic() - begun:.0f} seconds", flush=True)
    return pip.returncode


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2:]))

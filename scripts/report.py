"""List the sections of README.md and docs/ that scripts write, and make those anew that are out of date.

python -m scripts.report                      which sections are out of date, and why; exit status 1 if any is
python -m scripts.report --make               make them anew, one after the other
python -m scripts.report --make NAME...       make these anew

A section is out of date if the pretrained weights or the config that it was made from have changed. Some need
what only you have: --used, --unseen and --pages are folders of public pictures (docs/results/pictures.md),
--previous is a clone at an earlier commit, --peers the interpreter of an environment with other recognizers.
"""

import argparse
import shlex
import string
import subprocess
import sys

from scripts.lib.sections import SOURCES, Section, sections

NEEDS = "used", "unseen", "pages", "previous", "peers"


def make(names: list[str], places: dict[str, str | None]) -> list[str]:
    """Run the commands of sections, each command once, and return those that failed or lack something."""
    failed = []
    for command in dict.fromkeys(SOURCES[name].command for name in names):
        missing = [need for _, need, _, _ in string.Formatter().parse(command) if need and not places[need]]
        if missing:
            print(f"{command}: needs {', '.join(f'--{need}' for need in missing)}", file=sys.stderr)
            failed.append(command)
            continue
        words = shlex.split(command.format(**places))
        print("python -m", *words, file=sys.stderr, flush=True)
        if subprocess.run([sys.executable, "-m", *words], check=False).returncode:
            failed.append(command)
    return failed


def table(found: list[Section]) -> str:
    """Return a line for each section: out of date or not, its name and file, and what has changed."""
    return "\n".join(
        f"{'out of date' if section.changed() else 'ok':12} {section.name:28} {section.file.name:16} "
        f"{', '.join(section.changed())}".rstrip()
        for section in found
    )


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--make", nargs="*", choices=SOURCES, metavar="NAME", help="default: all out of date")
    for need in NEEDS:
        parser.add_argument(f"--{need}", metavar="PATH")
    options = parser.parse_args()
    found = list(sections())
    stale = [section.name for section in found if section.changed()]
    if options.make is None:
        print(table(found))
        sys.exit(bool(stale))
    failed = make(options.make or stale, {need: getattr(options, need) for need in NEEDS})
    if failed:
        sys.exit(f"Not made: {'; '.join(failed)}")


if __name__ == "__main__":
    main()

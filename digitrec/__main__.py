"""``python -m digitrec``: the command line, see cli.py."""

from digitrec.cli import main

if __name__ == "__main__":
    raise SystemExit(main())

"""``python -m digitrec.web``: the command line of the web server."""

from digitrec.web.server import main

if __name__ == "__main__":
    raise SystemExit(main())

"""``python -m digitrec.web``: serve the page."""

from digitrec.web.server import main

if __name__ == "__main__":
    raise SystemExit(main())

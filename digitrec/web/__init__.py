"""The web server: a page to draw on and a JSON API behind it."""

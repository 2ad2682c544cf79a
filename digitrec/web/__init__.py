"""The web server: a page for drawing digits, and its JSON API. No Lightning."""

"""Rules that find the digits on a page."""

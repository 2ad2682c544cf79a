"""What is on a rendered page besides digits: tables, print, text and clutter."""

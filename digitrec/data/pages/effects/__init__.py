"""Light, paper, camera and surroundings of a rendered page."""

"""Pictures of handwritten digits with known boxes, for benchmarks and tests.

``page.py`` renders a page with given options, ``scenes.py`` draws the options of realistic pages at random.
It is independent of how digitrec reads pictures. The same options and seed give the same pixels.
"""

from scripts.lib.rendering.options import Options
from scripts.lib.rendering.page import Rendering, render

__all__ = ["Options", "Rendering", "render"]

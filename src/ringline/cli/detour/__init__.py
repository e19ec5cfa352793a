"""`ringline run`: lead a program that knows only the official hosts here, without a change to it.

A small proxy takes its HTTPS connections and sends those for the official hosts to this installation (`proxy`); the
program learns of the proxy, and of the authority behind our certificate, by its environment (`environment`).
"""

from ringline.cli.detour.environment import Signpost, environment_for
from ringline.cli.detour.proxy import Detour

__all__ = ["Detour", "Signpost", "environment_for"]

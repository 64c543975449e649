"""Where programs look up the names of encodings in psycopg, although the module is not for them: pg_activity does."""

from ._howdah import python_encoding as pg2pyenc

__all__ = ["pg2pyenc"]

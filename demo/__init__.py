"""A live walk through "Asynchronous operations", the page that howdah was made for.

`make demo`, or `python -m demo` where howdah is installed. Each section of the page is one module of this package.
"""

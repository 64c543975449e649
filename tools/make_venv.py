"""Create a virtual environment, or bring it up to date: make_venv.py FOLDER REQUIREMENTS...

Runs on any Python 3, to be able to say which one it needs.
"""

import os
import subprocess
import sys

OLDEST = (3, 10)


def main(folder: str, requirements: "list[str]") -> int:
    if sys.version_info < OLDEST or sys.implementation.name != "cpython":
        sys.exit("howdah needs CPython 3.10 or newer, not " + sys.executable + ": name another with make PYTHON=...")
    python = os.path.join(folder, "bin", "python")
    if not works(python):
        print("--- creating", folder, "with", sys.executable, flush=True)
        create(folder)
    print("--- installing", *requirements, flush=True)
    command = [python, "-m", "pip", "install", "--quiet"]
    for name in requirements:
        command += ["-r", name]
    environ = dict(os.environ, PIP_NO_INPUT="1", PIP_ROOT_USER_ACTION="ignore", PIP_DISABLE_PIP_VERSION_CHECK="1")
    return subprocess.call(command, env=environ, stdin=subprocess.DEVNULL)


def works(python: str) -> bool:
    if not os.path.exists(python):
        return False
    # An environment of another Python version is made anew.
    probe = "import sys, pip; sys.exit(sys.hexversion >> 16 != " + str(sys.hexversion >> 16) + ")"
    return subprocess.call([python, "-c", probe], stderr=subprocess.DEVNULL) == 0


def create(folder: str) -> None:
    if subprocess.call([sys.executable, "-m", "venv", "--clear", folder], stdin=subprocess.DEVNULL) != 0:
        sys.exit("could not create a virtual environment; on Debian the module is in the package python3-venv")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

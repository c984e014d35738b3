"""Everything that has to hold of the SDK, by one command: `python3 check.py`.

Makes `.venv` beside this file and fetches what `requirements-dev.txt` pins, unless it is there."""

import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
BIN = HERE / ".venv" / "bin"
COMMANDS = [
    [str(BIN / "ruff"), "format", "--check", "."],
    [str(BIN / "ruff"), "check", "."],
    [str(BIN / "mypy")],
    [str(BIN / "python"), "-m", "unittest"],
]


def main() -> int:
    pins = HERE / "requirements-dev.txt"
    installed = HERE / ".venv" / "installed.txt"
    if not installed.is_file() or installed.read_text() != pins.read_text():
        venv.create(HERE / ".venv", with_pip=True)
        subprocess.run([BIN / "pip", "install", "--quiet", "-r", pins], check=True)
        installed.write_text(pins.read_text())
    for command in COMMANDS:
        print("$", Path(command[0]).name, *command[1:], flush=True)
        # What is left beside the sources would be embedded into the program `jackfield`.
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        status = subprocess.run(command, cwd=HERE, env=environment).returncode
        if status != 0:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())

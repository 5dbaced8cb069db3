"""A build of ddz: where its programs are, and how they are run."""

import os
import pathlib
import subprocess
import sys

from speed_run import fail

TOP = pathlib.Path(__file__).resolve().parent.parent


class Build:
    """Programs in a folder: a build tree, or where they are installed."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        for name in ("ddpmenc", "ddpmdec"):
            if not os.access(self.folder / name, os.X_OK):
                fail(f"{folder}: no {name} there")

    def program(self, name):
        """The program itself: libtool leaves a script in its place, which takes time of its own."""
        hidden = self.folder / ".libs" / name
        return str(hidden if hidden.exists() else self.folder / name)

    @property
    def environment(self):
        """The environment in which its programs find this build's library."""
        libraries = [str((self.folder / ".libs").resolve()), os.environ.get("LD_LIBRARY_PATH")]
        return {**os.environ, "LD_LIBRARY_PATH": ":".join(filter(None, libraries))}

    def encoder(self, model, threads, bpp, effort, picture, stream):
        """The command of the encoder. A model's name stands for this build's own file."""
        return [self.program("ddpmenc"), "--quiet", "--model", str(model), "--threads", str(threads), "--bpp",
                str(bpp), "--effort", str(effort), str(picture), str(stream)]

    def decoder(self, model, threads, stream, picture):
        return [self.program("ddpmdec"), "--quiet", "--model", str(model), "--threads", str(threads), str(stream),
                str(picture)]


def make(folder, programs, install):
    """The build in a folder, with `programs` made anew where a source has changed; with `install` after what
    that needs. A folder with nothing to make, as of installed programs, is taken as it is."""
    if install:
        setup = [TOP / "tests" / "setup.sh", "--with-trainer", "--build", folder]
        if subprocess.run(setup, stdout=sys.stderr).returncode:
            fail("tests/setup.sh failed")
    command = ["make", "-s", "-C", folder, *programs]
    if (folder / "Makefile").exists() and subprocess.run(command, stdout=sys.stderr).returncode:
        fail(f"make failed in {folder}")
    return Build(folder)

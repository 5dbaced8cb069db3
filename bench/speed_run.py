"""Running a program, with its cost; and how bench/speed ends when something fails."""

import os
import pathlib
import subprocess
import sys
import tempfile
import time
import typing


class Cost(typing.NamedTuple):
    wall: float  # seconds
    cpu: float  # processor seconds, user and system, of all threads
    memory: int  # peak, bytes


def fail(message):
    sys.exit(f"speed: {message}")


def shown(command):
    """A command without the folders, which say nothing elsewhere."""
    return " ".join(pathlib.PurePath(word).name for word in command)


def run(command, environment=None):
    """Cost of a program. Linux counts the memory of the process that starts it, too: where memory is
    looked at, this one is small, and stays so."""
    with tempfile.TemporaryFile() as said:
        begun = time.perf_counter()
        try:
            process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=said)
        except OSError as error:
            fail(f"{command[0]}: {error.strerror}")
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            last = said.read().decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
            fail(f"{shown(command)}: exit status {process.returncode}: {last[0]}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def best(costs):
    """Least seconds, least processor seconds, greatest memory."""
    wall, cpu, memory = zip(*costs)
    return Cost(min(wall), min(cpu), max(memory))


def best_run(command, repeats, environment=None):
    return best([run(command, environment) for _ in range(repeats)])


def output_of(command, environment=None):
    """What a command prints; "" if it cannot be run."""
    try:
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True)
        return done.stdout.strip()
    except OSError:
        return ""

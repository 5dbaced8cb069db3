"""What a run of bench/speed ran on."""

import datetime
import os
import platform
import re
import sys

from speed_build import TOP
from speed_run import output_of, shown

NAMED_FLAGS = re.compile(r"sse4_2|avx\w*|fma|bmi2|amx\w*|asimd\w*|sve\w*")
MIB = 1 << 20


def cpu_lines():
    """First occurrence of each key in /proc/cpuinfo."""
    lines = {}
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                key, _, value = line.partition(":")
                lines.setdefault(key.strip(), value.strip())
    except OSError:
        pass
    return lines


def make_variable(folder, name):
    makefile = folder / "Makefile"
    text = makefile.read_text(encoding="utf-8") if makefile.exists() else ""
    found = re.search(rf"^{name} = (.*)$", text, re.M)
    return found.group(1) if found else ""


def facts(args, build, sizes, load, more):
    """Rows of machine.csv; `more` is {what: value} that only some runs have."""
    cpu = cpu_lines()
    flags = cpu.get("flags") or cpu.get("Features", "")
    known = {
        "date": datetime.date.today().isoformat(),
        "processor": cpu.get("model name") or platform.processor() or platform.machine(),
        "cores used, there": f"{len(os.sched_getaffinity(0))}, {os.cpu_count()}",
        "instructions": " ".join(flag for flag in flags.split() if NAMED_FLAGS.fullmatch(flag)),
        "memory, MiB": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MIB,
        "system": f"{platform.system()} {platform.release()}",
        "load average at the beginning": f"{load:.2f}",
        "ddz": output_of([build.program("ddpmenc"), "--version"], build.environment).split("\n")[0],
        "commit": output_of(["git", "-C", TOP, "describe", "--always", "--dirty"]) or "unknown",
        "compiler": output_of([*make_variable(build.folder, "CC").split(), "--version"]).split("\n")[0],
        "compiler flags": " ".join(make_variable(build.folder, name) for name in ("CFLAGS", "THREAD_CFLAGS")),
        "DDZ_ISA": os.environ.get("DDZ_ISA", "not set"),
        **more,
        "pictures": ", ".join(f"{path.name} {width} x {height}" for path, (width, height) in sizes.items()),
        "command": shown(sys.argv),
    }
    return [{"what": what, "value": value} for what, value in known.items()]

"""Checks of the arithmetic behind bench/speed --against, which tests/bench_speed.sh runs."""

import pathlib
import sys
import types

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "bench"))
import speed_against  # noqa: E402
from speed_run import Cost  # noqa: E402


def near(value, expected):
    assert abs(value - expected) < 1e-12, (value, expected)


def check_ratios():
    """Two pictures, two turns: the least of each picture are added, and each turn on its own."""
    ours = [[Cost(2, 1, 100), Cost(3, 2, 300)], [Cost(5, 4, 200), Cost(4, 5, 100)]]
    others = [[Cost(1, 2, 150), Cost(2, 1, 150)], [Cost(3, 4, 100), Cost(2, 4, 100)]]
    row = speed_against.ratios(ours, others)
    near(row["wall_s"], 2 + 4)
    near(row["other_wall_s"], 1 + 2)
    near(row["wall_ratio"], 6 / 3)
    near(row["wall_ratio_least"], 7 / 4)  # of both turns, and of 7 / 4
    near(row["wall_ratio_greatest"], 7 / 4)
    near(row["cpu_ratio"], (1 + 4) / (1 + 4))
    near(row["cpu_ratio_least"], (1 + 4) / (2 + 4))
    near(row["cpu_ratio_greatest"], (2 + 5) / (1 + 4))
    near(row["memory_ratio"], 300 / 150)


def check_turns():
    """Both builds run equally often, each first every other time."""
    order = []

    def run(command, environment):
        order.append((command, environment))
        return Cost(1, 1, 1)

    speed_against.run = run
    files = [types.SimpleNamespace(command=lambda work, point, original, name=name: f"{name} {work}",
                                   build=types.SimpleNamespace(environment=name)) for name in "ab"]
    costs = speed_against.take_turns(None, None, files, 3)
    assert {key: len(each) for key, each in costs.items()} == {
        (work, i): 3 for work in ("encode", "decode") for i in (0, 1)}
    ab = [("a encode", "a"), ("b encode", "b"), ("a decode", "a"), ("b decode", "b")]
    ba = [("b encode", "b"), ("a encode", "a"), ("b decode", "b"), ("a decode", "a")]
    assert order == ab + ba + ab, order


def check_verdicts():
    assert speed_against.worst(["same", "same"]) == "same"
    assert speed_against.worst(["same", "refused"]) == "refused"
    assert speed_against.worst(["refused", "differ", "same"]) == "differ"


if __name__ == "__main__":
    check_ratios()
    check_turns()
    check_verdicts()

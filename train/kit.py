#!/usr/bin/env python3
"""Spend the minutes of a machine on a model: train, measure, leave results that fit into a parcel.

  train/kit.py MINUTES OUT --packs packs/*.zip --goal continue
  train/kit.py MINUTES OUT --packs packs/*.zip --goal large --resume --until 0.5

GOAL is one of
  smoke      a small network for as long as there is time: whether everything works here, and how fast it is
  continue   both networks of models/default.ddm, trained further
  small      those of models/small.ddm, trained further
  large      new ones of about 500,000 multiply-adds a pixel

OUT gets the run (OUT/run: checkpoints of at most 15 MiB a file, log.txt, validation.csv) and OUT/measured.txt, the
ideal bits a pixel on held-out photographs and rendered pictures. A sixth of the time, three minutes at most, is kept
back for measuring. train.py says what --resume and --until are; all that follows `--` goes to it.
"""

import argparse
import pathlib
import subprocess
import sys
import time

TRAIN = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(TRAIN))
import pack  # noqa: E402

MODELS = TRAIN.parent / "models"
GOALS = {
    "smoke": ["--channels", "32", "48", "96", "--blocks", "2", "2", "4"],
    "continue": ["--init", str(MODELS / "default.ddm"), "--lr", "1.6e-3", "--decay", "0.6"],
    "small": ["--init", str(MODELS / "small.ddm"), "--lr", "1.6e-3", "--decay", "0.6"],
    "large": ["--channels", "96", "192", "288", "--blocks", "3", "3", "6", "--checkpoint", "average", "--decay", "0.6"],
}
MEASURING = 1 / 6  # share of the time
MEASURING_MOST = 3.0  # minutes
SECONDS_A_PICTURE = {"cuda": 2.0, "cpu": 60.0}  # that measuring may take, generously


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("minutes", type=float, help="that the whole command may take, but for reading the packs")
    p.add_argument("out", type=pathlib.Path)
    p.add_argument("--packs", nargs="+", required=True)
    p.add_argument("--goal", choices=GOALS, required=True)
    p.add_argument("--resume", action="store_true")
    p.add_argument("--until", type=float, default=1.0)
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    args = p.parse_args(words[:end])
    args.more = words[end + 1:]
    if args.minutes <= 0:
        p.error("there is no time")
    return args


def kinds(packs):
    """The kinds of pictures that are held out in the packs."""
    return {kind for path in packs for kind, name, _ in pack.packed(path) if pack.held_out(name)}


def measure(args, minutes):
    """Write OUT/measured.txt: as many held-out pictures as there is time for."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    found = kinds(args.packs) & {"sharp", "rendered"}
    count = max(1, min(24, int(60 * minutes / SECONDS_A_PICTURE[device] / max(1, len(found)))))
    if "sharp" not in found:
        return "no photographs are held out: nothing was measured\n"
    command = [sys.executable, TRAIN / "measure.py", args.out / "run", *args.packs, "--held-out", "--device", device,
               "--count", str(count), "--crop", "256" if device == "cuda" else "64", "--per-octave", "2"]
    if "rendered" in found:
        command += ["--rendered", *args.packs]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main():
    args = arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    kept_back = min(MEASURING_MOST, MEASURING * args.minutes)
    command = [sys.executable, TRAIN / "train.py", "--packs", *args.packs, "--run", args.out / "run",
               "--minutes", f"{args.minutes - kept_back:g}", "--until", str(args.until), *GOALS[args.goal],
               *["--resume"] * args.resume, *args.more]
    try:
        subprocess.run(command, check=True)
        begun = time.monotonic()
        text = measure(args, kept_back)
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"kit.py: {pathlib.Path(error.cmd[1]).name} failed") from error
    except (OSError, ValueError) as error:
        raise SystemExit(f"kit.py: {error}") from error
    (args.out / "measured.txt").write_text(text, encoding="utf-8")
    print(text + f"measured in {time.monotonic() - begun:.0f} s")
    for path in sorted(args.out.rglob("*")):
        if path.is_file():
            print(f"{path}: {path.stat().st_size / 2**20:.2f} MiB")


if __name__ == "__main__":
    main()

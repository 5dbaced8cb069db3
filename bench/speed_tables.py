"""Tables of bench/speed and bench/damage, as Markdown and CSV, and the sizes of pictures."""

import csv
import struct

from speed_run import fail


def markdown(title, columns, rows, command=None):
    print(f"\n## {title}\n")
    if command:
        print(f"    {command}\n")
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(str(value) for value in row) + " |", flush=True)


def write_csv(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def png_size(path):
    """(width, height)"""
    try:
        with open(path, "rb") as file:
            head = file.read(24)
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    if len(head) < 24 or head[:8] != b"\x89PNG\r\n\x1a\n":
        fail(f"{path}: not a PNG file")
    return struct.unpack(">II", head[16:])

"""zstd frames, and the records of side layers"""
import subprocess


def unzstd(data):
    """What comes out of a frame, cut or not"""
    pipe = subprocess.PIPE
    return subprocess.run(["zstd", "-dcq"], input=data, stdout=pipe, stderr=subprocess.DEVNULL).stdout


def take_records(data):
    """Records up to their end: kind, content, the bytes of both; and what follows; None where they are cut"""
    records, at = [], 0
    while at < len(data):
        begin, kind, length, shift = at, data[at], 0, 0
        at += 1
        if kind == 0:
            return records, data[at:]
        while at < len(data):
            length |= (data[at] & 127) << shift
            shift, at = shift + 7, at + 1
            if data[at - 1] < 128:
                break
        records.append((kind, data[at : at + length], data[begin : at + length], at + length <= len(data)))
        at += length
    return records, None


def frame_end(data):
    """Where a zstd frame ends, whose head is 6 bytes"""
    at, last = 6, 0
    while not last and at + 3 <= len(data):
        block = int.from_bytes(data[at : at + 3], "little")
        last, at = block & 1, at + 3 + (1 if block >> 1 & 3 == 1 else block >> 3)
    return at + (4 if data[4] & 4 else 0)

"""Reads segment files as they lie on the disk and compares the replicas of a partition."""
import glob
import os
import struct

from tap import check

BATCH_HEAD = 12  # base offset and length, before what the length counts


def parse_batches(data):
    """[(base offset, bytes)] of the batches in the bytes of a segment or a fetch."""
    found, at = [], 0
    while at + BATCH_HEAD <= len(data):
        base, length = struct.unpack_from(">qi", data, at)
        if length <= 0:
            break  # room that was reserved and is not used yet
        found.append((base, data[at:at + BATCH_HEAD + length]))
        at += BATCH_HEAD + length
    return found


def batches(directory):
    """[(base offset, bytes)] of all segments of a partition's directory, in order."""
    found = []
    for path in sorted(glob.glob(os.path.join(directory, "*.log"))):
        with open(path, "rb") as file:
            found += parse_batches(file.read())
    return found


def check_replicas_equal(directories, high_watermark):
    """Every batch below the high watermark is the same bytes in each of the directories."""
    replicas = [[b for b in batches(d) if b[0] < high_watermark] for d in directories]
    for directory, replica in zip(directories[1:], replicas[1:]):
        for mine, first in zip(replica, replicas[0]):
            check(mine == first, f"{directory}: the batch at offset {mine[0]} differs from "
                  f"{first[0]} in {directories[0]}")
        check(len(replica) == len(replicas[0]), f"{directory} has {len(replica)} batches below "
              f"{high_watermark}, {directories[0]} has {len(replicas[0])}")
    return len(replicas[0])

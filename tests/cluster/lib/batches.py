"""Record batches as a client may write them: honest, huge when they are opened, of invented producers."""
import struct
import time
import zlib

GZIP = 1
MB = 1 << 20
_CRC32C = []


def _table():
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        _CRC32C.append(value)
    return _CRC32C


def crc32c(data):
    table = _CRC32C or _table()
    crc = 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def varint(value):
    """A signed varint."""
    value = value << 1 ^ value >> 63
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def batch(records, attributes=0, time_ms=None, producer_id=-1, sequence=-1):
    """A batch that says it holds one record."""
    time_ms = int(time.time() * 1000) if time_ms is None else time_ms
    body = struct.pack(">hiqqqhii", attributes, 0, time_ms, time_ms, producer_id,
                       -1 if producer_id < 0 else 0, sequence, 1) + records
    return struct.pack(">qiibI", 0, 9 + len(body), -1, 2, crc32c(body)) + body


def record(value):
    fields = b"\0" + varint(0) + varint(0) + varint(-1) + varint(len(value)) + value + varint(0)
    return varint(len(fields)) + fields


def bomb(size):
    """A batch of some kilobytes, with one record of `size` bytes (whole megabytes) of zeros."""
    head = b"\0" + varint(0) + varint(0) + varint(-1) + varint(size)
    pack = zlib.compressobj(6, zlib.DEFLATED, 31)
    data = pack.compress(varint(len(head) + size + 1) + head)
    for _ in range(size // MB):
        data += pack.compress(bytes(MB))
    return batch(data + pack.compress(b"\0") + pack.flush(), GZIP)

"""Record batches as a client may write them: honest, huge when they are opened, of invented producers."""
import functools
import gzip
import struct
import time
import zlib

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
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


def batch(records, attributes=0, time_ms=None, producer_id=-1, sequence=-1, max_ms=None, count=1,
          last_delta=None):
    """A batch that says it holds `count` records, the first of them at time_ms."""
    time_ms = int(time.time() * 1000) if time_ms is None else time_ms
    body = struct.pack(">hiqqqhii", attributes, count - 1 if last_delta is None else last_delta,
                       time_ms, time_ms if max_ms is None else max_ms, producer_id,
                       -1 if producer_id < 0 else 0, sequence, count) + records
    return struct.pack(">qiibI", 0, 9 + len(body), -1, 2, crc32c(body)) + body


def record(value, delta=0, time_delta=0, key=None):
    fields = b"\0" + varint(time_delta) + varint(delta)
    fields += varint(-1) if key is None else varint(len(key)) + key
    fields += varint(len(value)) + value + varint(0)
    return varint(len(fields)) + fields


def records(count, key=b"k", value=b"value"):
    """That follow each other by a millisecond."""
    return b"".join(record(value, n, n, key) for n in range(count))


def pack(codec, data):
    """`data` as one stream of the codec, snappy as a raw block."""
    if codec == GZIP:
        return gzip.compress(data)
    if codec == SNAPPY:
        import cramjam
        return bytes(cramjam.snappy.compress_raw(data))
    if codec == LZ4:
        import lz4.frame
        return lz4.frame.compress(data, block_linked=False)  # as Kafka wants it
    if codec == ZSTD:
        import zstandard
        return zstandard.compress(data)
    return data


@functools.lru_cache
def _zeros(size):
    """One record of `size` bytes (whole megabytes) of zeros, packed."""
    head = b"\0" + varint(0) + varint(0) + varint(-1) + varint(size)
    stream = zlib.compressobj(1, zlib.DEFLATED, 31)
    data = stream.compress(varint(len(head) + size + 1) + head)
    for _ in range(size // MB):
        data += stream.compress(bytes(MB))
    return data + stream.compress(b"\0") + stream.flush()


def bomb(size, **fields):
    """A batch of some kilobytes, with one record that opens to `size` bytes (whole megabytes)."""
    return batch(_zeros(size), GZIP, **fields)

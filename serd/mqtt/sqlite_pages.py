"""Reads the rows of a damaged SQLite file, page by page.

SQLite finds the pages of a table through its root page and through the header of the file, so one
damaged sector there hides all rows. This module looks at every page of the file by itself: each leaf
page of a table lists its rows. The format is that of https://www.sqlite.org/fileformat2.html, sections
1.3, 1.5, 1.6 and 2.1.

Free pages, whose rows have been deleted, are left out as long as the list of them can be read. Only one
page and one row are in memory at a time.
"""

import os
import struct
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Final

Value = bytes | str | int | float | None
"""A column of a row; text that is not UTF-8 is given as bytes."""

MAX_ROW_BYTES: Final = 1_000_000
"""Longest row that is read; a damaged length could be that of the whole file."""
_DEFAULT_PAGE_BYTES: Final = 4096
_HEADER_BYTES: Final = 100
_TABLE_LEAF: Final = 13
_INTEGER_BYTES: Final[Mapping[int, int]] = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""Bytes of an integer, by its serial type."""
_READ_ERRORS: Final = (IndexError, ValueError, struct.error)
"""What reading a row raises if its bytes are not a row."""


def read_rows(path: Path) -> Iterator[tuple[int, list[Value]]]:
    """Yield the row number and the columns of each row that can be read, in the order of the pages.

    Rows of all tables but the schema are given. The values are not checked: a damaged row can have any.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        pages = _Pages(file.fileno())
        is_free = pages.free_pages()
        for number in range(2, pages.n_pages + 1):
            if not is_free[number]:
                yield from pages.rows_of(number)


class _Pages:
    """The pages of an open file, numbered from 1.

    They are read, not mapped: a sector that the disk cannot read is then an error, and does not end the
    process.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._header = os.pread(descriptor, _HEADER_BYTES, 0)
        size = int.from_bytes(self._header[16:18])
        size = 65536 if size == 1 else size
        is_plausible = size >= 512 and size & (size - 1) == 0
        self._page_bytes = size if is_plausible else _DEFAULT_PAGE_BYTES
        self.n_pages = os.fstat(descriptor).st_size // self._page_bytes

    def free_pages(self) -> bytearray:
        """For each page 1 if it is known to have no content, else 0, by its number."""
        is_free = bytearray(self.n_pages + 1)
        trunk = int.from_bytes(self._header[32:36])
        while 2 <= trunk <= self.n_pages and not is_free[trunk]:
            is_free[trunk] = 1
            page = self._page(trunk)
            next_trunk, n_leaves = struct.unpack_from(">II", page)
            n_leaves = min(n_leaves, self._page_bytes // 4 - 2)
            for leaf in struct.unpack_from(f">{n_leaves}I", page, 8):
                if leaf <= self.n_pages:
                    is_free[leaf] = 1
            trunk = next_trunk
        return is_free

    def rows_of(self, number: int) -> Iterator[tuple[int, list[Value]]]:
        """The rows of a page; none if it is not a leaf of a table."""
        page = self._page(number)
        if page[0] != _TABLE_LEAF:
            return
        n_rows = min(int.from_bytes(page[3:5]), (self._page_bytes - 8) // 2)
        for offset in struct.unpack_from(f">{n_rows}H", page, 8):
            try:
                yield self._row(page, offset)
            except _READ_ERRORS:
                continue

    def _page(self, number: int) -> bytes:
        if not 1 <= number <= self.n_pages:
            raise ValueError(f"no page {number}")
        return os.pread(self._descriptor, self._page_bytes, (number - 1) * self._page_bytes)

    def _row(self, page: bytes, offset: int) -> tuple[int, list[Value]]:
        n_bytes, offset = _varint(page, offset)
        row_number, offset = _varint(page, offset)
        if row_number >= 1 << 63:
            row_number -= 1 << 64
        return row_number, _columns(self._payload(page, offset, n_bytes))

    def _payload(self, page: bytes, offset: int, n_bytes: int) -> bytes:
        """The payload of a cell, of which a long one goes on in a chain of overflow pages."""
        if n_bytes > MAX_ROW_BYTES:
            raise ValueError(f"a row of {n_bytes} bytes")
        usable = self._page_bytes
        n_local = n_bytes
        if n_bytes > usable - 35:
            least = (usable - 12) * 32 // 255 - 23
            n_local = least + (n_bytes - least) % (usable - 4)
            n_local = n_local if n_local <= usable - 35 else least
        payload = page[offset : offset + n_local]
        next_page = int.from_bytes(page[offset + n_local : offset + n_local + 4])
        while len(payload) < n_bytes:
            overflow = self._page(next_page)
            payload += overflow[4 : 4 + n_bytes - len(payload)]
            next_page = int.from_bytes(overflow[:4])
        return payload


def _columns(payload: bytes) -> list[Value]:
    n_header, offset = _varint(payload, 0)
    types = []
    while offset < n_header:
        serial_type, offset = _varint(payload, offset)
        types.append(serial_type)
    bounds = [n_header]
    for serial_type in types:
        bounds.append(bounds[-1] + _n_bytes(serial_type))
    if bounds[-1] != len(payload):
        raise ValueError("the header of the row does not fit its length")
    slices = (payload[start:end] for start, end in pairwise(bounds))
    return [_value(serial_type, raw) for serial_type, raw in zip(types, slices, strict=True)]


def _n_bytes(serial_type: int) -> int:
    if serial_type >= 12:
        return (serial_type - 12) // 2
    return 8 if serial_type == 7 else _INTEGER_BYTES.get(serial_type, 0)


def _value(serial_type: int, raw: bytes) -> Value:
    if serial_type >= 12:
        if serial_type % 2 == 0:
            return raw
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw
    if serial_type == 7:
        value: float = struct.unpack(">d", raw)[0]
        return value
    if serial_type in (8, 9):
        return serial_type - 8
    return int.from_bytes(raw, signed=True) if serial_type in _INTEGER_BYTES else None


def _varint(raw: bytes, offset: int) -> tuple[int, int]:
    """An integer of 1 to 9 bytes, and the offset behind it."""
    value = 0
    for position in range(offset, offset + 8):
        value = value << 7 | raw[position] & 0x7F
        if raw[position] < 0x80:
            return value, position + 1
    return value << 8 | raw[offset + 8], offset + 9

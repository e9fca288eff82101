"""nftables in the kernel: rule text through libnftables, elements and state through netlink.

Not what stands there (ruleset.py) and not who is in (gate.py). Fails with `KernelError`; a
transaction that failed has changed nothing.
The rule to keep: one writer. The agent that holds the lock is the only user of this module.
"""

import ctypes
import errno
import hashlib
from collections.abc import Sequence
from functools import partial

from firewall import elements
from firewall.dumps import decode_dump
from firewall.elements import Add, Change, Delete, Element, Family, SetName
from firewall.kernel import NETLINK_NETFILTER, KernelError, NetlinkSocket
from firewall.netlink import Message

_DUMP_ATTEMPTS = 20  # a torn dump is read again; each takes 10 ms for 10,000 elements


class RuleText:
    """libnftables 1 (`libnftables.so.1`): applies rule text in one transaction."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libnftables.so.1")
        self._library.nft_ctx_new.restype = ctypes.c_void_p
        self._library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
        context = self._library.nft_ctx_new(0)
        if not context:
            raise KernelError(errno.ENOMEM, "open libnftables")
        self._context = ctypes.c_void_p(context)
        self._library.nft_ctx_buffer_error(self._context)
        self._library.nft_ctx_buffer_output(self._context)

    def apply(self, text: str) -> None:
        """Apply the text, whole or not at all.

        Raises:
            KernelError: nothing was applied; the text holds libnftables' own words.
        """
        failed = self._library.nft_run_cmd_from_buffer(self._context, text.encode("ascii"))
        complaint = self._library.nft_ctx_get_error_buffer(self._context) or b""
        if failed:
            raise KernelError(errno.EINVAL, f"apply rules: {complaint.decode('utf-8', 'replace')}")

    def close(self) -> None:
        """Free the library's context."""
        self._library.nft_ctx_free(self._context)


class Nftables:
    """Elements, counters and the shape of our tables, over one netlink socket."""

    def __init__(self) -> None:
        self._socket = NetlinkSocket(NETLINK_NETFILTER)
        self.port = self._socket.port

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def change(self, changes: Sequence[Change]) -> dict[tuple[SetName, bytes], Element]:
        """Carry the changes out in one transaction; return the last state of what was deleted.

        Raises:
            KernelError: nothing was changed; ENOENT when an element to delete was not there.
        """
        batch = partial(elements.encode_batch, changes)
        told = self._socket.ask_batch(batch, len(changes), "change elements")
        places = {
            (elements.FAMILY_NUMBERS[change.of.family], change.of.table, change.of.name): change.of
            for change in changes
            if isinstance(change, Delete)
        }
        last: dict[tuple[SetName, bytes], Element] = {}
        for message in told:
            if message.kind == elements.DEL_ELEMENT:
                place = places[(elements.decode_family(message), *elements.decode_place(message))]
                last |= {(place, item.key): item for item in elements.decode_elements(message)}
        return last

    def get(self, of: SetName, key: bytes) -> Element | None:
        """Read one element, None when it is not there.

        Raises:
            KernelError: the kernel refused.
        """
        try:
            answers = self._socket.ask(partial(elements.encode_get, of, key), "read an element")
        except KernelError as error:
            if error.number == errno.ENOENT:
                return None
            raise
        return next((e for message in answers for e in elements.decode_elements(message)), None)

    def dump(self, *of: SetName) -> tuple[int, list[dict[bytes, Element]]]:
        """Read whole sets, and the generation at which they looked like this.

        Raises:
            KernelError: the kernel refused, or somebody writes all the time.
        """
        for _ in range(_DUMP_ATTEMPTS):
            before = self.generation()
            dumped = [self._dump(name) for name in of]
            if self.generation() == before:
                return before, dumped
        raise KernelError(errno.EBUSY, "read a set")

    def generation(self) -> int:
        """Return the number of the last transaction.

        Raises:
            KernelError: the kernel refused.
        """
        answers = self._socket.ask(elements.encode_get_generation, "read the generation")
        return elements.decode_generation(answers[0])

    def chains(self, family: Family, table: str) -> set[tuple[str, str]]:
        """Return (family, name) of all chains of a table; none when the table is not there.

        Raises:
            KernelError: the kernel refused.
        """
        messages = self._objects(elements.GET_CHAIN, family, table)
        return {(family, elements.decode_place(message)[1]) for message in messages}

    def shape(self, families: Sequence[Family], table: str) -> bytes:
        """Return a digest of all chains, sets and rules, without elements and counters.

        Raises:
            KernelError: the kernel refused.
        """
        digest = hashlib.blake2b(digest_size=16)
        for family in families:
            for kind in (elements.GET_CHAIN, elements.GET_SET, elements.GET_RULE):
                for message in self._objects(kind, family, table):
                    digest.update(elements.decode_shape(message))
        return digest.digest()

    def _dump(self, of: SetName) -> dict[bytes, Element]:
        answers = self._socket.ask(partial(elements.encode_dump, of), "read a set")
        return decode_dump(answers)

    def _objects(self, kind: int, family: Family, table: str) -> list[Message]:
        encode = partial(elements.encode_dump_objects, kind, family, table)
        try:
            messages = self._socket.ask(encode, "read our tables")
        except KernelError as error:
            if error.number == errno.ENOENT:
                return []
            raise
        # some kernels give every table's objects, whatever the filter
        return [m for m in messages if elements.decode_place(m)[0] == table]


__all__ = ["Add", "Delete", "Element", "KernelError", "Nftables", "RuleText", "SetName"]

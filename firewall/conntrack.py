"""ctnetlink messages: delete connections by their mark.

Not a view of connections, and not the socket (nft.py). Pure.
Source: Linux include/uapi/linux/netfilter/nfnetlink_conntrack.h.
"""

import struct

from firewall.netlink import NLM_F_ACK, NLM_F_REQUEST, encode_attribute, encode_message

_DELETE = 1 << 8 | 2  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE
_MARK, _MARK_MASK = 8, 21


def encode_delete_by_mark(mark: int, mask: int, sequence: int) -> bytes:
    """Delete all connections, of both families, whose mark equals `mark` under `mask`.

    Never call with a mask of 0: that would be every connection of the machine.
    """
    if not mask:
        raise ValueError("a mask of 0 would delete every connection")
    header = struct.pack("!BBH", 0, 0, 0)
    body = encode_attribute(_MARK, struct.pack("!I", mark))
    body += encode_attribute(_MARK_MASK, struct.pack("!I", mask))
    return encode_message(_DELETE, NLM_F_REQUEST | NLM_F_ACK, sequence, header + body)

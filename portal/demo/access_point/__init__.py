"""A virtual access point for the demonstration: it speaks RADIUS as a Cisco controller does.

Not part of Kvar in production, and not the gate: it is the neighbour that a library without a
gateway of ours has. It is a process of its own in a namespace of the lab (`firewall.lab.branch`),
asks about every device it hears, holds strangers, leads them to the portal, obeys CoA and
Disconnect, and reports what is used. `dialect` is pure; `point` is the machine; the rest are its
doors. The rule to keep: it knows of Kvar what stands on the wire, and nothing else.
"""

"""The lab: a virtual guest network in network namespaces, for the demo, the tests and benchmarks.

Start with `network.Lab` and `phone.Phone`. Nothing here runs in production, and nothing here
imports the gate or the portal. This file stays empty of imports: the phones' workers start from
this package, and fifty of them must start in a second.
"""

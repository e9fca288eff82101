"""The portal's side of access points: the bridge's questions answered by the services.

Not the protocol (radius_bridge) and not the guest pages (portal/web/guest). The rule to keep: these
are adapters; a rule about who may be online belongs to the domain.
"""

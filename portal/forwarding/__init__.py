"""What leaves for the organisation's own systems: its log collector, its ticket system."""

"""The gate: the nftables table, its agent, its client, and the virtual guest network for tests."""

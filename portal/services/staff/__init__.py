"""Staff's use cases: signing in, the first sign-in, one's own account, and who has one."""

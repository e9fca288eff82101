"""Controllers that let devices in when they are asked over HTTPS: one file an interface."""

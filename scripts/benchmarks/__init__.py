"""The measurements of scripts/bench: a module each, over what measuring needs."""

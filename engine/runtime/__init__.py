"""Request to decision. Pure: the clock and the state arrive as arguments."""

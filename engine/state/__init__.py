"""State stores: throttle buckets, meters and session labels, kept across decisions."""

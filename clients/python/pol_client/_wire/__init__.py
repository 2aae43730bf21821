"""Generated protocol messages; not part of the public interface."""

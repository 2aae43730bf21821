"""The joint of the house: decide, record, reload. Doors call only this floor."""

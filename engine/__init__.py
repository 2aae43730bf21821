"""Pol: a policy engine for GenAI gateways."""

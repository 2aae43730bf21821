"""Records of the audit trail in; the forms other systems read, and the ways there, out."""

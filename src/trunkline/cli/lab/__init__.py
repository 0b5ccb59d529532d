"""`trunkline lab`: a site's hosts as namespaces of this machine."""

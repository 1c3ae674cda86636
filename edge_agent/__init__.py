"""The edge agent: runs on a school's gateway, between its devices and the district's controller."""

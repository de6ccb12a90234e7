"""Notices: that something wants attention, in the app and printable always, by mail where a server is set up."""

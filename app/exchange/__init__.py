"""The formats in which stories leave, one module each: pure functions of a release, made when they are asked for."""

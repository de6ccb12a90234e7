"""What is remembered and the rules it obeys: mapped classes, tables of transitions, the consent rule, errors.

Nothing here opens a session, reads a file or speaks to a network.
"""

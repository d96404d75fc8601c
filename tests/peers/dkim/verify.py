"""Verifies every DKIM signature of the mail on standard input with dkimpy.

The arguments are DNS records, NAME=TEXT each. Prints "verified N" for N signatures that hold.
"""
import sys

import dkim

records = dict(argument.split("=", 1) for argument in sys.argv[1:])


def txt(name, timeout=None):
    name = name.decode() if isinstance(name, bytes) else name
    return records[name.rstrip(".")].encode()


def holds(place):
    try:
        return mail.verify(idx=place, dnsfunc=txt)
    except dkim.DKIMException:
        return False


mail = dkim.DKIM(sys.stdin.buffer.read())
count = sum(1 for name, _ in mail.headers if name.lower() == b"dkim-signature")
held = sum(1 for place in range(count) if holds(place))
print(f"verified {held} of {count}")

"""Signs the mail on standard input with dkimpy, and prints it.

The arguments are the file of an RSA key in PEM, the selector and the domain.
"""
import sys

import dkim

key, selector, domain = sys.argv[1:]
mail = sys.stdin.buffer.read()
with open(key, "rb") as file:
    made = dkim.sign(mail, selector.encode(), domain.encode(), file.read(),
                     canonicalize=(b"relaxed", b"simple"))
sys.stdout.buffer.write(made + mail)

"""The worked example of ntdb-format(5): its files, and what they hold.

The manual marks each literal display of the example with a comment line, as
`hex: PATH', `file: PATH' or `text: NAME'.
"""

import os
import re


def displays(path):
    """{(kind, name): lines} of the displays that are marked."""
    found, mark, inside = {}, None, False
    with open(path) as f:
        for line in f.read().splitlines():
            m = re.match(r'\.\\" (hex|file|text): (\S+)$', line)
            if m:
                mark = m.groups()
                found[mark] = []
            elif mark and line.startswith(".Bd"):
                inside = True
            elif inside and line == ".Ed":
                mark, inside = None, False
            elif inside:
                found[mark].append(line)
    return found


def unhex(lines):
    """The bytes of lines of hexadecimal pairs, comments behind two spaces."""
    data = b""
    for line in lines:
        data += bytes.fromhex(line.split("  ")[0])
    return data


def build(root, found):
    """Write the example's files below root."""
    for (kind, name), lines in found.items():
        if kind == "text" or "/" not in name:
            continue
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(unhex(lines) if kind == "hex" else
                    "".join(line + "\n" for line in lines).encode())

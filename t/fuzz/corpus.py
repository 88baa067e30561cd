#!/usr/bin/env python3
"""Corpora of fuzz targets, as text and as files.

    corpus.py unpack TEXT DIR      a file in DIR for each input of TEXT
    corpus.py pack DIR >TEXT       the other way round, in order of length
    corpus.py reduce CONTROL DIR BYTES
                                   keep of the inputs in DIR, up to so many
                                   bytes of text, those that add most for
                                   their length, as CONTROL has it, a control
                                   file of libFuzzer's merge

An input begins with a line `text' or `hex', and goes on with lines that
begin with a tab.  After text, such a line is a part of it, in which \\n, \\r,
\\t, \\\\ and \\xHH are bytes; after hex, two digits are a byte, `*N' behind
them repeats it, other blanks have no meaning, and what follows a `#' is a
comment.  Other lines that begin with `#', and empty ones, are comments too.
"""
import hashlib
import os
import re
import sys

WIDTH = 70
ESCAPES = {'n': b'\n', 'r': b'\r', 't': b'\t', '\\': b'\\'}


def unescape(text):
    out = b''
    for m in re.finditer(r'\\x([0-9a-f]{2})|\\(.)|([^\\]+)', text):
        if m[1]:
            out += bytes([int(m[1], 16)])
        elif m[2]:
            out += ESCAPES[m[2]]
        else:
            out += m[3].encode('ascii')
    return out


def escape(byte):
    for letter, b in ESCAPES.items():
        if b[0] == byte:
            return '\\' + letter
    return chr(byte) if 32 <= byte < 127 else '\\x%02x' % byte


def unhex(text):
    text = text.split('#')[0]
    text = re.sub(r'([0-9a-f]{2})\*(\d+)', lambda m: m[1] * int(m[2]), text)
    return bytes.fromhex(text)


def read(name):
    inputs, kind = [], None
    with open(name, encoding='ascii') as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip('\n')
            if line in ('text', 'hex'):
                kind = line
                inputs.append(b'')
            elif line.startswith('\t') and kind == 'text':
                inputs[-1] += unescape(line[1:])
            elif line.startswith('\t') and kind == 'hex':
                inputs[-1] += unhex(line[1:])
            elif line and not line.startswith('#'):
                sys.exit('%s:%d: not understood' % (name, number))
    return inputs


def as_text(data):
    lines, line = ['text'], ''
    for byte in data:
        line += escape(byte)
        if byte == 10 or len(line) > WIDTH:
            lines.append('\t' + line)
            line = ''
    return lines + (['\t' + line] if line else [])


def as_hex(data):
    lines, line = ['hex'], ''
    for m in re.finditer(rb'(.)\1{7,}|.', data, re.DOTALL):
        n = m.end() - m.start()
        line += m[0][:1].hex() + ('*%d ' % n if n > 1 else '')
        if len(line) >= WIDTH:
            lines.append('\t' + line.rstrip())
            line = ''
    return lines + (['\t' + line.rstrip()] if line else [])


def text_of(data):
    return '\n'.join(min(as_text(data), as_hex(data),
                         key=lambda lines: len('\n'.join(lines))))


def pack(directory):
    inputs = []
    for name in os.listdir(directory):
        with open(os.path.join(directory, name), 'rb') as f:
            inputs.append(f.read())
    for data in sorted(set(inputs), key=lambda d: (len(d), d)):
        print(text_of(data))


def unpack(name, directory):
    os.makedirs(directory, exist_ok=True)
    for data in read(name):
        path = os.path.join(directory, hashlib.sha1(data).hexdigest()[:16])
        with open(path, 'wb') as f:
            f.write(data)


def reduce(control, directory, most):
    names, reached = [], {}
    with open(control) as f:
        for line in f:
            words = line.split()
            if words[0] == 'FT':
                reached[int(words[1])] = len(words) - 2
            elif '/' in line:
                names.append(os.path.basename(line.strip()))
    length = {}
    for name in names:
        with open(os.path.join(directory, name), 'rb') as f:
            length[name] = len(text_of(f.read())) + 1
    order = sorted(reached, key=lambda i: -reached[i] / length[names[i]])
    total = 0
    for i in order:
        total += length[names[i]]
        if total > int(most):
            os.remove(os.path.join(directory, names[i]))


if sys.argv[1:2] == ['unpack'] and len(sys.argv) == 4:
    unpack(*sys.argv[2:])
elif sys.argv[1:2] == ['pack'] and len(sys.argv) == 3:
    pack(sys.argv[2])
elif sys.argv[1:2] == ['reduce'] and len(sys.argv) == 5:
    reduce(*sys.argv[2:])
else:
    sys.exit(__doc__)

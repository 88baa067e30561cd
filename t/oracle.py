"""An independent reading of line protocol and of what queries mean.

Written from the manual, with Python's integers and fractions, for tests to
compare ntdb-query's answers with.  It holds everything in memory and does
everything the slow, obvious way.
"""

import bisect
import datetime
import math
import re
import struct
from fractions import Fraction

NS = 10**9
UNITS = {"s": NS, "ms": 10**6, "us": 1000, "ns": 1}
T_MIN, T_MAX = -2**63, 2**63 - 1


# ------------------------------------------------------------ line protocol

_INT = re.compile(r"[+-]?[0-9]+\Z")
_DEC = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\Z")
_SPECIAL = {"nan": math.nan, "inf": math.inf, "infinity": math.inf}


def scan_value(word):
    """(is_int, suffixed, value); ValueError if it is no valid value."""
    if _INT.match(word):
        return True, False, _in_int64(int(word))
    if word.endswith("i") and _DEC.match(word[:-1]):
        if re.search("[eE][+-]?0*[0-9]{4}", word) or abs(float(word[:-1])) > 2.0**64:
            raise ValueError("beyond int64")
        exact = Fraction(word[:-1])
        if exact.denominator != 1:
            raise ValueError("not an integer")
        return True, True, _in_int64(int(exact))
    if _DEC.match(word):
        value = float(word)
        if math.isinf(value) or value == 0 and re.search(
                "[1-9]", word.lower().partition("e")[0]):
            raise ValueError("out of range")
        return False, False, value
    body = word[1:] if word[:1] in "+-" else word
    if body.lower() not in _SPECIAL:
        raise ValueError("not a number")
    value = _SPECIAL[body.lower()]
    return False, False, -value if word[0] == "-" else value


def _in_int64(value):
    if not -2**63 <= value < 2**63:
        raise ValueError("beyond int64")
    return value


_CIVIL = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[ Tt](\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?"
    r"([Zz]|[+-]\d\d:\d\d)?)?)?)?\Z", re.ASCII)


def scan_civil(text):
    """A date, or date and time, as Unix nanoseconds; None if it is none."""
    m = _CIVIL.match(text)
    if not m:
        return None
    year, month, day, hour, minute, second = (
        int(g or 0) for g in m.groups()[:6])
    when = datetime.datetime(year, month, day, hour, minute, second,
                             tzinfo=datetime.timezone.utc)
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    delta = when - epoch
    t = (delta.days * 86400 + delta.seconds) * NS
    t += int((m.group(7) or "0").ljust(9, "0"))
    zone = m.group(8)
    if zone and zone not in "Zz":
        shift = (int(zone[1:3]) * 60 + int(zone[4:6])) * 60 * NS
        t += -shift if zone[0] == "+" else shift
    return t


def scan_number(text, unit):
    """[+-]digits[.digits] of a unit as whole nanoseconds."""
    if not re.match(r"[+-]?[0-9]+(\.[0-9]+)?\Z", text):
        raise ValueError("not a time: " + text)
    t = Fraction(text) * unit
    if t.denominator != 1:
        raise ValueError("too many fraction digits")
    return int(t)


def scan_line(line, unit=None, default_db=None):
    """(db, metric, is_int, value, time or None) of a good line, None for a
    blank line or comment; ValueError for a bad one.  Names are not judged.
    """
    words = line.decode("utf-8").rstrip("\r").replace("\t", " ").split(" ")
    words = [w for w in words if w]
    if not words or line.startswith(b"#"):
        return None
    db, slash, metric = words[0].partition("/")
    if not slash:
        if default_db is None:
            raise ValueError("no database")
        db, metric = default_db, words[0]
    if not 2 <= len(words) <= 4:
        raise ValueError("words")
    is_int, _, value = scan_value(words[1])
    t = None
    if len(words) > 2:
        t = scan_civil(" ".join(words[2:]))
        if t is None:
            if len(words) == 4:
                raise ValueError("fourth word")
            t = scan_number(words[2], UNITS[unit or "ns"])
        if not T_MIN <= t <= T_MAX:
            raise ValueError("time range")
    return db, metric, is_int, value, t


# --------------------------------------------------------- numbers as text

def to_f32(value):
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)


def fits_f32(value):
    """Whether some float has this number as its shortest decimal."""
    if math.isnan(value) or math.isinf(value) or value == 0:
        return True
    single = to_f32(value)
    if math.isinf(single):
        return False
    for digits in range(9):
        text = "%.*e" % (digits, single)
        if to_f32(float(text)) == single:
            return float(text) == value
    return False


def format_float(value):
    """Shortest text that reads back, plain from 1e-6 to below 1e21."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    sign = "-" if math.copysign(1, value) < 0 else ""
    if value == 0:
        return sign + "0"
    mantissa, _, exp = repr(abs(value)).partition("e")
    whole, _, frac = mantissa.partition(".")
    digits = whole + frac
    point = len(whole) + int(exp or 0)
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    digits = stripped.rstrip("0")
    if 1e-6 <= abs(value) < 1e21:
        if point <= 0:
            return sign + "0." + "0" * -point + digits
        if point >= len(digits):
            return sign + digits + "0" * (point - len(digits))
        return sign + digits[:point] + "." + digits[point:]
    text = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return "%s%se%+03d" % (sign, text, point - 1)


def format_value(is_int, value):
    return str(value) if is_int else format_float(value)


def format_lp(is_int, value):
    """As in line protocol: integers with i, floats never without a point."""
    text = format_value(is_int, value)
    if is_int:
        return text + "i"
    if re.match(r"-?[0-9]+\Z", text):
        text += ".0"
    return text


def format_human(t):
    days, rest = divmod(t, 86400 * NS)
    date = datetime.date(1970, 1, 1) + datetime.timedelta(days=days)
    seconds, frac = divmod(rest, NS)
    return "%s %02d:%02d:%02d.%09d" % (
        date.isoformat(), seconds // 3600, seconds // 60 % 60, seconds % 60,
        frac)


# ------------------------------------------------------------------- store

def bits(value):
    """What makes two values the same sample: NaN is NaN, -0.0 is not 0.0."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else struct.pack(">d", value)
    return value


class Series:
    def __init__(self, name, is_int):
        self.name = name
        self.is_int = is_int
        self.wide = False
        self.times = []
        self.values = []
        self._sums = None

    def add(self, t, value, late=False):
        """Add a sample; False if that very sample is stored already.

        One that is before the last is an error, unless late ones are
        accepted: then it comes behind those of its time.
        """
        if not self.is_int:
            value = float(value)
        end = bisect.bisect_right(self.times, t)
        i = end
        while i and self.times[i - 1] == t:
            i -= 1
            if bits(self.values[i]) == bits(value):
                return False
        if end < len(self.times) and not late:
            raise ValueError("late: %s %d" % (self.name, t))
        if self.is_int:
            self.wide |= not -2**31 <= value < 2**31
        else:
            self.wide = self.wide or not fits_f32(value)
        self.times.insert(end, t)
        self.values.insert(end, value)
        self._sums = None
        return True

    def sums(self):
        """Running totals, made when they are first asked for."""
        if self._sums is None:
            self._sums = Sums(self.values)
        return self._sums

    @property
    def type(self):
        return ("int" if self.is_int else "float") + (
            "64" if self.wide else "32")


class Store:
    def __init__(self):
        self.series = {}

    def load(self, lines, unit=None, late=False):
        for line in lines:
            got = scan_line(line, unit)
            if got is None:
                continue
            db, metric, is_int, value, t = got
            name = db + "/" + metric
            series = self.series.get(name)
            if series is None:
                series = self.series[name] = Series(name, is_int)
            if series.is_int and not is_int:
                raise ValueError("type: " + name)
            series.add(t, value, late)

    def names(self):
        return sorted(self.series, key=lambda n: n.encode())

    def end(self):
        return max(s.times[-1] for s in self.series.values())

    def export(self):
        """Everything as line protocol: by UTC day, metric, then time."""
        rows = []
        for name in self.names():
            s = self.series[name]
            for t, value in zip(s.times, s.values):
                rows.append((t // (86400 * NS), name.encode(),
                             b"%s %s %s\n" % (
                                 name.encode(),
                                 format_lp(s.is_int, value).encode(),
                                 format_human(t).encode())))
        rows.sort(key=lambda r: r[:2])
        return b"".join(r[2] for r in rows)

    def select(self, targets, regex=False):
        """Series of the targets `DB' or `DB/METRIC', in their order."""
        found = set()
        for target in targets:
            if not regex and target in self.series:
                found.add(target)
                continue
            db_glob, slash, metric_glob = target.partition("/")
            for name in self.series:
                db, _, metric = name.partition("/")
                if not glob_match(db_glob, db):
                    continue
                if (not slash
                        or regex and re.search(metric_glob, metric)
                        or not regex and glob_match(metric_glob, metric)):
                    found.add(name)
        return [self.series[n] for n in self.names() if n in found]


def glob_match(glob, text):
    """A shell glob over the whole text, `*' matching `/' too."""
    out = ""
    i = 0
    while i < len(glob):
        c = glob[i]
        i += 1
        if c == "*":
            out += ".*"
        elif c == "?":
            out += "."
        elif c == "\\" and i < len(glob):
            out += re.escape(glob[i])
            i += 1
        elif c == "[" and "]" in glob[i + (2 if glob[i:i + 1] in "!^"
                                           else 1):]:
            close = glob.index("]", i + (2 if glob[i] in "!^" else 1))
            body = glob[i:close]
            negated = body[0] in "!^"
            body = body[1:] if negated else body
            out += "[%s%s]" % ("^" if negated else "",
                               re.sub(r"([\\\[\]^])", r"\\\1", body))
            i = close + 1
        else:
            out += re.escape(c)
    return re.match("(?s:%s)\\Z" % out, text) is not None


# ------------------------------------------------------------------- times

_DURATION = {"ns": 1, "us": 1000, "ms": 10**6, "s": NS, "m": 60 * NS,
             "h": 3600 * NS, "d": 86400 * NS, "w": 7 * 86400 * NS}


def scan_duration(text):
    if text == "0":
        return 0
    if not re.match(r"([0-9]+(ns|us|ms|s|m|h|d|w))+\Z", text):
        raise ValueError("not a duration: " + text)
    return sum(int(n) * _DURATION[u]
               for n, u in re.findall(r"([0-9]+)(ns|us|ms|[smhdw])", text))


def scan_time(text, now):
    """(ns, relative) of a time as ntdb-query's options take it."""
    if text == "now":
        return now, True
    m = re.match(r"now([+-])(.+)\Z", text)
    if m:
        d = scan_duration(m.group(2))
        return (now + d if m.group(1) == "+" else now - d), True
    if re.match(r"[+-]?[0-9]+(\.[0-9]+)?\Z", text):
        size = abs(Fraction(text))
        unit = (NS if size < 10**11 else 10**6 if size < 10**14 else
                1000 if size < 10**17 else 1)
        return scan_number(text, unit), False
    t = scan_civil(text)
    if t is not None:
        return t, False
    return now - scan_duration(text[1:] if text[0] == "-" else text), True


# -------------------------------------------------------------- aggregates

def _to_float(x):
    if isinstance(x, float):
        return x
    try:
        return float(x)
    except OverflowError:
        return math.inf if x > 0 else -math.inf


def _sqrt(x):
    """The double nearest to the root of a fraction, but for the last ulp."""
    if x == 0:
        return 0.0
    shift = max(0, 140 - (x.numerator.bit_length()
                          - x.denominator.bit_length()))
    shift += shift & 1
    root = math.isqrt((x.numerator << shift) // x.denominator)
    return float(Fraction(root, 1 << (shift // 2)))


def _percentile(ordered, p):
    """Linear interpolation at (n - 1) p; a tuple holds what is allowed."""
    if not ordered:
        return math.nan
    at = (len(ordered) - 1) * p
    low = math.floor(at)
    part = at - low
    a = ordered[low]
    if part == 0 or ordered[low + 1] == a:
        return _to_float(a)
    b = ordered[low + 1]
    if math.isinf(a) or math.isinf(b):
        return ("any", math.nan, math.inf, -math.inf)
    return _to_float(Fraction(a) + (Fraction(b) - Fraction(a)) * part)


def _trimmed(ordered):
    n = len(ordered)
    if n == 0:
        return math.nan
    k = 1 if n < 20 else n // 20
    if n - 2 * k <= 0:
        k = 0
    kept = ordered[k:n - k]
    special = [v for v in kept if math.isinf(v)]
    if special:
        return sum(special)
    return _to_float(sum(map(Fraction, kept)) / len(kept))


class Sums:
    """Exact sums of any stretch of a series, by running totals.

    Doubles are integers over one power of two.  NaN and infinities are left
    out and counted beside.
    """

    def __init__(self, values):
        ratios = [v.as_integer_ratio() if math.isfinite(v) else None
                  for v in values]
        self.unit = max((r[1] for r in ratios if r), default=1)
        self.one, self.two, self.special = [0], [0], [0]
        for r in ratios:
            m = r[0] * (self.unit // r[1]) if r else 0
            self.one.append(self.one[-1] + m)
            self.two.append(self.two[-1] + m * m)
            self.special.append(self.special[-1] + (r is None))

    def sum(self, i, j):
        return Fraction(self.one[j] - self.one[i], self.unit)

    def squares(self, i, j):
        return Fraction(self.two[j] - self.two[i], self.unit ** 2)


_P = {"median": Fraction(1, 2), "p50": Fraction(1, 2),
      "p95": Fraction(95, 100), "p99": Fraction(99, 100)}
AGGREGATES = ["min", "max", "sum", "avg", "count", "first", "last", "median",
              "p50", "p95", "p99", "stddev", "trimmed_avg"]
INEXACT = {"sum", "avg", "median", "p50", "p95", "p99", "stddev",
           "trimmed_avg"}


def _summed(name, series, i, j):
    """(is_int, value) of sum, avg and stddev."""
    sums = series.sums()
    if sums.special[j] > sums.special[i]:
        special = sum(v for v in series.values[i:j] if not math.isfinite(v))
        return False, math.nan if name == "stddev" else special
    total = sums.sum(i, j)
    if name == "avg":
        return False, _to_float(total / (j - i))
    if name == "stddev":
        return False, _sqrt(sums.squares(i, j) / (j - i)
                            - (total / (j - i)) ** 2)
    if series.is_int and -2**63 <= total < 2**63:
        return True, int(total)
    return False, _to_float(total)


def aggregate(name, series, i, j):
    """(is_int, value) of the samples [i, j), of which there is one."""
    values, is_int = series.values[i:j], series.is_int
    if name == "count":
        return True, j - i
    if name == "first":
        return is_int, values[0]
    if name == "last":
        return is_int, values[-1]
    if name in ("sum", "avg", "stddev"):
        return _summed(name, series, i, j)
    real = values if is_int else [v for v in values if not math.isnan(v)]
    if name in ("min", "max"):
        if not real:
            return False, math.nan
        return is_int, (min if name == "min" else max)(real)
    ordered = sorted(real)
    if name == "trimmed_avg":
        return False, _trimmed(ordered)
    return False, _percentile(ordered, _P[name])


# ----------------------------------------------------------------- queries

WEEK = 7 * 86400 * NS


def bucket_start(t, window):
    """Aligned to the epoch, but that weeks begin on Monday."""
    origin = 4 * 86400 * NS if window == WEEK else 0
    return (t - origin) // window * window + origin


class Query:
    """What the options of one ntdb-query mean; times are ns or None."""

    def __init__(self, targets, start=None, end=None, relative=False,
                 now=None, last=False, aggregates=(), window=None, stride=1,
                 limit=0, regex=False):
        self.targets = targets
        self.start, self.end = start, end
        self.implied_end = now if relative and end is None else None
        self.last, self.stride, self.limit = last, stride, limit
        self.aggregates, self.window = list(aggregates), window
        self.regex = regex
        if (start is None and end is None and not last
                and not self.aggregates):
            self.last = True

    def range(self, series):
        """Indices [i, j) of the samples in the range."""
        end = self.end if self.end is not None else self.implied_end
        i, j = 0, len(series.times)
        if self.start is not None:
            i = bisect.bisect_left(series.times, self.start)
        if end is not None:
            j = bisect.bisect_right(series.times, end)
        return i, max(i, j)

    def cut(self, rows):
        if self.limit > 0:
            return rows[:self.limit]
        if self.limit < 0:
            return rows[self.limit:]
        return rows

    def samples(self, store):
        """Rows (name, time, type, value)."""
        out = []
        for s in store.select(self.targets, self.regex):
            i, j = self.range(s)
            picked = list(range(i, j))
            if self.last:
                picked = picked[-1:]
            picked = picked[::self.stride]
            out += self.cut([(s.name, s.times[k], s.type, s.values[k])
                             for k in picked])
        return out

    def buckets(self, store):
        """Rows (name, aggregate, start, end, is_int, value); start and end
        are None where no window and no given end tells them.
        """
        out = []
        for s in store.select(self.targets, self.regex):
            i, j = self.range(s)
            rows = []
            while i < j:
                start, end, k = self.start, self.end, j
                if self.window:
                    low = bucket_start(s.times[i], self.window)
                    high = low + self.window
                    k = bisect.bisect_left(s.times, high, i, j)
                    # There is no time before or after these.
                    low, high = max(low, T_MIN), min(high, T_MAX)
                    start = low if start is None else max(low, start)
                    end = high if end is None else min(high, end)
                for name in self.aggregates:
                    is_int, value = aggregate(name, s, i, k)
                    rows.append((s.name, name, start, end, is_int, value))
                i = k
            out += self.cut(rows)
        return out


def _ordinal(x):
    """Doubles numbered in their order, so that neighbours differ by one."""
    i = struct.unpack("<q", struct.pack("<d", x))[0]
    return i if i >= 0 else -(i & (2**63 - 1))


def ulps(a, b):
    """How many doubles lie from a to b; infinite for NaN against a number."""
    if math.isnan(a) or math.isnan(b):
        return 0 if math.isnan(a) and math.isnan(b) else math.inf
    return abs(_ordinal(a) - _ordinal(b))


def close(name, want, got, allowed=2):
    """Whether a float aggregate is right: exactly, or within some ulps."""
    if isinstance(want, tuple):
        return any(ulps(w, got) == 0 for w in want[1:])
    if name in INEXACT:
        return ulps(want, got) <= allowed
    if name in ("min", "max"):
        return want == got or math.isnan(want) and math.isnan(got)
    return bits(want) == bits(got)

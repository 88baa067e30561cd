"""Samples that tell by themselves which they are: numbered streams.

A stream is what one writer gives to one metric: sample n has a value that
tells the writer and n, and, if the stream has times, the time when(n).  So
whatever is read can be checked without a record of what was written.
"""

from blackbox import clip

SECOND = 10**9
DAY = 86400 * SECOND
PER_WRITER = 10**6	# samples of a stream at most


class Stream:
    """Samples [0, acked) are acknowledged, [0, sent) have been sent.

    maybe: numbers that were sent, never acknowledged, and not sent again.
    seen: a reader has seen number seen - 1.  cut: what is older than this may
    have expired.
    """

    def __init__(self, metric, who, when=None, half=False, cut=None):
        self.metric = metric
        self.who = who
        self.when = when
        self.half = half
        self.cut = cut
        self.sent = self.acked = self.seen = 0
        self.maybe = set()

    def line(self, n):
        value = self.who * PER_WRITER + n
        return "%s %d%s%s\n" % (self.metric, value, ".5" * self.half,
                                " %d" % self.when(n) if self.when else "")

    def least(self):
        """So many samples a reader that begins now must see."""
        return max(self.acked, self.seen)

    def lasting(self, n):
        """Whether sample n cannot have expired."""
        return self.cut is None or self.when(n) >= self.cut


class Ledger:
    """All streams, by metric and writer."""

    def __init__(self):
        self.streams = {}

    def add(self, stream):
        self.streams.setdefault(stream.metric, {})[stream.who] = stream
        return stream

    def of(self, prefix):
        return [s for m, by_who in self.streams.items()
                if m.startswith(prefix) for s in by_who.values()]

    def least(self, prefix):
        return {s: s.least() for s in self.of(prefix)}

    def identify(self, metric, text):
        """The stream and number of a value as it is printed, or None."""
        value = float(text)
        who, n = divmod(int(value), PER_WRITER)
        s = self.streams.get(metric, {}).get(who)
        if s is None or value != int(value) + 0.5 * s.half or n >= s.sent:
            return None
        return s, n

    def sort(self, rows):
        """{stream: numbers} of rows (metric, time, value), and complaints."""
        found, bad = {}, []
        before = None
        for metric, t, text in rows:
            known = self.identify(metric, text)
            if known is None:
                bad.append("made up: %s %s %s" % (metric, t, text))
                continue
            s, n = known
            if s.when is not None and s.when(n) != t:
                bad.append("%s %d: not %d, its time" % (metric, n, t))
            if before is not None and before[0] == metric and t < before[1]:
                bad.append("%s: %d behind %d" % (metric, t, before[1]))
            before = metric, t
            found.setdefault(s, []).append(n)
        return found, bad

    def check(self, rows, least, first=None, last=None):
        """Complaints about rows read of streams that had `least' samples
        when reading began, from time first to last if those are given:
        each stream has a beginning of its samples, each once.
        """
        found, bad = self.sort(rows)
        for s, low in least.items():
            bad += self.beginning(s, found.pop(s, []), low, first, last)
        for s in found:
            bad.append("not asked for: " + s.metric)
        return bad

    def beginning(self, s, numbers, low, first, last):
        def wanted(n):
            t = s.when(n) if s.when else None
            return s.lasting(n) and (first is None or t >= first) and (
                last is None or t <= last)

        there, bad = set(numbers), []
        if len(there) != len(numbers):
            bad.append("%s: %d samples twice" % (
                s.metric, len(numbers) - len(there)))
        upto = max(low, max(there) + 1 if there else 0)
        missing = [n for n in range(upto)
                   if n not in there and n not in s.maybe and wanted(n)]
        if missing:
            bad.append("%s of writer %d: %s missing of %d, at least %d" % (
                s.metric, s.who, clip(missing, 100), upto, low))
        s.seen = max(s.seen, upto)
        return bad

    def totals(self, metric, count, smallest, largest, total, low):
        """Complaints about the aggregates of all of a metric, of one stream
        that has not expired."""
        s, = self.streams[metric].values()
        half = 0.5 * s.half
        base = s.who * PER_WRITER
        want = (base + half, base + count - 1 + half,
                count * (base + half) + count * (count - 1) // 2)
        if count == 0:
            return [] if low == 0 else [metric + ": nothing is there"]
        if not low <= count <= s.sent or \
                (smallest, largest, total) != want:
            return ["%s: count %d of %d to %d, min %r max %r sum %r" % (
                metric, count, low, s.sent, smallest, largest, total)]
        s.seen = max(s.seen, count)
        return []


def even(start, step):
    """Times one step apart."""
    return lambda n: start + n * step


def backwards(start, step, block=16):
    """Times that go backwards within each block."""
    return lambda n: start + (n // block * block + block - 1 - n % block) * \
        step


def spread(start, span, n_spread):
    """Times spread over a span, and densely behind it."""
    def when(n):
        return start + min(n, n_spread) * (span // n_spread) + \
            max(0, n - n_spread) * 1000
    return when


def rows_of_csv(text):
    """(metric, time, value) of csv with times in ns."""
    for line in text.decode().splitlines()[1:]:
        metric, t, _, value = line.split(",")
        yield metric, int(t), value


def rows_of_lp(text):
    for line in text.decode().splitlines():
        metric, value, t = line.split(" ")
        yield metric, int(t), value.rstrip("i")

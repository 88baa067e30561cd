"""Crashes behind each other: other programs go on after the first one.

After a power cut, what was lost must stay lost, and what was there must stay
there; after a kill nothing is lost, but nothing that the killed program left
is synced either, and the next one must know.
"""

from power_cases import *

AFTER = ["flush", "other day", "other partition", "direct"]


def is_trap(rec, state):
    """Whether the log lost something that a page of a flush still has."""
    pending = rec.world.pending(state.k)
    lost = any(not op.node.is_dir and op.kind == "w" and
               op.node.names[-1].endswith(".wal") and
               op not in state.choice for op in pending)
    return lost and any(
        op.kind == "w" and op.seq <= state.k and
        (op in state.choice or op not in pending)
        for n in rec.world.nodes if not n.is_dir and
        n.names[-1].endswith(".dat") for op in n.ops)


def after_cut(make, case, rec, plan, state, how):
    """The case that begins with a state that a cut has left."""
    t = make.data.take
    mine = t("f9", 5, 30) + t("i9", 5, 30) if how == "other day" else \
        t("i9", 0, 30) + t("f9", 0, 30)
    first = []
    # What a flush moves then is not synced.
    risk = "throughput" in case.name

    def prepare(top):
        build_state(rec.world, state.k, state.choice, top + "/state")
        os.rename(top + "/state/root", top + "/root")
        os.rmdir(top + "/state")
        _, lines = stored(top + "/root")
        p = Plan(lines)
        p.lenient = plan.lenient or state.hole
        p.in_log = set(lines) - plan.marks[0][1]
        first.extend(sorted(plan.sent, key=when))
        return p

    def setting(text):
        def change(rec):
            rec.put("root/k/manifest.ini", QUIET + text)
        return change

    def steps(root):
        move = Step(["ntdb-flush", "-r", root, *MOVE], "" if risk else
                    "exit", risk=risk)
        if how == "flush":
            return [move]
        settings = {"other partition": "[retention]\npartition = month\n",
                    "direct": "[wal]\nenabled = no\n"}
        direct = how == "direct"
        return [Step(make.ingest_args(root), "commit" if direct and not risk
                     else "", [mine], before=setting(settings[how])
                     if how in settings else None, risk=direct and risk),
                move]

    def complete(s, root):
        lines = first + [x for x in sorted(s.plan.sent) if x not in first]
        return Completion(lines, late=True).run(s, root)

    return Case("%s, cut, %s" % (case.name, how), prepare, steps, complete)


def after_kill(make, policy, call, nth, making=False):
    """A flush, or the making of a database, is killed at that call; then a
    commit that is synced and a flush.
    """
    t = make.data.take
    base = make.base()
    one, two = make.batches()[:2], [t("i8", 1, 20) + t("f", 2, 10)]
    inject = "%s:signal=SIGKILL:when=%d" % (call, nth)
    marks = []

    def prepare(top):
        if making:
            return Plan([])
        return Plan(prepared(top, QUIET, *base, MOVE, policy=policy))

    def steps(root):
        ing = make.ingest_args(root)
        move = ["ntdb-flush", "-r", root, *MOVE]
        safe = "commit" if policy == "always" else ""
        killed = [Step(ing, safe, one, inject=inject)] if making else \
            [Step(ing, safe, one), Step(move, "exit", inject=inject)]
        killed.append(Step(ing + ["--sync"], "commit", two,
                           before=lambda rec: marks.append(rec.world.seq)))
        return killed if making else killed + [Step(move, "exit")]

    case = Case("%s killed at %s %d, %s" % (
        "making" if making else "flush", call, nth, policy), prepare, steps,
        Completion([x for b in (([] if making else base) + one + two)
                    for x in b], late=True).run)
    case.marks = marks
    return case

"""Power cuts while programs run: the states, and who checks them."""

import hashlib
import json
import os
import shutil

from blackbox import *
from power_disk import *
from power_oracle import *
from power_record import *


class Case:
    """Programs to be recorded, from a directory with a root.

    prepare(top) makes what is there before, all of it synced, and returns a
    Plan; steps(root) are what is recorded.
    """

    def __init__(self, name, prepare, steps, complete=None, targets=()):
        self.name = name
        self.prepare = prepare
        self.steps = steps
        self.complete = complete    # a function of state, root: complaints
        self.targets = targets
        self.first = 0              # cut only behind this


class Runner:
    """Records cases and checks the states that cuts may leave."""

    def __init__(self, temp, rng, workers=1):
        self.temp = temp
        self.rng = rng
        self.workers = workers
        self.n_made = 0
        self.total = 0
        self.failed = 0

    def fresh(self):
        self.n_made += 1
        return "%s/%d" % (self.temp, self.n_made)

    def record(self, case):
        """(Recorder, Plan) after all steps; complaints are told."""
        top = self.fresh()
        os.mkdir(top)
        plan = case.prepare(top)
        rec = Recorder(top)
        for step in case.steps(top + "/root"):
            if step.before is not None:
                step.before(rec)
            plan.begin(step, rec.world.tick())
            told = len(rec.events)
            case.last = rec.world.seq
            r = rec.run(step.argv, ["".join(x + "\n" for x in b).encode()
                                    for b in step.batches], step.inject, step.wait)
            plan.end(step, rec.events[told:])
            if step.inject is None and r.status not in step.status:
                diag("%s: %s: %r" % (case.name, " ".join(step.argv), r))
                self.failed += 1
        got = rec.world.tree(rec.world.seq, None)
        real = read_tree(top)
        if got != real:
            diag("%s: the record is not what is there: %s" % (
                case.name, sorted(k for k in {**got, **real}
                                  if got.get(k) != real.get(k))))
            self.failed += 1
        shutil.rmtree(top)
        return rec, plan

    def states(self, case, rec, plan, n_random):
        """All different states that a cut during the recording may leave."""
        world, out, seen = rec.world, [], set()
        for k in range(case.first, world.seq + 1):
            pending = world.pending(k)
            logs = {op.node for op in pending
                    if not op.node.is_dir and any(
                        n.endswith(".wal") for n in op.node.names)}
            for choice in choices(pending, self.rng, n_random):
                hole = any(has_hole(choice, pending, n) for n in logs)
                h = hashlib.md5()
                tree = world.tree(k, choice)
                for name in sorted(tree):
                    h.update(b"%s %d " % (name.encode(), len(tree[name])
                                          if tree[name] is not None else -1))
                    h.update(tree[name] or b"")
                key = h.digest(), plan.must(k)
                if key not in seen:
                    seen.add(key)
                    out.append(State(plan, k, choice, hole))
        return out

    def check_all(self, case, rec, states, share):
        """Check them by several processes; returns those that failed."""
        pids = []
        for w in range(self.workers):
            path = "%s/found.%d" % (self.temp, w)
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    self._work(case, rec, states, share, w, path)
                    code = 0
                except BaseException as e:
                    import traceback
                    traceback.print_exc()
                finally:
                    os._exit(code)
            pids.append((pid, path))
        found = []
        for pid, path in pids:
            _, status = os.waitpid(pid, 0)
            if status != 0:
                found.append([-1, ["a worker failed"]])
            else:
                with open(path) as f:
                    found += json.load(f)
        self.total += len(states)
        self.failed += len(found)
        for i, bad in sorted(found)[:6]:
            self.tell(case, rec, states[i] if i >= 0 else None, bad)
        return found

    def _work(self, case, rec, states, share, w, path):
        found = []
        for i in range(w, len(states), self.workers):
            top = "%s/w%d" % (self.temp, w)
            build_state(rec.world, states[i].k, states[i].choice, top)
            bad, _ = check(states[i], top + "/root", top, case.targets)
            # Evenly spread, and always where something is already wrong.
            if case.complete and int(i * share) != int((i + 1) * share):
                bad += case.complete(states[i], top + "/root")
            if bad:
                found.append([i, bad])
            shutil.rmtree(top)
        with open(path, "w") as f:
            json.dump(found, f)

    def tell(self, case, rec, state, bad):
        diag("%s:" % case.name)
        for b in bad[:4]:
            diag("    " + b)
        if state is None:
            return
        pending = rec.world.pending(state.k)
        ops = [op for n in rec.world.nodes for op in n.ops
               if op.seq <= state.k]
        diag("    the last change: %r" % max(ops, key=lambda o: o.seq)
             if ops else "    before any change")
        for op in pending[-30:]:
            diag("    %s %r" % (state.choice.get(op, ("lost",)), op))

    def run(self, case, n_random, share, most=None):
        """Record, cut, check at most so many states; one result."""
        rec, plan = self.record(case)
        failed = self.failed
        states = self.states(case, rec, plan, n_random)
        self.rng.shuffle(states)
        if most is not None:
            states = states[:most]
        share = getattr(case, "share", share)
        found = self.check_all(case, rec, states, share)
        same(self.failed - failed, 0, "%s: %d states" % (
            case.name, len(states)))
        if found:
            diag("%d of %d" % (len(found), len(states)))
        return rec, plan, states


def read_tree(path, under=""):
    """What is there, as World.tree has it."""
    out = {}
    for name in os.listdir(path):
        at = os.path.join(path, name)
        if os.path.isdir(at):
            out[under + name] = None
            out.update(read_tree(at, under + name + "/"))
        else:
            with open(at, "rb") as f:
                out[under + name] = f.read()
    return out

"""Loads in, what was measured out: the process that asks.

    python -m bench.load.generate CORE      (see `bench.load.ask`, which starts it)

It stays on its core, and but for closed loops with many in flight, and for moments (`REST_NS`), it
never sleeps: it looks for answers and for what is due in turns, so that neither a timer nor a
wake-up is part of a latency, and the time in which it found nothing to do is known: all other time
is what the calls cost it. In an open loop the times of all calls are drawn before it begins, and a
latency counts from when a call was due, whether or not the one before was answered (no coordinated
omission). It knows when it was held up itself (`bench.load.holds`); what that did to latencies is
told, and not taken out of them.
"""

from __future__ import annotations

import gc
import os
import random
import select
import sys
from collections.abc import Sequence
from itertools import accumulate, cycle, islice
from time import perf_counter_ns, sleep

import msgspec

from bench.load.ahead import put
from bench.load.answers import Tally
from bench.load.frames import head, http1_template, message_template, unary_template
from bench.load.holds import Holds, tail_share
from bench.load.http1 import Http1
from bench.load.http2 import Http2
from bench.load.sockets import Socket
from bench.load.spec import HELD_NS, Load, Loaded
from bench.load.streams import Streamed

Connection = Http2 | Http1
SECOND = 1_000_000_000
HEAD_NS = 3_000_000
"""Before the first call of an open loop, so that it does not begin late."""
LAST_NS = 5 * SECOND
"""For the last answers."""
LATE_NS = 3 * SECOND
"""An open loop that is so far behind is over: the server does not hold the rate."""
MANY, SLEEP = 2, 0.001
"""With so many in flight the server has always work, and a closed loop sleeps until an answer
comes: one that spins is kept from its core by whatever else the machine does."""
LEAST = 20
"""Fewer counted answers are no measurement: a closed loop goes on for them, for a while."""
AT_ONCE = 128
"""Most calls that are begun between two looks for answers."""
REST_EVERY_NS, REST_NS = 2_000_000, 30_000
"""In an open loop a generator that runs before all others leaves its core so often, for so long.
A thread of the kernel that hands this core's requests to the disk would wait for the end of the
load else, and who waits for the disk with it. Calls that are due meanwhile wait, too."""


def open_connections(load: Load, tally: Tally) -> list[Connection]:
    """Return the connections, ready for calls."""
    authority = "localhost" if load.address.startswith("unix:") else load.address
    made: list[Connection] = []
    for address in islice(cycle(load.address.split(",")), load.connections):
        if load.kind == "http1":
            plain = [http1_template(authority, load.path, one) for one in load.bodies]
            made.append(Http1(Socket(address, load.ca_file), plain, tally))
            continue
        socket = Socket(address, load.ca_file, "h2")
        socket.piece = load.piece or socket.piece
        block = head(authority, load.path, "https" if load.ca_file else "http")
        if load.kind == "stream":
            messages = [message_template(one) for one in load.bodies]
            made.append(Streamed(socket, messages, tally, block))
        else:
            calls = [unary_template(block, one) for one in load.bodies]
            made.append(Http2(socket, calls, tally))
    end = perf_counter_ns() + LAST_NS
    while not all(one.ready for one in made):
        for one in made:
            one.flush()
            if not one.read(0) or perf_counter_ns() > end:
                msg = "the server did not greet"
                raise ConnectionError(msg)
    return made


class Run:
    """One measurement."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.tally = Tally(load)
        self.connections = open_connections(load, self.tally)
        self._poll = select.epoll()
        self._by_file = {one.socket.fileno(): one for one in self.connections}
        for file in self._by_file:
            self._poll.register(file, select.EPOLLIN)
        self.asked = 0
        self.idle = 0
        self.holds = Holds()
        self.ahead = False
        self.begun = self.end = 0
        self.lost = False
        self.wait = 0.0
        """Seconds that a look for answers may sleep."""
        self.before = 0
        """Answers before those that are counted, in a closed loop."""

    def look(self, before: int) -> int:
        """Read what has come; return the time after which nothing was there."""
        if self.wait:
            before = perf_counter_ns()
        events = self._poll.poll(self.wait)
        now = perf_counter_ns()
        if self.wait:
            self.idle += now - before
        else:
            if now - before > HELD_NS:
                self.holds.look(before, now)
            if not events:
                self.idle += now - before
                return now
        for file, _ in events:
            if not self._by_file[file].read(now):
                msg = self.tally.problem or "the server closed a connection"
                raise ConnectionError(msg)
        return now

    def ask(self, connection: Connection, due: int) -> None:
        """Begin the next call."""
        connection.ask(self.asked % len(self.load.bodies), self.asked, due)
        self.asked += 1

    def closed(self) -> None:
        """Keep as many in flight as there should be."""
        each = max(1, self.load.flying // len(self.connections))
        self.wait = SLEEP if self.load.flying >= MANY else 0.0
        now = perf_counter_ns()
        for connection in self.connections:
            for _ in range(each):
                self.ask(connection, now)
            connection.flush()
        while now < self.end or (len(self.tally.latencies) < LEAST and now < self.end + LAST_NS):
            now = self.look(now)
            if not self.before and now >= self.begun:
                self.before = self.tally.done or 1
            for connection in self.connections:
                if connection.finished:
                    due = perf_counter_ns()
                    for _ in range(connection.finished):
                        self.ask(connection, due)
                    connection.finished = 0
                connection.flush()

    def opened(self, dues: Sequence[int]) -> None:
        """Begin each call when it is due."""
        now, turn, count = perf_counter_ns(), 0, len(self.connections)
        at, last = 0, len(dues)
        rested = now
        while at < last:
            if self.ahead and now - rested > REST_EVERY_NS:
                rested = now = self.rest_a_moment(now)
            some = 0
            room = min(AT_ONCE, self.load.flying - (self.asked - self.tally.done))
            while at < last and dues[at] <= now and some < room:
                for _ in range(count):
                    turn = (turn + 1) % count
                    if self.connections[turn].free:
                        break
                else:
                    break
                self.ask(self.connections[turn], dues[at])
                at += 1
                some += 1
            if at < last and now - dues[at] > LATE_NS:
                self.lost = True
                return
            for connection in self.connections:
                connection.flush()
            now = self.look(now)

    def rest_a_moment(self, before: int) -> int:
        """Leave the core to others of it; return the time after that."""
        sleep(REST_NS / SECOND)
        now = perf_counter_ns()
        self.idle += now - before
        if now - before > HELD_NS:
            self.holds.look(before + REST_NS, now)
        else:
            self.holds.slept(now)
        return now

    def rest(self) -> None:
        """Wait for the last answers."""
        now = perf_counter_ns()
        end = now + LAST_NS
        while self.tally.done < self.asked and now < end:
            for connection in self.connections:
                connection.flush()
            now = self.look(now)
        for _ in range(self.asked - self.tally.done):
            self.tally.fail(self.tally.problem or "a call without an answer")

    def measure(self) -> Loaded:
        """Ask for as long as the load says."""
        load = self.load
        drawn = arrivals(load, int((load.warm + load.seconds) * SECOND)) if load.rate else ()
        self.ahead = load.ahead and put([os.getpid()], first=True)
        try:
            return self._measure(drawn)
        finally:
            if self.ahead:
                put([os.getpid()], first=False)

    def _measure(self, drawn: Sequence[int]) -> Loaded:
        """Ask when that was *drawn*, or all the time."""
        load, tally = self.load, self.tally
        self.holds = Holds()
        entered = perf_counter_ns()
        begin = entered + (HEAD_NS if load.rate else 0)
        self.begun = tally.begun = begin + int(load.warm * SECOND)
        self.end = self.begun + int(load.seconds * SECOND)
        if load.rate:
            self.opened([begin + one for one in drawn])
        else:
            self.closed()
        counted = tally.done - self.before if self.before else len(tally.latencies)
        took = perf_counter_ns() - self.begun
        worked = perf_counter_ns() - entered - self.idle
        self.rest()
        for connection in self.connections:
            connection.socket.close()
        return self.told(counted / (took / SECOND), worked, worked + self.idle)

    def told(self, per_second: float, worked: int, passed: int) -> Loaded:
        """Return what was measured."""
        tally = self.tally
        taken = sorted(tally.latencies)

        def at(share: float) -> float:
            return taken[min(int(len(taken) * share), len(taken) - 1)] / 1000 if taken else 0.0

        spans = [one for one in self.holds.spans if one[1] > self.begun]
        return Loaded(
            asked=self.asked,
            answered=len(taken),
            per_second=per_second,
            p50=at(0.5),
            p90=at(0.9),
            p99=at(0.99),
            p999=at(0.999),
            worst=at(1.0),
            wrong=tally.wrong,
            problem=tally.problem,
            lost=self.lost,
            own_us=worked / 1000 / max(1, self.asked),
            busy=min(1.0, worked / max(1, passed)),
            held=len(spans),
            held_ms=sum(end - begin for begin, end in spans) / 1e6,
            tail_held=tail_share(tally.dues, tally.latencies, spans),
            ahead=self.ahead,
            samples=tally.samples,
        )


def arrivals(load: Load, span: int) -> list[int]:
    """Return when each call of an open loop is due, in ns since it begins; it lasts for *span*."""
    gap = SECOND / load.rate
    count = int(span / gap)
    if load.arrivals == "uniform":
        return [int(number * gap) for number in range(count)]
    draw = random.Random(load.seed).expovariate
    return [int(one) for one in accumulate(draw(1) * gap for _ in range(count))]


def main() -> None:
    """Measure what comes on standard input, until it ends."""
    os.sched_setaffinity(0, {int(sys.argv[1])})
    sys.setswitchinterval(1.0)
    gc.disable()
    source, out = sys.stdin.buffer, sys.stdout.buffer
    while size := source.read(4):
        load = msgspec.msgpack.decode(source.read(int.from_bytes(size, "big")), type=Load)
        try:
            told = msgspec.msgpack.encode(Run(load).measure())
        except OSError as problem:
            told = msgspec.msgpack.encode(f"{type(problem).__name__}: {problem}")
        gc.collect()
        out.write(len(told).to_bytes(4, "big") + told)
        out.flush()


if __name__ == "__main__":
    main()

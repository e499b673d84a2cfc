"""`strata load --follow --listen`, asked while it applies changes and compares digests, closes the
books of its process to 1 % of anonymous memory, under glibc and under jemalloc: at rest, and at
work in the median of what it answers. One answer may be further off: threads allocate while it is
made. So it does where the same rows are those of 25 tables.

    private_mariadb.sh run -- books_follow_test.py STRATA STRATA_DEMO_FILL LIBJEMALLOC
"""
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

STRATA, FILL, JEMALLOC = sys.argv[1:4]
SOCKET = os.environ["STRATA_TEST_MYSQL_SOCKET"]
USER = os.environ["STRATA_TEST_MYSQL_USER"]
DATABASE = "books"
RECORDS = 2_600_000
LEAST_BYTES = 100_000_000
SOURCES = 25
LEAST_READINGS = 5
MOST_AT_REST = 0.01
MOST_IN_THE_MEDIAN = 0.01
MOST_IN_ONE = 0.025
LEAST_BUSY_S = 1.0
DEADLINE_S = 180


def run_sql(statements):
    subprocess.run(["mariadb", "-S", SOCKET, "-u", USER, "-e", statements], check=True)


def fill():
    run_sql(f"""
        CREATE DATABASE {DATABASE};
        CREATE TABLE {DATABASE}.pairs (
          id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, outer_key VARCHAR(255) NOT NULL,
          inner_key VARCHAR(255) NOT NULL, seq INT NOT NULL, k VARCHAR(255), v LONGTEXT,
          updated_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
                     ON UPDATE CURRENT_TIMESTAMP(6)) CHARACTER SET utf8mb4""")
    load = ("SET SESSION unique_checks=0; LOAD DATA LOCAL INFILE '/dev/stdin' INTO TABLE pairs "
            "CHARACTER SET utf8mb4 (outer_key, inner_key, seq, k, v)")
    subprocess.run(["/bin/bash", "-o", "pipefail", "-c",
                    '"$0" gen unique --records "$1" | "$2" | '
                    'mariadb -S "$3" -u "$4" --local-infile=1 "$5" -e "$6"',
                    STRATA, str(RECORDS), FILL, SOCKET, USER, DATABASE, load], check=True)
    run_sql(f"ALTER TABLE {DATABASE}.pairs ADD KEY (outer_key, inner_key, seq), "
            "ADD KEY (updated_at)")


def divide():
    """The rows into tables of their own, whose outers are theirs alone."""
    each = RECORDS // SOURCES + 1
    for i in range(SOURCES):
        run_sql(f"""
            CREATE TABLE {DATABASE}.part{i} LIKE {DATABASE}.pairs;
            INSERT INTO {DATABASE}.part{i} SELECT id, CONCAT({i}, '/', outer_key), inner_key, seq, k,
              v, updated_at FROM {DATABASE}.pairs WHERE id DIV {each} = {i}""")


ONE_TABLE = f"mysql://{USER}@localhost/{DATABASE}?table=pairs&socket={SOCKET}"


def parts(folder):
    """A FILE.toml of all parts."""
    path = os.path.join(folder, "parts.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'[connection]\nhosts = ["localhost"]\nsocket = "{SOCKET}"\n'
                   f'user = "{USER}"\ndatabase = "{DATABASE}"\n')
        for i in range(SOURCES):
            file.write(f'[[source]]\ntable = "part{i}"\n')
    return path


class Follower:
    def __init__(self, environment, source=ONE_TABLE):
        self.process = subprocess.Popen(
            [STRATA, "load", source, "--follow", "--poll-interval", "200ms", "--reconcile-interval",
             "5s", "--listen", "127.0.0.1:0"],
            stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
        for line in self.process.stderr:
            if "listening on " in line:
                self.address = line.split("listening on ")[1].strip()
                return
        raise AssertionError("it does not listen")

    def ask(self, path):
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as told:  # 503 with the same object: not following yet
            return json.load(told)

    def wait_for(self, condition):
        deadline = time.monotonic() + DEADLINE_S
        while not condition(self.ask("/healthz")):
            if time.monotonic() > deadline:
                raise AssertionError(self.ask("/healthz"))
            time.sleep(0.1)

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=60)


class BooksOfAFollowerTest(unittest.TestCase):
    def check(self, shown, when, most):
        """Gives the share that is rest."""
        process = shown["process"]
        rest = process["unexplained_bytes"]["anon"]
        whole = process["anon_bytes"]
        print(f"{process['allocator']['name'].split()[0]}, {when}: "
              f"{rest} of {whole} bytes, {100 * rest / whole:.2f} %")
        self.assertGreater(shown["total_bytes"], LEAST_BYTES)
        self.assertEqual(shown["total_bytes"], shown["allocated_bytes"])
        self.assertLessEqual(abs(rest), most * whole, process["terms"])
        return abs(rest) / whole

    def close(self, modulus, environment):
        follower = Follower(environment)
        self.addCleanup(follower.end)
        follower.wait_for(lambda health: health["state"] == "following")
        self.check(follower.ask("/footprint"), "at rest", MOST_AT_REST)
        changed = RECORDS // 50
        run_sql(f"UPDATE {DATABASE}.pairs SET v = CONCAT(v, 'x') WHERE id % 50 = {modulus}")
        readings = {}
        deadline = time.monotonic() + DEADLINE_S
        while True:
            health = follower.ask("/healthz")
            shown = follower.ask("/footprint")
            # The server keeps an answer for a while.
            key = (shown["process"]["anon_bytes"], shown["process"]["unexplained_bytes"]["anon"])
            if key not in readings:
                readings[key] = self.check(
                    shown, f"{health['entries_changed']:.0f} entries changed, "
                           f"{health['reconcile_busy_seconds']:.1f} s of comparing", MOST_IN_ONE)
            if (health["entries_changed"] >= changed and
                    health["reconcile_busy_seconds"] >= LEAST_BUSY_S):
                break
            self.assertLess(time.monotonic(), deadline, health)
            time.sleep(0.2)
        self.assertGreaterEqual(len(readings), LEAST_READINGS)
        # What the client library keeps of a large row goes back with its connection.
        run_sql(f"UPDATE {DATABASE}.pairs SET v = REPEAT('{modulus}', 4000000) WHERE id = {modulus}")
        follower.wait_for(lambda health: health["reconnects"] > 0)
        run_sql(f"UPDATE {DATABASE}.pairs SET v = 'small' WHERE id = {modulus}")
        time.sleep(2)
        self.check(follower.ask("/footprint"), "after a row of 4 MB", MOST_IN_ONE)
        self.assertLessEqual(statistics.median(readings.values()), MOST_IN_THE_MEDIAN)

    def test_of_many_sources(self):
        divide()
        with tempfile.TemporaryDirectory() as folder:
            follower = Follower({}, parts(folder))
            self.addCleanup(follower.end)
            follower.wait_for(lambda health: health["state"] == "following")
        for when in ("at rest", "a little later", "and once more"):
            self.check(follower.ask("/footprint"), f"{SOURCES} sources, {when}", MOST_AT_REST)
            time.sleep(1.5)
        beside = follower.ask("/footprint?cache=follower")
        self.assertEqual([layer["count"] for layer in beside["layers"]
                          if layer["name"] == "sources"], [SOURCES])

    def test_under_glibc(self):
        self.close(1, {})

    def test_under_jemalloc(self):
        self.close(2, {"LD_PRELOAD": JEMALLOC})


if __name__ == "__main__":
    fill()
    unittest.main(argv=sys.argv[:1])

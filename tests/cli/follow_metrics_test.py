"""/metrics of `strata load --follow --listen`, read by python3-prometheus-client's OpenMetrics parser:
how each source goes, beside the figures of the cache.

    private_mariadb.sh run -- follow_metrics_test.py STRATA
"""
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

from prometheus_client.openmetrics import parser

STRATA = sys.argv[1]
SOCKET = os.environ["STRATA_TEST_MYSQL_SOCKET"]
USER = os.environ["STRATA_TEST_MYSQL_USER"]
DEADLINE_S = 60


def run_sql(statements):
    subprocess.run(["mariadb", "--no-defaults", "-S", SOCKET, "-u", USER, "-e", statements],
                   check=True)


class FollowMetricsTest(unittest.TestCase):
    def setUp(self):
        run_sql("CREATE DATABASE m")
        for table in ("one", "two"):
            run_sql(f"""
                CREATE TABLE m.{table} (
                  id BIGINT AUTO_INCREMENT PRIMARY KEY, outer_key VARCHAR(40), inner_key VARCHAR(40),
                  seq INT, k VARCHAR(40), v TEXT, updated_at TIMESTAMP(6) DEFAULT NOW(6)
                  ON UPDATE NOW(6), KEY (updated_at), KEY (outer_key, inner_key));
                INSERT INTO m.{table} (outer_key, inner_key, seq, k, v)
                  VALUES ('{table}', 'x', 0, 'k', 'v')""")
        self.folder = tempfile.TemporaryDirectory()
        path = os.path.join(self.folder.name, "two.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'[connection]\nhosts = ["localhost"]\nsocket = "{SOCKET}"\n'
                       f'user = "{USER}"\ndatabase = "m"\n'
                       '[[source]]\ntable = "one"\n[[source]]\ntable = "two"\n')
        self.process = subprocess.Popen(
            [STRATA, "load", path, "--follow", "--poll-interval", "50ms", "--reconcile-interval",
             "200ms", "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        said = self.process.stderr.readline()
        self.assertRegex(said, r"^strata load: .*: listening on 127\.0\.0\.1:\d+\n$")
        self.address = said.split("listening on ")[1].strip()

    def tearDown(self):
        self.process.send_signal(signal.SIGINT)
        out, _ = self.process.communicate(timeout=60)
        self.assertNotIn("listening", out)
        self.folder.cleanup()

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=60) as answer:
            return answer.read().decode("utf-8")

    def families(self):
        return {family.name: family
                for family in parser.text_string_to_metric_families(self.get("/metrics"))}

    def wait_for(self, condition):
        deadline = time.monotonic() + DEADLINE_S
        while True:
            families = self.families()
            if condition(families):
                return families
            self.assertLess(time.monotonic(), deadline, self.get("/metrics"))
            time.sleep(0.05)

    @staticmethod
    def of_each(families, name):
        return {s.labels["source"]: s.value for s in families[name].samples}

    def test_each_source_is_told_of_as_it_goes(self):
        names = {'table "one"', 'table "two"'}

        def following(families):
            return {s.labels["source"] for s in families["strata_follow_state"].samples
                    if s.labels["strata_follow_state"] == "following" and s.value == 1} == names
        self.wait_for(following)
        run_sql("INSERT INTO m.two (outer_key, inner_key, seq, k, v) VALUES "
                "('two', 'y', 0, 'k', 'v'), ('two', 'z', 0, 'k', 'v')")
        families = self.wait_for(
            lambda now: self.of_each(now, "strata_follow_entries_changed") ==
            {'table "one"': 0, 'table "two"': 2})
        self.assertEqual(families["strata_follow_state"].type, "stateset")
        self.assertEqual(families["strata_follow_rows_applied"].type, "counter")
        lag = families["strata_follow_lag_seconds"]
        self.assertEqual((lag.type, lag.unit), ("gauge", "seconds"))
        for seconds in self.of_each(families, lag.name).values():
            self.assertGreaterEqual(seconds, 0)
        self.assertGreaterEqual(self.of_each(families, "strata_follow_rows_read")['table "two"'], 2)
        applied = self.of_each(families, "strata_follow_rows_applied")
        self.assertGreaterEqual(applied['table "two"'], 2)
        reread = self.of_each(families, "strata_follow_entries_reread")
        self.assertGreaterEqual(reread['table "two"'], 2)
        self.assertEqual(set(self.of_each(families, "strata_follow_repairs").values()), {0})
        refused = families["strata_follow_entries_refused"]
        self.assertEqual(refused.type, "gauge")
        self.assertEqual(set(self.of_each(families, refused.name).values()), {0})
        self.assertEqual(families["strata_follow_rows_loaded"].samples[0].value, 2)
        self.assertEqual(families["strata_entries"].samples[0].value, 4)
        passed = self.wait_for(lambda now: now["strata_follow_last_pass_seconds"].samples)
        self.assertLess(passed["strata_follow_last_pass_seconds"].samples[0].value, DEADLINE_S)
        busy = passed["strata_follow_reconcile_busy_seconds"]
        self.assertEqual((busy.type, busy.unit), ("counter", "seconds"))
        # What a lost table is to the one source, the other does not know.
        run_sql("RENAME TABLE m.one TO m.away")
        waiting = self.wait_for(lambda now: not following(now))
        self.assertGreater(waiting["strata_follow_errors"].samples[0].value, 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)

"""What `strata footprint` writes, opened by the tools it is written for: Debian's `go tool pprof`
and the OpenMetrics parser of python3-prometheus-client.

    formats_test.py STRATA HOSTILE_NAMES_PROGRAM
"""
import html
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from prometheus_client.openmetrics import parser

STRATA = sys.argv.pop(1)
HOSTILE = sys.argv.pop(1)


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


class PprofPages:
    """`go tool pprof -http` on loopback, for as long as a `with` lasts."""

    def __init__(self, home, *words):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        # `go` starts pprof as a process of its own: both are of one group, and end as one.
        self.process = subprocess.Popen(
            ("go", "tool", "pprof", "-no_browser", f"-http=127.0.0.1:{self.port}") + words,
            env=dict(os.environ, HOME=home, PPROF_TMPDIR=home), start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(timeout=30)

    def get(self, path):
        end = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}") as answer:
                    return answer.read().decode()
            except urllib.error.HTTPError:
                raise
            except urllib.error.URLError:  # it does not listen yet
                if self.process.poll() is not None or time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def flames(self, query=""):
        """The flame graph's root: {"n": name, "v": bytes, "c": children}."""
        page = self.get("/ui/flamegraph" + query)
        # JSON in a string of JavaScript's, all of whose escapes JSON knows too.
        text = re.search(r'JSON\.parse\("(.*?)"\)', page).group(1)
        return json.loads(json.loads(f'"{text}"'))


class FormatsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        for records in ("2000", "3000"):
            run(STRATA, "gen", "forum", "--records", records, "-o", cls.path(records + ".json"))
            # A layout whose bytes are the same in each run: packed's vary with its hashes' seed.
            for form in ("json", "pprof", "openmetrics"):
                run(STRATA, "footprint", cls.path(records + ".json"), "--layout", "std_map",
                    "--format", form, "-o", cls.path(records + "." + form + ".out"))
        cls.footprint = cls.read_json("2000")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    @classmethod
    def read_json(cls, records):
        with open(cls.path(records + ".json.out"), encoding="utf-8") as file:
            return json.load(file)

    def pprof(self, *words):
        # pprof keeps settings and downloads in HOME; this test's are its own.
        environment = dict(os.environ, HOME=self.folder.name, PPROF_TMPDIR=self.folder.name)
        return subprocess.run(("go", "tool", "pprof") + words, check=True, capture_output=True,
                              text=True, env=environment).stdout

    def top(self, *words):
        """The flat figure of each frame in bytes, and the type that is shown."""
        text = self.pprof("-top", "-unit=B", "-nodefraction=0", *words)
        flat = {}
        for line in text.splitlines():
            row = re.match(r"\s*(-?\d+)B?\s+\S+%\s+\S+%\s+(-?\d+)B?\s+\S+%\s+(.*)$", line)
            if row:
                flat[row.group(3)] = (int(row.group(1)), int(row.group(2)))
        return flat, re.search(r"Type: (\w+)", text).group(1)

    def test_pprof_shows_the_footprints_own_figures(self):
        frames, shown = self.top(self.path("2000.pprof.out"))
        self.assertEqual(shown, "total")
        for layer in self.footprint["layers"]:
            if layer["total_bytes"]:
                self.assertEqual(frames["std_map:" + layer["name"]][0], layer["total_bytes"])
        self.assertEqual(frames["std_map"], (0, self.footprint["total_bytes"]))

    def test_pprof_knows_used_slack_dead_and_objects(self):
        for index, field in (("used", "used_bytes"), ("slack", "slack_bytes"),
                             ("dead", "dead_bytes")):
            frames, shown = self.top("-sample_index=" + index, self.path("2000.pprof.out"))
            self.assertEqual(shown, index)
            whole = sum(layer[field] for layer in self.footprint["layers"])
            self.assertEqual(sum(flat for flat, _ in frames.values()), whole)
        text = self.pprof("-top", "-sample_index=objects", "-nodefraction=0",
                          self.path("2000.pprof.out"))
        self.assertIn("Type: objects", text)

    def test_pprof_subtracts_one_profile_from_another(self):
        frames, _ = self.top("-diff_base=" + self.path("2000.pprof.out"),
                             self.path("3000.pprof.out"))
        self.assertEqual(frames["std_map"][1],
                         self.read_json("3000")["total_bytes"] - self.footprint["total_bytes"])

    def test_pprof_pages_open_with_the_footprints_own_figures(self):
        with PprofPages(self.folder.name, self.path("2000.pprof.out")) as pages:
            root = pages.flames()
            self.assertEqual(root["v"], self.footprint["total_bytes"])
            self.assertEqual([child["n"] for child in root["c"]], ["std_map"])
            leaves = {leaf["n"]: leaf["v"] for branch in root["c"][0]["c"]
                      for leaf in branch["c"] or [branch]}
            self.assertEqual(leaves, {"std_map:" + layer["name"]: layer["total_bytes"]
                                      for layer in self.footprint["layers"]
                                      if layer["total_bytes"]})
            used = sum(layer["used_bytes"] for layer in self.footprint["layers"])
            self.assertEqual(pages.flames("?si=used")["v"], used)
            top = html.unescape(pages.get("/ui/top"))
            graph = html.unescape(pages.get("/ui/"))  # drawn by Graphviz
            self.assertIn("<svg", graph)
            for layer in ("records/nodes", "lists/arrays"):
                self.assertIn("std_map:" + layer, top)
                self.assertIn("std_map:" + layer, graph)

    def test_pprof_pages_show_a_difference(self):
        with PprofPages(self.folder.name, "-diff_base=" + self.path("2000.pprof.out"),
                        self.path("3000.pprof.out")) as pages:
            self.assertEqual(pages.flames()["v"], self.read_json("3000")["total_bytes"] -
                             self.footprint["total_bytes"])

    def test_prometheus_parser_finds_the_footprints_own_figures(self):
        with open(self.path("2000.openmetrics.out"), encoding="utf-8", newline="") as file:
            families = {family.name: family
                        for family in parser.text_string_to_metric_families(file.read())}
        memory = families["strata_memory_bytes"]
        self.assertEqual((memory.type, memory.unit), ("gauge", "bytes"))
        states = {(s.labels["layer"], s.labels["state"]): s.value for s in memory.samples}
        for layer in self.footprint["layers"]:
            for state in ("used", "slack", "dead"):
                self.assertEqual(states[layer["name"], state], layer[state + "_bytes"])
        self.assertEqual(len(states), 3 * len(self.footprint["layers"]))
        self.assertEqual({tuple(sorted(s.labels)) for s in memory.samples},
                         {("cache", "layer", "state")})
        allocated = families["strata_allocated_bytes"].samples[0]
        self.assertEqual(allocated.labels, {"cache": "std_map"})
        self.assertEqual(sum(states.values()), allocated.value)
        process = families["strata_process_memory_bytes"].samples
        resident = families["strata_process_resident_bytes"].samples[0].value
        self.assertEqual(sum(s.value for s in process if s.labels["of"] in ("anon", "file")),
                         resident)

    def test_hostile_names_stay_one_label_for_prometheus(self):
        names = self.hostile_names()
        with open(self.path("metrics.txt"), encoding="utf-8", newline="") as file:
            families = {family.name: family
                        for family in parser.text_string_to_metric_families(file.read())}
        self.assertEqual([s.labels["cache"] for s in families["strata_pairs"].samples], names)
        memory = families["strata_memory_bytes"].samples
        self.assertEqual({s.labels["cache"] for s in memory}, set(names))
        for number, name in enumerate(names, 1):
            self.assertEqual(sum(s.value for s in memory if s.labels["cache"] == name),
                             71455 * number)

    def test_hostile_names_stay_one_line_for_pprof(self):
        names = self.hostile_names()
        frames, _ = self.top(self.path("profile.pb.gz"))
        # The colon that ends a cache's name is the first that is not escaped.
        paths = {frame: re.match(r"(?:[^:\\]|\\.)*(:.*)?", frame).group(1) for frame in frames}
        whole = sorted(flat for frame, (flat, _) in frames.items() if paths[frame] == ":log")
        self.assertEqual(whole, [70123 * number for number in range(1, len(names) + 1)])
        sums = sorted(cum for frame, (_, cum) in frames.items() if paths[frame] is None)
        self.assertEqual(sums, [71455 * number for number in range(1, len(names) + 1)])
        text = self.pprof("-top", "-nodefraction=0", self.path("profile.pb.gz"))
        self.assertIsNone(re.search(r"[\x00-\x09\x0b-\x1f\u2028\u202e]", text))

    def test_hostile_names_move_no_terminals_cursor(self):
        self.hostile_names()
        with open(self.path("footprint.txt"), encoding="utf-8", newline="") as file:
            text = file.read()
        self.assertIsNone(re.search(r"[\x00-\x09\x0b-\x1f\u2028\u202e]", text))
        self.assertIn("line\\nbreak", text)
        # The JSON is read again as it was written.
        self.assertIn("all layers", run(STRATA, "diff", self.path("footprint.json"),
                                        self.path("footprint.json")))

    def hostile_names(self):
        run(HOSTILE, self.folder.name)
        with open(self.path("names.json"), encoding="utf-8") as file:
            return json.load(file)


if __name__ == "__main__":
    unittest.main()

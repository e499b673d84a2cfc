"""What `strata footprint` writes, opened by the tools it is written for: Debian's `go tool pprof`
and the OpenMetrics parser of python3-prometheus-client.

    formats_test.py STRATA
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

from prometheus_client.openmetrics import parser

STRATA = sys.argv.pop(1)


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


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


if __name__ == "__main__":
    unittest.main()
